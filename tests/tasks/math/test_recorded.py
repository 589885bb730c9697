"""Recorded completions with official labels: every figure reproduced, every difference explained.

Where our verdict differs from the official label, `DIFFERENCES` says why; a new difference fails the
test, and so does a listed one that is gone. Official labels are not all right: some come from a
language model as judge, some from rules that compare text or take the first number in sight.
"""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from harness.answers import read_expression, read_number
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.sample import Outcome, Sample
from harness.task import Task
from harness.tasks.math.answers import Kind, canonical, equivalent

SHARED = Path(__file__).parents[4] / "shared"
RECORDED = SHARED / "data" / "recorded_outputs"
HUB = SHARED / "hub"
pytestmark = pytest.mark.skipif(
    not (RECORDED.is_dir() and HUB.is_dir()), reason=f"no recorded outputs below {SHARED}"
)


def extract(text: str, kind: Kind) -> str | None:
    """The answer as a task of this kind reads it; expressions are those of MATH."""
    found = read_number(text) if kind == "number" else read_expression(text, closing=kind == "expression")
    return found.answer


REASONS = {
    # ours says right, the official label wrong
    "sum": "'96 * 5 = 480': the official rule takes the first number, 96; the result is 480",
    "product": "a sum or product that is not worked out, as '10 * 2^9' for 5120; the official rule takes its "
    "first number",
    "words": "the answer is spelled in words, which the official rule doesn't read",
    "gold-comma": "the official rule compares text with a target written '40,000'",
    "decimals": "the official rule compares text: '14.00' is not '14'",
    "derivation": "the answer field holds a derivation; official is its first number, its result is "
    "the target",
    "two-objects": "two JSON objects; official takes the first, ours the last",
    "last-number": "a word problem without a presented answer whose last number is the target",
    "gold-separators": "the official rule fails on a target written '10,\\!080'",
    "restated-later": "the statement after the box, or before code, is the target",
    "chain": "a chain of equations that ends in the target",
    "plus-minus": "two values against a target written '3 \\pm 2\\sqrt{2}'",
    "choice": "'\\textbf{(B)}' against '\\text{(B)}'",
    "judge-percent": "the judge refuses 10% where the question asks for percent and the target is 10",
    "judge-degrees": "the judge refuses 30 for 30 degrees",
    "judge-order": "the judge refuses '-2,1' for '1,-2'",
    "judge-missed": "the judge didn't find the answer on the last line",
    "judge-fraction": "the judge refuses 65/169 for 5/13",
    "base": "the digits are right; the base that the question asks for is not repeated",
    # ours says wrong, the official label right
    "no-answer": "an unfinished or loose derivation; official takes its last number or guesses",
    "list": "the answer is a list or a complex number; official takes its first number",
    "surd": "'6 * sqrt(2)' for 6: official takes its first number",
    "two-units": "'4 hours and 30 minutes' for 4: official takes its first number",
    "bracket": "'[2,\\infty)' for '(2,\\infty)'; the official rule doesn't look at brackets",
    "restated": "'25%. The answer (as a fraction) is 1/4': official takes the first, ours the last",
    "tool-output": "only the program's output holds the number, the text says it in words",
}
MORE = {True: "ours right, official wrong", False: "ours wrong, official right"}
_SKY_7B, _SKY_14B = "Qwen2.5-Math-7B", "Qwen2.5-14B-Instruct"
_SKY_SHORT = "Sky-T1-math-correct-5K-32B-short-ckpts"


def _zero_shot(right: bool, reason: str, *items: int) -> dict[tuple[str, str], tuple[bool, str]]:
    return {("text-davinci-002", str(item)): (right, reason) for item in items}


#: benchmark -> (run, item) -> (our verdict, reason)
DIFFERENCES: dict[str, dict[tuple[str, str], tuple[bool, str]]] = {
    "math500": {
        (_SKY_14B, "math500-184"): (False, "bracket"),
        (_SKY_14B, "math500-198"): (True, "gold-separators"),
        (_SKY_14B, "math500-217"): (True, "gold-separators"),
        (_SKY_14B, "math500-284"): (True, "plus-minus"),
        (_SKY_7B, "math500-5"): (True, "restated-later"),
        (_SKY_7B, "math500-198"): (True, "gold-separators"),
        (_SKY_7B, "math500-252"): (True, "restated-later"),
        (_SKY_7B, "math500-296"): (True, "choice"),
        (_SKY_7B, "math500-384"): (True, "chain"),
        (_SKY_SHORT, "math500-198"): (True, "gold-separators"),
    },
    "gsm": {
        ("gpt-3.5-turbo-0125", "gsm8k-main-test-#610"): (True, "derivation"),
        ("Mixtral-8x7B-Instruct-v0.1", "gsm8k-main-test-#698"): (True, "derivation"),
        ("Mixtral-8x7B-Instruct-v0.1", "gsm8k-main-test-#797"): (True, "sum"),
    },
    "math-l5": {
        ("Qwen2.5-7B-Instruct", "167"): (True, "two-objects"),
        ("Qwen2.5-7B-Instruct", "698"): (False, "list"),
        ("gpt-4o-mini-2024-07-18", "184"): (False, "list"),
        ("gpt-4o-mini-2024-07-18", "698"): (False, "list"),
        ("Qwen2-7B-Instruct", "132"): (False, "list"),
        ("Qwen2-7B-Instruct", "184"): (False, "list"),
        ("Qwen2-7B-Instruct", "217"): (True, "product"),
        ("Qwen2-7B-Instruct", "257"): (False, "surd"),
    },
    "tora": {("tora-code-34b-v1.0", "718"): (False, "tool-output")},
    "rm-maj": {("7", "72"): (True, "gold-separators")},
    "zero-shot-cot": {
        **_zero_shot(
            True,
            "sum",
            33,
            144,
            285,
            297,
            338,
            363,
            402,
            428,
            488,
            608,
            754,
            838,
            893,
            979,
            1017,
            1181,
            1259,
            1261,
        ),
        **_zero_shot(True, "product", 429, 743),
        **_zero_shot(False, "two-units", 972),
        **_zero_shot(True, "words", 195, 339, 355, 397, 475, 500, 568, 662, 783, 881, 1139),
        **_zero_shot(True, "gold-comma", 94, 265, 708, 1178),
        **_zero_shot(True, "decimals", 698),
        **_zero_shot(False, "restated", 137),
    },
    "mgsm": {
        ("04_llama_3_1_8b", "28"): (True, "last-number"),
        ("04_llama_3_1_8b", "241"): (True, "last-number"),
    },
    "math": {
        ("03_llama_3_2_3b", "1064"): (True, "judge-percent"),
        ("04_llama_3_1_8b", "1064"): (True, "judge-percent"),
        ("04_llama_3_1_8b", "1164"): (True, "judge-missed"),
        ("06_qwen_2_5_7b", "1049"): (True, "judge-degrees"),
        ("06_qwen_2_5_7b", "1064"): (True, "judge-percent"),
        ("06_qwen_2_5_7b", "4349"): (True, "judge-order"),
        ("15_qwen_2_5_72b", "1049"): (True, "judge-degrees"),
        ("15_qwen_2_5_72b", "1064"): (True, "judge-percent"),
        ("15_qwen_2_5_72b", "1164"): (True, "judge-missed"),
        ("15_qwen_2_5_72b", "3653"): (True, "base"),
        ("16_deepseek_v3", "929"): (True, "base"),
        ("16_deepseek_v3", "1049"): (True, "judge-degrees"),
        ("16_deepseek_v3", "1164"): (True, "judge-missed"),
        ("16_deepseek_v3", "1587"): (True, "judge-percent"),
        ("16_deepseek_v3", "2536"): (True, "judge-missed"),
        ("16_deepseek_v3", "3653"): (True, "base"),
        ("26_gigachat_pro", "1049"): (True, "judge-degrees"),
        ("26_gigachat_pro", "1164"): (True, "judge-missed"),
        ("26_gigachat_pro", "2146"): (True, "judge-fraction"),
        ("26_gigachat_pro", "2379"): (False, "no-answer"),
        ("26_gigachat_pro", "4349"): (True, "judge-order"),
    },
}


@dataclass(frozen=True)
class Recording:
    """A completion with its official label; `task` names the built-in task that has the item."""

    run: str
    item: str
    completion: str
    official: bool
    target: str = ""
    kind: Kind = "number"
    task: str = ""


def _lines(path: str) -> Iterator[dict[str, Any]]:
    with gzip.open(RECORDED / path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, filter(str.strip, lines))


def _skythought(folder: str, benchmark: str) -> Iterator[Recording]:
    for row in _lines(f"{folder}/recorded.jsonl.gz"):
        if row["benchmark"] == benchmark:
            yield Recording(
                row["run"], row["item_id"], row["completion"], row["official_correct"], task=benchmark
            )


def _optillm() -> Iterator[Recording]:
    path = RECORDED / "aime24_optillm/evaluation_results_llama3.1_8b-instruct-fp16.json.gz"
    for row in json.loads(gzip.decompress(path.read_bytes())):
        yield Recording(
            "llama3.1-8b",
            str(row["index"]),
            row["model_response"],
            row["is_correct"],
            str(row["correct_answer"]),
            "integer",
        )


def _openai() -> Iterator[Recording]:
    for row in _lines("gsm8k_openai_gpt3/recorded.jsonl.gz"):
        yield Recording(
            row["run"],
            f"gsm8k-main-test-#{row['item_id']}",
            row["completion"],
            row["official_correct"],
            task="gsm8k",
        )


def _zeroeval(folder: str, task: str, kind: Kind) -> Iterator[Recording]:
    for row in _lines(f"{folder}/recorded.jsonl.gz"):
        yield Recording(
            row["run"],
            str(row["item_id"]),
            row["completion"],
            row["official_correct"],
            row["gold"],
            kind,
            task,
        )


def _tora() -> Iterator[Recording]:
    for row in _lines("gsm8k_tora/tora-code-34b-v1.0.jsonl.gz"):
        predicted = row["pred"][0].replace(",", "")
        is_number = re.fullmatch(r"-?\d+(\.\d+)?", predicted)
        right = bool(is_number) and float(predicted) == float(row["gt"].replace(",", ""))
        yield Recording("tora-code-34b-v1.0", str(row["idx"]), row["code"][0], right, task="gsm8k")


def _rm_maj() -> Iterator[Recording]:
    for row in _lines("math_qwen_rm_maj_100/math_cot_100.jsonl.gz"):
        for sample, (completion, right) in enumerate(zip(row["code"], row["score"], strict=True)):
            yield Recording(str(sample), str(row["idx"]), completion, right, row["gt"], "expression")


def _simple_evals(benchmark: str, kind: Kind) -> Iterator[Recording]:
    for row in _lines("simple_evals_ru/recorded.jsonl.gz"):
        if row["benchmark"] == benchmark:
            yield Recording(
                row["run"], str(row["item_id"]), row["completion"], row["official_correct"], row["gold"], kind
            )


def _zero_shot_cot() -> Iterator[Recording]:
    path = RECORDED / "zero_shot_cot_logs/gsm8k_zero_shot_cot.log.gz"
    log = gzip.decompress(path.read_bytes()).decode()
    shape = re.compile(
        r"A: Let's think step by step\.(.*)\npred_before : .*\npred_mode : (.*)\nGT : (.*)\n", re.DOTALL
    )
    for item, block in enumerate(re.split(r"\n\*{10,}\n\d+st data\n", log)[1:]):
        found = shape.search(block)
        assert found, item
        completion, predicted, target = (part.strip() for part in found.groups())
        yield Recording("text-davinci-002", str(item), completion, predicted == target, target)


BENCHMARKS = {
    "aime24": lambda: _skythought("aime24_skythought", "aime24"),
    "aime24-optillm": _optillm,
    "amc23": lambda: _skythought("math500_skythought", "amc23"),
    "math500": lambda: _skythought("math500_skythought", "math500"),
    "gsm8k-openai": _openai,
    "gsm": lambda: _zeroeval("gsm8k_zeroeval", "gsm8k", "number"),
    "math-l5": lambda: _zeroeval("math_l5_zeroeval", "", "integer"),
    "tora": _tora,
    "rm-maj": _rm_maj,
    "zero-shot-cot": _zero_shot_cot,
    "math": lambda: _simple_evals("math", "expression"),
    "mgsm": lambda: _simple_evals("mgsm", "number"),
}


@cache
def loaded(name: str) -> tuple[Task, dict[str, Sample]]:
    """A built-in task and its test samples by alias."""
    spec = registry().task(name)
    task = load_task(spec, spec.arguments({}))
    samples = task.load(Data(mirror=HUB, offline=True)).test
    return task, {alias: s for s in samples for alias in s.question.metadata["aliases"]}


def is_right(recording: Recording) -> bool:
    """Our verdict: through the task where there is one, as the runner reaches it."""
    if recording.task:
        task, samples = loaded(recording.task)
        item = recording.item
        sample = samples[f"gsm8k-main-test-#{item}" if item.isdecimal() else item]
        answer = task.parse(recording.completion, sample.question)
        return bool(task.score(sample, Outcome(sample.id, answer=answer)).metrics["accuracy"])
    found = extract(recording.completion, recording.kind)
    if found is None:
        return False
    return equivalent(found, recording.target, recording.kind).right


@cache
def verdicts(benchmark: str) -> list[tuple[Recording, bool]]:
    return [(recording, is_right(recording)) for recording in BENCHMARKS[benchmark]()]


def test_every_reason_is_explained_and_used() -> None:
    used = {reason for table in DIFFERENCES.values() for _, reason in table.values()}
    assert used == set(REASONS)


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_every_difference_is_listed(benchmark: str) -> None:
    found = {(r.run, r.item): ours for r, ours in verdicts(benchmark) if ours != r.official}
    listed = {place: ours for place, (ours, _) in DIFFERENCES.get(benchmark, {}).items()}
    new = {place: MORE[ours] for place, ours in found.items() if place not in listed}
    gone = [place for place in listed if place not in found]
    assert not new and not gone, f"new differences: {new}; listed but gone: {gone}"
    assert found == listed


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_figures(benchmark: str) -> None:
    """Per run: the labels give the published figure, and ours is that figure but for the items
    listed, one by one."""
    figures = published(benchmark)
    runs: dict[str, list[tuple[Recording, bool]]] = {}
    for recording, ours in verdicts(benchmark):
        runs.setdefault(recording.run, []).append((recording, ours))
    assert set(figures) <= set(runs)
    for run, pairs in runs.items():
        labelled = sum(recording.official for recording, _ in pairs)
        if run in figures:
            assert 100 * labelled / len(pairs) == pytest.approx(figures[run], abs=0.0501)
        listed = [ours for (r, _), (ours, _) in DIFFERENCES.get(benchmark, {}).items() if r == run]
        assert sum(ours for _, ours in pairs) == labelled + sum(1 if ours else -1 for ours in listed)


def published(benchmark: str) -> dict[str, float]:
    """Accuracy in percent by run, as published; empty where only items are labelled."""
    if benchmark in ("aime24", "amc23", "math500"):
        folder = "aime24_skythought" if benchmark == "aime24" else "math500_skythought"
        files = (RECORDED / folder).glob(f"{benchmark}__*.metrics.json")
        return {
            path.name.removeprefix(f"{benchmark}__").removesuffix(".metrics.json"): json.loads(
                path.read_text()
            )["acc"]
            for path in files
        }
    if benchmark in ("gsm", "math-l5"):
        folder = "gsm8k_zeroeval" if benchmark == "gsm" else "math_l5_zeroeval"
        rows = json.loads((RECORDED / folder / f"{benchmark}.summary.json").read_text())
        recorded = {path.name.removesuffix(".json.gz") for path in (RECORDED / folder).glob("*.gz")}
        return {row["Model"]: float(row["Acc"]) for row in rows if row["Model"] in recorded}
    if benchmark in ("math", "mgsm"):
        stats = json.loads((RECORDED / "simple_evals_ru/stats.json").read_text())
        recorded = {path.name for path in (RECORDED / "simple_evals_ru").glob(f"{benchmark}__*")}
        return {
            run: 100 * row["score"]
            for run, row in stats["bench_model_stats"][benchmark].items()
            if f"{benchmark}__{run}.jsonl.gz" in recorded
        }
    if benchmark == "gsm8k-openai":
        return {
            "6b_finetuning": 21.68,
            "6b_verification": 39.04,
            "175b_finetuning": 34.72,
            "175b_verification": 56.25,
        }
    if benchmark == "zero-shot-cot":
        return {"text-davinci-002": 40.71266110689917}
    if benchmark == "tora":
        return {"tora-code-34b-v1.0": 80.52}  # 80.7 in ToRA's own table, by a rule not recorded
    return {}


def test_aime24_has_no_difference_in_any_run() -> None:
    counts = Counter(recording.run for recording, _ in verdicts("aime24"))
    assert len(counts) == 15 and set(counts.values()) == {30}
    assert all(ours == recording.official for recording, ours in verdicts("aime24"))


def test_votes_over_canonical_answers() -> None:
    """maj@8 of the 100 problems is the documented 93; avg@8 and pass@8 are the documented 91 and 96
    plus the one completion that the official rule misses."""
    votes: dict[str, Counter[str]] = {}
    right: Counter[str] = Counter()
    targets: dict[str, str] = {}
    for recording, ours in verdicts("rm-maj"):
        targets[recording.item] = recording.target
        right[recording.item] += ours
        found = extract(recording.completion, "expression")
        if found is not None:
            votes.setdefault(recording.item, Counter())[canonical(found, "expression")] += 1
    winners = {item: counted.most_common(1)[0][0] for item, counted in votes.items()}
    assert sum(equivalent(won, targets[item], "expression").right for item, won in winners.items()) == 93
    assert sum(right.values()) == 8 * 91 + 1
    assert sum(count > 0 for count in right.values()) == 96 + 1


def test_messy_generations_have_an_answer_or_none() -> None:
    """Generations of a diffusion model, with endless tails and broken tags; they have no labels."""
    answered: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for path in sorted((RECORDED / "d1_llada_generations").glob("*.json.gz")):
        family = path.name.split("_")[0]
        kind: Kind = "number" if family == "gsm8k" else "expression"
        for row in json.loads(gzip.decompress(path.read_bytes()))["generations"]:
            answer = extract(row["generations"], kind)
            total[family] += 1
            answered[family] += answer is not None
            assert answer is None or "<|" not in answer
    assert answered["gsm8k"] == total["gsm8k"] == 205
    assert answered["math500"] >= 0.95 * total["math500"]
