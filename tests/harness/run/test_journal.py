"""The journal of a run that goes: what a later one finds of it."""

from harness.run.journal import Journal


def test_what_was_left_behind_is_not_found_by_whoever_goes_on(tmp_path):
    with Journal(tmp_path / "run") as journal:
        journal.append({"n": 0, "epoch": 0, "status": "ok"})
        journal.append({"n": 1, "epoch": 0, "status": "ok"})
    with Journal(tmp_path / "run") as journal:
        journal.clear()
        journal.append({"n": 2, "epoch": 0, "status": "ok"})
    with Journal(tmp_path / "run") as journal:
        assert [each["n"] for each in journal.attempts()] == [2]
