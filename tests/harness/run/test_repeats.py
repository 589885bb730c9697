"""Items that ask the same."""

import pytest

from harness.base.errors import DataError
from harness.run.repeats import with_repeats_grouped
from harness.sample import Question, Sample
from harness.spec import TaskSpec

TASK = TaskSpec(name="t", version="1-A", summary="s", entry="a:b")


def samples(*texts, group=None):
    return [Sample(Question(str(n), text), "x", group) for n, text in enumerate(texts)]


def test_an_item_asked_twice_is_one_group():
    given = samples("How much?", "how  much?", "How many?", "", "")
    made = with_repeats_grouped(TASK, given)
    groups = [sample.group for sample in made]
    assert groups[0] == groups[1] and groups[0] is not None and groups[2:] == [None] * 3
    assert [sample.digest() for sample in made] == [sample.digest() for sample in given]


def test_what_a_task_groups_itself_stays():
    assert {sample.group for sample in with_repeats_grouped(TASK, samples("a", "a", group="g"))} == {"g"}


@pytest.mark.parametrize("offer", ["world", "interactions"])
def test_first_words_and_histories_are_not_the_whole_item(offer):
    spec = TaskSpec(name="t", version="1-A", summary="s", entry="a:b", offers=[offer])
    assert {sample.group for sample in with_repeats_grouped(spec, samples("a", "a"))} == {None}


def test_two_items_of_one_id_are_refused():
    with pytest.raises(DataError, match="2 items have the id '0'"):
        with_repeats_grouped(TASK, samples("a") + samples("b"))
