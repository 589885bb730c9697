"""Files below a folder."""

import os

from harness.base.files import files_below


def test_files_below_are_those_that_a_person_put_there_and_no_hidden_folder_is_entered(tmp_path, monkeypatch):
    for name in ("b/two.py", "a.txt", "b/c/three", ".hidden", ".venv/lib/x.py", "b/__pycache__/two.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    entered, scandir = [], os.scandir
    monkeypatch.setattr(
        os, "scandir", lambda place: entered.append(os.path.basename(place)) or scandir(place)
    )
    found = files_below(tmp_path)
    assert list(found) == ["a.txt", "b/c/three", "b/two.py"] and found["b/two.py"] == tmp_path / "b/two.py"
    assert sorted(entered) == sorted([tmp_path.name, "b", "c"])
