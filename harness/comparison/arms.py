"""Arms: the runs of one subject on one task, pooled over their seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.results.fields import brief, differing, flat, told_apart, with_names
from harness.results.labels import field_label, told, unusual, with_arguments
from harness.results.ranges import metric_range
from harness.spec import MetricRange

METHOD_ARGS = "method_args."
#: of a model beside its name
OF_MODEL = ("model_revision", "model_args.")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Arm:
    """The runs that share a comparability key and a subject key, ordered by seed.

    `store` distinguishes arms of the same subject in two stores; it is empty where there is one store.
    `shorter` are runs of the same seeds with fewer attempts at an item, or older ones that a record of an
    earlier schema knew by the address of a server, which are no further runs: a seed draws once.
    """

    runs: tuple[Row, ...]
    store: str = ""
    shorter: tuple[Row, ...] = ()

    @property
    def task(self) -> str:
        return str(self.runs[0]["task"])

    @property
    def method(self) -> str:
        return str(self.runs[0]["method"])

    @property
    def model(self) -> str:
        return str(self.runs[0]["model"])

    @property
    def primary(self) -> str:
        return str(self.runs[0]["primary"])

    @property
    def comparability(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.runs[0]["comparability"]
        return found

    @property
    def comparability_key(self) -> str:
        return str(self.runs[0]["comparability_key"])

    @property
    def subject(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.runs[0]["subject"]
        return found

    @property
    def subject_key(self) -> str:
        return str(self.runs[0]["subject_key"])

    @property
    def run_ids(self) -> list[str]:
        return [str(run["run_id"]) for run in self.runs]

    @property
    def seeds(self) -> list[int]:
        return [int(run["seed"]) for run in self.runs]

    @property
    def draws(self) -> bool | None:
        """Whether all items of a run share something that was drawn with its seed. None: unknown, as it is of
        records that don't say it, and then to be taken for true."""
        said = {run.get("draws") for run in self.runs}
        return True if "run" in said else None if None in said else False

    @property
    def draw_digests(self) -> list[str] | None:
        """The digest of what each run drew for all its items; None unless every run tells it."""
        told = [run.get("draw_digest") for run in self.runs]
        return None if None in told else [str(digest) for digest in told]

    @property
    def complete(self) -> bool:
        return all(run["status"] == "complete" for run in self.runs)

    def code(self, part: str) -> dict[str, None]:
        """The digests of the `task`'s or `method`'s code that made its runs, in order, as far as they are
        known; several where released code changed under one version."""
        digests = (run.get("code", {}).get(part, {}).get("digest") for run in self.runs)
        return dict.fromkeys(filter(None, digests))

    def usage(self, field: str) -> float | None:
        """Use per attempt, over all runs; None where it is unknown or nothing was attempted."""
        values = [run["usage"].get(field) for run in self.runs]
        attempts = sum(int(run["counts"]["attempts"]) for run in self.runs)
        if not attempts or any(value is None for value in values):
            return None
        return float(sum(values)) / attempts

    def measure(self, name: str) -> float | None:
        """What the method measured of itself, the mean over runs; None where a run doesn't know it."""
        values = [run["measures"].get(name) for run in self.runs]
        return None if None in values else float(sum(values)) / len(values)

    @property
    def estimated(self) -> bool:
        """Whether a tokenizer counted some of the tokens, and no server."""
        return any(run["usage"].get("estimated") for run in self.runs)

    def metric_range(self, metric: str | None = None) -> MetricRange:
        """The values that a metric can have, and which end is the good one; of the primary one by default."""
        return metric_range(self.runs[0], metric or self.primary)

    def rate(self, count: str) -> float:
        """The share of attempts with a status (`error`, `unscored`, `truncated`, `no_answer`)."""
        attempts = sum(int(run["counts"]["attempts"]) for run in self.runs)
        return sum(int(run["counts"].get(count, 0)) for run in self.runs) / attempts if attempts else 0.0

    def named(self, others: Iterable[Arm] = ()) -> str:
        """`method x model`, with the arguments that distinguish it from `others` of the same name."""
        values = flat(self.subject)
        names = {f: own for f in self.distinguishing(others) if (own := field_label(f, values))}
        varying = ", ".join(f"{own}={brief(values.get(field))}" for field, own in names.items())
        name = f"{self.method} x {self.model}" + (f" ({varying})" if varying else "")
        return f"{self.store}: {name}" if self.store else name

    def label(self, others: Iterable[Arm] = ()) -> str:
        """`self-consistency (samples=16)`: the method with its arguments that are not at their default, and
        with whatever else distinguishes it from `others` of the same method and model."""
        arguments = unusual(self.method, self.subject["method_args"]) | told(self.subject)
        values = flat(self.subject)
        for field in self.distinguishing(others):
            if field.startswith(METHOD_ARGS):
                arguments.setdefault(field.removeprefix(METHOD_ARGS), values.get(field))
            elif own := field_label(field, values):
                arguments.setdefault(own, brief(values.get(field)))
        return with_arguments(self.method, arguments)

    def title(self, others: Iterable[Arm] = ()) -> str:
        """`label x model`, after the store where there are several."""
        name = f"{self.label(others)} x {self.model}"
        return f"{self.store}: {name}" if self.store else name

    def distinguishing(self, others: Iterable[Arm]) -> list[str]:
        """The fields of the subject that distinguish it from `others` of the same name, and those that
        distinguish its model from one of the same name that another method asked."""
        found = dict[str, None]()
        for arm in others:
            if arm is self or (arm.model, arm.store) != (self.model, self.store):
                continue
            fields = differing(self.subject, arm.subject)
            found |= dict.fromkeys(f for f in fields if arm.method == self.method or f.startswith(OF_MODEL))
        return list(found)


def code_of(row: Row, part: str) -> str:
    """The digest of the code of a row's `task` or `method` while that is in development, else empty: a
    released one is known by its version."""
    code = row.get("code", {}).get(part) or {}
    return str(code["digest"]) if code.get("development") else ""


def arms_of(rows: Iterable[Row], store: str = "") -> list[Arm]:
    """The arms that rows of the index make, ordered by task, method, model. Rows of one subject that other
    code of it made are never pooled; of the runs of one seed those with the most attempts count."""
    pooled: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        key = (row["comparability_key"], row["subject_key"], code_of(row, "task"), code_of(row, "method"))
        pooled.setdefault(key, []).append(row)
    arms = [
        _arm(sorted(runs, key=lambda r: (r["seed"], r["epochs"], r["run_id"])), store)
        for runs in pooled.values()
    ]
    return sorted(
        arms, key=lambda arm: (arm.task, arm.comparability_key, arm.method, arm.model, arm.subject_key)
    )


def _arm(runs: Sequence[Row], store: str) -> Arm:
    """The arm of runs in the order of their seeds: of each seed those with the most attempts at an item, of
    finished ones before stopped ones."""
    most: dict[int, tuple[bool, int]] = {}
    for run in runs:
        most[run["seed"]] = max(most.get(run["seed"], (False, 0)), _length(run))
    newest: dict[int, Row] = {}
    for run in runs:
        before = newest.get(run["seed"])
        if _length(run) == most[run["seed"]] and (before is None or _age(before) <= _age(run)):
            newest[run["seed"]] = run
    kept = tuple(newest.values())
    return Arm(kept, store, tuple(run for run in runs if newest[run["seed"]] is not run))


def _age(run: Row) -> tuple[str, str]:
    return str(run["created_at"]), str(run["run_id"])


def _length(run: Row) -> tuple[bool, int]:
    return run["status"] == "complete", int(run["epochs"])


def shown_keys(arms: Iterable[Arm]) -> list[dict[str, Any]]:
    """What each arm's comparability key is made of, with files by their names; where several files of these
    arms have one name, the beginning of the digest tells them apart."""
    every = list(arms)
    files = {digest: name for arm in every for digest, name in arm.runs[0].get("files", {}).items()}
    names = told_apart(files)
    return [with_names(arm.comparability, names) for arm in every]
