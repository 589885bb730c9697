"""The figures of a whole family of tasks, where its specs name a module that makes them (BFCL's overall)."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from harness.base.digest import canonical_json
from harness.external.known_broken import WITHOUT
from harness.results.overall_error import figure_errors


def overall_figures(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One object a subject, from the runs at hand alone; none for a subject without a part of the whole of
    which every member was measured.

    `figures` are from 0 to 1, and null where no member of the part was measured; `missing` names, by part,
    members that were not, and `partial` members of which some items were, as `{"n_items": 5, "of": 400}`.
    `stderr` are the errors of figures for new items of what was measured, where tasks share groups with what
    they vary together; empty where the attempts are not at hand.
    """
    from harness.registry import registry

    known = registry().tasks
    able = [r for r in records if r["task"]["name"] in known and known[r["task"]["name"]].overall]
    made = []
    for (family, method, _, model, seed), group in groupby(sorted(able, key=_subject), _subject):
        runs = {r["task"]["name"]: r for r in group if _value(r, r["primary"]) is not None}
        if not runs:
            continue
        whole = importlib.import_module(known[next(iter(runs))].overall)
        missing = {
            part: [f"{family}/{member}" for member in members if f"{family}/{member}" not in runs]
            for part, members in whole.PARTS.items()
        }
        if all(missing.values()):
            continue

        found = {name: _value(r, r["primary"]) or 0.0 for name, r in runs.items()}
        sound = {name: _value(r, f"{r['primary']}{WITHOUT}") for name, r in runs.items()}
        one = {
            "family": family,
            "method": method,
            "model": model,
            "seed": int(seed),
            "tasks": list(runs),
            "figures": _figures(whole, found, missing),
            "stderr": figure_errors(whole.overall, runs),
        }
        if any(value is not None for value in sound.values()):
            kept = {name: found[name] if value is None else value for name, value in sound.items()}
            one["figures_without_known_broken"] = _figures(whole, kept, missing)
        one["missing"] = {part: members for part, members in missing.items() if members}
        run = {name: min(r["n_items"], r["counts"]["attempts"]) for name, r in runs.items()}
        one["partial"] = {
            name: {"n_items": n, "of": known[name].n_items}
            for name, n in run.items()
            if n < known[name].n_items
        }
        made.append(one)
    return made


def _figures(
    whole: Any, values: Mapping[str, float], missing: Mapping[str, Sequence[str]]
) -> dict[str, float | None]:
    """The figures that the module `whole` makes; None for parts of which nothing was measured."""
    empty = {part for part, members in whole.PARTS.items() if len(missing[part]) == len(members)}
    return {name: None if name in empty else value for name, value in whole.overall(values).items()}


def overall_lines(whole: Mapping[str, Any]) -> list[str]:
    """The lines for a reader about an object of `overall_figures`."""
    name = f"{whole['family']} x {whole['method']} x {whole['model']}"
    lines = [f"{name}, {len(whole['tasks'])} of its tasks: {_shown(whole, 'figures')}"]
    if "figures_without_known_broken" in whole:
        shown = _shown(whole, "figures_without_known_broken")
        lines.append(f"{name}, without known-broken items: {shown}")
    absent = [_short(task) for members in whole["missing"].values() for task in members]
    if absent:
        lines.append(f"{name}: not run, and 0 in these figures as officially: {', '.join(absent)}")
    if whole["partial"]:
        some = [f"{_short(task)} {n['n_items']} of {n['of']}" for task, n in whole["partial"].items()]
        lines.append(f"{name}: only a part of the items was run: {', '.join(some)}")
    return lines


def _shown(whole: Mapping[str, Any], key: str) -> str:
    missing, errors = whole["missing"], whole["stderr"] if key == "figures" else {}
    return ", ".join(
        f"{name} not run"
        if value is None
        else f"{name} {100 * value:.2f}{_error(errors.get(name))}"
        f"{' (a part was not run)' if missing.get(name) else ''}"
        for name, value in whole[key].items()
    )


def _error(stderr: float | None) -> str:
    return f" (SE {100 * stderr:.2f})" if stderr else ""


def _short(task: str) -> str:
    return task.partition("/")[2]


def _subject(record: Mapping[str, Any]) -> list[str]:
    family = record["task"]["name"].partition("/")[0]
    arguments = canonical_json([record["method"]["args"], record["task"]["args"]])
    return [family, record["method"]["name"], arguments, record["model"], str(record["seed"])]


def _value(record: Mapping[str, Any], metric: str) -> float | None:
    """None where the record lacks the metric, or nothing of its run was measured."""
    found = record["metrics"].get(metric) if record["counts"]["ok"] else None
    return None if found is None else float(found["value"])
