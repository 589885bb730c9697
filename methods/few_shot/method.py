"""In-context learning (Brown et al., arXiv 2005.14165) with random, per-label or nearest
demonstrations (nearest: Liu et al., arXiv 2101.06804; the closest stands last, our choice)."""

from __future__ import annotations

from typing import Any

from harness.base.errors import UsageError
from harness.job import Job
from harness.method import Method
from harness.sample import Outcome, Question, Sample, SplitSizes


class FewShot(Method):
    """The task's prompt after k demonstrations."""

    def calls(self, n_questions: int, splits: SplitSizes) -> int:
        return n_questions

    def drawing(self) -> str:
        """The nearest demonstrations are those of each question; no other choice shows all the same."""
        return "run" if self.args["k"] > 0 and self.args["choose"] != "nearest" else "none"

    async def fit(self, job: Job) -> None:
        k, choose = self.args["k"], self.args["choose"]
        if k < 0:
            raise UsageError(f"few-shot: k={k} is negative")
        train = list(job.data.train)
        if not train:
            raise UsageError("few-shot: the task has no labelled samples")
        self._train, self._vectors, self._shots = train, None, list[Sample]()
        if choose == "nearest":
            self._vectors = job.embed([sample.question.input for sample in train])
        elif k:
            job.rng("shots").shuffle(train)
            self._shots = _per_label(train) if choose == "per-label" else train
            job.drew(self._shots[:k])

    async def answer(self, question: Question, job: Job) -> Outcome:
        shots = self._chosen(question, job)
        output = await job.model.generate(question, job.ask(question, shots))
        return job.outcome(question, output, trace={"shots": [shot.id for shot in shots]})

    def _chosen(self, question: Question, job: Job) -> list[Sample]:
        k = self.args["k"]
        ranked: list[Sample] = self._shots
        if self._vectors is not None:
            from harness.model.embed import nearest

            rows: Any = nearest(self._vectors, job.embed([question.input]), len(self._train))[0]
            ranked = [self._train[row] for row in rows[0]]
        text, shots = question.input.strip(), list[Sample]()
        for sample in ranked:
            if len(shots) >= k:
                break
            if sample.id != question.id and sample.question.input.strip() != text:
                shots.append(sample)
        return shots[::-1] if self._vectors is not None else shots


def _per_label(samples: list[Sample]) -> list[Sample]:
    """One of every label, then a second of every label, and so on."""
    seen: dict[str, int] = {}
    ranked = []
    for at, sample in enumerate(samples):
        label = str(sample.target)
        seen[label] = seen.get(label, 0) + 1
        ranked.append((seen[label], at, sample))
    return [sample for _, _, sample in sorted(ranked, key=lambda item: item[:2])]
