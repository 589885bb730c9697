"""The policies that the project ships are found by what they were trained from."""

import pytest

from harness.cli import main


def test_the_command_of_the_readme_trains_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    methods = "cm2,sft,outcome-rl,holistic-rl"
    grid = ["--task", "toolworld/chain", "--method", methods, "--model", "pocket/office"]
    monkeypatch.setattr("sys.argv", ["harness", "eval", *grid, "--offline", "--dry-run"])
    with pytest.raises(SystemExit) as stop:
        main()
        raise SystemExit(0)
    shown = capsys.readouterr()
    assert stop.value.code == 0, shown.err
    assert (shown.out + shown.err).count("shipped with the harness") == 4
