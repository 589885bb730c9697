"""Checks the fields that declare a spec, wherever they were written: a TOML table or class attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass
from typing import Any, cast

from harness.base.columns import AFTER, BEFORE
from harness.base.errors import PluginError, UsageError, nearest
from harness.spec import (
    ANSWERS,
    DRAWS,
    NEEDS,
    OFFERS,
    TYPES,
    VERSION,
    DataPin,
    MethodSpec,
    MetricRange,
    Param,
    Spec,
    TaskSpec,
)

#: fields of a spec that say where it was found, or what; no plugin declares them
_PLACE = {"name", "package", "distribution", "folder", "origin", "path", "ranges", "settled"}
KEYS: dict[type[Spec], set[str]] = {
    kind: {f.name for f in dataclass_fields(kind)} - _PLACE for kind in (TaskSpec, MethodSpec)
}
_PARAM = ("default", "help", "choices", "later", "file", "type", "optional", "required", "template")
_TEXTS = (
    "paper",
    "licence",
    "notes",
    "primary",
    "scorer",
    "canary",
    "results",
    "overall",
    "known_broken",
    "settles",
    "against",
)
_FLAGS = ("fits", "model", "apart", "private_targets", "private_questions")
_COUNTS = ("n_items", "duplicates")
_TABLES = ("settings", "decoding", "setup", "in_text", "params", "data", "metrics", "set_metrics", "twin")
_LISTS = ("offers", "needs", "may_use", "roles", "files")
_ROLE = re.compile(r"[A-Za-z][\w-]*")
#: `agent1..agent64`: roles that are counted
_RANGE = re.compile(r"([A-Za-z][\w-]*?)(\d+)\.\.\1(\d+)")


def checked_spec(
    kind: type[Spec], name: str, given: Mapping[str, Any], *, where: str, released: bool, **place: Any
) -> Spec:
    """The spec of class `kind` that `given` declares.

    Args:
        where: the beginning of every message, which names the file and its owner.
        released: whether a version must be declared.
        place: fields that say where it was found.

    Raises:
        PluginError: a key is unknown, missing or of the wrong kind.
    """
    where = f"{where}: {name}"
    fields = dict(given)
    for key in fields:
        if key not in KEYS[kind]:
            cure, valid = nearest(key, KEYS[kind], "key"), ", ".join(sorted(KEYS[kind]))
            listed = f"{cure} valid keys: {valid}" if cure.endswith("?") else f"valid keys: {valid}"
            raise PluginError(f"{where} has an unknown key {key!r}; {listed}")
    for key in ("version", "summary", "entry"):
        if key == "version" and not released and not fields.get(key):
            fields[key] = ""
        elif not isinstance(fields.get(key), str) or not fields[key]:
            raise PluginError(f"{where} needs the text {key!r}")
    if fields["version"] and not VERSION.match(fields["version"]):
        raise PluginError(f"{where} has version {fields['version']!r}, not N-X as in 1-A")
    if ":" not in fields["entry"]:
        raise PluginError(f"{where} has entry {fields['entry']!r}, not module:Class")
    _check_kinds(fields, where)
    fields["params"] = {key: _param(key, value, where) for key, value in fields.get("params", {}).items()}
    if "roles" in fields:
        fields["roles"] = [role for word in fields["roles"] for role in _counted(word)]
    reachable = (*NEEDS, *fields.get("roles", ()))
    for key, words in (("offers", OFFERS), ("needs", reachable), ("may_use", reachable)):
        for word in fields.get(key, ()):
            if word not in words:
                noun = "offer" if key == "offers" else "need"
                raise PluginError(f"{where} {key} {word!r}; {nearest(word, words, noun)}")
    for role in fields.get("roles", ()):
        if not _ROLE.fullmatch(role):
            raise PluginError(f"{where} has a role {role!r}; a role is named with letters, digits, - and _")
    for key in _LISTS:
        if key in fields:
            fields[key] = tuple(fields[key])
    if kind is TaskSpec:
        _read_task(fields, where)
    _check_twin(fields, where)
    if kind is MethodSpec and "draws" in fields and fields["draws"] not in DRAWS:
        raise PluginError(f"{where} has draws {fields['draws']!r}, not one of {', '.join(DRAWS)}")
    return kind(name=name, **fields, **place)


def _counted(word: str) -> list[str]:
    """The roles of a range; any other word as it is."""
    found = _RANGE.fullmatch(word) if isinstance(word, str) else None
    if found is None:
        return [word]
    return [f"{found[1]}{n}" for n in range(int(found[2]), int(found[3]) + 1)]


def _check_twin(fields: Mapping[str, Any], where: str) -> None:
    for name, value in fields.get("twin", {}).items():
        if name not in fields["params"]:
            raise PluginError(f"{where} has a twin with {name!r}, which is none of its params")
        try:
            fields["params"][name].read(value)
        except UsageError as error:
            raise PluginError(f"{where} has a twin with {error}") from None


def _check_kinds(fields: Mapping[str, Any], where: str) -> None:
    for keys, kind, said in (
        (_TEXTS, str, "a text"),
        (_FLAGS, bool, "true or false"),
        (_COUNTS, int, "a whole number"),
        (_TABLES, Mapping, "a table"),
        (_LISTS, list | tuple, "a list of words"),
    ):
        for key in keys:
            if key in fields and not isinstance(fields[key], kind):
                raise PluginError(f"{where} has {key} {fields[key]!r}, which is not {said}")
    for key in _LISTS:
        for word in fields.get(key, ()):
            if not isinstance(word, str):
                raise PluginError(f"{where} has {word!r} in {key}, which is not a word")


def _param(name: str, value: Any, where: str) -> Param:
    """A parameter: a bare default, or a table with a default, `required = true`, or `optional = true`, whose
    default is then None."""
    if isinstance(value, Param):
        return value
    if not isinstance(value, Mapping) or not (
        "default" in value or value.get("required") or value.get("optional")
    ):
        return Param(name, value)
    for key in value:
        if key not in _PARAM:
            raise PluginError(
                f"{where} has an unknown key {key!r} in params.{name}; valid keys: {', '.join(_PARAM)}"
            )
    kind = value.get("type", "")
    if kind and kind not in TYPES:
        raise PluginError(f"{where} has type {kind!r} in params.{name}, not one of {', '.join(TYPES)}")
    return Param(
        name,
        value.get("default"),
        value.get("help", ""),
        tuple(value.get("choices", ())),
        bool(value.get("later", False)),
        bool(value.get("file", False)),
        kind or ("str" if value.get("required") else ""),
        bool(value.get("optional", False)),
        bool(value.get("required", False)),
        bool(value.get("template", False)),
    )


def _read_task(fields: dict[str, Any], where: str) -> None:
    if fields.get("answer", "text") not in ANSWERS:
        raise PluginError(f"{where} has answer {fields['answer']!r}, not one of {', '.join(ANSWERS)}")
    fields["data"] = {key: _pin(key, pin, where) for key, pin in fields.get("data", {}).items()}
    ranges: dict[str, MetricRange] = {}
    for key in ("metrics", "set_metrics"):
        if key in fields:
            fields[key] = {name: _limit(name, value, ranges, where) for name, value in fields[key].items()}
    metrics = fields.get("metrics", {"accuracy": 1.0})
    if "primary" not in fields and len(metrics) == 1:
        fields["primary"] = next(iter(metrics))
    primary = fields.get("primary", "accuracy")
    if primary not in metrics:
        raise PluginError(f"{where} has primary {primary!r}, not one of its metrics: {', '.join(metrics)}")
    fields["ranges"] = ranges


def _pin(key: str, pin: Any, where: str) -> DataPin:
    if is_dataclass(pin) and isinstance(pin, DataPin):
        return pin
    known = {f.name for f in dataclass_fields(DataPin)}
    if not isinstance(pin, Mapping) or "id" not in pin or set(pin) - known:
        raise PluginError(
            f"{where} has data.{key} {pin!r}, not a table with the keys id, config, split, revision"
        )
    return DataPin(**pin)


def _limit(name: str, value: Any, ranges: dict[str, MetricRange], where: str) -> float:
    """The largest value of a metric; a declared range goes into `ranges`."""
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise PluginError(f"{where} has a metric {name!r}; a name is a text that can be printed")
    if name in (*BEFORE, *AFTER):
        raise PluginError(f"{where} has a metric {name!r}, which is a column of attempts; name it otherwise")
    if isinstance(value, MetricRange):
        value = {
            "low": value.low,
            "high": value.high,
            "better": "lower" if value.lower_is_better else "higher",
        }
    if not isinstance(value, Mapping):
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise PluginError(
                f"{where} has metric {name} = {value!r}, not its largest value, a number above 0"
            )
        return float(value)
    unknown = set(value) - {"low", "high", "better"}
    low, high, better = value.get("low", 0.0), value.get("high"), value.get("better", "higher")
    numbers = all(isinstance(end, int | float) and not isinstance(end, bool) for end in (low, high))
    if (
        unknown
        or not numbers
        or not cast(float, low) < cast(float, high)
        or better not in ("higher", "lower")
    ):
        raise PluginError(
            f"{where} has metric {name} = {dict(value)!r}, not its largest value or "
            '{ low = NUMBER, high = NUMBER, better = "higher" or "lower" }'
        )
    limits = MetricRange(float(low), float(cast(float, high)), better == "lower")
    ranges[name] = limits
    return limits.high
