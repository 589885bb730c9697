"""Which arms are meant, which may be compared, and what differs where they may not."""

from __future__ import annotations

import fnmatch
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from harness.base.digest import path_digest
from harness.base.errors import UsageError, nearest
from harness.base.values import typed
from harness.comparison.arms import Arm, Row, code_of, shown_keys
from harness.results.fields import brief, differing, field_of
from harness.results.labels import short

#: characters of a value that a line with a cure names
LONGEST_CURE = 60
#: digits of a digest that name a file, at least, and those that are shown
FEWEST_DIGITS, SHOWN_DIGITS = 6, 12


@dataclass(frozen=True)
class Selection:
    """Which rows of a store are meant; empty fields mean all. Patterns are comma lists of globs."""

    task: str = ""
    method: str = ""
    model: str = ""
    task_args: Mapping[str, Any] = field(default_factory=dict)
    method_args: Mapping[str, Any] = field(default_factory=dict)

    def rows(self, rows: Sequence[Row]) -> list[Row]:
        """The rows that are meant.

        Raises:
            UsageError: a pattern matches none of them; names the nearest.
        """
        chosen = list(rows)
        for name in ("task", "method", "model"):
            pattern = getattr(self, name)
            if pattern:
                chosen = _matching(chosen, name, pattern)
        for name, key, given in (
            ("task", "comparability", self.task_args),
            ("method", "subject", self.method_args),
        ):
            for argument, value in given.items():
                named = {known for row in chosen for known in row[key].get(f"{name}_args", {})}
                if chosen and argument not in named:
                    raise UsageError(
                        f"no stored run has an argument {argument!r}; {nearest(argument, named, 'argument')}"
                    )
                stored = [_argument(row, row[key].get(f"{name}_args", {}).get(argument)) for row in chosen]
                kept = [row for row, own in zip(chosen, stored, strict=True) if _same(own, value)]
                if chosen and not kept:
                    held = sorted({_held(own) for own in stored if own is not None})
                    raise UsageError(
                        f"no stored run has {argument}={short(value, 60)}; there are: {', '.join(held[:8])}"
                    )
                chosen = kept
        return chosen

    def beside(self, rows: Sequence[Row], baseline: str | None) -> list[Row]:
        """The rows that are meant and, where these hold no run of the baseline, its runs that may be compared
        with them: a filter chooses candidates and never takes away what they are compared with.

        Raises:
            UsageError: as `rows`.
        """
        chosen = self.rows(rows)
        if not baseline:
            return chosen
        lacking = {row["comparability_key"] for row in chosen}
        lacking -= {row["comparability_key"] for row in chosen if _is_named(row, baseline)}
        subjects = {_identity(row) for row in rows if _is_named(row, baseline)}
        taken = {id(row) for row in chosen}
        return chosen + [
            row
            for row in rows
            if id(row) not in taken and row["comparability_key"] in lacking and _identity(row) in subjects
        ]


class _File(str):
    """The name of a file, with the digest of its content."""

    digest = ""


def _argument(row: Row, value: Any) -> Any:
    """A stored argument; a file, which keys know by its digest, is its name."""
    if not (isinstance(value, Mapping) and set(value) == {"digest"}):
        return value
    file = _File(row.get("files", {}).get(value["digest"], value["digest"]))
    file.digest = value["digest"]
    return file


def _identity(row: Row) -> tuple[str, str]:
    return row["comparability_key"], row["subject_key"]


def _is_named(row: Row, baseline: str) -> bool:
    """Whether a baseline is this row's method, model, `method@model` or the beginning of its run id."""
    method, sign, model = baseline.partition("@")
    if sign:
        return bool((row["method"], row["model"]) == (method, model))
    by_id = len(baseline) >= 4 and str(row["run_id"]).startswith(baseline)
    return by_id or baseline in (row["method"], row["model"])


class Version(NamedTuple):
    """The N of `N-X`, 0 where none is declared; and the digest of the code where no version stands for it."""

    number: int
    code: str

    def __str__(self) -> str:
        return f"code {self.code[:12]}" if self.code else f"version {self.number}"


def newest_versions(rows: Sequence[Row]) -> tuple[list[Row], str]:
    """The rows of the newest version of each task, and of each method on it with a model; and one sentence
    that names the others, empty where there are none. Only the N of a version `N-X` counts, as scores
    don't change with X. Of a plugin in development, the code that was run last is the newest."""
    kept, older = list(rows), []
    for noun, key, group in (
        ("task", "comparability", ("task",)),
        ("method", "subject", ("comparability_key", "method", "model")),
    ):
        of = [(row, tuple(row[name] for name in group), _version(row, noun, key)) for row in kept]
        last: dict[tuple[Any, ...], tuple[str, int]] = {}
        for row, place, version in of:
            last[place, version] = max(last.get((place, version), ("", 0)), _sealed(row))
        newest: dict[tuple[Any, ...], Version] = {}
        for (place, version), sealed in last.items():
            best = newest.setdefault(place, version)
            by_code = version.code or best.code  # numbers say nothing of code that has none
            if sealed > last[place, best] if by_code else version.number > best.number:
                newest[place] = version
        older += [
            f"{noun} {row[noun]} {version} (the newest is {str(newest[place]).removeprefix('version ')})"
            for row, place, version in of
            if version != newest[place]
        ]
        kept = [row for row, place, version in of if version == newest[place]]
    return kept, f"older versions left out: {', '.join(dict.fromkeys(older))}" if older else ""


def _version(row: Row, noun: str, key: str) -> Version:
    declared = row[key].get(f"{noun}_version", 0)
    if isinstance(declared, int):
        return Version(declared, code_of(row, noun))
    return Version(0, str(declared))


def _sealed(row: Row) -> tuple[str, int]:
    """When a row was sealed: to the second as its record says, below that as its file says."""
    try:
        written = os.stat(row["record"]).st_mtime_ns
    except OSError:
        written = 0
    return str(row["created_at"]), written


def _matching(rows: Sequence[Row], name: str, patterns: str) -> list[Row]:
    known = {str(row[name]) for row in rows}
    wanted: set[str] = set()
    for pattern in filter(None, (part.strip() for part in patterns.split(","))):
        found = {pattern} & known or set(fnmatch.filter(known, pattern))
        if known and not found:
            raise UsageError(f"no stored run of {name} {pattern!r}; {nearest(pattern, known, name)}")
        wanted |= found
    return [row for row in rows if row[name] in wanted]


def _held(stored: Any) -> str:
    """A stored argument as it can be given."""
    if isinstance(stored, _File):
        return f"{stored} {stored.digest[:SHOWN_DIGITS]}"
    return short(stored, LONGEST_CURE)


def _same(stored: Any, given: Any) -> bool:
    """Whether a stored argument is the given one, which may be a value or text as it was typed."""
    if isinstance(stored, _File):
        return _same_file(stored, str(given))
    if stored == given or str(stored).lower() == str(given).lower():
        return True
    if stored is None:  # an argument at the default that it had before it was there
        return isinstance(given, str) and (given == "" or typed(given) is None)
    if not isinstance(given, str):
        return False
    return stored == typed(given) or (isinstance(stored, list) and ",".join(map(str, stored)) == given)


def _same_file(stored: _File, given: str) -> bool:
    """Whether a file is meant: by its content where there is such a path, else by its name, the beginning of
    its digest, or both as messages show them."""
    if os.path.exists(given):
        return path_digest(Path(given)) == stored.digest
    name, _, digits = given.rpartition("/")[2].rpartition(" ")
    by_digits = len(digits) >= FEWEST_DIGITS and stored.digest.startswith(digits)
    return stored == given.rpartition("/")[2] or (by_digits and name in ("", stored))


@dataclass(frozen=True)
class Mixed:
    """Rows of one task that must not be compared: their keys, and the fields in which these differ."""

    task: str
    fields: Mapping[str, Sequence[str]]

    def sentence(self, allow: str = ", or print one table for each key with --allow-mixed") -> str:
        """What differs, and the cure; `allow` says how both are shown, where that can be done."""
        shown = "; ".join(
            f"{name}: {' against '.join(brief(value) for value in values[:4])}"
            for name, values in list(self.fields.items())[:6]
        )
        return f"runs of {self.task} are not comparable: {shown}. {_cure(self.fields)}{allow}"


def _cure(fields: Mapping[str, Sequence[str]]) -> str:
    for name, values in fields.items():
        if name.startswith("task_args."):
            return f"Choose with -T {_typed_form(name.removeprefix('task_args.'), values)}"
    return "Keep runs of other settings in stores of their own (--store)"


def _typed_form(name: str, values: Sequence[str]) -> str:
    """One of the values as an argument that a shell takes; of a long text, how to give it."""
    for value in values:
        text = "null" if value == "None" else value  # an argument that isn't there
        if len(text) <= LONGEST_CURE and text.isprintable():
            return shlex.quote(f"{name}={text}")
    return f"{name}=@FILE, a file with one of the texts"


def by_key(arms: Iterable[Arm]) -> dict[str, list[Arm]]:
    """Arms by comparability key: only those in one list may be compared."""
    tables: dict[str, list[Arm]] = {}
    for arm in arms:
        tables.setdefault(arm.comparability_key, []).append(arm)
    return tables


def mixed(arms: Iterable[Arm]) -> list[Mixed]:
    """The tasks whose arms have more than one comparability key, with what differs."""
    found = []
    by_task: dict[str, dict[str, Arm]] = {}
    for arm in arms:
        by_task.setdefault(arm.task, {})[arm.comparability_key] = arm
    for task, keyed in by_task.items():
        if len(keyed) < 2:
            continue
        keys = shown_keys(keyed.values())
        fields = dict.fromkeys(name for other in keys[1:] for name in differing(keys[0], other))
        ordered = sorted(fields, key=lambda name: not name.startswith("task_args."))
        found.append(
            Mixed(task, {name: sorted({str(field_of(key, name)) for key in keys}) for name in ordered})
        )
    return found


def baseline_of(candidate: Arm, arms: Sequence[Arm], baseline: str) -> Arm | None:
    """The arm that `baseline` names for a candidate, among the arms of its key; None if there is none
    or the candidate is the baseline itself.

    `baseline` is the beginning of a run id, a method, a model, or `method@model`. A method is taken
    with the candidate's model and a model with the candidate's method, where there is a choice.

    Raises:
        UsageError: several arms fit; says how they differ.
    """
    named = [arm for arm in arms if is_baseline(arm, baseline)]
    if any(arm is candidate for arm in named):
        return None
    for same in ("model", "method"):
        if len(named) > 1:
            named = [a for a in named if getattr(a, same) == getattr(candidate, same)] or named
    if len(named) > 1:
        varying_fields = ", ".join(differing(named[0].subject, named[1].subject)) or "store"
        raise UsageError(
            f"the baseline {baseline!r} fits {len(named)} subjects on {candidate.task}, which differ in "
            f"{varying_fields}; name one by the beginning of a run id, as "
            f"--baseline {named[0].run_ids[0][:12]}"
        )
    return named[0] if named else None


def is_baseline(arm: Arm, baseline: str) -> bool:
    """Whether a baseline is this arm's method, model, `method@model`, store or the beginning of a run id."""
    return baseline == arm.store or any(_is_named(run, baseline) for run in (*arm.runs, *arm.shorter))


def check_baseline(arms: Sequence[Arm], baseline: str) -> None:
    """Whether any arm is the baseline.

    Raises:
        UsageError: none is; names the nearest.
    """
    if not any(is_baseline(arm, baseline) for arm in arms):
        known = {arm.method for arm in arms} | {arm.model for arm in arms}
        cure = nearest(baseline, known, "baseline")
        raise UsageError(f"no stored run is the baseline {baseline!r}; {cure}")


def nothing_beside(arms: Sequence[Arm], baseline: str) -> str:
    """Why nothing stands beside a baseline: it is alone, or the name is that of all, as of two prompts."""
    alike = next((table for table in by_key(arms).values() if len(table) > 1), None)
    if alike is None:
        return f"nothing to compare with {baseline!r}: it is the only subject on its items"
    first = alike[0]
    return (
        f"nothing to compare with {baseline!r}, as it names all {len(alike)} subjects on {first.task}, which "
        f"differ in {', '.join(differing(first.subject, alike[1].subject)) or 'store'}; name one by the "
        f"beginning of a run id, as --baseline {first.run_ids[0][:12]}"
    )
