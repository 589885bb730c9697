"""The published experiment in small: its runs are rows, and tables and claims are made from rows alone."""

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from benchmarks import resumable  # noqa: E402
from benchmarks.todycomm import claims, report  # noqa: E402
from benchmarks.todycomm.arms import (  # noqa: E402  # noqa: E402
    MAJORITY,
    MOST_SEEDS,
    SEEDS,
    TODYCOMM,
    VOTES,
    WEIGHTED,
    Run,
    learns,
    planned,
)
from benchmarks.todycomm.cells import CLEAN, DEFAULTS, SWEEPS, Cell, by_name  # noqa: E402
from benchmarks.todycomm.one import packed, run, unpacked, votes  # noqa: E402
from benchmarks.todycomm.tables import Difference, Found  # noqa: E402
from harness.model.agents.closed_forms import plurality  # noqa: E402


def test_every_run_is_planned_once_with_as_many_seeds_as_it_needs():
    runs = planned()
    assert len({each.name for each in runs}) == len(runs)
    seeds = {}
    for each in runs:
        seeds.setdefault((each.arm.name, each.cell.name), []).append(each.seed)
    assert len(seeds[TODYCOMM.name, "defaults"]) == MOST_SEEDS >= SEEDS >= 10
    for cell in SWEEPS:
        assert len(seeds[TODYCOMM.name, cell.name]) == SEEDS
        assert len(seeds[MAJORITY.name, cell.name]) == 1
    assert CLEAN in next(each for each in runs if each.arm is TODYCOMM).measured


def test_cells_have_names_of_their_own_and_none_coincide():
    named = by_name()
    assert named["defaults"] == DEFAULTS and named["clean"] == CLEAN
    assert len({(cell.world(), cell.turned) for cell in named.values()}) == len(named)
    assert Cell(agents=8, attack="fixed").name == "fixed, agents 8"


def test_votes_reach_their_closed_forms():
    for arm, exact in ((VOTES[0], 0.7), (VOTES[1], plurality(0.7, 24)), (VOTES[3], plurality(0.7, 16, 8))):
        found = votes(arm, DEFAULTS, 4000)
        assert found["accuracy"] == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 4000) ** 0.5 + 0.002)
    assert votes(VOTES[2], DEFAULTS, 10)["tokens"] == 26 * 150  # 24 calls, and 2 messages in 3 rounds


def test_rows_become_tables_and_a_cut_line_is_left_out(tmp_path):
    small = learns("todycomm", updates=2, batch=4, cell="linear", lr=0.02)
    made = [
        run(Run(arm, DEFAULTS, seed, (DEFAULTS, CLEAN)), questions=40)
        for arm in (small, MAJORITY)
        for seed in range(2 if arm.drawn else 1)
    ]
    text = "".join(json.dumps(row) + "\n" for row in made)
    (tmp_path / "runs.jsonl").write_text(text + text[:50], "utf-8")
    found = resumable.rows(tmp_path / "runs.jsonl")
    assert found == made
    resumable.whole_lines(tmp_path / "runs.jsonl")
    assert (tmp_path / "runs.jsonl").read_text("utf-8") == text
    report.write(found, tmp_path, 40)
    table = (tmp_path / "README.md").read_text("utf-8")
    assert "| todycomm | 2 |" in table and "| independent | 1 |" in table and "Not finished" in table


def row(arm, seed, bits, cell=DEFAULTS):
    return {"arm": arm, "cell": cell.name, "seed": seed, "measured": {cell.name: {"right": packed(bits)}}}


def test_differences_are_paired_by_seed_and_question():
    assert list(unpacked(packed([1, 0, 1]), 3)) == [1, 0, 1]
    rng = np.random.default_rng(0)
    rows = [row(TODYCOMM.name, n, rng.random(200) < 0.9) for n in range(6)]
    rows += [row(WEIGHTED.name, n, rng.random(200) < 0.5) for n in (0, 2, 3, 5)]
    rows += [row(MAJORITY.name, 0, rng.random(200) < 0.7)]
    found = Found(rows, 200)
    less = found.difference((TODYCOMM.name, "defaults"), (WEIGHTED.name, "defaults"), "defaults")
    assert less.seeds == 4 and less.value == pytest.approx(40, abs=12) and less.half > 0 and less.p < 0.01
    one = found.difference((TODYCOMM.name, "defaults"), (MAJORITY.name, "defaults"), "defaults")
    assert one.seeds == 6 and one.value == pytest.approx(20, abs=12)
    assert found.difference((TODYCOMM.name, "defaults"), ("chain", "defaults"), "defaults") is None


def test_a_claim_is_told_by_the_worst_rival():
    good, even, bad = Difference(5, 1, 0.001, 3), Difference(1, 2, 0.4, 3), Difference(-4, 1, 0.001, 3)
    assert claims.verdict({"a": good}).startswith("supported")
    assert claims.verdict({"a": good, "b": even}) == "open: not told apart from b"
    assert claims.verdict({"a": good, "b": even, "c": bad}) == "refuted: c is ahead by 4.0"
