"""What an installation of bfcl-eval must show before it is used: in every category an answer made of the
ground truth is right, another one wrong, and the first one right again."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.external.setup import of_recipe
from harness.external.workers import Pool, Worker
from harness.tasks.bfcl.official import SCRIPT

#: entries that are tried until one can be answered by rule: of Java and JavaScript few can
TRIED = 100
#: an entry of format_sensitivity, whose 5,200 prompts take long to make, and its answer
FORMATTED = (
    "format_sensitivity_0:ret_fmt=python&tool_call_tag=True&func_doc_fmt=python&prompt_fmt=plaintext"
    "&style=classic:simple_python_19",
    "<TOOLCALL>[math.gcd(num1=40, num2=50)]</TOOLCALL>",
)


def verify(packages: Path) -> None:
    """Grades answers of every category.

    Raises:
        ValueError: a count or a verdict differs; names the category.
        WorkerError: the package fails.
    """
    made = Pool(SCRIPT, packages, 1)
    try:
        for name, spec in of_recipe("bfcl").items():
            _check(made.one(), name, str(spec["settings"]["category"]), int(spec["n_items"]))
    finally:
        made.close()


def _check(worker: Worker, name: str, category: str, size: int) -> None:
    def right(id: str, mode: str, result: Any) -> bool:
        asked = {"do": "score", "category": category, "id": id, "mode": mode, "result": result}
        return bool(worker.ask(asked)["valid"])

    answers: Iterable[tuple[str, str, Any, Any]] = [(FORMATTED[0], "prompt", FORMATTED[1], "40")]
    if category != "format_sensitivity":
        rows = worker.ask({"do": "load", "category": category})
        if len(rows) != size:
            raise ValueError(f"{name} has {len(rows)} entries instead of {size}")
        answers = _answers(category, rows[:TRIED])
    for id, mode, good, bad in answers:
        if right(id, mode, good):
            for result, wanted in ((bad, False), (good, True)):
                if right(id, mode, result) != wanted:
                    raise ValueError(f"{name}: an answer to {id} is graded {not wanted}, not {wanted}")
            return
    raise ValueError(f"{name}: no answer made of the ground truth is right")


def _answers(category: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, Any, Any]]:
    """Entries with their mode, an answer that may be right and one that is wrong."""
    for row in rows:
        truth = row["truth"]
        if "relevance" in category:
            words, call = "No function helps here.", [{"any": "{}"}]
            wanted: tuple[Any, Any] = (words, call) if "irrelevance" in category else (call, words)
            yield row["id"], "fc", wanted[0], wanted[1]
        elif category.startswith("multi_turn"):
            if played := _written_turns(truth):
                yield row["id"], "prompt", played, [[] for _ in truth]
        elif category.startswith(("memory", "web_search")):
            yield row["id"], "fc", [[f"It is {truth[0]}."]], [["It is not known."]]
        else:
            yield row["id"], "fc", _native_calls(truth, category.rpartition("_")[2]), []


def _native_calls(truth: Any, language: str) -> Any:
    """Calls with the first accepted value of every argument that may not be left out. Values of Java and
    JavaScript are texts."""
    calls = []
    for call in truth:
        for name, arguments in call.items():
            given = _needed(arguments)
            if language in ("java", "javascript"):
                given = {
                    key: each if isinstance(each, str) else json.dumps(each) for key, each in given.items()
                }
            calls.append({name.replace(".", "_"): json.dumps(given)})
    return calls


def _needed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(values[0]) for name, values in arguments.items() if "" not in values}


def _value(value: Any) -> Any:
    """An accepted value, of whose own fields several values may be accepted."""
    if isinstance(value, dict):
        return _needed(value)
    return [_value(each) for each in value] if isinstance(value, list) else value


def _written_turns(truth: Any) -> Any:
    """One step a turn, written as prompted models write calls; None where arguments have no names, which
    that way of writing loses."""
    calls = [ast.parse(call, mode="eval").body for turn in truth for call in turn]
    if any(isinstance(call, ast.Call) and call.args for call in calls):
        return None
    return [[f"[{', '.join(turn)}]"] if turn else [] for turn in truth]
