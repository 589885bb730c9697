"""`research/synthetic`: generated worlds as a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError
from harness.sample import Question, Sample, Splits
from harness.search import Corpus, Document
from harness.spec import TaskSpec
from harness.tasks.research.adapter import Research
from harness.tasks.research.generate import Problem, world

if TYPE_CHECKING:
    from harness.data.hub import Data


class SyntheticResearch(Research):
    """The target also holds the facts of the chain (`facts`) and how many steps of arithmetic follow, from
    which `sim/reader` simulates."""

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        for name, low, high in (("hops", 1, 8), ("arithmetic", 0, 20)):
            if not args[name] or not all(low <= each <= high for each in args[name]):
                raise UsageError(
                    f"{spec.name}: {name}={args[name]} is not a list of numbers from {low} to {high}"
                )
        for name, least, most in (("items", 1, 20_000), ("distractors", 0, 200), ("contradictions", 0, 1)):
            if not least <= args[name] <= most:
                raise UsageError(f"{spec.name}: {name}={args[name]} is not from {least} to {most}")

    def load(self, data: Data) -> Splits:
        names = ("items", "hops", "arithmetic", "distractors", "contradictions", "world")
        made = world(*(self.args[name] for name in names))
        data.read.append(
            {
                "id": f"generated/{self.spec.name}",
                "config": None,
                "split": "test",
                "revision": self.spec.version,
                "pinned": True,
            }
        )
        documents = (Document(fact.document, fact.subject, fact.text) for fact in made.facts)
        return Splits(
            test=[_sample(place, problem) for place, problem in enumerate(made.problems)],
            corpus=Corpus(documents, self.spec.name),
        )


def _sample(place: int, problem: Problem) -> Sample:
    target = {
        "answers": [problem.answer],
        "evidence": [fact.document for fact in problem.chain],
        "facts": [asdict(fact) | {"text": fact.text, "query": fact.query} for fact in problem.chain],
        "arithmetic": problem.steps,
    }
    hops = len(problem.chain)
    parts = (f"hops={hops}", f"arithmetic={problem.steps}")
    return Sample(Question(f"test-{place}", problem.question), target, categories=parts)
