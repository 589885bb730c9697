"""What is litter by its age: just below the limit, and just above."""

import os
import time

import pytest

from harness.run.litter import CHECKPOINTS, WRITING, litter


def aged(path, seconds):
    os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.parametrize(
    "folder, file, found",
    [
        (CHECKPOINTS - 60, None, False),
        (CHECKPOINTS + 60, None, True),
        (CHECKPOINTS + 60, CHECKPOINTS + 60, True),
        (CHECKPOINTS + 60, CHECKPOINTS - 60, False),  # written to, which leaves the folder's time
        (CHECKPOINTS - 60, 2 * CHECKPOINTS, False),
    ],
)
def test_checkpoints_are_kept_for_30_days_after_the_last_was_written(tmp_path, folder, file, found):
    place = tmp_path / "workspaces" / "run"
    place.mkdir(parents=True)
    if file is not None:
        (place / "step").touch()
        aged(place / "step", file)
    aged(place, folder)
    said = list(litter(tmp_path / "store", tmp_path))
    assert [each.path for each in said] == [place] * found
    assert all(each.what == "checkpoints of a training that nobody went on with for 30 days" for each in said)


@pytest.mark.parametrize("age, found", [(WRITING - 60, False), (WRITING + 60, True)])
@pytest.mark.parametrize("folder", [".index", "baselines", "baselines/main.looks"])
def test_a_half_written_file_is_kept_for_an_hour(tmp_path, folder, age, found):
    path = tmp_path / folder / ".x.part"
    path.parent.mkdir(parents=True)
    path.touch()
    aged(path, age)
    said = [(each.path, each.what) for each in litter(tmp_path, tmp_path / "cache")]
    assert said == [(path, "a file that was not written to its end")] * found


@pytest.mark.parametrize("age, found", [(WRITING - 60, False), (WRITING + 60, True)])
def test_a_journal_without_an_attempt_is_kept_for_an_hour(tmp_path, age, found):
    path = tmp_path / ".running" / ("a" * 12)
    path.mkdir(parents=True)
    aged(path, age)
    said = [(each.path, each.what) for each in litter(tmp_path, tmp_path / "cache")]
    assert said == [(path, "a journal without an attempt")] * found
