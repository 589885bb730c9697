"""The command line in this process, in a folder of its own."""

import sys
from typing import NamedTuple

import pytest

from harness.cli import main
from harness.registry import registry


class Done(NamedTuple):
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def errors(self):
        """The lines that say what went wrong."""
        return [line for line in self.err.splitlines() if line.startswith(("error: ", "warning: "))]


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs `harness ...` as the entry point does."""
    for name in ("HARNESS_MODEL", "HARNESS_MIRROR", "HARNESS_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    registry.cache_clear()

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["harness", *arguments])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code or 0
        return Done(code, *capsys.readouterr())

    yield run
    registry.cache_clear()
