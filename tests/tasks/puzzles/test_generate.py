"""The committed sets: their sizes, that they share nothing, and that the recipe makes them again."""

from __future__ import annotations

import gzip
import importlib.metadata
from collections import Counter
from itertools import islice

import pytest

from harness.answers import arithmetic as expression
from harness.tasks.puzzles import check, generate

PUZZLES = sorted(generate.GENERATOR)


@pytest.mark.parametrize("puzzle", PUZZLES)
def test_sizes_ids_and_levels(puzzle):
    for split, (per_level, levels) in generate.SETS.items():
        items = generate.read(puzzle, split)
        assert Counter(item["level"] for item in items) == dict.fromkeys(levels, per_level)
        assert len({item["id"] for item in items}) == len(items)
        assert (generate.DATA / f"{puzzle}-{split}.jsonl.gz").stat().st_size < 300_000


@pytest.mark.parametrize("puzzle", PUZZLES)
def test_no_item_occurs_twice_within_or_between_sets(puzzle):
    contents = [generate.content(i) for split in generate.SETS for i in generate.read(puzzle, split)]
    assert len(set(contents)) == len(contents)


def test_arc_rows_have_the_length_of_their_level():
    for split in generate.SETS:
        for item in generate.read("arc1d", split):
            rows = [row for pair in item["examples"] for row in pair] + [item["query"], item["target"]]
            assert len(item["examples"]) == 3
            assert {len(row) for row in rows} == {10 * item["level"]}
            assert all(0 <= cell <= 9 for row in rows for cell in row)


def test_countdown_items_have_a_solution_within_the_ranges():
    for split in generate.SETS:
        for item in generate.read("countdown", split):
            assert len(item["numbers"]) == item["level"] + 2
            assert all(1 <= number <= 100 for number in item["numbers"])
            assert 1 <= item["target"] <= 1000
            answer = str(expression.read(item["solution"]))
            assert check.solves(answer, item["numbers"], item["target"])


def test_the_answer_to_a_zebra_puzzle_is_one_of_its_names():
    for split in generate.SETS:
        for item in generate.read("zebra", split):
            assert check.read_name(f"Answer: {item['target']}", item["question"]).answer == item["target"]
            assert item["question"].count("unique name: ") == 1


def test_the_same_items_are_the_same_bytes():
    items = generate.read("countdown", "dev")
    packed = generate.packed(items)
    assert packed == generate.packed(items)
    stored = (generate.DATA / "countdown-dev.jsonl.gz").read_bytes()
    assert gzip.decompress(packed) == gzip.decompress(stored)


def needs_the_generator() -> None:
    try:
        version = importlib.metadata.version("reasoning-gym")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("reasoning-gym is not installed (extra train)")
    if version != "0.1.25":
        pytest.skip(f"the sets were made with reasoning-gym 0.1.25, not {version}")


@pytest.mark.parametrize("puzzle", PUZZLES)
@pytest.mark.parametrize("split", list(generate.SETS))
def test_the_recipe_makes_the_committed_items_again(puzzle, split):
    needs_the_generator()
    stored = generate.read(puzzle, split)
    for level in generate.SETS[split][1] if puzzle != "zebra" else (1,):
        seed = generate.PINNED_SEEDS[split] + 1000 * level
        made = islice(generate.distinct(puzzle, level, seed, 200, set()), 3)
        for number, item in enumerate(made):
            item = {"id": f"{puzzle}-{split}-{level}-{number}", **item}
            assert item == next(i for i in stored if i["id"] == item["id"])


def test_new_items_share_nothing_with_the_committed_sets():
    needs_the_generator()
    level = 1
    overlapping = generate.PINNED_SEEDS["test"] + 1000 * level  # the very seed of the test set
    made = generate.new_items("arc1d", level, 250, overlapping)
    known = {generate.content(i) for split in generate.SETS for i in generate.read("arc1d", split)}
    contents = [generate.content(item) for item in made]
    assert len(set(contents)) == len(contents) == 250
    assert known.isdisjoint(contents)
    assert generate.new_items("arc1d", level, 250, overlapping) == made
