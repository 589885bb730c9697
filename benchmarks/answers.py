"""CPU time of finding and grading answers in completions of 2,000 characters, beside math-verify alone.

    python benchmarks/answers.py [--completions 10000]

The completions are made up: solutions in prose and formulas that end in an answer. Each kind is read and
graded; the last line has math-verify parse and verify the same expressions, and how many times as long that
takes.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable

from harness.answers import read_choice, read_expression, read_number
from harness.tasks.intent.labels import read_label
from harness.tasks.math.answers import equivalent

LENGTH = 2_000
SENTENCES = (
    "First we look at what is given: the total of {a} items is shared by {b} people.",
    "This gives the equation $x^2 + {a}x - {b} = 0$, whose solutions we need.",
    "\\[ \\frac{{{a}}}{{{b}}} + \\sqrt{{{a}}} = {b}x \\]",
    "Let's check the second case, in which {a} of them are left over after {b} days.",
    "**Step {b}:** multiply both sides by {a} and simplify the result.",
    "The text talks about a card that has not arrived, so this may be the best category.",
    "Option ({c}) can be ruled out, as it would need {a} more.",
)
LABELS = tuple(f"intent_number_{place}" for place in range(77))


def completion(rng: random.Random, ending: str) -> str:
    """A solution of `LENGTH` characters that ends so."""
    parts: list[str] = []
    size = len(ending)
    while size < LENGTH:
        sentence = rng.choice(SENTENCES)
        parts.append(sentence.format(a=rng.randint(2, 99), b=rng.randint(2, 99), c=rng.choice("ABCD")))
        size += len(parts[-1]) + 2
    return ("\n\n".join(parts) + "\n\n")[len(ending) - LENGTH :] + ending


def expression(rng: random.Random) -> tuple[str, str]:
    """An answer and the target, written in two ways."""
    top, bottom = rng.randint(1, 99), rng.randint(2, 99)
    return f"\\dfrac{{{2 * top}}}{{{2 * bottom}}}", f"\\frac{{{top}}}{{{bottom}}}"


def measured(name: str, work: Callable[[int], bool], count: int) -> float:
    """CPU seconds for so many completions; prints them."""
    started = time.process_time()
    right = sum(work(place) for place in range(count))
    spent = time.process_time() - started
    print(f"{name:<24}{spent:8.2f} s of CPU for {count:,} ({right:,} right)")
    return spent


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--completions", type=int, default=10_000)
    count: int = parser.parse_args().completions
    rng = random.Random(7)
    letters = [rng.choice("ABCD") for _ in range(count)]
    numbers = [str(rng.randint(1, 9999)) for _ in range(count)]
    labels = [rng.choice(LABELS) for _ in range(count)]
    pairs = [expression(rng) for _ in range(count)]
    texts = {
        "number": [completion(rng, f"The answer is {number}.") for number in numbers],
        "choice": [completion(rng, f"Answer: ({letter})") for letter in letters],
        "label": [completion(rng, f"Label: {label}") for label in labels],
        "expression": [completion(rng, f"Therefore it is $\\boxed{{{answer}}}$.") for answer, _ in pairs],
    }

    def graded(place: int) -> bool:
        found = read_expression(texts["expression"][place]).answer
        return found is not None and equivalent(found, pairs[place][1], "expression").right

    measured("number", lambda n: read_number(texts["number"][n]).answer == numbers[n], count)
    measured("choice", lambda n: read_choice(texts["choice"][n], "ABCD").answer == letters[n], count)
    measured("label", lambda n: read_label(texts["label"][n], LABELS).answer == labels[n], count)
    ours = measured("expression", graded, count)

    from math_verify import parse, verify

    few = max(count // 20, 1)
    theirs = measured(
        "math-verify alone",
        lambda n: bool(verify(parse(f"${pairs[n][1]}$"), parse(f"\\boxed{{{pairs[n][0]}}}"))),
        few,
    )
    print(f"an expression: math-verify alone takes {theirs / few / (ours / count):.1f} times as long")


if __name__ == "__main__":
    main()
