"""What a surface shows, in words: supports, contradicts or cannot tell, why, and what that holds for."""

from __future__ import annotations

import math

from harness.comparison.axes import UNIT
from harness.comparison.surface import Surface
from harness.comparison.surface_forms import Description, measured
from harness.comparison.trends import failed, holds_for, one_seed, signed
from harness.results.ceiling import ceilings
from harness.stats.hypothesis import LEVELS, Effect, Judgement, Reading
from harness.stats.iso_budget import Optimum

#: what each reading of the hypothesis says
SAYS: dict[Reading, str] = {
    "linear": "better linearly with both",
    "logarithmic": "better linearly with the logarithm of both",
}


def word(surface: Surface, found: Judgement | None) -> str:
    """The verdict, with `(one seed)` where it says nothing about another."""
    said = "cannot tell" if found is None else found.word
    return f"{said} (one seed)" if one_seed(surface) else said


def sentence(surface: Surface, found: Judgement | None, reading: Reading, margin: float | None = None) -> str:
    """`supports 'better linearly with both': both coefficients are above 0 ...; of this task, ...`."""
    first, second = surface.parameters
    head = f"{word(surface, found)} '{SAYS[reading]}'"
    if found is None:
        used = "; what was used differs too little, --axes dials takes what was set"
        return (
            f"{head}: the cells don't tell {first} from {second}; each takes two values or more above 0"
            + (used if "realised" in surface.axes and min(surface.levels) > 1 else "")
            + failed(surface)
        )
    reasons = {"supports": _supports, "contradicts": _contradicts, "cannot tell": _lacks}[found.word]
    lower = f"; {surface.metric}: lower is better" if surface.span.lower_is_better else ""
    without = f"; without {', '.join(surface.no_numbers)}, no number" if surface.no_numbers else ""
    seen = ceilings(run for arm in surface.arms for run in arm.runs)
    ceiling = f"; {seen}: a ceiling, no method's score" if seen else ""
    return (
        f"{head}: {'; '.join(reasons(surface, found, margin))}. {_moves(surface, found)}; "
        f"of this task, method and model, {holds_for(surface)}{lower}{without}{ceiling}{failed(surface)}"
    )


def _supports(surface: Surface, found: Judgement, margin: float | None) -> list[str]:
    both, first, second = (_size(surface, error) for error in found.errors)
    return [
        "both coefficients are surely of the better sign",
        f"cells left out are met with an error of {both}, by either axis alone {first} and {second}",
        "no form fits surely better",
    ]


def _contradicts(surface: Surface, found: Judgement, margin: float | None) -> list[str]:
    named = list(zip(surface.parameters, found.effects, strict=True))
    said = [f"more {name} is surely worse" for name, effect in named if effect.sign < 0]
    said += [
        f"all of {name} moves {surface.metric} by less than the margin of {_size(surface, margin or 0, True)}"
        for name, effect in named
        if effect.margin
    ]
    return said + (_beaten(found) if found.enough and found.beaten and found.misfit else [])


def _lacks(surface: Surface, found: Judgement, margin: float | None) -> list[str]:
    """What would be needed."""
    said = [
        f"{count} values of {name}, and {LEVELS} are the least that tell one form from another"
        for name, count in zip(surface.parameters, found.levels, strict=True)
        if count < LEVELS
    ]
    said += [_unseen(surface, name, e) for name, e in _unshown(surface, found)]
    if not found.predicts:
        said.append("both axes predict cells left out no better than one alone")
    if found.beaten:
        said += _beaten(found)
    return said


def _beaten(found: Judgement) -> list[str]:
    rival = found.rival
    assert rival is not None
    better = f"{rival.name} fits better (AIC lower by {found.gap:.1f})"
    p = f"p {found.fit.misfit:.2g}"
    if found.misfit:
        return [f"{better} and residuals of this form are larger than noise ({p})"]
    return [f"{better}, while residuals of this form are no larger than noise ({p}): more items would tell"]


def _unshown(surface: Surface, found: Judgement) -> list[tuple[str, Effect]]:
    named = zip(surface.parameters, found.effects, strict=True)
    return [(name, effect) for name, effect in named if effect.sign == 0]


def _unseen(surface: Surface, name: str, effect: Effect) -> str:
    """Which change these runs are enough for."""
    within = 1.0 if surface.span.bounded else math.inf
    if not effect.detectable < within:
        return f"{name}: no change would be shown with 80 % power; run more items or seeds"
    return f"{name} is not shown, and {_size(surface, effect.detectable)} over the grid would be (80 % power)"


def _moves(surface: Surface, found: Judgement) -> str:
    """`Over the grid reasoning moves accuracy by +16 [+13, +18] points and searches by +11 [+8, +14]`."""
    parts = []
    for name, effect in zip(surface.parameters, found.effects, strict=True):
        low, high = (surface.span.points * end for end in surface.span.changes(effect.interval))
        parts.append(f"{name} by {signed(_points(surface, effect.value))} [{signed(low)}, {signed(high)}]")
    unit = " points" if surface.span.points == 100 else ""
    return f"Over the grid {surface.metric} moves with {' and with '.join(parts)}{unit}"


def _points(surface: Surface, share: float) -> float:
    """A change of a share of the range, in points of the metric."""
    return float(surface.span.points * surface.span.change(share))


def _size(surface: Surface, amount: float, in_unit: bool = False) -> str:
    """`1.3 points`: of a share of the range, or of a value in the unit of the metric."""
    if not math.isfinite(amount):
        return "unknown"
    value = amount * surface.span.points if in_unit else abs(_points(surface, amount))
    return f"{signed(value).removeprefix('+')}{' points' if surface.span.points == 100 else ''}"


def axes_sentence(surface: Surface) -> str:
    """What the axes are, and which cells are in no form."""
    first, second = surface.axis_names
    how = {"realised": "as recorded", "dials": "as set"}
    said = f"axes: {first} ({how[surface.axes[0]]}) and {second} ({how[surface.axes[1]]})"
    left = int((~surface.compared).sum())
    return said + (f"; {left} cells at 0 have no logarithm and are in no form" if left else "")


def optimum_sentence(surface: Surface, made: Description) -> str:
    """The best split of a budget by the form of lowest AIC, or why there is none."""
    first, second = surface.parameters
    if made.drawn is None:
        return "no best split: no form of both axes can be fitted"
    if made.budget is None:
        both = (
            "; --iso-budget N takes one of either as the same" if surface.axes == ("dials", "dials") else ""
        )
        return f"no best split: {first} and {second} have no common unit{both}"
    found, total = made.optima[made.drawn.name], budget_text(surface, made.budget)
    if math.isnan(found.share):
        return (
            f"best split of {total}: none, as no split is better than another by the form {made.drawn.name}"
        )
    return f"best split of {total} by {made.drawn.name}: {split_text(surface, found)}, the rest to {first}"


def budget_text(surface: Surface, budget: float) -> str:
    """`5,100 tokens`, or the sum of both dials."""
    return f"{UNIT * budget:,.10g} tokens" if surface.tokens else f"{budget:,.10g}"


def split_text(surface: Surface, found: Optimum) -> str:
    """`40 % [36, 45] to searches`."""
    low, high = (100 * end for end in found.interval)
    outside = "" if measured(surface, found) else " (outside the measured cells)"
    return f"{100 * found.share:.0f} % [{low:.0f}, {high:.0f}] to {surface.parameters[1]}{outside}"
