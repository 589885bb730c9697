"""Whether a score improves with both of two numbers, as a position paper supposes: rules fixed beforehand.

The hypothesis (arXiv 2506.18959, section 4.2 and figure 3b) is that performance improves linearly with
reasoning and with search. Whether in tokens or in their logarithm the text doesn't tell, so that both
readings are judged, each by these rules (ours) and in this order:

`supports`, if all of it holds:
    the coefficients of both axes are above 0, by intervals that hold together (Bonferroni, 95 %);
    its error at cells left out is below that of the same form over either axis alone;
    no other form has an AIC lower by more than `GAP` (4);
    there are `LEVELS` (3) values or more of each axis, without which no form could be told from another.
`contradicts`, if any of it holds:
    a coefficient is below 0, by the same intervals;
    a margin was declared, and an axis moves the score over its whole range by less, by a 90 % interval;
    another form has an AIC lower by more than `GAP`, and the residuals are larger than noise (p below .05),
    with `LEVELS` values or more of each axis.
`cannot tell`, otherwise.

It holds for the task, method and model that were measured, never for a law.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.stats.quantiles import FloatArray
from harness.stats.scaling import GAP
from harness.stats.surface import SurfaceFit
from harness.stats.sweep_means import SweepMeans
from harness.stats.trend import detectable

Word = Literal["supports", "contradicts", "cannot tell"]
Reading = Literal["linear", "logarithmic"]
READINGS: tuple[Reading, ...] = ("linear", "logarithmic")
#: fewer values of an axis tell no form from another
LEVELS = 3
_ALPHA = 0.05


@dataclass(frozen=True)
class Effect:
    """How far the score moves along one axis, from its smallest to its largest coordinate, in the unit of the
    scores.

    Attributes:
        value: the coefficient times the range.
        interval: so that those of both axes hold together with 95 %.
        narrow: 90 % of this one alone.
        detectable: the least that these cells would show with a power of 80 %.
        margin: whether it surely stays below the declared margin.
    """

    value: float
    interval: tuple[float, float]
    narrow: tuple[float, float]
    detectable: float
    margin: bool

    @property
    def sign(self) -> int:
        """1 or -1 where it is surely above or below 0, else 0."""
        return int(self.interval[0] > 0) - int(self.interval[1] < 0)


@dataclass(frozen=True)
class Judgement:
    """What the cells say of one reading of the hypothesis.

    Attributes:
        word: the verdict.
        fit: the form of both axes that was judged.
        effects: along each axis.
        errors: at cells left out, of both axes, of the first and of the second alone.
        rival: the form of lowest AIC among all others, None where there is none.
        gap: by how much the AIC lies above the rival's.
        levels: values of each axis.
    """

    word: Word
    fit: SurfaceFit
    effects: tuple[Effect, Effect]
    errors: tuple[float, float, float]
    rival: SurfaceFit | None
    gap: float
    levels: tuple[int, int]

    @property
    def beaten(self) -> bool:
        """Whether another form describes the cells better."""
        return self.gap > GAP

    @property
    def misfit(self) -> bool:
        """Whether the residuals are larger than noise."""
        return self.fit.misfit < _ALPHA

    @property
    def predicts(self) -> bool:
        """Whether both axes together predict cells better than either alone."""
        both, *alone = self.errors
        return both < min(alone)

    @property
    def enough(self) -> bool:
        """Whether there are values enough to tell forms apart."""
        return min(self.levels) >= LEVELS


def judge(
    fits: Sequence[SurfaceFit],
    sweep: SweepMeans,
    coordinates: FloatArray,
    levels: tuple[int, int],
    reading: Reading = "linear",
    margin: float | None = None,
) -> Judgement | None:
    """The verdict on one reading of the hypothesis, by the rules in the docstring of this module; None where
    the cells can't tell the coefficients of both axes.

    Args:
        fits: of `fit_surfaces`, to these means at these coordinates.
        coordinates: of each cell, shape (cells, 2).
        levels: values of each axis that were set; realised coordinates differ from cell to cell.
        margin: above 0, in the unit of the scores.

    Raises:
        ValueError: a margin that isn't above 0.
    """
    if margin is not None and not margin > 0:
        raise ValueError(f"a margin must be above 0, not {margin!r}")
    of_shape = {fit.terms: fit for fit in fits if fit.shape == reading}
    fit = of_shape.get("both")
    if fit is None or fit.weights is None:
        return None
    at = coordinates if reading == "linear" else np.log10(coordinates)
    moves = sweep.contrasts(fit.weights[1:] * np.ptp(at, axis=0)[:, None])
    joint, narrow = moves.interval(1 - _ALPHA / 2), moves.interval(1 - 2 * _ALPHA)
    least = detectable(moves, _ALPHA / 2)
    effects = [
        Effect(
            float(moves.value[k]),
            (float(joint[0][k]), float(joint[1][k])),
            (float(narrow[0][k]), float(narrow[1][k])),
            float(least[k]),
            margin is not None and max(-float(narrow[0][k]), float(narrow[1][k])) < margin,
        )
        for k in range(2)
    ]
    rival = next((other for other in fits if other is not fit), None)
    found = Judgement(
        "cannot tell",
        fit,
        (effects[0], effects[1]),
        (fit.left_out, _error(of_shape.get("first")), _error(of_shape.get("second"))),
        rival,
        fit.aic - rival.aic if rival else 0.0,
        levels,
    )
    return replace(found, word=_word(found))


def _error(fit: SurfaceFit | None) -> float:
    return float("inf") if fit is None else fit.left_out


def _word(found: Judgement) -> Word:
    signs = [effect.sign for effect in found.effects]
    if min(signs) > 0 and found.predicts and found.enough and not found.beaten:
        return "supports"
    if min(signs) < 0 or any(effect.margin for effect in found.effects):
        return "contradicts"
    return "contradicts" if found.enough and found.beaten and found.misfit else "cannot tell"
