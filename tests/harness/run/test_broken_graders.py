"""A grader that breaks down: a few losses are shown, many are no score, and no answer is lost."""

import pytest

from harness import Method, Outcome, Question, Sample, Score, Splits
from harness.base.errors import GraderDown, GraderFailed
from harness.external.workers import WorkerError
from harness.testing import TinyTask
from tests.one_cell import cell_of, rows, run


class Counting(Method):
    """Answers everything, and counts what it is asked."""

    asked = 0

    async def answer(self, question, job):
        Counting.asked += 1
        return Outcome(question.id, question.epoch, "red")


@pytest.fixture(autouse=True)
def _count():
    Counting.asked = 0


def graded(items, broken, error, whole=False):
    """A task of so many items whose grader breaks down at so many of them."""

    class Graded(TinyTask):
        left = broken

        def load(self, data):
            return Splits([Sample(Question(f"q{n}", f"{n}: red?"), "red") for n in range(items)])

        def score(self, sample, outcome):
            if int(sample.id[1:]) >= items - type(self).left:
                raise error
            return Score({"accuracy": 1.0})

    def score_all(self, samples, outcomes):
        if whole == "raises" and type(self).left:
            raise error
        last = items - type(self).left
        return [error if int(s.id[1:]) >= last else Score({"accuracy": 1.0}) for s in samples]

    if whole:
        Graded.score_all = score_all
    return Graded


def one(folder, task):
    (result,) = run(folder, cell_of(Counting, task)).results
    return result


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError("db.json"),
        ModuleNotFoundError("No module named 'loguru'"),
        MemoryError(),
        WorkerError("a worker died"),
        GraderFailed("gone"),
    ],
)
@pytest.mark.parametrize("whole", [False, "raises"])
def test_a_grader_that_breaks_down_too_often_ends_the_cell_and_its_answers_are_scored_later(
    tmp_path, error, whole
):
    check_ended(tmp_path, error, whole)


def test_a_set_of_scores_says_at_which_attempts_the_grader_broke_down(tmp_path):
    check_ended(tmp_path, GraderFailed("gone"), True)


def check_ended(tmp_path, error, whole):
    task = graded(20, 3, error, whole)
    found = one(tmp_path, task)
    assert isinstance(found.error, GraderDown) and found.error.exit_code == 1 and found.record is None
    said, broken = str(found.error), 20 if whole == "raises" else 3
    assert f"broke down at {broken} of 20 attempts, the first at 'q{20 - broken}': " in said
    assert (str(error) or type(error).__name__) in said and "the same command scores them" in said
    assert Counting.asked == 20 and not list((tmp_path / "store" / "v1").rglob("run.json"))
    task.left = 0
    found = one(tmp_path, task)
    assert found.error is None and Counting.asked == 20, "no answer is asked for again"
    assert found.record["counts"]["ok"] == 20 and found.record["metrics"]["accuracy"]["value"] == 1.0


@pytest.mark.parametrize(
    ("items", "broken", "ends"),
    [
        (1, 1, False),
        (2, 2, True),
        (20, 1, False),
        (39, 2, True),
        (40, 2, False),
        (100, 5, False),
        (100, 6, True),
    ],
)
def test_below_the_share_it_is_shown(tmp_path, items, broken, ends):
    found = one(tmp_path, graded(items, broken, OSError("no disk")))
    assert (found.error is not None) == ends
    if not ends:
        counts = found.record["counts"]
        assert (counts["unscored"], counts["grader_failed"], counts["ok"]) == (broken, broken, items - broken)
        assert [row["reason"] for row in rows(found.record)][-broken:] == ["OSError: no disk"] * broken


@pytest.mark.parametrize("error", [KeyError("colour"), WorkerError("ValueError: no score", broken=False)])
def test_an_answer_that_can_not_be_graded_is_no_broken_grader(tmp_path, error):
    found = one(tmp_path, graded(20, 20, error))
    assert found.error is None
    assert (found.record["counts"]["unscored"], found.record["counts"]["grader_failed"]) == (20, 0)
