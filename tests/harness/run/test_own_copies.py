"""What a method holds is its own: whatever it changes in place reaches no grader and no other method."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from harness import Method, Outcome, Question, Sample, Splits
from harness.data.interactions import Interactions
from harness.job.data import JobData
from harness.sample import LazySamples, Score
from harness.testing import TinyTask
from tests.one_cell import cell_of, rows, run


def asked(name):
    return Question(name, f"say {name}", metadata={"known": {"words": ["red"]}})


def sample(name):
    return Sample(asked(name), ["red"] if name.startswith("train") else "red")


class Told(TinyTask):
    """Right is who says the target, as long as the item is what it was."""

    lazy = False

    def load(self, data):
        def split(name, make):
            names = [f"{name}{n}" for n in range(3)]
            return LazySamples(names, lambda _, each: make(each)) if self.lazy else [*map(make, names)]

        return Splits(
            split("test", sample), split("train", sample), split("pool", asked), split("dev", sample)
        )

    def score(self, sample, outcome):
        whole = sample.question.metadata == {"known": {"words": ["red"]}}
        return Score({"accuracy": float(whole and outcome.text == sample.target)})


class Lazy(Told):
    lazy = True


class Spoils(Method):
    needs = ("labelled", "pool", "dev", "test_inputs")

    async def fit(self, job):
        for split in (job.data.train, job.data.dev, job.data.pool, job.data.test_inputs):
            for each in split:
                question = getattr(each, "question", each)
                question.metadata["known"]["words"].clear()
                question.metadata["more"] = 1
            if isinstance(split, list):
                split.reverse()
                split.pop()
        for each in job.data.train:
            each.target.append("blue")

    async def answer(self, question, job):
        question.metadata.clear()
        return Outcome(question.id, question.epoch, "red")


class Reads(Method):
    needs = Spoils.needs

    async def answer(self, question, job):
        data = job.data
        whole = [each.target for each in data.train] == [["red"]] * 3 and data.train[0].id == "train0"
        held = [
            *data.pool,
            *data.test_inputs,
            question,
            *(each.question for each in [*data.train, *data.dev]),
        ]
        whole &= len(held) == 3 * 4 + 1 and all(
            each.metadata == {"known": {"words": ["red"]}} for each in held
        )
        return Outcome(question.id, question.epoch, "red" if whole else "spoilt")


@pytest.mark.parametrize("task", [Told, Lazy])
def test_a_method_spoils_nothing_for_the_grader_and_the_next_method(tmp_path, monkeypatch, task):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    cells = [
        cell_of(method, task, offers=("labelled", "pool", "dev", "test_inputs")) for method in (Spoils, Reads)
    ]
    for result in run(tmp_path, *cells).results:
        assert result.record is not None, result.error
        assert [row["accuracy"] for row in rows(result.record)] == [1.0] * 3


def test_interactions_are_copied():
    known = csr_array(np.eye(2, dtype="float32"))
    shared = Interactions(["u", "v"], ["a", "b"], known, known * 0, ["x", "y"])

    class Everything:
        def check(self, need): ...

        seen = type("Seen", (), {"read": lambda self, name, size: None})()

    data = JobData(Splits([], interactions=shared), Everything(), 2)
    assert data.interactions is data.interactions
    data.interactions.known.data[:] = 5
    data.interactions.items.pop()
    data.item_texts.clear()
    assert shared.known.sum() == 2 and shared.items == ["a", "b"] and shared.item_texts == ["x", "y"]
