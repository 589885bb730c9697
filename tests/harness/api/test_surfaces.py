"""A simulated agent of known skill through the whole of a sweep over two arguments."""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
import pytest

import harness
from harness.sample import Question, Sample, Splits
from harness.testing import LABELS, TinyTask

#: of the logit, and by the logarithms of both dials
A0, A1, A2 = -1.5, 1.6, 0.8
VALUES = (1, 4, 16)


class Facts(TinyTask):
    """A hundred and twenty questions."""

    def load(self, data):
        named = [(f"fact{n}", LABELS[n % 3]) for n in range(120)]
        return Splits([Sample(Question(n, f"the {c} thing {n}", choices=LABELS), c) for n, c in named])


class Agent(harness.Method):
    """Right with a known probability; each question has luck of its own at each cell."""

    @dataclass
    class Params:
        reasoning: int = 1
        searches: int = 1

    async def answer(self, question, job):
        output = await job.model.generate(question, job.ask(question))
        logit = A0 + A1 * math.log10(self.params.reasoning) + A2 * math.log10(self.params.searches)
        luck = hashlib.sha256(f"{question.id} {self.params}".encode()).digest()
        right = luck[0] / 256 < 1 / (1 + math.exp(-logit))
        colour = next(label for label in LABELS if label in question.input)
        wrong = next(label for label in LABELS if label != colour)
        return job.outcome(question, output, answer=colour if right else wrong)


@pytest.fixture
def swept(place):
    return harness.sweep(
        ["reasoning", "searches"], [VALUES, VALUES], Facts, Agent, "echo/choice", progress=False
    )


def test_signs_and_order_come_back_and_swapped_axes_are_seen(swept):
    (surface,) = swept
    row = swept.to_json()["surfaces"][0]
    form = next(fit for fit in row["fits"] if fit["form"] == "logarithmic")
    first, second = (form["parameters"][name] for name in "ab")
    assert 0 < second["ci"][0] < second["value"] < first["ci"][0] < first["value"]
    assert form["normalised"]["a"] > form["normalised"]["b"] > 0
    p = 1 / (1 + np.exp(-(A0 + np.log10(surface.dials) @ [A1, A2])))
    assert surface.means == pytest.approx(p, abs=0.15)
    assert np.corrcoef(surface.means, p)[0, 1] > 0.97
    other = 1 / (1 + np.exp(-(A0 + np.log10(surface.dials[:, ::-1]) @ [A1, A2])))
    assert np.corrcoef(surface.means, other)[0, 1] < 0.9
    assert row["hypothesis"]["logarithmic"]["verdict"] == "supports"
    best = next(fit["optimum"] for fit in row["fits"] if fit["form"] == "logarithmic")
    assert best is None  # dials have no common unit


def test_research_lies_at_the_tokens_that_its_episodes_took(place):
    (surface,) = harness.sweep(
        ["reasoning", "searches"],
        [[64, 256], [1, 2]],
        "research/synthetic",
        "react-search",
        "sim/reader",
        limit=4,
        offline=True,
        progress=False,
    )
    assert surface.axes == ("realised", "realised")
    first, second = surface.coordinates.T
    assert 0 < first.min() < first.max() <= 0.256 and 0 < second.min() < second.max()
    for k, column in enumerate(("tokens_reasoning", "tokens_retrieved")):
        measured = [arm.runs[0]["measures"][column] / 1000 for arm in surface.arms]
        assert (surface.coordinates[:, k] >= measured).all()
