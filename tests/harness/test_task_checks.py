"""Dead scorers, shared splits and metrics out of range are found; sound tasks are left alone."""

import time
from dataclasses import replace

import pytest

from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.sample import LazySamples, Outcome, Question, Sample, Score, Splits
from harness.spec import MetricRange, TaskSpec
from harness.task import Task
from harness.task_checks import MANY, _range_faults, check_splits, split_faults
from harness.testing import TINY, TINY_WORLD, TinyTask, TinyWorld, check_task


def faults(cls=TinyTask, spec=TINY, splits=None):
    task = cls(spec, {})
    return check_splits(spec, task, splits or task.load(Data()))


def test_a_sound_task_has_none():
    assert faults() == [] and faults(TinyWorld, TINY_WORLD) == []


def test_the_gold_answer_gets_full_marks():
    class Zero(TinyTask):
        def score(self, sample, outcome):
            return Score({"accuracy": 0.0})

    class Raises(TinyTask):
        def score(self, sample, outcome):
            raise KeyError("colour")

    class Mute(TinyTask):
        def parse(self, text, question):
            return None

    class Raising(TinyTask):
        def parse(self, text, question):
            return text.split()[0]

    assert "raises IndexError: list index out of range" in faults(Raising)[0]
    (zero,) = faults(Zero)
    assert "the gold answer of 6 of 6 test items doesn't get full marks, such as 'red' of 'test0'" in zero
    assert "unscored, KeyError: 'colour'" in faults(Raises)[0]
    assert "doesn't get full marks" in faults(Mute)[0]


def test_nonsense_does_not():
    class One(TinyTask):
        def score(self, sample, outcome):
            return Score({"accuracy": 1.0})

    class AnyText(TinyTask):
        def score(self, sample, outcome):
            return Score({"accuracy": float(bool(outcome.text.strip()))})

    class AnyLabel(TinyTask):
        """Gives full marks to whatever is among the choices."""

        def correct(self, answer, sample):
            return answer in sample.question.choices

    assert "the nonsense '' gets full marks on 6 of 6 test items" in faults(One)[0]
    assert "the nonsense 'zqx" in faults(AnyText)[0]
    assert faults(AnyLabel) == [
        "tiny: the gold answer of another test item gets full marks too, on all of 6 items"
    ]


def test_a_scorer_of_the_whole_set_is_tried_too():
    class Whole(TinyTask):
        def score_all(self, samples, outcomes):
            return [Score({"accuracy": 1.0}) for _ in outcomes]

    assert "nonsense" in faults(Whole)[0]


def test_metrics_stay_in_their_range():
    class Percent(TinyTask):
        def score(self, sample, outcome):
            right = outcome.answer == sample.target
            return Score({"accuracy": float(right), "percent": 100.0 * right, "other": 0.0})

    spec = replace(TINY, metrics={"accuracy": 1.0, "percent": 1.0})
    assert [fault.partition(": ")[2] for fault in faults(Percent, spec)] == [
        "percent = 100.0 is outside 0 to 1",
        "score() gives 'other', which is not among its metrics: accuracy, percent",
    ]
    roomy = replace(TINY, metrics={"accuracy": 1.0, "percent": 100.0, "other": 1.0})
    assert faults(Percent, roomy) == []


def test_lower_may_be_better_and_values_negative():
    class Error(TinyTask):
        def score(self, sample, outcome):
            off = 0.0 if outcome.answer == sample.target else 2.0
            return Score({"mae": off, "utility": 1.0 - off})

    limits = {"mae": MetricRange(0, 5, True), "utility": MetricRange(-1, 1)}
    spec = replace(TINY, primary="mae", metrics={"mae": 5.0, "utility": 1.0}, ranges=limits)
    assert faults(Error, spec) == []
    assert "doesn't get full marks" in faults(Error, replace(spec, ranges={"utility": MetricRange(-1, 1)}))[0]
    assert "utility = -1.0 is outside 0 to 1" in str(
        faults(Error, replace(spec, ranges={"mae": MetricRange(0, 5, True)}))
    )


def test_a_target_outside_its_choices():
    class Odd(TinyTask):
        def load(self, data):
            return Splits([Sample(Question("a", "what?", choices=("x", "y")), "red")])

    assert "the target of 'a' is not among its choices" in faults(Odd)[0]


class Twice(TinyTask):
    """The training split is the test split."""

    def load(self, data):
        splits = super().load(data)
        return replace(splits, train=splits.test)


def test_splits_share_neither_ids_nor_inputs():
    splits = TinyTask(TINY, {}).load(Data())
    assert (
        "6 items stand in two splits: the id of 'test0' in test is that of 'test0' in train"
        in faults(Twice)[0]
    )

    renamed = [Sample(replace(s.question, id=f"other-{s.id}"), s.target) for s in splits.test]
    for name, rows in (("train", renamed), ("dev", renamed), ("pool", [s.question for s in renamed])):
        (fault,) = split_faults(TINY, replace(splits, **{name: rows}))
        assert f"the input of 'test0' in test is that of 'other-test0' in {name}" in fault
    assert "in dev is that of" in split_faults(TINY, replace(splits, train=splits.dev))[0]
    twice = replace(splits, test=[*splits.test, splits.test[0]])
    assert split_faults(TINY, twice) == ["tiny: two test items have the id 'test0'"]


def test_the_pool_may_be_the_training_inputs():
    splits = TinyTask(TINY, {}).load(Data())
    assert split_faults(TINY, replace(splits, pool=[s.question for s in splits.train])) == []


def test_known_duplicates_are_declared():
    splits = TinyTask(TINY, {}).load(Data())
    shared = replace(splits, train=[*splits.train, *splits.test[:2]])
    assert "2 items stand in two splits" in split_faults(TINY, shared)[0]
    assert split_faults(replace(TINY, duplicates=2), shared) == []
    assert (
        "2 items stand in two splits, and 1 are declared"
        in split_faults(replace(TINY, duplicates=1), shared)[0]
    )


def test_worlds_that_open_alike_are_other_items():
    def world(id, colour):
        return Sample(Question(id, "Hello."), colour)

    splits = Splits([world("a", "red")], [world("b", "blue")])
    assert split_faults(TINY_WORLD, splits) == []
    assert split_faults(TINY_WORLD, replace(splits, train=[world("b", "red")]))
    assert split_faults(replace(TINY_WORLD, offers=()), splits)


def test_a_gold_answer_may_be_an_outcome_or_none():
    class Written(TinyTask):
        def parse(self, text, question):
            return None

        def gold(self, sample):
            return Outcome(sample.id, answer=sample.target)

        def correct(self, answer, sample):
            return answer == sample.target

    class Unwritten(Written):
        def gold(self, sample):
            return None

        def score(self, sample, outcome):
            return Score({"accuracy": 0.0})

    assert faults(Written) == [] and faults(Unwritten) == []


def test_large_sets_are_compared_only_when_asked():
    rows = range(MANY // 2 + 1)
    many = [LazySamples(rows, lambda n, _: Sample(Question(str(n), f"item {n}"), "x")) for _ in range(2)]

    class Large(Task):
        pass

    task, splits = Large(replace(TINY, answer="text"), {}), Splits(*many)
    started = time.perf_counter()
    light = check_splits(task.spec, task, splits)
    assert time.perf_counter() - started < 0.5 and light == []
    assert "items stand in two splits" in check_splits(task.spec, task, splits, thorough=True)[0]


OWN = """
from harness.data.hub import Data
from harness.sample import Question, Sample, Score, Splits
from harness.task import Task

class Sums(Task):
    offers = {offers}
    def load(self, data):
        def items(*numbers):
            return [Sample(Question(str(n), f"{{n}} + 1 = ?"), str(n + 1)) for n in numbers]
        return Splits(items(1, 2, 3), {train})
    def score(self, sample, outcome):
        return Score({{"accuracy": {score}}})
"""


@pytest.mark.parametrize(
    ("train", "score", "said"),
    [
        ("items(4, 5)", "float(outcome.answer == sample.target)", None),
        ("items(1, 2, 3)", "float(outcome.answer == sample.target)", "3 items stand in two splits"),
        ("items(4)", "1.0", "the nonsense '' gets full marks"),
        ("items(4)", "0.0", "doesn't get full marks"),
    ],
)
def test_check_task_fails_for_each(tmp_path, train, score, said):
    registry.cache_clear()
    file = tmp_path / "sums.py"
    file.write_text(OWN.format(train=train, score=score, offers='("labelled",)'))
    if said is None:
        check_task(f"{file}:Sums")
    else:
        with pytest.raises(AssertionError, match=said):
            check_task(f"{file}:Sums")
    registry.cache_clear()


def test_custom_data_pass(tmp_path):
    """The user's own questions under every match."""
    rows = "question,answer\nWhat is 2+2?,4\nWhat is 3+4?,7\nWhat is 1/2 of 1?,0.5\n"
    (tmp_path / "qa.csv").write_text(rows)
    for match in ("exact", "number", "math", "f1"):
        spec = registry().task("qa/custom")
        task = load_task(spec, spec.arguments({"data": str(tmp_path / "qa.csv"), "match": match}))
        assert check_splits(spec, task, task.load(Data(offline=True))) == [], match


def test_each_metric_is_told_once_and_none_hides_another():
    spec = TaskSpec(name="t", version="1-A", summary="s", entry="a:b", metrics={"accuracy": 1.0, "f1": 1.0})
    scores = [
        Score({"strange": 1.0, "accuracy": 1.0}),
        Score({"strange": 1.0, "accuracy": 1.01, "f1": 1.0}),
        Score({"strange": 1.0, "accuracy": 2.0, "f1": -0.01}),
    ]
    assert list(_range_faults(spec, scores)) == [
        "score() gives 'strange', which is not among its metrics: accuracy, f1",
        "accuracy = 1.01 is outside 0 to 1",
        "f1 = -0.01 is outside 0 to 1",
    ]
    assert list(_range_faults(spec, [Score({"accuracy": 0.0, "f1": 1.0})])) == []
