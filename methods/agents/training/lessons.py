"""The conversations that a topology learns from: on a task's own questions through the gateway, or on those
that a simulation makes itself."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.base.digest import seed_of
from harness.methods.agents.live.panel import LivePanel
from harness.methods.agents.live.talk import Talk
from harness.methods.agents.topology import NEVER, Setting
from harness.methods.agents.training.loop import Lesson
from harness.sample import Outcome, Sample

if TYPE_CHECKING:
    from harness.job import Job
    from harness.methods.agents.method import Conversation
    from harness.methods.agents.simulated import World
    from harness.methods.agents.topology import Floats, Ints


def in_order(samples: Sequence[Sample], seed: int, turn: int = 0) -> list[Sample]:
    """The samples in the order in which a seed's training meets them, in its `turn`-th pass; the same for all
    methods."""
    found = list(samples)
    random.Random(seed_of(seed, "order of questions", turn)).shuffle(found)
    return found


@dataclass(frozen=True)
class LiveLessons:
    """Batches of `samples`, in an order of `seed`, pass after pass; `held_out` samples are measured on."""

    method: Conversation
    job: Job
    samples: Sequence[Sample]
    held_out: Sequence[Sample]
    seed: int

    def setting(self) -> Setting:
        import numpy as np

        never = np.full((1, self.method.args["agents"]), NEVER)
        rng = np.random.default_rng(0)
        return self.method.setting(self.job, [self.samples[0].question], rng, never, learning=True)

    def lesson(self, update: int, batch: int) -> Lesson:
        size = len(self.samples)
        places = [divmod(place, size) for place in range((update - 1) * batch, update * batch)]
        passes = {turn: in_order(self.samples, self.seed, turn) for turn in {turn for turn, _ in places}}
        return self._lesson([passes[turn][at] for turn, at in places], "train", update, learning=True)

    def dev(self) -> list[Lesson]:
        return [self._lesson(self.held_out, "dev", learning=False)] if self.held_out else []

    def _lesson(self, samples: Sequence[Sample], *what: Any, learning: bool) -> Lesson:
        import numpy as np

        method, job = self.method, self.job
        rng = np.random.default_rng(seed_of(self.seed, *what))
        agents, rounds = method.args["agents"], method.args["rounds"]
        flips = method.attack.flips(len(samples), agents, rounds, rng)
        talks = [
            method.talk(job, sample.question, own, self._wrong(sample, own), purpose=str(what[0]))
            for sample, own in zip(samples, flips, strict=True)
        ]
        questions = [sample.question for sample in samples]
        setting = method.setting(job, questions, rng, flips, learning=learning)

        def right(answers: Ints) -> Floats:
            pairs = zip(samples, talks, answers, strict=True)
            return np.array([self._right(sample, talk, int(place)) for sample, talk, place in pairs])

        return Lesson(setting, LivePanel(talks, method.encoder), right, flips)

    def _wrong(self, sample: Sample, flips: Ints) -> Any:
        """What the adversaries of a conversation argue for: one answer for a sample and seed."""
        if not (flips < self.method.args["rounds"]).any():
            return None
        rng = random.Random(seed_of(self.seed, "wrong answer", sample.id))
        return self.job.training.wrong_answer(sample, rng)

    def _right(self, sample: Sample, talk: Talk, place: int) -> float:
        """1 or 0; NaN where all agents failed in all rounds, or the answer can't be scored."""
        if all(turn.silent for turns in talk.rounds for turn in turns):
            return float("nan")
        answer = talk.places.answer(place)
        text = "" if answer is None else talk.shown(answer)
        share = self.job.training.share(sample, Outcome(sample.id, sample.question.epoch, text, answer))
        return float("nan") if share is None else float(share >= 1)


@dataclass(frozen=True)
class SimulatedLessons:
    """Batches to learn from, drawn by `seed` without end, and `questions` to measure on."""

    world: World
    seed: int
    questions: int = 128

    def setting(self) -> Setting:
        return self.world.setting(1, self.seed)

    def lesson(self, update: int, batch: int) -> Lesson:
        return self._lesson(batch, "train", update, learning=True)

    def dev(self) -> list[Lesson]:
        return [self._lesson(self.questions, "dev", learning=False)] if self.questions else []

    def _lesson(self, batch: int, *what: object, learning: bool) -> Lesson:
        panel = self.world.panel(batch, self.seed, *what)
        setting = self.world.setting(batch, self.seed, *what, learning=learning)
        return Lesson(setting, panel, panel.right, panel.flips, panel.usage)
