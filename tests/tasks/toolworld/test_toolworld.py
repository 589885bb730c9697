"""The office: every item can be solved, doing nothing solves none, and hostile answers are only wrong."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.sample import Outcome
from harness.tasks.toolworld.adapter import toolbox
from harness.tasks.toolworld.generate import MAKERS, item
from harness.tasks.toolworld.office import Office
from harness.testing import check_task
from harness.world import ToolError

NAMES = ("toolworld/single", "toolworld/multi")


def loaded(name):
    spec = registry().task(name)
    task = load_task(spec, spec.arguments({}))
    return task, task.load(Data())


@pytest.mark.parametrize("name", NAMES)
def test_contract(name):
    check_task(name)


@pytest.mark.parametrize("name", NAMES)
def test_the_wanted_actions_are_right_and_nothing_else_is(name):
    task, splits = loaded(name)

    def right(sample, calls, said, stop="stop"):
        answer = {"calls": calls, "said": said}
        return task.score(sample, Outcome(sample.id, answer=answer, stop_reason=stop)).metrics["accuracy"]

    for sample in [*splits.test, *splits.dev, *splits.train]:
        calls, says = sample.target["actions"], sample.target["says"]
        assert right(sample, calls, says) == 1
        assert right(sample, [], ["I did it all."]) == 0
        assert right(sample, calls, says, stop="step_limit") == 0
        for n in range(len(calls)):
            assert right(sample, calls[:n] + calls[n + 1 :], says) == 0
        assert right(sample, [*calls, ["send_message", {"person_id": "P1", "text": "hi"}]], says) == 0
        if says:
            assert right(sample, calls, [f"1{says[0]}"]) == 0


def test_splits_share_no_item():
    for name in NAMES:
        _, splits = loaded(name)
        assert len({sample.question.input for sample in splits.test}) == len(splits.test)
        assert not {s.target["office"] for s in splits.test} & {s.target["office"] for s in splits.train}


@given(st.sampled_from(sorted(MAKERS)), st.integers(0, 10_000))
def test_wanted_actions_never_fail(kind, seed):
    target, office = item(kind, seed), Office(seed)
    for name, arguments in target["actions"]:
        toolbox().run(office, name, arguments)
    assert json.loads(json.dumps(target)) == target


PLAIN = st.none() | st.booleans() | st.integers() | st.text()
KEYS = st.sampled_from(["calls", "said", "x"])


@given(st.recursive(PLAIN, lambda x: st.lists(x, max_size=4) | st.dictionaries(KEYS, x), max_leaves=12))
def test_hostile_recordings_are_no_answer_or_wrong(found):
    task, splits = loaded("toolworld/single")
    sample = splits.test[0]
    answer = task.parse(json.dumps(found), sample.question)
    assert task.score(sample, Outcome(sample.id, answer=answer)).metrics["accuracy"] == 0


@given(st.text(max_size=8), st.integers() | st.text(max_size=3) | st.none())
def test_tools_refuse_what_they_do_not_know(key, day):
    office = Office(1)
    before = office.summary()
    with pytest.raises(ToolError):
        toolbox().run(office, "book_room", {"room_id": f"X{key}", "person_id": "P1", "day": day})
    assert office.summary() == before
