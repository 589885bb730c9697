"""What the checklist reward costs, from the verdicts of 96 rollouts (12 groups of 8) to their advantages.

    python benchmarks/checklist.py

A rollout has 6 turns of 5 steps and 4 items a turn, three of them with a prerequisite. The least CPU time of
several rounds; it should stay at about 10 ms at trajectory and turn level, where a step of training takes a
second.
"""

from __future__ import annotations

import random
import time

from harness.checklist import Checklist, Item
from harness.checklist.advantages import group_advantages
from harness.checklist.reward import reward
from harness.checklist.rule import RewardRule, switches

ROLLOUTS, GROUP, TURNS, STEPS, ITEMS, ROUNDS = 96, 8, 6, 5, 4, 9


def main() -> None:
    rng = random.Random(0)
    turn = tuple(
        Item(f"C{n}", "?", "it holds", "tool.content", 1 / ITEMS, (f"C{n - 1}",) if n else ())
        for n in range(ITEMS)
    )
    checklist = Checklist((turn,) * TURNS)
    verdicts = [
        [[[rng.random() < 0.5 for _ in turn] for _ in range(STEPS)] for _ in checklist.turns]
        for _ in range(ROLLOUTS)
    ]
    print("| gate | level | CPU ms |\n| --- | --- | --- |")
    for gate in switches()["gate"]:
        for level in switches()["level"]:
            rule = RewardRule(gate=gate, level=level)  # type: ignore[arg-type]
            spent = []
            for _ in range(ROUNDS):
                started = time.process_time()
                rewards = [reward(checklist, each, rule) for each in verdicts]
                for start in range(0, ROLLOUTS, GROUP):
                    group_advantages(rewards[start : start + GROUP], rule, checklist=checklist)
                spent.append(time.process_time() - started)
            print(f"| {gate} | {level} | {1000 * min(spent):.1f} |")


if __name__ == "__main__":
    main()
