"""CPU milliseconds of starting the command line: median of nine warm runs each.

python benchmarks/startup.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 9
SPECS = 1_000
#: the command and the most it may take
COMMANDS = {("--help",): 80, ("--version",): 80, ("list", "tasks", "--json"): 150}


def plugin(folder: Path) -> None:
    """A package of many tasks, installed as far as an entry point goes."""
    for n in range(SPECS):
        place = folder / "many" / f"task{n}"
        place.mkdir(parents=True)
        (place / "task.toml").write_text(
            f'[task.many-{n}]\nversion = "1-A"\nsummary = "Task number {n}"\n'
            f'entry = "many.task{n}:Task"\nanswer = "label"\noffers = ["labelled", "countable"]\n'
            f'[task.many-{n}.params]\nlevel = {{ default = 1, help = "how hard" }}\n'
            f'[task.many-{n}.data.test]\nid = "many/{n}"\n'
        )
    (folder / "many" / "__init__.py").write_text("")
    info = folder / "many-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: many\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[harness.plugins]\nmany = many\n")


def cpu(command: list[str], environment: dict[str, str]) -> tuple[float, bytes]:
    """CPU milliseconds of a command, and what it printed."""
    with tempfile.TemporaryFile() as sink:
        process = subprocess.Popen(command, stdout=sink, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
        sink.seek(0)
        return (used.ru_utime + used.ru_stime) * 1000, sink.read()


def main() -> None:
    harness = str(Path(sys.executable).with_name("harness"))
    with tempfile.TemporaryDirectory(prefix="startup-") as name:
        folder = Path(name, "site")
        plugin(folder)
        path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
        environment = {**os.environ, "PYTHONPATH": path, "HARNESS_CACHE": str(Path(name, "cache"))}
        bare = statistics.median(cpu([sys.executable, "-c", "0"], environment)[0] for _ in range(RUNS))
        print(f"{'python -c 0':28}  {bare:5.0f} ms")
        for arguments, limit in COMMANDS.items():
            command = [harness, *arguments]
            printed = cpu(command, environment)[1]  # warms bytecode and index
            if "list" in arguments:
                assert printed.count(b'"name": "many-') == SPECS, "the plugin's tasks are not listed"
            taken = statistics.median(cpu(command, environment)[0] for _ in range(RUNS))
            verdict = "met" if taken < limit else "MISSED"
            print(f"{' '.join(['harness', *arguments]):28}  {taken:5.0f} ms  target {limit} ms  {verdict}")


if __name__ == "__main__":
    main()
