"""What a sweep shows, in words: rises, falls, flat, peaks, dips or not shown, and what that holds for."""

from __future__ import annotations

import math
from dataclasses import replace

from harness.comparison.claims import HOLDS_FOR
from harness.comparison.points import Points
from harness.comparison.sweep import Curve
from harness.results.ceiling import ceilings
from harness.spec import MetricRange
from harness.stats.trend import Trend, Word, trend

_TURNED: dict[Word, Word] = {"rises": "falls", "falls": "rises", "peaks": "dips", "dips": "peaks"}


def trend_of(curve: Curve, margin: float | None = None) -> Trend:
    """The verdict over a curve, of the metric as it is printed and in its unit: where less is better, one
    that gets better falls.

    Args:
        margin: differences up to which the metric is flat, above 0, in its own unit; without one it is never
            called so.
    """
    span = curve.span
    found = trend(curve.shares, curve.values, margin=None if margin is None else margin / span.width)
    low, high = sorted(span.change(end) for end in found.interval)
    word = _TURNED.get(found.word, found.word) if span.lower_is_better else found.word
    return replace(
        found,
        word=word,
        slope=span.change(found.slope),
        interval=(low, high),
        detectable=found.detectable * span.width,
        reach=found.reach * span.width,
        largest=found.largest * span.width,
        margin=margin,
    )


def one_seed(points: Points) -> bool:
    """Whether something is drawn per run and the runs can't tell how much that matters."""
    return points.shares.draws and float(points.shares.df_runs.min()) < 1


def verdict(curve: Curve, found: Trend) -> str:
    """The word, with `(one seed)` where it says nothing about another."""
    return f"{found.word} (one seed)" if one_seed(curve) else found.word


def sentence(curve: Curve, found: Trend) -> str:
    """`rises: accuracy moves by +1.0 [+0.4, +1.6] points a step of k (p 0.004), for new items and ...`."""
    scale, unit = curve.span.points, " points" if curve.span.points == 100 else ""
    low, high = (scale * end for end in found.interval)
    moved = f"{signed(scale * found.slope)} [{signed(low)}, {signed(high)}]{unit} a step of {curve.parameter}"
    if found.at is not None:
        a, b, c = (f"{curve.values[k]:g}" for k in found.at)
        side = "above" if found.word == "peaks" else "below"
        pairs = len(curve.values) * (len(curve.values) - 1) // 2
        said = f" at {curve.parameter} = {b}, surely {side} {a} and {c} (of {pairs} pairs, Bonferroni)"
    elif found.word == "flat":
        said = (
            f": every difference lies within ±{_plain(scale * found.reach)}{unit} (90 %), inside the margin "
            f"of {scale * (found.margin or 0.0):g}"
        )
    elif found.word == "not shown":
        said = f": {moved}; {_would_show(found, curve.span, scale, unit)}"
    else:
        said = f": {moved}, p {found.p_value:.2g}"
    lower = f"; {curve.metric}: lower is better" if curve.span.lower_is_better else ""
    without = f"; without {', '.join(curve.no_numbers)}, no number" if curve.no_numbers else ""
    seen = ceilings(run for arm in curve.arms for run in arm.runs)
    ceiling = f"; {seen}: a ceiling, no method's score" if seen else ""
    return f"{verdict(curve, found)}{said}; {holds_for(curve)}{lower}{without}{ceiling}{failed(curve)}"


def _would_show(found: Trend, span: MetricRange, scale: float, unit: str) -> str:
    """Which slope and which margin these runs are enough for."""
    within = span.width if span.bounded else math.inf
    slope = f"a slope of {_plain(scale * found.detectable)} would be shown (80 % power)"
    if not found.detectable < within:
        slope = "no slope would be shown with 80 % power"
    if not found.reach < within:
        return f"{slope}, flat with no margin"
    enough = _plain(found.reach, up=True)
    return f"{slope}, flat with a margin of {_plain(scale * float(enough))}{unit} (--margin {enough})"


def _plain(number: float, up: bool = False) -> str:
    """Two digits that count, and never `1e+02`; `up`: a number that lies above it."""
    if not 0 < abs(number) < math.inf:
        return f"{number:g}"
    digits = 1 - math.floor(math.log10(abs(number)))
    rounded = math.floor(number * 10**digits + 1) / 10**digits if up else round(number, digits)
    return f"{rounded:g}"


def signed(number: float) -> str:
    """`+1.3`: two digits that count."""
    return ("" if number < 0 else "+") + _plain(number)


def failed(points: Points) -> str:
    """`; 18 of 24 attempts, at 3 of 4 values, failed or were not scored and count as the worst value`, as a
    server's fault is no property of a method; empty where all were scored."""
    counts = [[run["counts"] for run in arm.runs] for arm in points.arms]
    lost = [sum(each["attempts"] - each["ok"] for each in runs) for runs in counts]
    if not any(lost):
        return ""
    tried = sum(each["attempts"] for runs in counts for each in runs)
    where = f"{sum(lost)} of {tried} attempts, at {sum(map(bool, lost))} of {len(lost)} values"
    return f"; {where}, failed or were not scored and count as the worst value"


def holds_for(points: Points) -> str:
    """Which items and seeds a verdict is about, and what it rests on."""
    runs, shares = [len(arm.runs) for arm in points.arms], points.shares
    few, many = min(points.items), max(points.items)
    items = f"{many} items" if few == many else f"{few} to {many} items"
    items += "" if points.paired else " of its own at each value"
    if points.left_out:
        items += f", {points.left_out} left out that some value lacks"
    seeds = f"{min(runs)} seeds" if min(runs) == max(runs) else f"{min(runs)} to {max(runs)} seeds"
    unknown = any(arm.draws is None for arm in points.arms)
    note = "; whether runs draw is not recorded and taken for yes" if unknown else ""
    if not shares.draws:
        return f"for {HOLDS_FOR['items']} ({items}; nothing is drawn per run)"
    if one_seed(points):
        return f"for {HOLDS_FOR['these runs']} ({items}); says nothing about another seed{note}"
    nested = "" if shares.apart else ", seeds shared along the sweep"
    return f"for {HOLDS_FOR['items and runs']} ({items}, {seeds} at each value{nested}){note}"
