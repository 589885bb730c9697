"""What is checked and how strictly: `checks.yaml`, or flags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from harness.base.documents import load_yaml
from harness.base.errors import UsageError, unknown_key
from harness.gate.margin import Margin, parse_margin

#: how alpha is spent over looks
SPENDING = ("obrien-fleming", "pocock", "unlimited")


@dataclass(frozen=True)
class Check:
    """One (task, method, model) to hold against its reference.

    Empty names mean all; names may be globs and comma lists. `task_args` may be written `T`, as in the
    configuration of `harness eval`. `margin` is the largest loss that is acceptable: a share of the
    baseline's value (`5%`), or, for a metric with limits, a number in its unit (0.02 is two points); where
    less is better, the largest increase. `runs_most` is the number of the candidate's runs over which alpha
    is spent; by default what the margin takes.
    """

    task: str = ""
    method: str = ""
    model: str = ""
    task_args: Mapping[str, Any] = field(default_factory=dict)
    margin: Margin | None = None
    runs_most: int | None = None


@dataclass(frozen=True)
class Rules:
    """How strictly. Rates are shares of attempts.

    Attributes:
        baseline: name of the baseline, or its file.
        alpha: family-wise one-sided level over all checks and all looks.
        margin: the margin of checks that name none. There is no default: how much may be lost is the user's
            to say.
        runs_most: that of checks that name none.
        spending: how alpha is spent over looks: `obrien-fleming`, `pocock`, or `unlimited`, which needs no
            `runs_most` and has a quarter less power.
        nightly: each look is at another version, as of a model behind an alias.
        regress_factor: `regressed` needs an estimate below -margin x this, besides significance.
        overlap: least share of the baseline's items that the candidate must have.
        max_rate_difference: by how much error, unscored and truncation rates may differ.
        confirm: whether a first hit is run again with fresh seeds, both sides of it, before it fails.
        fail_inconclusive: whether `inconclusive` has exit code 3 or 0.
        checks: what to check; everything in the baseline if empty. The first that names a subject counts.
    """

    baseline: str = "main"
    alpha: float = 0.05
    margin: Margin | None = None
    runs_most: int | None = None
    spending: str = SPENDING[0]
    nightly: bool = False
    regress_factor: float = 0.5
    overlap: float = 0.95
    max_rate_difference: float = 0.02
    confirm: bool = True
    fail_inconclusive: bool = True
    checks: tuple[Check, ...] = ()


def read_rules(path: Path | None, **given: Any) -> Rules:
    """The rules of a file, with `given` (flags that are not None) over them.

    Raises:
        UsageError: the file can't be read, a key is unknown, or a number is out of range.
    """
    values: dict[str, Any] = {}
    if path is not None:
        values = _document(path)
        _known(values, Rules, str(path))
    values |= {key: value for key, value in given.items() if value is not None}
    where = str(path or "the command line")
    _parsed(values, where)
    checks = []
    for entry in values.pop("checks", None) or ():
        if isinstance(entry, Check):
            checks.append(entry)
            continue
        if not isinstance(entry, dict):
            raise UsageError(f"{where}: a check is a mapping such as 'task: arc1d', not {entry!r}")
        entry = {"task_args" if key == "T" else key: value for key, value in entry.items()}
        _known(entry, Check, where)
        _parsed(entry, where)
        whole = {name: values[name] for name in ("margin", "runs_most") if name in values}
        flags = {name: value for name, value in whole.items() if given.get(name) is not None}
        checks.append(Check(**{**whole, **entry, **flags}))
    try:
        rules = Rules(**values, checks=tuple(checks))
    except TypeError as error:
        raise UsageError(f"{where}: {error}") from None
    for name, low, high in (
        ("alpha", 0.0001, 0.5),
        ("regress_factor", 0.0, 1.0),
        ("overlap", 0.0, 1.0),
        ("max_rate_difference", 0.0, 1.0),
    ):
        _within(name, getattr(rules, name), low, high, where)
    if rules.spending not in SPENDING:
        raise UsageError(f"{where}: spending is one of {', '.join(SPENDING)}, not {rules.spending!r}")
    return rules


def _parsed(values: dict[str, Any], where: str) -> None:
    """Margin and number of runs in the form that they are used in."""
    if values.get("margin") is not None:
        values["margin"] = parse_margin(values["margin"], where)
    most = values.get("runs_most")
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
        raise UsageError(f"{where}: runs_most is a whole number of runs, at least 1, not {most!r}")


def _document(path: Path) -> dict[str, Any]:
    import yaml

    try:
        found = load_yaml(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not text in UTF-8") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UsageError(f"{path}: keys with values are wanted, as 'baseline: main'")
    return {str(key).replace("-", "_"): value for key, value in found.items()}


def _known(values: Mapping[str, Any], kind: type, where: str) -> None:
    names = [f.name for f in fields(kind)]
    for key in values:
        if key not in names:
            raise UsageError(f"{where}: {unknown_key(str(key), names)}")


def _within(name: str, value: Any, low: float, high: float, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise UsageError(f"{where}: {name} lies between {low:g} and {high:g}, not {value!r}")
