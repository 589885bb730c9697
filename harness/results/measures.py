"""What a method measured of itself while it answered (messages used, agents that failed): a mean over items
in the record. No metric: nothing is ranked, compared or gated by it."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from harness.base.plain import Unfit, named, number

#: measures that an attempt may have
MOST = 32
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def checked(found: object) -> dict[str, float]:
    """The measures of one outcome as they are kept.

    Raises:
        Unfit: they aren't finite numbers by name; says which.
    """
    if not isinstance(found, Mapping):
        raise Unfit(f"measures is {type(found).__name__}, not numbers by name")
    if len(found) > MOST:
        raise Unfit(f"{len(found)} measures; an outcome may have {MOST}")
    kept = {}
    for name, value in found.items():
        if type(name) is not str or not _NAME.fullmatch(name):
            raise Unfit(f"measure {named(name)}; a name has small letters, digits and _, at most 40")
        kept[name] = number(value, f"measure {name!r}")
    return {name: kept[name] for name in sorted(kept)}


class Measures:
    """Sums them up, attempt by attempt."""

    def __init__(self) -> None:
        self._values: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))

    def add(self, n: int, measures: Mapping[str, float]) -> None:
        """Those of an attempt at item `n`."""
        for name, value in measures.items():
            self._values[name][n].append(value)

    def summary(self) -> dict[str, dict[str, Any]]:
        """The mean over the items that have a measure, of the means of their attempts; `stderr` is None for
        one item."""
        made = {}
        for name, items in sorted(self._values.items()):
            means = [math.fsum(values) / len(values) for values in items.values()]
            mean, n = math.fsum(means) / len(means), len(means)
            spread = math.fsum((each - mean) ** 2 for each in means)
            made[name] = {
                "mean": mean,
                "stderr": math.sqrt(spread / (n - 1) / n) if n > 1 else None,
                "n_items": n,
            }
        return made


def measures_text(record: Mapping[str, Any]) -> str:
    """`messages 5.2 ± 0.1, credit_auc 0.91 ± 0.02 (of 120 of 400 items)`; empty where there are none."""
    said = []
    for name, found in (record.get("measures") or {}).items():
        text = f"{name} {found['mean']:.4g}"
        text += f" ± {found['stderr']:.2g}" if found["stderr"] is not None else ""
        some = found["n_items"] < record["n_items"]
        said.append(text + (f" (of {found['n_items']} of {record['n_items']} items)" if some else ""))
    return ", ".join(said)
