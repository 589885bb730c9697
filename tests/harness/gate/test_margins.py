"""What guessing scores, and the margin above it, over the ranges that a metric can have."""

from types import SimpleNamespace as Some

import numpy as np
import pytest

from harness.base.errors import UsageError
from harness.comparison.arms import arms_of
from harness.gate.margin_runs import SHARE, chance_of, first_margin
from harness.results.index import in_force, read_index
from harness.spec import MetricRange
from harness.testing import seal_scores


@pytest.mark.parametrize(
    "span, chance",
    [
        (MetricRange(), 0.0),
        (MetricRange(0.25, 1.0), 0.25),
        (MetricRange(-1.0, 1.0), 0.0),
        (MetricRange(-5.0, -1.0), 0.0),
        (MetricRange(-np.inf, np.inf), 0.0),
        (MetricRange(2.0, np.inf), 0.0),
    ],
)
def test_guessing_scores_the_lowest_value_and_0_where_there_is_none(span, chance):
    assert chance_of(Some(metric_range=lambda: span)) == chance


@pytest.mark.parametrize(
    "span, value, chance, margin",
    [
        (MetricRange(), 0.6, None, (0.05, True)),
        (MetricRange(), 0.6, 0.2, (float(f"{SHARE * 0.4 / 0.6:.2g}"), True)),
        (MetricRange(0.25, 1.0), 0.5, None, (float(f"{SHARE * 0.25 / 0.5:.2g}"), True)),
        (MetricRange(-1.0, 1.0), 0.4, None, (0.02, False)),
        (MetricRange(0.0, np.inf, True), 8.0, None, (0.05, True)),
        (MetricRange(0.0, 1.0), 0.2, 0.2, None),
        (MetricRange(0.0, 1.0), 0.2, 0.199, (float(f"{SHARE * 0.001 / 0.2:.2g}"), True)),
    ],
)
def test_the_first_margin_is_a_twentieth_of_what_is_above_chance(tmp_path, span, value, chance, margin):
    seal_scores(tmp_path, [value] * 4, metric_range=span)
    (arm,) = arms_of(in_force(read_index(tmp_path).rows))
    if margin is None:
        with pytest.raises(UsageError, match=r"accuracy is 0\.2, no better than chance \(0\.2\)"):
            first_margin(arm, chance)
    else:
        found = first_margin(arm, chance)
        assert (found.value, found.relative) == pytest.approx(margin)
