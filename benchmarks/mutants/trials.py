"""Tries a mutant: the tests that run its lines, in a clone of the repository that holds the change."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.mutants.covering import Covering
from benchmarks.mutants.places import ROOT, Mutant

#: seconds of the tests that are run by themselves first: to collect many takes longer than to run a few
FIRST = 6.0
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S.*?)(?: - .*)?$", re.MULTILINE)


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


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
        self.root, self._list = folder / "checkout", folder / "tests.json"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.run(["git", "clone", "-q", "--shared", str(ROOT), str(self.root)], check=True)
        forks = [python, "-P", str(Path(__file__).with_name("forks.py"))]
        self._forks = subprocess.Popen(
            forks, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        shared = ROOT.parent / "shared"
        if shared.exists():
            (folder / "shared").symlink_to(shared.resolve())

    def run(self, tests: list[str], known: Iterable[str], seconds: float) -> tuple[str, str]:
        """What became of it and the first test that failed; `known` are all tests there are."""
        self._list.write_text(json.dumps({"chosen": tests, "known": [*known]}), "utf-8")
        files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        options = ["-x", "-n", "0", "-p", "no:cacheprovider", "--tb=line", "-p", "benchmarks.mutants.chosen"]
        env = {"MUTANTS_TESTS": str(self._list), "PYTHONPATH": str(self.root), "OMP_NUM_THREADS": "1"}
        out = self._list.with_name("out.txt")
        asked = {"cwd": str(self.root), "env": env, "out": str(out), "seconds": int(seconds)}
        asked["arguments"] = [*options, *files]
        assert self._forks.stdin and self._forks.stdout
        print(json.dumps(asked), file=self._forks.stdin, flush=True)
        process = int(self._forks.stdout.readline())
        late = threading.Timer(20 * seconds, _kill, [process])  # of a machine that does much else
        late.start()
        code = int(self._forks.stdout.readline())
        late.cancel()
        if code in (0, -signal.SIGKILL, -signal.SIGXCPU):
            return ("killed", "timeout") if code else ("survived", "")
        said = out.read_text("utf-8", "replace")
        found = _FAILED.search(said)
        return "killed", found[1] if found else said.strip().rpartition("\n")[2][:200]

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
                part, covering.seconds, 30 + 4 * sum(covering.seconds[test] for test in part)
            )
            if outcome == "killed":
                break
    named = mutant.key, mutant.path, mutant.scope, mutant.operator, diff
    return Outcome(*named, outcome, by, len(chosen), len(near) + len(beside))
