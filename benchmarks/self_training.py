"""The two orders of IterPSD with a real offline annotator, over 20 seeds.

    HARNESS_MIRROR=DIR python benchmarks/self_training.py        # about half a minute for each part

The annotator is TF-IDF and logistic regression trained on the demonstrations of the prompt, its class
posterior the confidence. That is classic self-training and no language model. 300 inputs of clinc-domain
(ten domains), gold demonstrations even over domains; printed is the share of right annotations, and its
paired difference over seeds with a 95 % t interval.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import tempfile
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import stats

from harness.model.provider import Call, Provider

SEEDS, POOL = 20, 300
#: gold demonstrations, and the least confidence that is kept
PARTS = ((20, 0.4), (100, 0.6))


class SelfTrained(Provider):
    """The posterior of a classifier trained on what the prompt shows."""

    name, cacheable = "self-trained", False

    def __init__(self, texts: list[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self.texts, self.at = texts, {text: n for n, text in enumerate(texts)}
        self.words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True).fit(texts)
        self.predicted = lru_cache(maxsize=4)(self._predict)

    def _predict(self, shown: str) -> tuple[Any, Any]:
        from sklearn.linear_model import LogisticRegression

        from harness.annotate import read_demonstrations

        said, labels = zip(*read_demonstrations(shown), strict=True)
        trained = LogisticRegression(C=30, max_iter=200).fit(self.words.transform(said), labels)
        posterior = trained.predict_proba(self.words.transform(self.texts))
        return trained.classes_[posterior.argmax(axis=1)], posterior.max(axis=1)

    async def generate(self, call: Call) -> Any:
        from inspect_ai.model import ModelOutput

        labels, sure = self.predicted(call.messages[0].text)
        row = self.at[call.question.input]
        record = {"index": 1, "label": str(labels[row]), "confidence": float(sure[row])}
        return ModelOutput.from_content(self.name, json.dumps([record]))


def precision(task: Any, splits: Any, seed: int, method: str, gold: int, args: dict[str, Any]) -> float:
    """The share of right annotations over the pool."""
    from harness.job import Job, Models
    from harness.model.budget import Budget
    from harness.model.embed import open_embedder
    from harness.model.gateway import Model
    from harness.model.ledger import Ledger
    from harness.registry import load_method, registry
    from harness.sample import Splits

    rng = np.random.default_rng(seed)
    train = [splits.train[int(n)] for n in rng.choice(len(splits.train), POOL + gold, replace=False)]
    target = {sample.id: sample.target for sample in train}
    spec = registry().method(method)
    made = load_method(spec, spec.arguments({"k_gt": gold, "k": gold + 1, **args}))
    provider = SelfTrained([sample.question.input for sample in train])
    job = Job(
        task=task,
        method=spec,
        splits=Splits([], train, [sample.question for sample in train]),
        seed=seed,
        models=Models(
            model=Model(provider, ledger=Ledger(), budget=Budget(), seed=seed),
            concurrency=lambda: 4,
            embedder=open_embedder("tfidf"),
        ),
    )
    asyncio.run(made.fit(job))
    return float(np.mean([found.label == target[found.question.id] for found in made.annotator.found]))


def show(what: str, differences: Any) -> None:
    half = stats.sem(differences) * stats.t.ppf(0.975, len(differences) - 1)
    mean = float(differences.mean())
    print(f"  {what:20} {100 * mean:+.2f} [{100 * (mean - half):+.2f}, {100 * (mean + half):+.2f}] points")


def main() -> None:
    from harness.data.hub import Data
    from harness.registry import load_task, registry

    logging.disable(logging.WARNING)
    spec = registry().task("clinc-domain")
    task = load_task(spec, spec.arguments({}))
    splits = task.load(Data.from_environment(offline=True))
    for gold, least in PARTS:
        rows = {}
        for name, method, args in (
            ("naive", "naive-semi-icl", {}),
            ("nearest", "iterpsd", {"epsilon": 0.0}),
            ("released", "iterpsd", {"epsilon": 0.0, "order": "released"}),
            ("random", "iterpsd", {"epsilon": 1.0}),
        ):
            own = {"threshold": least, **args} if method == "iterpsd" else args
            rows[name] = np.array([precision(task, splits, seed, method, gold, own) for seed in range(SEEDS)])
        shown = ", ".join(f"{name} {100 * values.mean():.1f}" for name, values in rows.items())
        print(f"{gold} gold demonstrations: {shown}")
        for a, b in (*((name, "naive") for name in list(rows)[1:]), ("nearest", "released")):
            show(f"{a} less {b}", rows[a] - rows[b])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        os.environ["HARNESS_CACHE"] = place
        main()
