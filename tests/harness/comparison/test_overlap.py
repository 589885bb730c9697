"""Items that one side lacks: counted, named, and compared without them on request alone."""

import numpy as np
import pytest

from harness.base.errors import UsageError
from harness.comparison.arms import arms_of
from harness.comparison.items import load_items
from harness.comparison.overlap import Overlap, check_overlap, first_ids, note, overlap_of
from harness.results.index import read_index
from harness.testing import seal_scores


@pytest.fixture
def arms(tmp_path):
    """A candidate that lacks the last five of 30 items, and has two of its own."""
    names = [f"item {n:02}" for n in range(30)]
    seal_scores(tmp_path, np.ones(30), method="whole", items=names)
    seal_scores(tmp_path, np.ones(27), method="part", items=[*names[:25], "new 1", "new 2"])
    found = {arm.method: arm for arm in arms_of(read_index(tmp_path).rows)}
    return found["part"], found["whole"]


def test_what_is_missing_is_counted_and_named(arms):
    part, whole = arms
    found = overlap_of(load_items(part, "accuracy"), load_items(whole, "accuracy"))
    assert (found.common, len(found.candidate_lacks), len(found.baseline_lacks)) == (25, 5, 2)
    assert first_ids(whole, found.candidate_lacks) == ["item 25", "item 26", "item 27"]
    assert first_ids(part, found.baseline_lacks) == ["new 1", "new 2"]
    with pytest.raises(UsageError) as refused:
        check_overlap(found, part, whole)
    line = str(refused.value)
    assert "\n" not in line
    assert (
        "part x sim/model lacks 5 of the 30 items of whole x sim/model (item 25, item 26, item 27, ...)"
        in line
    )
    assert "whole x sim/model lacks 2 of the 27 items of part x sim/model (new 1, new 2)" in line
    assert line.endswith("--common-items compares the 25 that both have")


def test_common_items_are_compared_on_request(arms):
    part, whole = arms
    found = overlap_of(load_items(part, "accuracy"), load_items(whole, "accuracy"))
    check_overlap(found, part, whole, common_items=True)
    assert note(found) == (
        "on the 25 items that both have; the candidate lacks 5 of the baseline's and the baseline 2 of the "
        "candidate's"
    )
    same = overlap_of(load_items(whole, "accuracy"), load_items(whole, "accuracy"))
    check_overlap(same, whole, whole)
    assert same == Overlap(30, (), ()) and note(same) == ""


def test_a_stopped_run_is_to_be_finished_first(tmp_path, arms):
    part, whole = arms
    stopped = type(part)(tuple({**run, "status": "stopped"} for run in part.runs))
    found = overlap_of(load_items(part, "accuracy"), load_items(whole, "accuracy"))
    with pytest.raises(
        UsageError, match=r"the command of part x sim/model given again finishes it, or --common"
    ):
        check_overlap(found, stopped, whole)


def test_without_a_common_item_nothing_is_compared(arms):
    part, whole = arms
    apart = Overlap(
        0, tuple(load_items(whole, "accuracy").digests), tuple(load_items(part, "accuracy").digests)
    )
    for asked in (False, True):
        with pytest.raises(UsageError, match="they share no item"):
            check_overlap(apart, part, whole, common_items=asked)
