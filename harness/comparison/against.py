"""Rows next to the method that they are shown next to (`MethodSpec.against`), such as agents that talk next
to self-consistency with as many calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from harness.base.errors import UsageError
from harness.comparison.arms import Arm, arms_of
from harness.comparison.paired import Comparison, adjust, compare
from harness.comparison.sentences import sentence
from harness.results.index import placed_row

#: calls a question that differ by a larger share aren't equal
NEARLY = 0.01
#: purposes of calls that no answer took
TRAINING = {"train", "dev"}


@dataclass(frozen=True)
class Against:
    """One row beside its rival, with the calls that a question took on either side."""

    comparison: Comparison
    calls: tuple[float | None, float | None]

    @property
    def equal_calls(self) -> bool:
        """Whether both sides took as many calls a question."""
        own, other = self.calls
        return own is not None and other is not None and abs(own - other) <= NEARLY * max(own, other)

    def line(self, arms: Iterable[Arm] = ()) -> str:
        """`chain x m against self-consistency with as many calls (24 a question): better +3.1 ...`."""
        c, (own, other) = self.comparison, self.calls
        shown = ["?" if each is None else f"{each:.4g}" for each in (own, other)]
        calls = (
            f"as many calls ({shown[0]} a question)"
            if self.equal_calls
            else f"{shown[1]} calls a question where it has {shown[0]}"
        )
        return (
            f"{c.candidate.named(arms)} against {c.baseline.method} with {calls}: {sentence(c, tuple(arms))}"
        )


def against(records: Iterable[Mapping[str, Any]], rivals: Mapping[str, str]) -> list[Against]:
    """Every row of a method that has a rival, beside the rival's row on the same items by the same model
    whose calls a question are nearest; p is adjusted over all of them, as in a table of `harness compare`.

    Args:
        rivals: method -> the method that it is shown next to.
    """
    known = {str(record["run_id"]): record for record in records}
    arms = [arm for arm in arms_of(placed_row(dict(record)) for record in known.values()) if arm.complete]
    made: list[Comparison] = []
    for arm in arms:
        others = [
            other
            for other in arms
            if other.method == rivals.get(arm.method)
            and (other.model, other.comparability_key) == (arm.model, arm.comparability_key)
        ]
        if not others:
            continue
        own = _calls(arm, known) or 0.0
        nearest = min(others, key=lambda other: abs((_calls(other, known) or 0.0) - own))
        with suppress(UsageError):  # they have no items in common
            made.append(compare(arm, nearest))
    return [Against(c, (_calls(c.candidate, known), _calls(c.baseline, known))) for c in adjust(made)]


def _calls(arm: Arm, records: Mapping[str, Mapping[str, Any]]) -> float | None:
    """Calls that an answer took, without those of a training; None where they aren't known."""
    calls = attempts = 0
    for run_id in arm.run_ids:
        usage = records[run_id]["usage"]
        if usage["calls"] is None:
            return None
        parts = usage.get("by_purpose", {}).items()
        calls += usage["calls"] - sum(
            part["calls"] for purpose, part in parts if purpose.partition("/")[0] in TRAINING
        )
        attempts += int(records[run_id]["counts"]["attempts"])
    return calls / attempts if attempts else None
