"""The installed command, as a callable of the tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HARNESS = Path(sys.executable).with_name("harness")


@pytest.fixture(scope="session")
def harness(tmp_path_factory):
    """`harness(folder, *arguments, code=0)`: runs the command in a folder, expects the exit code."""
    cache = tmp_path_factory.mktemp("cache")

    def run(folder, *arguments, code=0):
        kept = {k: v for k, v in os.environ.items() if not k.startswith("HARNESS_")}
        done = subprocess.run(
            [HARNESS, *map(str, arguments)], cwd=folder, capture_output=True, text=True, timeout=240,
            env={**kept, "HARNESS_CACHE": str(cache), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr[-2000:]}"
        assert "Traceback" not in done.stderr
        return done

    return run
