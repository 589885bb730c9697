"""All simulations behind the statistics, as Markdown: `make simulations`.

    python -m benchmarks.simulations [--replicates N] [PART ...]

Each part is a module beside this one whose `tables(replicates)` yields lines of Markdown. Everything is drawn
from fixed seeds. The committed output is `benchmarks/simulations/README.md`.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import time
from pathlib import Path

REPLICATES = 400
HERE = Path(__file__).parent
#: made through the command line, and slow: asked for by name
BY_NAME = ("aa",)


def main() -> None:
    parts = sorted(path.stem for path in HERE.glob("*.py") if not path.stem.startswith("_"))
    parser = argparse.ArgumentParser(description="Simulations behind the statistics, as Markdown.")
    parser.add_argument("--replicates", type=int, default=REPLICATES)
    parser.add_argument(
        "parts", nargs="*", help=f"of {', '.join(parts)}; all but {', '.join(BY_NAME)} by default"
    )
    given = parser.parse_args()
    print("# Simulations\n")
    print(
        f"Made by `make simulations` on {datetime.date.today()}. A share p has a Monte-Carlo error of "
        "sqrt(p (1 - p) / replicates).\n"
    )
    for name in given.parts or [part for part in parts if part not in BY_NAME]:
        started = time.perf_counter()
        for line in importlib.import_module(f"benchmarks.simulations.{name}").tables(given.replicates):
            print(line, flush=True)
        took = time.perf_counter() - started
        print(f"\n({name}: {given.replicates} replicates a cell, {took:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
