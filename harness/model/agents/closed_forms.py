"""Exact accuracies of a plain plurality of simulated agents that don't hear each other.

Without messages an agent's answer in any round is gold with probability p and each other of the K answers
with (1 - p) / (K - 1), whatever `h`: a fresh draw has the law of what the agent knows. The counts of the
answers are then multinomial, and the sum over them is exact.
"""

from __future__ import annotations

from math import comb, factorial, fsum


def plurality(p: float, benign: int, adversaries: int = 0, options: int = 4) -> float:
    """The probability that a plurality of independent agents is right, ties broken at random.

    Sums over g, the benign votes of gold: each other answer gets at most as many, those with as many tie. The
    ways in which the rest falls on the others are the coefficients of a product of truncated exponential
    series, one an answer, so that 64 agents and 10 answers are as exact as 3 and 2.

    Args:
        p: probability of a benign agent to be right.
        benign: agents that answer for themselves, one or more.
        adversaries: agents that all vote for one wrong answer.
        options: K, number of answers, 2 or more.
    """
    q = (1 - p) / (options - 1)
    parts = []
    for g in range(benign + 1):
        rest = benign - g
        # ways[t][v]: v votes of the rest fall on the answers so far, t of which tie with gold
        ways = [[1.0] + [0.0] * rest]
        for answer in range(options - 1):
            ways = _with_answer(ways, g, adversaries if answer == 0 else 0, rest)
        won = fsum(row[rest] / (1 + ties) for ties, row in enumerate(ways))
        parts.append(comb(benign, g) * factorial(rest) * p**g * q**rest * won)
    return fsum(parts)


def _with_answer(ways: list[list[float]], gold: int, head: int, rest: int) -> list[list[float]]:
    """The ways after one more wrong answer, which has `head` votes before the rest is given out."""
    found = [[0.0] * (rest + 1) for _ in range(len(ways) + 1)]
    for ties, row in enumerate(ways):
        for votes, weight in enumerate(row):
            if not weight:
                continue
            for more in range(min(rest - votes, gold - head) + 1):
                tied = more + head == gold
                found[ties + tied][votes + more] += weight / factorial(more)
    return found
