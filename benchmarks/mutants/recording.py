"""A plugin of pytest: writes down which test runs which lines, in this process and in the forked commands.

pytest -p benchmarks.mutants.recording, under `coverage run`; `MUTANTS_RECORDED` names the folder.
"""

import json
import os
from pathlib import Path

import coverage
import pytest

from tests import warm

FOLDER = Path(os.environ["MUTANTS_RECORDED"])
seconds, failed, now = {}, set(), ""
_start = warm.Warm.start


def _measured(self, arguments, cwd, env, stdout=None):
    """A command of the test, measured under its name; code in one string (-c) can't be."""
    if str(arguments[0]) != "-c":
        options = ["-p", f"--context={now}", f"--data-file={FOLDER / 'lines'}"]
        options += [f"--rcfile={Path(__file__).with_name('coverage.ini')}"]
        arguments = ["-m", "coverage", "run", *options, *arguments]
    return _start(self, arguments, cwd, env, stdout)


warm.Warm.start = _measured


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    global now
    now = item.nodeid
    coverage.Coverage.current().switch_context(now)
    return (yield)


def pytest_runtest_logreport(report):
    seconds[report.nodeid] = seconds.get(report.nodeid, 0.0) + report.duration
    if not report.passed:
        failed.add(report.nodeid)


def pytest_sessionfinish():
    ran = {name: round(took, 3) for name, took in seconds.items() if name not in failed}
    (FOLDER / f"seconds.{os.getpid()}.json").write_text(json.dumps(ran))
