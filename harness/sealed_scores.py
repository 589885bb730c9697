"""Runs that are sealed from scores alone, for tests and benchmarks of what reads records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.base.ranges import MetricRange
from harness.model.ledger import Ledger
from harness.sample import Question, Sample
from harness.spec import TaskSpec

#: from 0 to 1, more is better
RIGHT_OR_WRONG = MetricRange()


def seal_scores(
    root: Path,
    scores: Any,
    *,
    task: str = "simulated",
    method: str = "direct",
    model: str = "sim/model",
    seed: int = 0,
    task_args: Mapping[str, Any] | None = None,
    method_args: Mapping[str, Any] | None = None,
    groups: Sequence[str] | None = None,
    status: Callable[[int, int], str] = lambda item, epoch: "ok",
    completion: Callable[[int, int], str] = lambda item, epoch: "",
    items: Sequence[str] | None = None,
    needs: tuple[str, ...] = (),
    calls: int = 1,
    used: Mapping[str, int] | None = None,
    measures: Mapping[str, float] | None = None,
    metric_range: MetricRange = RIGHT_OR_WRONG,
    curve: Sequence[Mapping[str, Any]] = (),
    draws: str | None = "",
    draw_digest: str | None = None,
) -> dict[str, Any]:
    """Seals a run whose scores are given, for tests and benchmarks of what reads records.

    It is a simulation and says so: the record's command is `simulated`, its model `sim/...`.

    Args:
        root: the store.
        scores: of every attempt, shape (items,) or (items, epochs), in `metric_range`.
        items: what distinguishes the items; by default their numbers. Runs of the same items have the
            same comparability key.
        status: of an attempt, by item and epoch; other than `ok` it has no score.
        used: what an attempt took beside calls, input and output, such as `reasoning_tokens`.
        measures: what the method measured of itself at every attempt.
        curve: rows of a learning curve.
        draws: `run`, `none` or None for unknown; by default what `needs` say.
    """
    import numpy as np

    from harness.base.digest import digest, set_digest
    from harness.results.record import seal
    from harness.results.store import Store
    from harness.run.plan import Cell, Request
    from harness.spec import MethodSpec

    table = np.asarray(scores, dtype=float)
    table = table.reshape(len(table), -1)
    names = [f"item-{n}" for n in range(len(table))] if items is None else list(items)
    samples = [
        Sample(Question(name, name), "right", groups[n] if groups else None) for n, name in enumerate(names)
    ]
    task_spec = TaskSpec(
        name=task,
        version="1-A",
        summary="simulated",
        entry="harness.testing:TinyTask",
        metrics={"accuracy": metric_range.high},
        ranges={"accuracy": metric_range},
        distribution="harness",
    )
    method_spec = MethodSpec(
        name=method,
        version="1-A",
        summary="simulated",
        entry="simulated:none",
        needs=needs,
        distribution="harness",
    )
    request = Request(task=task, method=method, model=model, epochs=table.shape[1])
    cell = Cell(task_spec, dict(task_args or {}), method_spec, dict(method_args or {}), model, seed, request)
    comparability = {
        "task": task,
        "task_version": 1,
        "task_args": dict(task_args or {}),
        "data": [],
        "data_digest": set_digest(sample.digest() for sample in samples),
        "limit": None,
        "prompt_digest": digest("simulated"),
        "scorer": "1",
        "metric": "accuracy",
        "scoring": 1,
        "roles": {},
    }
    subject = {
        "method": method,
        "method_version": 1,
        "method_args": dict(method_args or {}),
        "model": model,
        "model_revision": "1",
        "model_args": {},
        "roles": {},
        "embedder": None,
        "decoding": {},
        "data_access": list(needs),
    }
    run_id = digest([digest(comparability), digest(subject), seed, table.shape[1]])
    ledger = Ledger()

    def attempts() -> Iterator[dict[str, Any]]:
        for n, sample in enumerate(samples):
            for epoch, score in enumerate(table[n]):
                found = status(n, epoch)
                scored = found == "ok"
                yield {
                    "n": n,
                    "sample_id": sample.id,
                    "epoch": epoch,
                    "status": found,
                    "answer": "right" if scored and score == metric_range.best else "wrong",
                    "stop_reason": "stop",
                    "metrics": {"accuracy": float(score)} if scored else {},
                    "group": sample.group,
                    "item_digest": sample.digest(),
                    "confidence": None,
                    "reason": None,
                    "completion": completion(n, epoch),
                    "trace": None,
                    "measures": dict(measures or {}),
                    "usage": {
                        "answer": {
                            "calls": calls,
                            "input_tokens": 10 * calls,
                            "output_tokens": calls,
                            **(used or {}),
                        }
                    },
                }

    ledger.restore(attempt["usage"] for attempt in attempts())
    store = Store(root)
    return seal(
        store=store,
        folder=store.run_folder(cell, run_id),
        cell=cell,
        run_id=run_id,
        status="complete",
        reason=None,
        comparability=comparability,
        subject=subject,
        sources=[],
        samples=samples,
        attempts=attempts(),
        ledger=ledger,
        access={},
        draws=(method_spec.draws if draws == "" else draws, draw_digest),
        started=0.0,
        command="simulated",
        code={part: {"digest": "", "development": False} for part in ("task", "method")},
        curve=curve,
    )
