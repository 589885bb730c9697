"""Stores made by the sealing code from invented attempts: real records, real parquet, no model.

    from stores import fill
    fill(Path("store"), tasks=20, methods=10, models=5, seeds=2, items=100)

The tests of the leaderboard seal their runs with `seal_run` as well.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.base.digest import digest, seed_of, set_digest
from harness.model.ledger import Ledger, Usage
from harness.results.record import seal
from harness.results.store import Store
from harness.run.plan import Cell, Request
from harness.sample import Question, Sample
from harness.spec import MethodSpec, TaskSpec

#: what a method declares, by what is noted of it
NEEDED = {"labels_seen": "labelled", "pool_size": "pool", "test_inputs_seen": "test_inputs"}


def seal_run(
    root: Path,
    scores: Sequence[float | None],
    *,
    task: str = "sums",
    method: str = "direct",
    model: str = "test/model",
    seed: int = 0,
    task_args: Mapping[str, Any] | None = None,
    method_args: Mapping[str, Any] | None = None,
    completion: Callable[[int], str] = lambda n: f"The answer is {n}.",
    sample_id: Callable[[int], str] = str,
    question: Callable[[int], str] = lambda n: f"What is the sum of item {n}?",
    target: Callable[[int], Any] = lambda n: n,
    trace: Callable[[int], Mapping[str, Any] | None] = lambda n: None,
    groups: Sequence[str] | None = None,
    calls: int = 1,
    cost_usd: float | None = 0.001,
    access: Mapping[str, int] | None = None,
    stopped: str | None = None,
    curve: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Seals one run of one attempt an item and returns its record.

    Args:
        scores: of each item; None is an attempt that the model failed.
        stopped: the reason for which a budget ended the run.
        curve: rows of a learning curve.
    """
    usage = {
        "calls": calls,
        "input_tokens": 80 * calls,
        "output_tokens": 12 * calls,
        "cost_usd": cost_usd,
        "paid_usd": cost_usd,
    }
    attempts = [
        {
            "n": n,
            "sample_id": sample_id(n),
            "epoch": 0,
            "status": "error" if score is None else "ok",
            "answer": None if score is None else str(n),
            "metrics": {} if score is None else {"accuracy": score},
            "completion": "" if score is None else completion(n),
            "confidence": None,
            "stop_reason": "stop",
            "item_digest": digest([task, task_args or {}, n]),
            "group": groups[n] if groups else None,
            "reason": "the model is gone" if score is None else None,
            "usage": {"answer": usage},
            "trace": trace(n),
        }
        for n, score in enumerate(scores)
    ]
    ledger = Ledger()
    ledger.restore([{"answer": Usage.from_dict(usage).as_dict()} for _ in attempts])
    cell = Cell(
        TaskSpec(name=task, version="1-A", summary=task, entry="x:Y"),
        task_args or {},
        MethodSpec(name=method, version="1-A", summary=method, entry="x:Y"),
        method_args or {},
        model,
        seed,
        Request(task),
    )
    comparability = {
        "task": task,
        "task_version": 1,
        "task_args": dict(task_args or {}),
        "data": [],
        "data_digest": set_digest(a["item_digest"] for a in attempts),
        "limit": None,
        "prompt_digest": digest(task),
        "scorer": "exact-1",
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
        "data_access": sorted(NEEDED[name] for name in access or {}),
    }
    run_id = digest([digest(comparability), digest(subject), seed, 1])
    store = Store(root)
    return seal(
        store=store,
        folder=store.run_folder(cell, run_id),
        cell=cell,
        run_id=run_id,
        status="stopped" if stopped else "complete",
        reason=stopped,
        comparability=comparability,
        subject=subject,
        sources=[],
        samples=[Sample(Question(sample_id(n), question(n)), target(n)) for n in range(len(scores))],
        attempts=attempts,
        ledger=ledger,
        access=dict(access or {}),
        draws=("none", None),
        started=0.0,
        command="harness eval",
        code={part: {"digest": "", "development": False} for part in ("task", "method")},
        curve=curve,
    )


def fill(root: Path, *, tasks: int, methods: int, models: int, seeds: int, items: int) -> int:
    """Seals tasks x methods x models x seeds runs; returns their number.

    Items have a difficulty and methods and models a strength, so that differences are paired and some
    are real.
    """
    made = 0
    for task in range(tasks):
        for model in range(models):
            for method in range(methods):
                for seed in range(seeds):
                    dice = random.Random(seed_of(task, model, method, seed))
                    hardness = random.Random(seed_of("items", task))
                    level = 0.35 + 0.03 * method + 0.06 * model
                    scores = [
                        float(dice.random() < level + 0.5 * (hardness.random() - 0.5)) for _ in range(items)
                    ]
                    seal_run(
                        root,
                        scores,
                        task=f"task-{task:02}",
                        seed=seed,
                        calls=1 + method,
                        method="direct" if method == 0 else f"method-{method}",
                        model=f"test/model-{model}",
                        cost_usd=0.001 * (1 + method) * (1 + model),
                        completion=_completion,
                    )
                    made += 1
    return made


def _completion(n: int) -> str:
    return f"Let us see. Item {n} asks for a sum, so add the parts one after another. The answer is {n}."
