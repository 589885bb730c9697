"""What a team episode took from the person, and what it was worth: pure functions.

The survey (arXiv 2505.00753, section 6) says that no standard metric captures the human workload; all that
stands here is a reconstruction, after the notes' own set, but for Co-Gym's initiative entropy, Collab Score
and controlled autonomy. Always read the parts beside `effort`: its weights are arbitrary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.human.events import IRREVERSIBLE, Event

#: the numbers of interventions of which success at most so many is measured
AT_MOST = (0, 1, 2, 4)


@dataclass(frozen=True)
class Weights:
    """What a turn of the person, a word written, a word read, and a takeover count in `effort`."""

    turn: float = 1.0
    written: float = 0.02
    read: float = 0.005
    takeover: float = 5.0


@dataclass(frozen=True)
class Spent:
    """What one episode took from the person. `turns` are its replies and interruptions, `decisions` its
    verdicts on actions and plans, `takeovers` its moves; `unrequested` are turns that nobody asked for;
    `executed` are the agent's steps in which it made a move, `answered` others that rest on its reply: a step
    counts once, however many requests it holds. `seconds` is None where a part is unknown."""

    turns: int = 0
    decisions: int = 0
    words_written: int = 0
    words_read: int = 0
    takeovers: int = 0
    unrequested: int = 0
    refused: int = 0
    executed: int = 0
    answered: int = 0
    seconds: float | None = 0.0


def spent(events: Iterable[Event]) -> Spent:
    """The sums over a log. Refused requests cost nothing and are counted."""
    events = list(events)
    took = [event for event in events if event.took]
    seconds = [event.seconds for event in took]
    known = [each for each in seconds if each is not None]
    moves = [event for event in took if event.kind == "move" and event.executed]
    executed = {event.step for event in moves}
    answered = {event.step for event in took if event.requested and event.kind != "move"}
    return Spent(
        turns=len(took),
        decisions=sum(event.kind in ("approval", "plan") for event in took),
        words_written=sum(event.words_written for event in took),
        words_read=sum(event.words_read for event in took),
        takeovers=len(moves),
        unrequested=sum(not event.requested for event in took),
        refused=sum(event.refused for event in events),
        executed=len(executed),
        answered=len(answered - executed),
        seconds=sum(known) if len(known) == len(seconds) else None,
    )


def effort(found: Spent, weights: Weights = Weights()) -> float:
    """HE = turn * turns + written * words written + read * words read + takeover * takeovers."""
    return (
        weights.turn * found.turns
        + weights.written * found.words_written
        + weights.read * found.words_read
        + weights.takeover * found.takeovers
    )


def intervention_ratio(found: Spent, steps: int) -> float:
    """HIR: the share of the steps that the person executed or answered, 0 of an episode without steps; 1 at
    most, also of a log from elsewhere that claims fewer steps than it has."""
    return min(1.0, (found.executed + found.answered) / steps) if steps else 0.0


def success_at(success: float, turns: int, most: int) -> float:
    """The success of an episode where at most so many turns of the person count, else 0."""
    return success if turns <= most else 0.0


@dataclass(frozen=True)
class Questions:
    """How many questions were `asked`, how many of them `needed`, and how many of the `wanted` facts some
    needed question was about (`covered`)."""

    asked: int = 0
    needed: int = 0
    covered: int = 0
    wanted: int = 0

    @property
    def precision(self) -> float | None:
        """The share of the questions that were needed; None without questions."""
        return self.needed / self.asked if self.asked else None

    @property
    def recall(self) -> float | None:
        """The share of the wanted facts that were asked for; None where none is wanted."""
        return self.covered / self.wanted if self.wanted else None


def questions(events: Iterable[Event], wanted: Iterable[str]) -> Questions:
    """The questions of a log, by what the harness knows: one is needed where it is about a fact that is
    hidden, relevant and not yet told."""
    facts, told, covered = frozenset(wanted), set[str](), set[str]()
    asked = needed = 0
    for event in events:
        if event.kind == "question" and event.took:
            due = (set(event.asked) & facts) - told
            asked, needed = asked + 1, needed + bool(due)
            covered |= due
        told |= set(event.facts)
    return Questions(asked, needed, len(covered), len(facts))


def harm(events: Iterable[Event]) -> float | None:
    """The share of irreversible calls that nobody had confirmed; None where there was none."""
    made = [event.confirmed for event in events if event.kind == IRREVERSIBLE]
    return made.count(False) / len(made) if made else None


def utility(success: float, spent_effort: float, price: float) -> float:
    """U(lambda) = success - lambda * effort."""
    return success - price * spent_effort


def area_of_utility(success: float, spent_effort: float, low: float, high: float) -> float:
    """The mean of U(lambda) over low <= lambda <= high: the area under the curve, a line, over its width.

    Raises:
        ValueError: low is not below high.
    """
    if not low < high:
        raise ValueError(f"a range from {low:g} to {high:g} is empty")
    return utility(success, spent_effort, (low + high) / 2)


def area_under(points: Sequence[tuple[float, float]]) -> float:
    """The area under success against effort by trapezoids, over the width of the efforts: (effort, success)
    in any order. Of points with one effort the mean counts; one effort alone gives its success.

    Raises:
        ValueError: there is no point.
    """
    by_effort: dict[float, list[float]] = {}
    for x, y in points:
        by_effort.setdefault(x, []).append(y)
    curve = [(x, math.fsum(ys) / len(ys)) for x, ys in sorted(by_effort.items())]
    if not curve:
        raise ValueError("a curve needs a point")
    if len(curve) == 1:
        return curve[0][1]
    area = math.fsum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in zip(curve, curve[1:], strict=False))
    return area / (curve[-1][0] - curve[0][0])


def initiative_entropy(shares: Sequence[float]) -> float | None:
    """Co-Gym's H = -sum p log_N p over the parties' shares of utterances that take the initiative; 0 where a
    party takes none, None of a single party."""
    if len(shares) < 2:
        return None
    if any(share <= 0 for share in shares):
        return 0.0
    total = math.fsum(shares)
    return -math.fsum(share / total * math.log(share / total, len(shares)) for share in shares)


def collab_score(
    delivered: Sequence[bool], performance: Sequence[float | None]
) -> tuple[float, float | None, float]:
    """Co-Gym's delivery rate, mean performance of what was delivered (None of nothing), and Collab Score:
    the mean of performance where what was not delivered counts 0."""
    made = [p or 0.0 for done, p in zip(delivered, performance, strict=True) if done]
    rate = len(made) / len(delivered) if delivered else 0.0
    return rate, math.fsum(made) / len(made) if made else None, math.fsum(made) / max(1, len(delivered))


def controlled_autonomy(
    dialogue: Sequence[tuple[str, str]],
    answers: Callable[[str, str], bool],
    halts: Callable[[str], bool],
) -> tuple[int, int]:
    """Co-Gym's CA+ and CA-: the agent's questions whose next message of the person is an answer, and the
    person's messages that halt the agent. Whatever has a question mark counts as a question, so that polite
    requests are missed and rhetorical ones need the judge.

    Args:
        dialogue: who said what, in order: ("agent" or "human", text).
        answers: a judge's verdict on a question and the message after it.
        halts: a judge's verdict on a message of the person.
    """
    answered = 0
    for place, (who, text) in enumerate(dialogue):
        if who == "agent" and "?" in text:
            heard = next((said for by, said in dialogue[place + 1 :] if by == "human"), None)
            answered += heard is not None and answers(text, heard)
    return answered, sum(who == "human" and halts(text) for who, text in dialogue)
