"""Specs: what a task or a method is, as data that can be listed and checked without importing it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.base.errors import PluginError, UsageError, nearest
from harness.base.values import Written

VERSION = re.compile(r"^(\d+)-([A-Z]+)$")
ANSWERS = ("label", "integer", "number", "expression", "text", "grid", "ranking", "trajectory")
OFFERS = (
    "labelled",
    "pool",
    "dev",
    "test_inputs",
    "countable",
    "world",
    "interactions",
    "item_texts",
)
ROLES = ("judge", "user", "simulator", "annotator")
NEEDS = OFFERS + ("tools", "logprobs", "trainable", "embedder", "human") + ROLES


@dataclass(frozen=True)
class Param:
    """An argument with its default (`-T name=value` for a task, `-M name=value` for a method).

    `later` marks one that was added once results were published: at its default, at which it must change
    nothing, the hashes of a run don't name it, so that rows from before stay comparable.
    """

    name: str
    default: Any
    help: str = ""
    choices: tuple[Any, ...] = ()
    later: bool = False

    def read(self, value: Any) -> Any:
        """`value` in the type of the default.

        Raises:
            UsageError: the value is of another type or not among the choices.
        """
        kind = type(self.default)
        if isinstance(value, Written):
            value = value.as_kind(kind)
        if isinstance(value, str) and kind is not str:
            try:
                value = _read_as(kind, value)
            except ValueError:
                raise UsageError(
                    f"{self.name}={value!r} is not {_article(kind)}; the default is {self.default!r}"
                ) from None
        elif kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        elif kind is str and not isinstance(value, str):
            value = str(value)
        if self.choices and value not in self.choices:
            shown = ", ".join(map(str, self.choices))
            raise UsageError(f"{self.name}={value!r} is not one of: {shown}")
        return value


def _article(kind: type) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "valid")


def _read_as(kind: type, text: str) -> Any:
    if kind is bool:
        try:
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        except KeyError:
            raise ValueError(text) from None
    if kind in (int, float):
        return kind(text)
    if kind is list:
        return [part for part in text.split(",") if part]
    return text


@dataclass(frozen=True)
class DataPin:
    """Where a task's rows come from. `revision` is a commit of the repository that `id` names, or
    'main' where none could be pinned; every record says which, beside the digest of the rows used."""

    id: str
    config: str | None = None
    split: str = "test"
    revision: str = "main"


@dataclass(frozen=True)
class Spec:
    """What tasks and methods have in common. Version is `N-X`: N moves when scores may change."""

    name: str
    version: str
    summary: str
    entry: str
    paper: str = ""
    licence: str = ""
    params: Mapping[str, Param] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    package: str = ""
    distribution: str = ""
    folder: str = ""
    notes: str = ""

    @property
    def comparability_version(self) -> int:
        """The N of `N-X`."""
        match = VERSION.match(self.version)
        assert match, self.version
        return int(match[1])

    def hashed(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that the hashes of a run name: all but those added later that have their default."""
        return {
            name: value
            for name, value in arguments.items()
            if name not in self.params or not self.params[name].later or value != self.params[name].default
        }

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every parameter with its given or default value.

        Raises:
            UsageError: an argument that the spec doesn't know, or a value that doesn't fit.
        """
        for name in given:
            if name not in self.params:
                cure = nearest(name, self.params, "parameter") if self.params else "it takes none"
                raise UsageError(f"{self.name} has no parameter {name!r}; {cure}")
        values = {name: param.default for name, param in self.params.items()}
        for name, value in given.items():
            try:
                values[name] = self.params[name].read(value)
            except UsageError as error:
                raise UsageError(f"{self.name}: {error}") from None
        return values


@dataclass(frozen=True)
class TaskSpec(Spec):
    """A task's spec: also its data, kind of answer, metrics and what it offers to methods.

    `metrics` have a value for every item, `set_metrics` only for the set as a whole; both name the
    largest value possible. `setup` is a recipe of `harness.external.setup`; `results` names a module that
    reads the benchmark's own result files (see `harness.data.responses.results_module`); `overall` names a
    module that makes figures of the whole from the members of a family: `overall(values)` gives them by name
    from the members' primary metrics, `PARTS` the members that a part is made of; `known_broken` is a file
    that lists items which are broken upstream (see `harness.external.known_broken`); `in_text` are arguments
    with which the task's worlds are answered in words, so that models need no tool calls; a task that is
    `apart` isn't meant where its family is named.
    """

    answer: str = "text"
    primary: str = "accuracy"
    metrics: Mapping[str, float] = field(default_factory=lambda: {"accuracy": 1.0})
    set_metrics: Mapping[str, float] = field(default_factory=dict)
    offers: tuple[str, ...] = ()
    data: Mapping[str, DataPin] = field(default_factory=dict)
    decoding: Mapping[str, Any] = field(default_factory=dict)
    scorer: str = "1"
    canary: str = ""
    n_items: int = 0
    setup: Mapping[str, Any] = field(default_factory=dict)
    results: str = ""
    overall: str = ""
    known_broken: str = ""
    in_text: Mapping[str, Any] = field(default_factory=dict)
    apart: bool = False


@dataclass(frozen=True)
class MethodSpec(Spec):
    """A method's spec: also what it needs from the task, the model and the run. `model` says whether
    it spends a generating model at all; one that doesn't is run once, with the model `none`."""

    needs: tuple[str, ...] = ()
    may_use: tuple[str, ...] = ()
    fits: bool = False
    model: bool = True


_COMMON = {"version", "summary", "entry", "paper", "licence", "params", "settings", "notes"}
_TASK = _COMMON | {
    "answer",
    "primary",
    "metrics",
    "set_metrics",
    "offers",
    "data",
    "decoding",
    "scorer",
    "canary",
    "n_items",
    "setup",
    "results",
    "overall",
    "known_broken",
    "in_text",
    "apart",
}
_METHOD = _COMMON | {"needs", "may_use", "fits", "model"}


def read_specs(
    kind: str, document: Mapping[str, Any], *, package: str, distribution: str, folder: str
) -> list[Spec]:
    """The specs of one `task.toml` or `method.toml`.

    Keys at the top are shared by every `[task.NAME]` (or `[method.NAME]`) table below them. A table
    `[plus.PLUG]` declares, beside every NAME, also NAME+PLUG: the same entry with the plug's settings,
    params and needs added to its own.

    Raises:
        PluginError: a key is unknown, missing or of the wrong kind; names distribution and file.
    """
    where = f"{kind}.toml in {folder} (distribution {distribution or package})"
    shared = {key: value for key, value in document.items() if key not in (kind, "plus")}
    tables = document.get(kind, {})
    if not isinstance(tables, Mapping) or not tables:
        raise PluginError(f"{where} declares no [{kind}.NAME] table")
    tables = {
        **tables,
        **{
            f"{name}+{plug}": _plugged({**shared, **table}, added)
            for name, table in tables.items()
            for plug, added in document.get("plus", {}).items()
        },
    }
    specs: list[Spec] = []
    for name, table in tables.items():
        fields = {**shared, **table}
        for merged in ("params", "settings", "decoding", "data"):
            if merged in shared and merged in table:
                fields[merged] = {**shared[merged], **table[merged]}
        known = _TASK if kind == "task" else _METHOD
        for key in fields:
            if key not in known:
                raise PluginError(f"{where}: {name} has an unknown key {key!r}; {nearest(key, known, 'key')}")
        for key in ("version", "summary", "entry"):
            if not isinstance(fields.get(key), str) or not fields[key]:
                raise PluginError(f"{where}: {name} needs the text {key!r}")
        if not VERSION.match(fields["version"]):
            raise PluginError(f"{where}: {name} has version {fields['version']!r}, not N-X as in 1-A")
        if ":" not in fields["entry"]:
            raise PluginError(f"{where}: {name} has entry {fields['entry']!r}, not module:Class")
        fields["params"] = {
            key: Param(
                key,
                value["default"],
                value.get("help", ""),
                tuple(value.get("choices", ())),
                bool(value.get("later", False)),
            )
            if isinstance(value, Mapping) and "default" in value
            else Param(key, value)
            for key, value in fields.get("params", {}).items()
        }
        place: dict[str, Any] = {"package": package, "distribution": distribution, "folder": folder}
        if kind == "task":
            fields["data"] = {k: DataPin(**pin) for k, pin in fields.get("data", {}).items()}
            fields["offers"] = _words(fields, "offers", OFFERS, where, name)
            if fields.get("answer", "text") not in ANSWERS:
                raise PluginError(
                    f"{where}: {name} has answer {fields['answer']!r}, not one of {', '.join(ANSWERS)}"
                )
            specs.append(TaskSpec(name=name, **fields, **place))
        else:
            fields["needs"] = _words(fields, "needs", NEEDS, where, name)
            fields["may_use"] = _words(fields, "may_use", NEEDS, where, name)
            specs.append(MethodSpec(name=name, **fields, **place))
    return specs


def _plugged(table: Mapping[str, Any], added: Mapping[str, Any]) -> dict[str, Any]:
    """A table with what a plug adds: lists and tables are joined, sentences follow each other."""
    joined = dict(table)
    for key, value in added.items():
        own = table.get(key)
        if isinstance(own, Mapping):
            joined[key] = {**own, **value}
        elif isinstance(own, list):
            joined[key] = [*own, *value]
        else:
            joined[key] = f"{own}; {value}" if key == "summary" and own else value
    return joined


def _words(
    fields: Mapping[str, Any], key: str, valid: tuple[str, ...], where: str, name: str
) -> tuple[str, ...]:
    words = tuple(fields.get(key, ()))
    for word in words:
        if word not in valid:
            raise PluginError(f"{where}: {name} {key} {word!r}; {nearest(word, valid, key)}")
    return words
