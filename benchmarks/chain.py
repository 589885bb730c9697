"""What the dialogue machinery of `toolworld/chain` costs: one clean episode of 16 moves in compact words.

    python benchmarks/chain.py
    python benchmarks/chain.py --expert     # success of the expert that demonstrates, by turns and flaws

The agent's actions are made beforehand, so that no model is in the figures: CPU time of the world alone, of
the agent loop with it (`harness.episode.play`), and of what a course of training adds (score, trajectory,
checklist, verdicts); also of a sample of the train split with and without its demonstration. Each is the best
of ROUNDS.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any

from harness.data.hub import Data
from harness.episode import play
from harness.registry import load_task, registry
from harness.sample import Outcome
from harness.tasks.toolworld.chains import chain
from harness.tasks.toolworld.compact import decode
from harness.tasks.toolworld.expert import FLAWS, Said, demonstration
from harness.tasks.toolworld.scoring import correct

MOVES, EPISODES, ROUNDS, CHAINS = 16, 200, 5, 4000
ARGUMENTS = {"style": "compact", "turns": 4, "slip": 0, "flaws": [], "train": 3000}


def cpu_ms(work: Callable[[], Any], times: int) -> float:
    """CPU time of one of `times` pieces of work, in ms."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return 1000 * best / times


def expert() -> None:
    """Prints the share of CHAINS that the expert does right, with the tokens of a dialogue, mean and most."""
    for turns in (3, 4, 6, 9):
        chains = [chain(turns, 10**8 + n) for n in range(CHAINS)]
        for slip, flaws in ((0.0, ()), (0.05, ()), (0.1, ()), (0.05, FLAWS[:2]), (0.05, FLAWS)):
            rng, right, tokens = random.Random(turns), 0, []
            for target in chains:
                said = demonstration(target, rng, slip, flaws)
                tokens.append(1 + sum(len(words.split()) + own for own, words in said))
                right += _right(target, said)
            shown = {"turns": turns, "slip": slip, "flaws": flaws, "success": round(right / CHAINS, 3)}
            print(json.dumps(shown | {"tokens": round(sum(tokens) / CHAINS, 1), "most": max(tokens)}))


def _right(target: dict[str, Any], said: list[Said]) -> bool:
    """Whether a demonstration does what was asked, by the task's own rule."""
    answer: dict[str, list[Any]] = {"calls": [], "said": [], "after": []}
    for act in (decode(words) for own, words in said if own):
        if act is not None and act.tool:
            answer["calls"].append([act.tool, act.arguments])
        elif act is not None:
            answer["said"].append(act.said)
            answer["after"].append(len(answer["calls"]))
    return correct(answer, target, scripted=True)


def main() -> None:
    """Prints the figures in ms of CPU; fails where an episode takes 1 ms or more."""
    from inspect_ai.model import ModelOutput

    spec = registry().task("toolworld/chain")
    task = load_task(spec, spec.arguments(ARGUMENTS))
    train = task.load(Data()).train
    sample = next(each for each in train if len(json.loads(each.shot)) == MOVES)
    outputs = [ModelOutput.from_content("benchmark", words) for words in json.loads(sample.shot)]
    role: Any = None  # its user is scripted

    async def world() -> None:
        for _ in range(EPISODES):
            opened = task.world(sample, role)
            await opened.start()
            for output in outputs:
                await opened.step(output.message)

    async def played() -> Outcome:
        for _ in range(EPISODES):
            left = iter(outputs)

            async def act(seen: Any, tools: Any, left: Any = left) -> Any:
                return next(left)

            outcome = await play(sample.question, task.world(sample, role), act)
        return outcome

    outcome = asyncio.run(played())
    assert task.score(sample, outcome).metrics["accuracy"] == 1 and outcome.trace is not None
    messages = outcome.trace["messages"]
    trajectory, checklist = task.trajectory(messages), task.checklist(sample)
    assert checklist is not None

    def repeated(work: Callable[[], Any]) -> float:
        return cpu_ms(lambda: [work() for _ in range(EPISODES)], EPISODES)

    seeds = iter(range(10**8, 10**9))
    figures = {
        "world": cpu_ms(lambda: asyncio.run(world()), EPISODES),
        "episode": cpu_ms(lambda: asyncio.run(played()), EPISODES),
        "score": repeated(lambda: task.score(sample, outcome)),
        "trajectory": repeated(lambda: task.trajectory(messages)),
        "checklist": repeated(lambda: task.checklist(sample)),
        "verdicts": repeated(lambda: task.verdicts(checklist, trajectory)),
        "chain": repeated(lambda: chain(4, next(seeds))),
        "chain_with_demonstration": cpu_ms(lambda: [train[n] for n in range(EPISODES)], EPISODES),
    }
    print(json.dumps({"moves": MOVES, "ms_cpu": {name: round(ms, 3) for name, ms in figures.items()}}))
    sys.exit(0 if figures["episode"] < 1.0 else 1)


if __name__ == "__main__":
    expert() if "--expert" in sys.argv else main()
