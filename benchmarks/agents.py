"""What TodyComm's training costs on simulated agents, beside the same question by question.

    python benchmarks/agents.py [--updates 200] [--loop 2] [--rounds 3]

First 200 updates of 32 questions each, 6 agents, 4 rounds, by wall time (under 60 s on two cores). Then both
ways take turns within one run, so that a busy machine slows both alike: seconds of CPU an update, one thread,
medians. The loop is benchmarks/simulations/agents_loop.py, where the credit model reads one agent at a time,
or the agents of one question. With text vectors of 16 numbers, as the simulation has them, the first should
take at least 20 times as long; with 384, as MiniLM has them, both ways spend most of their time in the same
products of matrices. Last, an update where there are more agents and options.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

BATCH, TARGET, LIMIT = 32, 20.0, 60.0


def world(width: int, agents: int = 6, options: int = 4) -> Any:
    from harness.methods.agents.attack import Attack
    from harness.methods.agents.simulated import World
    from harness.methods.agents.topology import Space
    from harness.model.agents.settings import Settings

    return World(
        Settings(width=width, options=options),
        agents=agents,
        attack=Attack("random"),
        space=Space("choice", options),
    )


class Batched:
    """Updates of `batch` questions at once."""

    def __init__(self, width: int, agents: int = 6, options: int = 4, batch: int = BATCH) -> None:
        from harness.methods.agents.catalogue import topology

        self.world, self.learner, self.done, self.batch = (
            world(width, agents, options),
            topology("todycomm", {}),
            0,
            batch,
        )
        self.events = asyncio.new_event_loop()
        self.learner.build(self.world.setting(1, 0), 0)

    def update(self) -> None:
        import numpy as np

        from harness.methods.agents.engine import play

        self.done += 1
        panel = self.world.panel(self.batch, self.done)
        setting = self.world.setting(self.batch, self.done, learning=True)
        played = self.events.run_until_complete(play(self.learner, panel, setting))
        rewards = np.where(panel.right(played.answers), 1.0, -1.0)
        self.learner.learn(rewards, played.graphs, played.decision)


class Loop:
    """The same, one question after another and one agent after another."""

    def __init__(self, width: int, together: bool = False) -> None:
        import numpy as np
        import torch

        from harness.methods.agents.todycomm.credits import CreditModel

        self.world, self.together = world(width), together
        s = self.world.settings
        self.rng = np.random.default_rng(0)
        self.answers = np.stack([s.direction("answer", k) for k in range(s.options)])
        self.flaw = s.direction("flaw")
        self.model = CreditModel("gru", self.world.space, width, 0)
        self.adam = torch.optim.Adam(self.model.network.parameters(), lr=1e-4)

    def update(self) -> None:
        from benchmarks.simulations.agents_loop import Talk, update

        w = self.world
        flips = w.attack.flips(BATCH, w.agents, w.rounds, self.rng)
        given = self.model, w.settings, self.answers, self.flaw, self.rng
        talks = [Talk(*given, each, learning=True, together=self.together) for each in flips]
        right = [talk.play(w.rounds, w.outs, w.ins) == talk.gold for talk in talks]
        update(self.model, self.adam, talks, [1.0 if each else -1.0 for each in right])


def cpu(what: Any, times: int) -> float:
    """Seconds of CPU of one update."""
    started = time.process_time()
    for _ in range(times):
        what.update()
    return (time.process_time() - started) / times


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--updates", type=int, default=200)
    parser.add_argument("--loop", type=int, default=2, help="updates of the loop in each turn")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    missed = 0
    for width in (16, 384):
        batched, ways = Batched(width), (Loop(width), Loop(width, together=True))
        for each in (batched, *ways):
            each.update()  # the first loads code
        started = time.perf_counter()
        for _ in range(given.updates):
            batched.update()
        wall = time.perf_counter() - started
        turns = [(cpu(batched, 10), *(cpu(way, given.loop) for way in ways)) for _ in range(given.rounds)]
        fast, alone, together = (1000 * statistics.median(each) for each in zip(*turns, strict=True))
        ratios = [statistics.median(turn[way] / turn[0] for turn in turns) for way in (1, 2)]
        missed += wall > LIMIT or (width == 16 and ratios[0] < TARGET)
        print(
            f"width {width:3}: {given.updates} updates {wall:.1f} s; an update {fast:.1f} ms of CPU; "
            f"agent by agent {alone:.0f} ms, {ratios[0]:.0f} times; "
            f"question by question {together:.0f} ms, {ratios[1]:.0f} times",
            flush=True,
        )
    for agents, options, width in ((6, 5, 384), (16, 4, 384), (64, 4, 16), (64, 5, 384)):
        batched = Batched(width, agents, options)
        batched.update()
        spent = statistics.median(cpu(batched, 3) for _ in range(given.rounds))
        print(
            f"{agents} agents, {options} options, width {width}: an update {1000 * spent:.0f} ms of CPU",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
