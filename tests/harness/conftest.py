"""A third-party plugin, really installed, and a cache of its own for every test."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.registry import registry

PACKAGE = Path(__file__).parents[1] / "plugin_package"


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    place = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source") / "package"
    shutil.copytree(PACKAGE, source)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "--disable-pip-version-check",
            "--target",
            place,
            source,
        ],
        check=True,
    )
    return place


@pytest.fixture(autouse=True)
def forgotten():
    """No test sees the plugin's modules of another."""
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "thirdparty"]:
        del sys.modules[name]


@pytest.fixture
def plugin(installed, tmp_path, monkeypatch):
    """The plugin, found by this process and by those it starts."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    others = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{installed}{os.pathsep}{others}" if others else str(installed))
    monkeypatch.syspath_prepend(str(installed))
    registry.cache_clear()
    yield installed
    registry.cache_clear()
