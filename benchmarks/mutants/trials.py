"""Tries a mutant: the tests that run its lines, in a clone of the repository that holds the change."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.mutants.covering import Covering
from benchmarks.mutants.places import ROOT, Mutant

#: seconds of the tests that are run by themselves first: to collect many takes longer than to run a few
FIRST = 6.0
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: `killed` by a test (or `timeout`), `survived` the `ran` tests of `of` that run
    its lines or stand beside those, `not covered` by any."""

    key: str
    path: str
    scope: str
    operator: str
    diff: str
    outcome: str
    by: str
    ran: int
    of: int

    def row(self) -> dict[str, object]:
        return asdict(self)


class Clone:
    """A clone of what is committed, beside a link to `shared`, in a folder of its own for each worker."""

    def __init__(self, folder: Path, python: str):
        self.root, self._python, self._list = folder / "checkout", python, folder / "tests.json"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.run(["git", "clone", "-q", "--shared", str(ROOT), str(self.root)], check=True)
        shared = ROOT.parent / "shared"
        if shared.exists():
            (folder / "shared").symlink_to(shared.resolve())

    def run(self, tests: list[str], known: Iterable[str], seconds: float) -> tuple[str, str]:
        """What became of it and the first test that failed; `known` are all tests of these files and others."""
        self._list.write_text(json.dumps({"chosen": tests, "known": [*known]}), "utf-8")
        files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        command = [self._python, "-m", "pytest", "-x", "-n", "0", "-p", "no:cacheprovider", "--tb=line"]
        command += ["-p", "benchmarks.mutants.chosen", "-o", "faulthandler_timeout=0", *files]
        env = {**os.environ, "MUTANTS_TESTS": str(self._list), "PYTHONPATH": str(self.root)}
        started = subprocess.Popen(
            command,
            cwd=self.root,
            env={**env, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            out = started.communicate(timeout=seconds)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()
            return "killed", "timeout"
        if started.returncode == 0:
            return "survived", ""
        found = _FAILED.search(out)
        return "killed", found[1] if found else out.strip().rpartition("\n")[2][:200]

    @contextmanager
    def holding(self, mutant: Mutant) -> Iterator[str]:
        """With the change in its file; gives the diff. By a time of its own Python compiles the file anew."""
        path = self.root / mutant.path
        text, was = path.read_text("utf-8"), path.stat()
        try:
            path.write_text(mutant.code(text), "utf-8")
            os.utime(path, (was.st_atime, was.st_mtime + 2 + int(mutant.key[:6], 16)))
            yield mutant.diff(text)
        finally:
            path.write_text(text, "utf-8")
            os.utime(path, (was.st_atime, was.st_mtime))


def attempt(mutant: Mutant, clone: Clone, covering: Covering, most: float) -> Outcome:
    """Tries it with tests that took `most` seconds at most when they were recorded."""
    near, beside = covering.tests(mutant)
    chosen = covering.within([*near, *beside], most)
    outcome, by = "not covered", ""
    first = covering.within(chosen, FIRST) or chosen[:1]
    with clone.holding(mutant) as diff:
        for part in filter(None, (first, chosen[len(first) :])):
            outcome, by = clone.run(
                part, covering.seconds, 240 + 10 * sum(covering.seconds[test] for test in part)
            )
            if outcome == "killed":
                break
    named = mutant.key, mutant.path, mutant.scope, mutant.operator, diff
    return Outcome(*named, outcome, by, len(chosen), len(near) + len(beside))
