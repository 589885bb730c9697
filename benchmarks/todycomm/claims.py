"""What the paper claims, told cell by cell: supported, refuted, or open."""

from __future__ import annotations

from benchmarks.todycomm.arms import FIXED, LEARNED, MAJORITY, ORACLE, TODYCOMM, VOTES, WEIGHTED, Arm
from benchmarks.todycomm.cells import CLEAN, DEFAULTS, Cell
from benchmarks.todycomm.tables import Difference, Found
from harness.stats.multiplicity import holm

#: the sort of rows that the paper says it beats
RIVALS = tuple(arm for arm in (*FIXED, *LEARNED) if arm is not ORACLE)


def against(found: Found, cell: Cell, arms: tuple[Arm, ...]) -> dict[str, Difference]:
    """TodyComm minus each of the arms in a cell, p adjusted for their number (Holm)."""
    one = TODYCOMM.name, cell.name
    differences = {arm.name: found.difference(one, _made(arm, cell), cell.name) for arm in arms}
    there = {name: each for name, each in differences.items() if each is not None}
    if not there:
        return {}
    adjusted = holm([each.p for each in there.values()])
    return {
        name: Difference(each.value, each.half, float(p), each.seeds)
        for (name, each), p in zip(there.items(), adjusted, strict=True)
    }


def _made(arm: Arm, cell: Cell) -> tuple[str, str]:
    """Where a row was made: what learns nothing is measured in the clean cell with the defaults."""
    return arm.name, DEFAULTS.name if cell == CLEAN and not arm.updates else cell.name


def verdict(differences: dict[str, Difference]) -> str:
    """Supported where it beats every rival, refuted where one beats it, at 5 % after Holm; else open."""
    if not differences:
        return "no runs"
    ahead = [name for name, each in differences.items() if each.value < 0 and each.p < 0.05]
    if ahead:
        worst = min(ahead, key=lambda name: differences[name].value)
        return f"refuted: {worst} is ahead by {-differences[worst].value:.1f}"
    undecided = [name for name, each in differences.items() if not (each.value > 0 and each.p < 0.05)]
    if undecided:
        return f"open: not told apart from {', '.join(undecided)}"
    least = min(differences, key=lambda name: differences[name].value)
    return f"supported: ahead of all, least of {least} ({differences[least]})"


def by_cell(found: Found, cells: tuple[Cell, ...]) -> list[str]:
    """A row a cell: against the paper's sort of rivals, then against rows that the paper hasn't."""
    lines = [
        "| cell | against fixed and learned graphs | minus independent | minus weighted-vote | minus "
        "self-consistency, as many adversaries | minus oracle-mute |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    beside = (MAJORITY, WEIGHTED, VOTES[3], ORACLE)
    for cell in cells:
        told = verdict(against(found, cell, RIVALS))
        if told == "no runs":
            continue
        one = TODYCOMM.name, cell.name
        each = [found.difference(one, _made(arm, cell), cell.name) for arm in beside]
        lines.append(
            f"| {cell.name} | {told} | " + " | ".join("-" if d is None else str(d) for d in each) + " |"
        )
    return lines
