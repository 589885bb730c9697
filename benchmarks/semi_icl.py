"""What IterPSD costs beside the model: a pool of 10,000 texts, chunks of 500, 2,000 demonstrations.

    python benchmarks/semi_icl.py

The pool is made up (texts of some 60 characters, vectors of 384 dimensions), the annotator answers at once
and is sure of everything, so that the demonstrations are 2,000 after four chunks. Times are wall seconds of
this process.

1. selection and prompt assembly of each chunk: the next inputs by similarity, the even draw, the text of
   the demonstrations, the messages of 500 questions. Target: below 1 s a chunk, in flat memory.
2. the messages of 500 questions alone: the demonstrations are rendered once for all of them.
3. a chunk through the gateway, with cache keys and ledger, as `harness eval` pays for it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import statistics
import tempfile
import time
from typing import Any

POOL, CHUNK, SHOWN, WIDTH = 10_000, 500, 2_000, 384
LABELS = tuple(f"label_{n:02}" for n in range(77))


def made_up(seed: int = 0) -> tuple[list[Any], Any]:
    """Questions and unit vectors."""
    import numpy as np

    from harness.model.embed import unit
    from harness.sample import Question

    rng = np.random.default_rng(seed)
    words = [f"w{n:03}" for n in range(1000)]
    texts = [" ".join(rng.choice(words, 12)) + f" {n}" for n in range(POOL)]
    vectors = unit(rng.normal(size=(POOL, WIDTH)))
    return [Question(str(n), text, choices=LABELS) for n, text in enumerate(texts)], vectors


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def job_of(pool: list[Any], vectors: Any) -> Any:
    """A job whose model is sure of everything, without a runner around it."""
    import json

    from inspect_ai.model import ModelOutput

    from harness.job import Job, Models
    from harness.model.budget import Budget
    from harness.model.embed import Embedder
    from harness.model.gateway import Model
    from harness.model.ledger import Ledger
    from harness.model.provider import Provider
    from harness.registry import registry
    from harness.sample import Splits
    from harness.testing import TINY, TinyTask

    class Task(TinyTask):
        def parse(self, text: str, question: Any) -> str | None:
            return text if text in LABELS else None

    class Sure(Provider):
        name, cacheable, connections = "sure", False, 16
        output = [
            ModelOutput.from_content("sure", json.dumps([{"index": 1, "label": label, "confidence": 0.95}]))
            for label in LABELS
        ]

        async def generate(self, call: Any) -> Any:
            return self.output[call.seed % len(LABELS)]

    class Given(Embedder):
        name = "given"

        def embed(self, texts: Any) -> Any:
            return vectors

    return Job(
        task=Task(TINY, {}),
        method=registry().method("iterpsd"),
        splits=Splits([], pool=pool),
        models=Models(
            model=Model(Sure(), ledger=Ledger(), budget=Budget()),
            embedder=Given(),
            concurrency=lambda: 16,
        ),
    )


class Clock:
    """Stands in for the annotation of a chunk and takes the time since the last one ended."""

    def __init__(self, original: Any, through_gateway: bool) -> None:
        self._original, self._through = original, through_gateway
        self.assembly: list[float] = []
        self.chunks: list[float] = []
        self.memory: list[float] = []
        self._last = time.perf_counter()

    async def annotate(self, annotator: Any, questions: Any, prompt: Any, total: int) -> Any:
        from harness.methods.semi_icl.annotator import Annotation

        for question in questions:
            prompt.messages(question)
        self.assembly.append(time.perf_counter() - self._last)
        if self._through:
            found = await self._original(annotator, questions, prompt, total)
        else:
            named = [LABELS[int(question.id) % len(LABELS)] for question in questions]
            found = [Annotation(q, label, 0.95, label) for q, label in zip(questions, named, strict=True)]
            annotator.found += found
        self.memory.append(peak_mb())
        self.chunks.append(time.perf_counter() - self._last)
        self._last = time.perf_counter()
        return found


def run(pool: list[Any], vectors: Any, through_gateway: bool) -> tuple[Any, Clock]:
    """The fitted method, and what each chunk took."""
    from harness.methods.semi_icl.annotator import Annotator
    from harness.registry import load_method, registry

    spec = registry().method("iterpsd")
    arguments = spec.arguments({"k": SHOWN, "k_gt": 0, "cap": SHOWN, "chunk": CHUNK})
    method, original = load_method(spec, arguments), Annotator.annotate
    job = job_of(pool, vectors)
    clock = Clock(original, through_gateway)

    async def annotate(self: Any, *given: Any) -> Any:
        return await clock.annotate(self, *given)

    Annotator.annotate = annotate  # type: ignore[method-assign]
    try:
        asyncio.run(method.fit(job))
    finally:
        Annotator.annotate = original  # type: ignore[method-assign]
    assert len(clock.assembly) == POOL // CHUNK and len(method.prompt.shots) == SHOWN
    return method, clock


def timed() -> None:
    pool, vectors = made_up()
    method, clock = run(pool, vectors, through_gateway=False)
    median, most = statistics.median(clock.assembly), max(clock.assembly)
    print(
        f"selection and prompt assembly, {POOL // CHUNK} chunks of {CHUNK}: median {median:.3f} s, most "
        f"{most:.3f} s; target 1 s"
    )
    started = time.perf_counter()
    for question in pool[:CHUNK]:
        method.prompt.messages(question)
    taken = time.perf_counter() - started
    print(f"messages of {CHUNK} questions after {SHOWN} demonstrations: {taken:.3f} s")
    print(f"peak memory after chunk 6: {clock.memory[5]:.0f} MB, after the last: {clock.memory[-1]:.0f} MB")
    _, clock = run(pool, vectors, through_gateway=True)
    print(
        f"the same through the gateway: median {statistics.median(clock.chunks):.3f} s, most "
        f"{max(clock.chunks):.3f} s a chunk"
    )


def main() -> None:
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as place:
        os.environ["HARNESS_CACHE"] = place
        timed()


if __name__ == "__main__":
    main()
