"""Which tests run which lines, recorded once by a run of the tests under coverage."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import coverage

from benchmarks.mutants.places import ROOT, Mutant

HERE = Path(__file__).parent


def record(folder: Path, python: str, tests: Iterable[str] = ()) -> None:
    """Runs these tests (paths), or part by part all that were not run at this commit, and keeps what they
    ran. Tests that fail are left out."""
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    wanted = [(path, [path]) for path in tests] or list(parts().items())
    for name, paths in wanted:
        kept = folder / name.replace("/", "-")
        mark = kept / "commit"
        if mark.exists() and mark.read_text("utf-8") == commit.stdout and not tests:
            continue
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        command = [python, "-m", "coverage", "run", "-p", f"--rcfile={HERE / 'coverage.ini'}"]
        command += [f"--data-file={kept / 'lines'}", "-m", "pytest", "-n", "0", "-p", "no:cacheprovider"]
        command += ["-p", "benchmarks.mutants.recording", "--timeout", "900", *paths]
        env = {**os.environ, "MUTANTS_RECORDED": str(kept), "OMP_NUM_THREADS": "1"}
        print(f"recording {name}", flush=True)
        subprocess.run(command, cwd=ROOT, env=env)
        mark.write_text(commit.stdout, "utf-8")


def parts() -> dict[str, list[str]]:
    """The files of tests by the first two folders that they are in."""
    found: dict[str, list[str]] = {}
    for path in sorted(ROOT.glob("tests/**/test_*.py")):
        if "faults" not in path.parts:
            own = path.relative_to(ROOT)
            found.setdefault("/".join(own.parent.parts[:3]), []).append(str(own))
    return found


class Covering:
    """What a folder of such runs holds."""

    def __init__(self, folder: Path):
        self.seconds: dict[str, float] = {}
        for path in folder.rglob("seconds.*.json"):
            self.seconds |= json.loads(path.read_text("utf-8"))
        parts = [str(path) for path in folder.rglob("lines.*")]
        whole = folder / "combined"
        if not whole.exists() or any(Path(part).stat().st_mtime > whole.stat().st_mtime for part in parts):
            whole.unlink(missing_ok=True)
            options = [f"--rcfile={HERE / 'coverage.ini'}", f"--data-file={whole}"]
            subprocess.run(
                [sys.executable, "-m", "coverage", "combine", "-q", "--keep", *options, *parts], check=True
            )
        self._data = coverage.CoverageData(str(whole))
        self._data.read()

    @lru_cache(maxsize=8)  # noqa: B019
    def _by_line(self, path: str) -> dict[int, set[str]]:
        found: dict[int, set[str]] = defaultdict(set)
        for name in self._data.measured_files():
            if name.endswith(f"/{path}"):
                for line, tests in self._data.contexts_by_lineno(name).items():
                    found[line].update(filter(self.seconds.__contains__, tests))
        return found

    def tests(self, mutant: Mutant) -> tuple[list[str], list[str]]:
        """Those that run its lines, the cheapest files of the folder that mirrors the module's first; then,
        as a cache or a fixture may have run a line for a test before, the others of the same files."""
        lines, (first, last) = self._by_line(mutant.path), mutant.lines
        covering = set().union(*(lines.get(line, ()) for line in range(first, last + 1)))
        files: dict[str, list[str]] = defaultdict(list)
        for test in self.seconds:
            files[test.partition("::")[0]].append(test)
        touched = {test.partition("::")[0] for test in covering}
        above = (f"tests/{folder}/" for folder in Path(mutant.path).parents)
        mirrored = next((at for at in above if any(file.startswith(at) for file in files)), "tests/")

        def rank(file: str) -> tuple[bool, float]:
            return not file.startswith(mirrored), sum(self.seconds[t] for t in files[file] if t in covering)

        if not touched:  # it runs in processes of others alone, such as a sandbox's
            return [], [test for file in sorted(files) if file.startswith(mirrored) for test in files[file]]
        order = sorted(touched, key=rank)
        near = [test for file in order for test in files[file] if test in covering]
        return near, [test for file in order for test in files[file] if test not in covering]

    def within(self, tests: Iterable[str], seconds: float) -> list[str]:
        """As many of them, from the first, as took that long together."""
        kept: list[str] = []
        for test in tests:
            seconds -= self.seconds[test]
            if seconds < 0:
                break
            kept.append(test)
        return kept
