"""Arguments that would give a reward that means something else than it says."""

import pytest

from harness.base.errors import UsageError
from harness.checklist import Checklist
from harness.checklist.schema import Item
from harness.methods.cm2.checks import blind_kinds, check


@pytest.mark.parametrize(
    ("args", "asks", "said"),
    [
        ({"flip": 1.5}, False, "flip=1.5"),
        ({"flip": float("nan")}, False, "flip=nan"),
        ({"grade_sd": -1.0}, False, "grade_sd=-1.0"),
        ({"votes": 0}, False, "votes=0"),
        ({"gate": "strict", "judge_mode": "turn"}, True, "judge_mode=step"),
        ({"gate": "sticky", "judge_mode": "turn"}, True, "judge_mode=step"),
        ({"level": "step", "judge_mode": "turn"}, True, "judge_mode=step"),
        ({"level": "turn", "minimum_holders": 9}, False, "9 is more than the 8"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused(args, asks, said):
    with pytest.raises(UsageError, match=said):
        check(args, asks=asks, rollouts=8)


@pytest.mark.parametrize(
    ("args", "asks"),
    [
        ({"flip": 1.0, "grade_sd": 0.0}, False),
        ({"gate": "strict", "judge_mode": "turn"}, False),  # rules judge every step
        ({"gate": "sticky_same", "judge_mode": "turn"}, True),
        ({"level": "trajectory", "minimum_holders": 9}, False),
        ({"level": "turn", "minimum_holders": 8}, False),
    ],
)
def test_others_are_taken(args, asks):
    check(args, asks=asks, rollouts=8)


def test_kinds_to_be_blind_for_are_looked_for_in_all_checklists():
    def of(*tags):
        items = tuple(
            Item(
                id=f"C{n}",
                question="?",
                pass_condition="",
                focus_on="tool.content",
                weight=1 / len(tags),
                rule={"tag": tag},
            )
            for n, tag in enumerate(tags)
        )
        return Checklist((items,), "rule")

    lists = [None, of("act", "rest"), of("act", "room")]
    assert blind_kinds(" room, act,,room", lists) == ["room", "act"]
    assert blind_kinds("", iter(())) == []
    with pytest.raises(UsageError, match="kind 'rooms'; did you mean 'room'"):
        blind_kinds("act,rooms", lists)
