"""What each policy reaches on `team/hidden-constraints`, in closed form: k constraints of m equally likely
values, all combinations on offer, and a person whose every answer is wrong with probability `error`.

Exact by arithmetic, for an agent that makes no mistake of its own and chooses at random among what is left: a
run is compared with these numbers, not with another run. The table for k = 3, m = 2 is that of the notes.
"""

from __future__ import annotations

from functools import cache
from math import comb


def autonomous(k: int, m: int) -> float:
    """Success without asking."""
    return float(m) ** -k


def asking(k: int, m: int, questions: int, error: float = 0.0) -> float:
    """Success after so many questions to an informative person, each about another constraint: every value
    that was told must be right, every other is guessed."""
    told = min(k, questions)
    return (1 - error) ** told * float(m) ** (told - k)


def yes_no_questions(m: int) -> int:
    """How many well-chosen questions of yes or no settle one of m values for sure."""
    return (m - 1).bit_length()


def asking_lazy(k: int, m: int, questions: int, error: float = 0.0) -> float:
    """Success after so many questions of yes or no, each halving what is left of one constraint's values, the
    constraints one after another. Exact without errors; with errors where m is a power of two."""
    each, chance = yes_no_questions(m), 1.0
    for number in range(k):
        asked = min(each, max(0, questions - number * each))
        chance *= min(m, 2**asked) / m * (1 - error) ** asked
    return chance


def confirming(k: int, m: int, proposals: int | None = None, error: float = 0.0) -> float:
    """Success of an agent that proposes its guess before it pays, and after a refusal corrects the one value
    that the person gave as its reason. A wrong verdict approves what is not wanted, or refuses without a
    reason what is. `proposals` is the most that are answered; None is no limit. Nothing is paid without an
    approval."""

    @cache
    def reaches(wrong: int, left: int) -> float:
        if left == 0:
            return 0.0
        if wrong == 0:
            return (1 - error) + error * reaches(0, left - 1)
        return (1 - error) * reaches(wrong - 1, left - 1)

    def without_limit(wrong: int) -> float:
        return (1 - error) ** wrong if error < 1 else 0.0

    guess = 1 / m
    chances = [comb(k, wrong) * (1 - guess) ** wrong * guess ** (k - wrong) for wrong in range(k + 1)]
    if proposals is None:
        return sum(chance * without_limit(wrong) for wrong, chance in enumerate(chances))
    return sum(chance * reaches(wrong, proposals) for wrong, chance in enumerate(chances))


def confirming_lazy(k: int, m: int, proposals: int | None = None) -> float:
    """The same with a person who gives no reason and errs never: each refusal rules one offer out."""
    offers = m**k
    return 1.0 if proposals is None else min(proposals, offers) / offers


def handing_over() -> float:
    """Success of an agent that leaves every move to the person, who makes them right."""
    return 1.0


def deleting_unasked(files: int, refused: float) -> float:
    """Success on `team/approval` of an agent that deletes all that it is told to."""
    return float((1 - refused) ** files / (1 - refused**files))


def utility(success: float, units: float, price: float) -> float:
    """Success less the price of so many units of effort, as the notes' table has it: one unit a question."""
    return success - price * units


def break_even(k: int, m: int) -> float:
    """The price a question below which asking for everything is worth more than not asking."""
    return (1 - autonomous(k, m)) / k
