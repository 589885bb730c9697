"""Makes the puzzles through reasoning-gym, with pinned seeds.

The sets are committed beside this file, so that the tasks need nothing installed;
`python -m harness.tasks.puzzles.generate` makes them again and `--check` compares. Levels follow the
protocol of the Actor-Curator and SEC data (arXiv 2602.20532, 2505.14970): four levels, 200 test
items each, the hardest one never trained on. The exact generator arguments of those authors
are not published; these are reconstructed from their test files.
"""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
LEVELS = (1, 2, 3, 4)
PINNED_SEEDS = {"test": 20_000_000, "dev": 30_000_000, "train": 10_000_000}
#: items a level, and the levels, of each set
SETS = {"test": (200, LEVELS), "dev": (25, LEVELS), "train": (200, LEVELS[:-1])}
#: what of an item does not make it another item
LABELS = ("id", "level", "rule", "solution")
GENERATOR = {"arc1d": "arc_1d", "countdown": "countdown", "zebra": "zebra_puzzles"}


def settings(puzzle: str, level: int) -> dict[str, Any]:
    """The generator's arguments for a level: grid length 10 to 40, 3 to 6 numbers, 3 to 6 houses."""
    if puzzle == "arc1d":
        return {"min_size": 10 * level, "max_size": 10 * level, "num_train": 3}
    if puzzle == "countdown":
        count = level + 2
        return {
            "min_numbers": count,
            "max_numbers": count,
            "min_value": 1,
            "max_value": 100,
            "min_target": 1,
            "max_target": 1000,
        }
    return {"num_people": level + 2, "num_characteristics": level + 2}


def raw(puzzle: str, level: int, seed: int, size: int) -> Iterator[dict[str, Any]]:
    """Items as the generator makes them. Imports reasoning-gym, which takes some seconds."""
    import reasoning_gym

    items = reasoning_gym.create_dataset(GENERATOR[puzzle], seed=seed, size=size, **settings(puzzle, level))
    for item in items:
        yield _fields(puzzle, level, item)


def _fields(puzzle: str, level: int, item: dict[str, Any]) -> dict[str, Any]:
    facts = item["metadata"]
    if puzzle == "arc1d":
        examples = [[e["input"], e["output"]] for e in facts["train_examples"]]
        test = facts["test_example"]
        return {
            "level": level,
            "rule": facts["task_name"],
            "examples": examples,
            "query": test["input"],
            "target": test["output"],
        }
    if puzzle == "countdown":
        return {
            "level": level,
            "numbers": list(facts["numbers"]),
            "target": facts["target"],
            "solution": facts["expression"].replace(" ", ""),
        }
    return {"level": level, "question": item["question"], "target": item["answer"]}


def content(item: dict[str, Any]) -> str:
    """What makes two items the same."""
    return json.dumps({k: v for k, v in item.items() if k not in LABELS}, sort_keys=True)


def distinct(puzzle: str, level: int, seed: int, size: int, taken: set[str]) -> Iterator[dict[str, Any]]:
    """`size` items that are not in `taken`, which grows."""
    left, offset = size, 0
    while left:
        for item in raw(puzzle, level, seed + offset, left):
            key = content(item)
            if key not in taken:
                taken.add(key)
                left -= 1
                yield item
        offset += 1


def new_items(
    puzzle: str, level: int, size: int, seed: int, apart: Iterable[dict[str, Any]] = ()
) -> list[dict[str, Any]]:
    """`size` items that are in none of the committed sets, nor in `apart`. Needs reasoning-gym;
    a thousand items take about 0.1 s (ARC-1D), 11 s (Countdown) or 85 s (Zebra).

    Raises:
        ImportError: reasoning-gym is not installed (extra `train`).
    """
    taken = {content(item) for split in PINNED_SEEDS for item in read(puzzle, split)}
    taken |= {content(item) for item in apart}
    return list(distinct(puzzle, level, seed, size, taken))


def make(puzzle: str) -> dict[str, list[dict[str, Any]]]:
    """The sets, made again; no item is in two of them."""
    taken: set[str] = set()
    sets: dict[str, list[dict[str, Any]]] = {}
    for split, (per_level, levels) in SETS.items():
        sets[split] = [
            {"id": f"{puzzle}-{split}-{level}-{number}", **item}
            for level in levels
            for number, item in enumerate(
                distinct(puzzle, level, PINNED_SEEDS[split] + 1000 * level, per_level, taken)
            )
        ]
    return sets


def packed(items: list[dict[str, Any]]) -> bytes:
    """JSON lines in gzip without a time stamp, so that the same items are the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file:
        for item in items:
            file.write((json.dumps(item, separators=(",", ":")) + "\n").encode())
    return buffer.getvalue()


def read(puzzle: str, split: str) -> list[dict[str, Any]]:
    """A committed set: `test`, `dev` or `train`."""
    with gzip.open(DATA / f"{puzzle}-{split}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def main(arguments: list[str]) -> int:
    """Writes the committed sets, or with --check says whether they are what the recipe makes."""
    different = 0
    for puzzle in GENERATOR:
        for split, items in make(puzzle).items():
            path = DATA / f"{puzzle}-{split}.jsonl.gz"
            if "--check" in arguments:
                same = path.exists() and read(puzzle, split) == json.loads(json.dumps(items))
                different += not same
                print(f"{'same' if same else 'DIFFERENT'}  {path.name}")
            else:
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(packed(items))
                print(f"{len(items)} items, {path.stat().st_size} bytes  {path.name}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
