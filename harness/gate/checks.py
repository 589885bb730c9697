"""What is checked and how strictly: `checks.yaml`, or flags."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from harness.base.errors import UsageError, unknown_key
from harness.base.values import load_yaml


@dataclass(frozen=True)
class Check:
    """One (task, method, model) to hold against its reference.

    Empty names mean all; names may be globs and comma lists. `task_args` may be written `T`, as in the
    configuration of `harness eval`. `margin` is the largest loss that is acceptable, in the unit
    of the metric (0.02 is two points); where less is better, the largest increase.
    """

    task: str = ""
    method: str = ""
    model: str = ""
    task_args: Mapping[str, Any] = field(default_factory=dict)
    margin: float = 0.02


@dataclass(frozen=True)
class Rules:
    """How strictly. Rates are shares of attempts.

    Attributes:
        baseline: name of the baseline, or its file.
        alpha: family-wise one-sided level over all checks.
        margin: the margin of checks that name none.
        regress_factor: `regressed` needs an estimate below -margin x this, besides significance.
        overlap: least share of the baseline's items that the candidate must have.
        max_rate_difference: by how much error, unscored and truncation rates may differ.
        confirm: whether a first hit is run again with fresh seeds before it fails.
        fail_inconclusive: whether `inconclusive` has exit code 3 or 0.
        checks: what to check; everything in the baseline if empty. The first that names a subject counts.
    """

    baseline: str = "main"
    alpha: float = 0.05
    margin: float = 0.02
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
    margin = values.get("margin", Rules.margin)
    where = str(path or "the command line")
    _within("margin", margin, 0.0, math.inf, where)
    checks = []
    for entry in values.pop("checks", None) or ():
        if isinstance(entry, Check):
            checks.append(entry)
            continue
        if not isinstance(entry, dict):
            raise UsageError(f"{where}: a check is a mapping such as 'task: arc1d', not {entry!r}")
        entry = {"task_args" if key == "T" else key: value for key, value in entry.items()}
        _known(entry, Check, where)
        check = Check(**{"margin": margin, **entry})
        _within("margin", check.margin, 0.0, math.inf, where)
        checks.append(check)
    try:
        rules = Rules(**values, checks=tuple(checks))
    except TypeError as error:
        raise UsageError(f"{where}: {error}") from None
    for name, low, high in (
        ("alpha", 0.0, 0.5),
        ("regress_factor", 0.0, 1.0),
        ("overlap", 0.0, 1.0),
        ("max_rate_difference", 0.0, 1.0),
    ):
        _within(name, getattr(rules, name), low, high, where)
    return rules


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
    """A margin has no largest value here: what a task's own metric can lose is checked with it."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        bounds = f"between {low:g} and {high:g}" if math.isfinite(high) else f"at {low:g} or above"
        raise UsageError(f"{where}: {name} lies {bounds}, not {value!r}")
