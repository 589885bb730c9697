"""Answers of puzzles in completions of all kinds."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.answers import read_arithmetic, read_cells
from harness.tasks.puzzles import check

NAMES = " - Each person has a unique name: arnold, bob, alice\n - They love a flower: iris, lilies"


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("output: 0 0 7", "007"),
        ("**Output:** 0 0 7", "007"),
        ("output:\n0 0 7", "007"),
        ("output:\n```\n0 0 7\n```", "007"),
        ("[[0, 0, 7]]", "007"),
        ("The answer is: [0,0,7].", "007"),
        ("<answer>007</answer>", "007"),
        (r"so \boxed{0 0 7}", "007"),
        ("007", "007"),
        ("007|120>", "007"),
        ("output: 1 1 1\nNo, wait.\noutput: 0 0 7", "007"),
        ("<think>output: 1 1</think>output: 0 0 7<|endoftext|><|eot_id|>", "007"),
        ("first I look at it\n0 0 7", "007"),
    ],
)
def test_grids(text, digits):
    assert read_cells(text).answer == digits


@pytest.mark.parametrize(
    "text",
    [
        "",
        "output:",
        "output: 10 3",
        "00 7",
        "output: a b",
        "I give up",
        "<think>output: 0 0 7",
        "output: 0.0.7",
        "output: -1 0",
        "7" * 5000,
    ],
)
def test_no_grid(text):
    assert read_cells(text).answer is None


@pytest.mark.parametrize(
    "text",
    [
        "Answer: 25 + 3 * 7",
        "Answer: 25+3*7 = 46",
        "**Answer:** $25 + 3 \\times 7$.",
        "25+3*7",
        "<answer>\n\\boxed{25 + 3 \\times 7}\n</answer><|eot_id|><|endoftext|>",
        "25*3 is 75.\nThe final answer is: \\(7 \\cdot 3 + 25\\).",
        "Answer: the expression (25 + 3*7) works",
        "<answer>25-3-7</answer>\nNo.\n<answer>25+3*7</answer>",
        "thinking</think>\n25+3*7",
    ],
)
def test_expressions_in_completions(text):
    assert read_arithmetic(text).answer == "25+3*7"
    assert check.solves(read_arithmetic(text).answer, [3, 7, 25], 46)


@pytest.mark.parametrize(
    "text",
    [
        "",
        r"\boxed{...}",
        r"\boxed{a - b + c}",
        "<answer>",
        "I can't",
        "<think>25+3*7",
        "Answer:",
        "Answer: about 2.5+3",
        "x = 2.5+3.5",
        "we add 3+4 and 5",
        "Answer: use 3+4^2",
    ],
)
def test_no_expression(text):
    assert read_arithmetic(text).answer is None


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("25+3*7", True),
        ("25+3*7+0", False),  # a number too many
        ("25+21", False),  # the value alone is not enough
        ("3+7+25", False),  # another value
        ("25+3+3*7", False),  # a number twice
        ("46", False),
    ],
)
def test_each_number_counts_once_and_the_value_is_exact(answer, right):
    assert check.solves(answer, [25, 3, 7], 46) is right


def test_a_value_that_is_only_close_is_wrong():
    assert not check.solves("100/3*3-99/100", [100, 3, 3, 99, 100], 99)
    assert check.solves("8/(3-8/3)", [8, 3, 8, 3], 24)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Answer: Alice", "alice"),
        ("**Answer: Bob**", "bob"),
        ("Alice is second.\nAnswer: it is Bob.", "bob"),
        ("<answer>ARNOLD</answer>", "arnold"),
        ("alice", "alice"),
        ("Answer: Zoe", "zoe"),
        ("Answer: Alice or Bob", None),
        ("I don't know", None),
        ("", None),
        ("Answer:", None),
    ],
)
def test_names(text, name):
    assert check.read_name(text, NAMES).answer == name


@given(st.text(max_size=300))
def test_no_text_raises(text):
    for around in ("{}", "Answer: {}", "\\boxed{{{}", "<answer>{}</answer>"):
        completion = around.format(text)
        read_cells(completion)
        read_arithmetic(completion)
        check.read_name(completion, NAMES)


@pytest.mark.parametrize(
    "part", ["(", "\\boxed{", "Answer:", "<answer>", "<think>", "1 ", "1+", "[", " ", "\n", "<|", "*", "_\t"]
)
def test_long_repetitions_cost_a_moment(part):
    text = part * (200_000 // len(part))
    started = time.process_time()
    read_cells(text)
    read_arithmetic(text)
    check.read_name(text, NAMES)
    assert time.process_time() - started < 2


def test_recorded_generations_are_read_without_error():
    folder = Path(__file__).parents[4] / "shared" / "data" / "recorded_outputs"
    files = sorted((folder / "d1_llada_generations").glob("*.json.gz"))
    if not files:
        pytest.skip(f"no recorded generations below {folder}")
    right = countdowns = 0
    for file in files:
        for made in json.loads(gzip.decompress(file.read_bytes()))["generations"]:
            text = made["generations"]
            read_cells(text)
            check.read_name(text, made["question"])
            answer = read_arithmetic(text).answer
            if file.name.startswith("countdown"):
                countdowns += 1
                numbers, target = made["ground_truth"]
                right += answer is not None and check.solves(answer, numbers, target)
    # no labels are recorded, so this is only a sanity range
    assert countdowns == 256
    assert 30 <= right <= 60
