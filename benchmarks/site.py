"""How long the site of a large store takes: 2,000 runs of 100 attempts in under 20 seconds.

    python benchmarks/site.py

Also prints the time of a second build, of `--check`, and of the tables alone, each in a process of
its own, as a user would run it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stores import fill

SIZE = {"tasks": 20, "methods": 10, "models": 5, "seeds": 2, "items": 100}
TARGET_S = 20.0


def timed(*arguments: str) -> float:
    """Wall seconds of `harness leaderboard build ...`."""
    start = time.perf_counter()
    code = "from harness.cli import main; main()"
    subprocess.run(
        [sys.executable, "-c", code, "leaderboard", "build", *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store, site = Path(folder) / "results", Path(folder) / "site"
        start = time.perf_counter()
        runs = fill(store, **SIZE)
        print(f"{runs:,} runs of {SIZE['items']} attempts sealed in {time.perf_counter() - start:.1f} s")
        common = ("--store", str(store), "--out", str(site))
        first = timed(*common)
        size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
        files = sum(1 for path in site.rglob("*") if path.is_file())
        print(f"build          {first:6.1f} s   (target {TARGET_S:.0f} s)")
        print(f"{files:,} files, {size / 1e6:.0f} MB")
        print(f"build again    {timed(*common):6.1f} s")
        print(f"build --check  {timed(*common, '--check'):6.1f} s")
        tables = timed("--tables", "--store", str(store), "--out", f"{folder}/tables")
        print(f"build --tables {tables:6.1f} s")
        if first > TARGET_S:
            sys.exit(f"too slow: {first:.1f} s")


if __name__ == "__main__":
    main()
