"""Whatever a method gives is sealed and read back equal, or refused at the door in one line; never is it kept
in a form that a seal can't hold."""

import json
import math
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import Method, Outcome, Question, Score
from harness.base.errors import PluginError, RecordError
from harness.base.files import plain_fault
from harness.base.plain import Unfit, count, number, plain, text
from harness.results.verify import verify_samples
from harness.run import door
from harness.run.journal import Journal
from harness.sample import Sample
from harness.testing import TINY, TinyTask
from tests.one_cell import cell_of, rows, run

#: texts with halves of characters among them, and numbers of every size
TEXT = st.text(st.characters(exclude_categories=()), max_size=8)
NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([10**299, 10**301, -(10**400), 2**63, 1e308]))
ATOMS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXT)
VALUES = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12
)


def same(one, other):
    """Equal in types and signs too, as 1, 1.0 and True are, and 0.0 and -0.0."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("door")
        patch.setenv("HARNESS_CACHE", str(folder / "cache"))
        yield folder


@settings(max_examples=50)
@given(st.sampled_from([{}, {"answer": "text", "offers": ()}]), st.lists(VALUES, min_size=1, max_size=6))
def test_any_value_as_an_answer_is_sealed_and_read_back_equal_or_refused(folder, spec, values):
    class Gives(Method):
        async def answer_all(self, questions, job):
            for n, question in enumerate(questions):
                yield Outcome(question.id, question.epoch, "red", answer=values[n])

    place = Path(tempfile.mkdtemp(dir=folder))
    (result,) = run(place, cell_of(Gives, limit=len(values), **spec)).results
    faults = [fault for value in values if (fault := plain_fault(value))]
    if faults:
        assert isinstance(result.error, PluginError) and faults[0] in str(result.error)
        assert not [*place.rglob("run.json")]
        return
    verify_samples(result.record)
    for value, row in zip(values, rows(result.record), strict=True):
        if value is None:  # the task reads the text
            assert (row["given_answer"], row["answer"]) == (None, "red")
        else:
            assert same(json.loads(row["given_answer"]), value)


FIELDS = ("question_id", "epoch", "text", "answer", "confidence", "stop_reason", "error", "trace", "unscored")


@given(
    fields=st.dictionaries(
        st.sampled_from((*FIELDS, "measures", "declined", "thought_alone")), VALUES, max_size=4
    )
)
def test_what_passes_the_door_is_kept_by_the_journal_and_the_rest_is_refused(tmp_path_factory, fields):
    try:
        made = door.outcome(Outcome(**{"question_id": "q", **fields}))
    except Unfit as error:
        assert "\n" not in str(error) or "\n" in str(fields)
        return
    for name, value in fields.items():
        kept = getattr(made, name)
        whole = isinstance(value, str) or name == "trace"
        assert same(kept, value) or not value or kept == value or (whole and "\ud800" <= max(str(value)))
    line = {"n": 0, "status": "ok", "metrics": {}, **{name: getattr(made, name) for name in FIELDS}}
    with Journal(tmp_path_factory.mktemp("journal")) as journal:
        journal.append({**line, "measures": made.measures, "sample_id": made.question_id})
        (found,) = journal.attempts()
    assert same({name: found[name] for name in line}, line)


@given(VALUES)
def test_the_journal_refuses_what_no_seal_could_hold(tmp_path_factory, value):
    line = {"n": 0, "epoch": 0, "sample_id": "q", "status": "ok", "answer": value}
    folder = tmp_path_factory.mktemp("journal")
    with Journal(folder) as journal:
        if fault := plain_fault(value):
            with pytest.raises(RecordError) as refused:
                journal.append(line)
            assert str(refused.value) == f"an attempt at 'q' can't be kept: {fault}"
        else:
            journal.append(line)
    with Journal(folder) as journal:
        assert journal.broken == 0 and [same(each["answer"], value) for each in journal.attempts()] == (
            [] if fault else [True]
        )


@given(VALUES)
def test_a_score_is_a_number_within_its_range_or_refused(value):
    try:
        made = door.score(Score({"accuracy": value}), TINY)
    except Unfit:
        fits = isinstance(value, int | float) and 0 <= value <= 1
        assert not fits
    else:
        assert type(made.metrics["accuracy"]) is float and made.metrics["accuracy"] == value


@given(VALUES)
def test_a_number_and_a_count_are_finite_and_bounded(value):
    for read, kind, low, high in ((number, float, -1e100, 1e100), (count, int, 0, 2**53)):
        try:
            found = read(value, "it")
        except Unfit:
            right = isinstance(value, int | kind) and not isinstance(value, bool)
            assert not (right and low <= value <= high)
        else:
            # a whole number beyond 2**53 becomes the nearest number with a point
            assert type(found) is kind and low <= found <= high and found == kind(value)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (1e100, lambda value: number(value, "it")),
        (-1e100, lambda value: number(value, "it")),
        (2**53, lambda value: count(value, "it")),
        (0, lambda value: count(value, "it")),
        ("\ue000", lambda value: text(value, "it")),
        (10**300 - 1, plain),
        (1 - 10**300, plain),
    ],
)
def test_what_lies_at_a_bound_passes(value, read):
    assert read(value) == value


@pytest.mark.parametrize(
    ("value", "read", "fault"),
    [
        (
            math.nextafter(1e100, math.inf),
            lambda value: number(value, "it"),
            "it is 1.0000000000000002e+100, which is",
        ),
        (2**53 + 1, lambda value: count(value, "it"), "it is 9007199254740993, not a number from 0 to 2**53"),
        (-1, lambda value: count(value, "it"), "it is -1, not a number from 0 to 2**53"),
        (10**300, plain, "it holds a whole number of more than 300 digits"),
    ],
)
def test_what_lies_beyond_a_bound_is_refused(value, read, fault):
    with pytest.raises(Unfit) as refused:
        read(value)
    assert str(refused.value).startswith(fault)


@pytest.mark.parametrize(("more", "passes"), [(0, True), (0.9e-9, True), (1.1e-9, False)])
def test_rounding_may_carry_a_metric_a_billionth_beyond_its_range(more, passes):
    for value in (1.0 + more, -more):
        if passes:
            assert door.score(Score({"accuracy": value}), TINY).metrics["accuracy"] == value
        else:
            with pytest.raises(Unfit, match="outside of 0 to 1"):
                door.score(Score({"accuracy": value}), TINY)


def test_half_a_character_of_a_model_is_mended_in_the_copy_alone():
    held = {"said": ["\ud800", {"\udfff": "whole"}]}
    assert plain(held, mend=True) == {"said": ["\ufffd", {"\ufffd": "whole"}]}
    assert held == {"said": ["\ud800", {"\udfff": "whole"}]}


def test_what_is_kept_is_a_copy():
    held = {"said": ["a"]}
    made = door.outcome(Outcome("q", answer=held, trace=held))
    held["said"].append("b")
    assert made.answer == made.trace == {"said": ["a"]}


def test_items_are_checked_one_by_one_and_stay_as_they_are():
    items = [Sample(Question(str(n), "x"), n, group=None if n else "g", categories=("c",)) for n in range(3)]
    assert door.samples(iter(items)) == items
    with pytest.raises(Unfit, match="the group of test item '1' is 1, not text"):
        door.samples([items[0], replace(items[1], group=1)])


def test_a_task_is_named_where_its_code_failed_under_a_method(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))

    class Asks(Method):
        async def answer(self, question, job):
            job.parse("red", question)

    class Broken(TinyTask):
        def parse(self, text, question):
            raise LookupError("no colours")

    (result,) = run(tmp_path, cell_of(Asks, Broken)).results
    assert "parse of 'strange-task'" in str(result.error) and "LookupError: no colours" in str(result.error)


@pytest.mark.parametrize(("values", "fits"), [(9, True), (10, True), (11, False)])
def test_a_value_may_hold_so_many_values_and_no_more(monkeypatch, values, fits):
    """Counted with the list that holds them."""
    monkeypatch.setattr("harness.base.plain.MOST", 10)
    given = [0] * (values - 1)
    if fits:
        assert plain(given) == given
    else:
        with pytest.raises(Unfit, match="more than 10 values"):
            plain(given)
