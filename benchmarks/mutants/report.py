"""README.md of this folder: what became of the sample."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.mutants.places import Mutant

HERE = Path(__file__).parent


def equivalents() -> dict[str, str]:
    """Mutants that nothing can tell from the code, by key, with the reason; kept by hand."""
    return tomllib.loads((HERE / "equivalent.toml").read_text("utf-8"))


def report(mutants: Iterable[Mutant], known: Mapping[str, Mapping[str, Any]]) -> str:
    """The introduction, the counts, and every mutant that was not killed, with its change."""
    drawn, same = list(mutants), equivalents()
    became = {each.key: _became(known.get(each.key), each.key in same) for each in drawn}
    counts = Counter(became.values())
    decided = counts["killed"] + counts["survived"] + counts["not covered"]
    share = f"{100 * counts['killed'] / decided:.1f} %" if decided else "none yet"
    lines = [
        (HERE / "introduction.md").read_text("utf-8"),
        f"## {date.today()}, a sample of {len(drawn)}",
        "",
        f"Killed, of those that were tried and are not equivalent: {counts['killed']} of {decided}, {share}.",
        "",
        "| outcome | mutants |",
        "| --- | --- |",
        *(
            f"| {name} | {counts[name]} |"
            for name in ("killed", "survived", "not covered", "equivalent", "not run")
        ),
    ]
    for name in ("survived", "not covered", "equivalent"):
        several = [each for each in drawn if became[each.key] == name]
        lines += ["", f"### {name}", ""] if several else []
        for each in several:
            lines += [f"`{each.key}` {each.path}, {each.scope or 'the module'}", ""]
            lines += [f"{same[each.key]}", ""] if name == "equivalent" else []
            lines += ["```diff", str(known[each.key]["diff"]).strip("\n"), "```", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _became(found: Mapping[str, Any] | None, equivalent: bool) -> str:
    if found is not None and found["outcome"] == "killed":
        return "killed"
    return "equivalent" if equivalent else "not run" if found is None else str(found["outcome"])
