"""The table and the picture of the published experiment on research."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.model.simulated_reader import SimulatedReader

Row = Mapping[str, Any]
HOPS, STEPS = (1, 2, 3, 4), (0, 2, 4)
ACCURACY = ("metrics", "accuracy")
KINDS = ("prompt", "retrieved", "reasoning", "arguments", "visible", "effective")
INTRODUCTION = Path(__file__).with_name("introduction.md")


def written(rows: Sequence[Row], out: Path, seeds: int, items: int, surface: str) -> None:
    """Writes README.md, which ends with the part on the `surface`, and hops.svg."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    of = {method: [row for row in rows if row["method"] == method] for method in methods}
    parts = [
        INTRODUCTION.read_text("utf-8").format(seeds=seeds, items=items),
        _accuracy(of),
        "![accuracy by hops](hops.svg)\n",
        _costs(of, items),
        _checks(of),
        surface,
    ]
    (out / "README.md").write_text("\n".join(parts), "utf-8")
    _drawn(of, out / "hops.svg")


def _mean(rows: Sequence[Row], *path: str) -> float:
    values = []
    for row in rows:
        found: Any = row
        for name in path:
            found = found[name]
        values.append(float(found))
    return statistics.fmean(values)


def _accuracy(of: Mapping[str, Sequence[Row]]) -> str:
    lines = [
        "| method | accuracy | 1 hop | 2 | 3 | 4 | evidence found | citations right | calibration error |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for method, rows in of.items():
        spread = statistics.stdev(row["metrics"]["accuracy"] for row in rows) if len(rows) > 1 else 0.0
        hops = [f"{_mean(rows, 'metrics', f'accuracy/hops={h}'):.2f}" for h in HOPS]
        rest = [
            f"{_mean(rows, 'metrics', name):.2f}"
            for name in ("evidence_recall", "citation_precision", "calibration_error")
        ]
        accuracy = f"{_mean(rows, 'metrics', 'accuracy'):.3f} +- {spread:.3f}"
        lines.append(f"| `{method}` | {accuracy} | " + " | ".join([*hops, *rest]) + " |")
    return "\n".join(lines) + "\n"


def _costs(of: Mapping[str, Sequence[Row]], items: int) -> str:
    head = " | ".join(KINDS)
    lines = [
        "What a question took: calls, searches, tokens by kind (`effective`: what was sent before counts a "
        "tenth), and effective tokens for a right answer. USD are 0, as nothing was paid.\n",
        f"| method | calls | searches | {head} | effective for a right answer |",
        "| --- " * (len(KINDS) + 4) + "|",
    ]
    for method, rows in of.items():
        kinds = [_mean(rows, "measures", f"tokens_{kind}") for kind in KINDS]
        right = _mean(rows, "metrics", "accuracy")
        calls = _mean(rows, "calls") / items
        searches = _mean(rows, "measures", "searches_made")
        shown = " | ".join(f"{kind:.0f}" for kind in kinds)
        price = f"{kinds[-1] / right:.0f}" if right else "none was right"
        lines.append(f"| `{method}` | {calls:.2f} | {searches:.2f} | {shown} | {price} |")
    return "\n".join(lines) + "\n"


def _checks(of: Mapping[str, Sequence[Row]]) -> str:
    reader = SimulatedReader({})
    thought = _mean(of["react-search"], "measures", "tokens_reasoning")
    cells = [(h, a) for h in HOPS for a in STEPS]
    truth = statistics.fmean(reader.accuracy(h, a, 6, thought) for h, a in cells)
    ceiling = statistics.fmean(reader.works_out(h, a, thought) for h, a in cells)
    found = {name: f"{_mean(of[name], *ACCURACY):.3f}" for name in of}
    return (
        "What theory says, beside what was measured: `no-search` is at chance, .01 for "
        f"{found['no-search']}; `react-search` {truth:.3f} for {found['react-search']}, by the law of the "
        "reader at 6 searches and the tokens of reasoning that it spent; `oracle-documents` "
        f"{ceiling + (1 - ceiling) / 100:.3f} for {found['oracle-documents']}, by the same law with all "
        "facts at hand.\n"
    )


def _drawn(of: Mapping[str, Sequence[Row]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "research"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 3.8))
    for (method, rows), mark in zip(of.items(), "ox^sDv*", strict=False):
        values = [_mean(rows, "metrics", f"accuracy/hops={h}") for h in HOPS]
        axes.plot(HOPS, values, marker=mark, label=method)
    axes.set(xlabel="hops", ylabel="accuracy", ylim=(-0.02, 1.02), xticks=HOPS)
    axes.set_title("sim/reader, a simulation: 2,048 tokens of reasoning, 6 searches")
    axes.legend(fontsize="small")
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(figure)
