"""The loop on a simulated annotator with known truth, 20 seeds: it proves the loop, not the paper."""

import asyncio

import numpy as np
import pytest
from scipy import stats

from harness.base.errors import UsageError
from harness.job import Job, Models
from harness.model.budget import Budget
from harness.model.embed import Embedder, unit
from harness.model.factory import open_model
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.registry import load_method, registry
from harness.sample import Question, Sample, Splits
from harness.testing import TINY, TinyTask

CLASSES, POOL, SEEDS = 16, 240, 20
LABELS = tuple(f"class-{n:02}" for n in range(CLASSES))


class Task(TinyTask):
    def parse(self, text, question):
        return text.strip() if text.strip() in question.choices else None


class Regions(Embedder):
    """Texts of a class lie around one point."""

    name, revision = "regions", "1"

    def __init__(self, seed):
        self._centres = np.random.default_rng(seed).normal(size=(CLASSES, 8))

    def embed(self, texts):
        rows = []
        for text in texts:
            _, label, n = text.split()
            rows.append(self._centres[int(label)] + 0.7 * np.random.default_rng(int(n)).normal(size=8))
        return unit(np.stack(rows))


def splits(seed):
    rng = np.random.default_rng(seed)
    classes = rng.integers(CLASSES, size=POOL)
    train = [
        Sample(Question(f"t{n}", f"text {c} {n}", choices=LABELS), LABELS[c]) for n, c in enumerate(classes)
    ]
    return Splits(train[:1], train, [sample.question for sample in train])


def annotate(method, seed, settings, **args):
    """The fitted method, and whether each annotation is right, in the order they were made."""
    spec = registry().method(method)
    args = {"k": 108, "k_gt": 8, **args}
    if method == "iterpsd":
        args = {"chunk": 40, "threshold": 0.75, "cap": 1000, **args}
    made = load_method(spec, spec.arguments(args))
    provider = open_model("sim/annotator", {"accuracy": 0.6, **settings, "seed": seed})
    data = splits(seed)
    provider.prepare(data)
    model = Model(provider, ledger=Ledger(), budget=Budget(), seed=seed)
    job = Job(
        task=Task(TINY, {}),
        method=spec,
        splits=data,
        seed=seed,
        models=Models(
            model=model,
            embedder=Regions(seed),
            concurrency=lambda: 4,
        ),
    )
    asyncio.run(made.fit(job))
    gold = {sample.id: sample.target for sample in data.train}
    return made, np.array([a.label == gold[a.question.id] for a in made.annotator.found], dtype=float)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))


def interval(differences):
    """Mean and 95 % t interval over seeds."""
    mean, half = np.mean(differences), stats.sem(differences) * stats.t.ppf(0.975, len(differences) - 1)
    return mean, mean - half, mean + half


def gains(settings, order="nearest", **args):
    """Annotation precision of IterPSD less that of naive, a seed each; the same gold and pool."""
    return [
        annotate("iterpsd", seed, settings, order=order, **args)[1].mean()
        - annotate("naive-semi-icl", seed, settings)[1].mean()
        for seed in range(SEEDS)
    ]


def test_the_gain_appears_when_annotations_respond_to_demonstrations():
    """Both orders. Naive shows 8 of 16 classes, so that coverage is what iteration can add."""
    mean, low, high = interval(gains({"coverage": 0.3}))
    assert low > 0.03, (mean, low, high)
    mean, low, high = interval(gains({"coverage": 0.3}, "released"))
    assert low > 0.03, (mean, low, high)


@pytest.mark.parametrize("order", ["nearest", "released"])
def test_and_only_then(order):
    mean, low, high = interval(gains({}, order))
    assert low < 0 < high and high - low < 0.06, (mean, low, high)


def test_where_good_demonstrations_harm_there_is_no_gain():
    """precision < 0: the better the demonstrations, the worse the labels."""
    mean, low, high = interval(gains({"precision": -0.5}))
    assert low < 0.02, (mean, low, high)


def test_precision_rises_over_rounds():
    rounds = []
    for seed in range(SEEDS):
        _, right = annotate("iterpsd", seed, {"coverage": 0.3, "class_sd": 0, "item_sd": 0.2}, epsilon=1.0)
        rounds.append(right[:80].mean() - right[-80:].mean())
    mean, low, high = interval(rounds)
    assert high < -0.03, (mean, low, high)


def test_early_errors_spread_where_confidence_says_nothing():
    """With confidences that say nothing, what is kept is no better than the rest, and as the labels depend
    on the precision of the demonstrations, later chunks are worse than with confidences that do."""

    def last(calibration):
        settings = {"precision": 1.0, "calibration": calibration, "item_sd": 0.25}
        return np.array(
            [
                annotate("iterpsd", seed, settings, epsilon=1.0, k_gt=1)[1][-120:].mean()
                for seed in range(SEEDS)
            ]
        )

    mean, low, high = interval(last(1.0) - last(0.0))
    assert low > 0.02, (mean, low, high)


def test_the_truth_is_known():
    """Accuracy of each class and calibration of the confidences are those that were asked for."""
    provider = open_model("sim/annotator", {"accuracy": 0.6, "class_sd": 0.15, "noise": 0})
    data = splits(0)
    provider.prepare(data)
    model = Model(provider, ledger=Ledger(), budget=Budget())
    from harness.annotate import label_prompt, records

    async def ask():
        said = {}
        for sample in data.train:
            asked = label_prompt("x", LABELS, [sample.question.input])
            said[sample.id] = [
                records((await model.generate(sample.question, asked, draw=n)).completion)[0]
                for n in range(40)
            ]
        return said

    said = asyncio.run(ask())
    expected = {s.id: provider.probability(s.question.input, []) for s in data.train}
    measured = {s.id: np.mean([row["label"] == s.target for row in said[s.id]]) for s in data.train}
    off = [measured[id] - expected[id] for id in expected]
    assert abs(np.mean(off)) < 0.02 and np.std(off) < 1.3 * np.sqrt(0.25 / 40)
    assert all(row["confidence"] == round(expected[id], 4) for id in expected for row in said[id])
    for label in LABELS:
        own = [expected[s.id] for s in data.train if s.target == label]
        assert np.mean(own) == pytest.approx(provider.accuracy(label), abs=0.2)
    wrong = {
        s.target: {row["label"] for t in data.train if t.target == s.target for row in said[t.id]}
        for s in data.train
    }
    assert all(len(labels) <= 4 for labels in wrong.values())  # itself and its three


def test_bad_arguments():
    with pytest.raises(UsageError, match="no argument 'acuracy'; did you mean 'accuracy'"):
        open_model("sim/annotator", {"acuracy": 1})
    with pytest.raises(UsageError, match="accuracy='high' is not a number"):
        open_model("sim/annotator", {"accuracy": "high"})
    with pytest.raises(UsageError, match="did you mean 'sim/annotator'"):
        open_model("sim/anotator", {})
    provider = open_model("sim/annotator", {})
    with pytest.raises(UsageError, match="1 of 1 pool inputs stand in no labelled split"):
        provider.prepare(Splits([], [], [Question("a", "b")]))
    assert "simulation" in provider.notice
