"""Coverage, level and power of comparisons, over sizes, difficulties and numbers of attempts.

Two shapes of difficulty bracket what benchmarks look like: all items equally hard, and items nearly
always or nearly never solved (Beta(p, 1 - p)). Under "worse" the candidate's logits are lowered so
that its mean falls by five points, or by half of what it has.

An item's k attempts in each arm make its difference a multiple of 1/k. The differences of n items
are therefore a multinomial draw over 2k + 1 values, and 10,000 experiments take milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from scipy import special, stats

from harness.stats import (
    clustered_stderr,
    holm,
    mcnemar_test,
    paired_difference,
    sign_flip,
    t_interval,
    tango_interval,
)
from harness.stats.mcnemar import tango_statistic
from harness.stats.power import Expected
from harness.stats.quantiles import FloatArray, beta_quantile

SETS = 10_000
ALPHA = 0.05
NODES = (np.arange(2_000) + 0.5) / 2_000


def one_sided_power(effect: float, stderr: float, df: float) -> float:
    """Of the t test at ALPHA: two-sided at twice that, whose other tail adds nothing here."""
    return Expected(stderr**2, df).power(effect, 2 * ALPHA)


def beta_rates(a: float, b: float) -> FloatArray:
    return beta_quantile(NODES, a, b)


def shifted(rates: FloatArray, drop: float) -> FloatArray:
    """The same items with their logits lowered so that the mean rate falls by ``drop``."""
    low, high = 0.0, 60.0
    logits = special.logit(np.clip(rates, 1e-300, 1 - 1e-16))
    for _ in range(80):
        shift = (low + high) / 2
        fall = rates.mean() - special.expit(logits - shift).mean()
        low, high = (shift, high) if fall < drop else (low, shift)
    return special.expit(logits - low) if drop else rates


@dataclass(frozen=True)
class Population:
    """The distribution of one item's difference, over ``values`` = -1, ..., 1 in steps of 1/k."""

    values: FloatArray
    chances: FloatArray
    k: int

    @classmethod
    def of(cls, reference: FloatArray, candidate: FloatArray, k: int) -> Population:
        x = np.arange(k + 1)
        ours = stats.binom.pmf(x, k, np.asarray(candidate)[:, None])
        theirs = stats.binom.pmf(x, k, np.asarray(reference)[:, None])
        joint = ours.T @ theirs / len(ours)
        chances = np.array([np.trace(joint, offset=-step) for step in range(-k, k + 1)])
        return cls(np.arange(-k, k + 1) / k, chances / chances.sum(), k)

    @property
    def delta(self) -> float:
        return float(self.values @ self.chances)

    @property
    def sd(self) -> float:
        return float(np.sqrt(self.values**2 @ self.chances - self.delta**2))

    def draw(self, n: int, sets: int, seed: int) -> Experiments:
        counts = np.random.default_rng(seed).multinomial(n, self.chances, size=sets)
        return Experiments(counts, self.values, n, self.k)


@dataclass(frozen=True)
class Experiments:
    """Many comparisons of n items: how many items have each difference, shape (sets, values)."""

    counts: FloatArray
    values: FloatArray
    n: int
    k: int

    @property
    def means(self) -> FloatArray:
        return self.counts @ self.values / self.n

    @property
    def errors(self) -> FloatArray:
        squares = self.counts @ self.values**2 - self.n * self.means**2
        return np.sqrt(np.maximum(squares, 0) / (self.n - 1) / self.n)

    @property
    def losses(self) -> FloatArray:
        return self.counts[:, self.values < 0].sum(axis=1).astype(float)

    @property
    def wins(self) -> FloatArray:
        return self.counts[:, self.values > 0].sum(axis=1).astype(float)

    def differences(self, row: int) -> FloatArray:
        return np.repeat(self.values, self.counts[row])

    @property
    def few(self) -> FloatArray:
        """Whether a single attempt or a handful of differing items makes it a count of trials."""
        return (self.counts[:, self.values != 0].sum(axis=1) < 6) | (self.k == 1)

    def interval(self, level: float) -> tuple[FloatArray, FloatArray]:
        """What ``paired_difference`` gives for binary scores, for all experiments at once."""
        lower, upper = tango_interval(*self._trials(), self.n, level)
        half = special.stdtrit(self.n - 1, (1 + level) / 2) * self.errors
        few = self.few
        return (
            np.where(few, lower, np.maximum(self.means - half, -1)),
            np.where(few, upper, np.minimum(self.means + half, 1)),
        )

    def p_worse(self, than: float = 0.0) -> FloatArray:
        score = special.ndtr(tango_statistic(*self._trials(), self.n, than))
        t = (self.means - than) / np.maximum(self.errors, 1e-9)
        return np.where(self.few, score, special.stdtr(self.n - 1, t))

    def _trials(self) -> tuple[FloatArray, FloatArray]:
        return self.counts @ np.maximum(-self.values, 0), self.counts @ np.maximum(self.values, 0)


def slack(rate: float, sets: int = SETS) -> float:
    """Three Monte-Carlo standard errors of a rate."""
    return 3 * float(np.sqrt(rate * (1 - rate) / sets))


CELLS = [
    (shape, n, p, k)
    for shape in ("alike", "extreme")
    for n in (15, 30, 164, 1319)
    for p in (0.05, 0.5, 0.95)
    for k in (1, 4, 16)
]


@cache
def population(shape: str, p: float, k: int, drop: float) -> Population:
    rates = np.array([p]) if shape == "alike" else beta_rates(p, 1 - p)
    return Population.of(rates, shifted(rates, drop), k)


def a_drop(p: float) -> float:
    return min(0.05, p / 2)


def errors_of_bounds(e: Experiments, truth: float) -> tuple[float, float]:
    """How often the one-sided 95 % lower and upper bounds are on the wrong side of the truth."""
    lower, upper = e.interval(1 - 2 * ALPHA)
    return float((lower > truth + 1e-9).mean()), float((upper < truth - 1e-9).mean())


@pytest.mark.parametrize(("shape", "n", "p", "k"), CELLS)
def test_no_difference(shape: str, n: int, p: float, k: int) -> None:
    """Coverage and level when the same method is run twice."""
    e = population(shape, p, k, 0.0).draw(n, SETS, seed=1)
    lower, upper = e.interval(0.95)
    assert ((lower <= 0) & (upper >= 0)).mean() >= 0.95 - slack(0.05)
    for error in errors_of_bounds(e, 0.0):
        assert error <= ALPHA + slack(ALPHA)
    assert (e.p_worse() <= ALPHA).mean() <= ALPHA + slack(ALPHA)
    # The first step of Holm's correction over 20 tasks.
    assert (e.p_worse() <= ALPHA / 20).mean() <= ALPHA / 20 + slack(ALPHA / 20)
    if k == 1:
        for mid_p in (False, True):
            for alternative in ("worse", "better", "two-sided"):
                p_values = mcnemar_test(e.losses, e.wins, alternative=alternative, mid_p=mid_p)
                assert (p_values <= ALPHA).mean() <= ALPHA + slack(ALPHA)


@pytest.mark.parametrize(("shape", "n", "p", "k"), CELLS)
def test_a_worse_candidate(shape: str, n: int, p: float, k: int) -> None:
    """Coverage, the level of non-inferiority at its boundary, and power."""
    whole = population(shape, p, k, a_drop(p))
    e = whole.draw(n, SETS, seed=2)
    lower, upper = e.interval(0.95)
    covered = ((lower <= whole.delta + 1e-9) & (upper >= whole.delta - 1e-9)).mean()
    too_high, too_low = errors_of_bounds(e, whole.delta)
    if k == 1:
        assert covered >= 0.945 - slack(0.05)
        # The bound that a gate leans on when the candidate is truly a margin worse.
        assert too_high <= 0.055 + slack(ALPHA) and too_low <= 0.065 + slack(ALPHA)
    elif shape == "alike":
        assert covered >= 0.945 - slack(0.05)
        assert too_high <= 0.058 + slack(ALPHA) and too_low <= ALPHA + slack(ALPHA)
    else:
        # A few items lose nearly everything: skewed, and t is short on the side of the loss.
        assert covered >= 0.93 - slack(0.07)
        assert too_high <= 0.095 + slack(0.095) and too_low <= ALPHA + slack(ALPHA)

    found = float((e.p_worse() <= ALPHA).mean())
    planned = one_sided_power(-whole.delta, whole.sd / np.sqrt(n), n - 1)
    differing = n * (1 - whole.chances[k])
    if differing >= 10:
        assert found >= planned - 0.03
        if k == 1:
            mid = mcnemar_test(e.losses, e.wins, alternative="worse")
            assert (mid <= ALPHA).mean() >= planned - 0.03
    elif k == 1:
        # So few items say anything that no test of this level has the power the formula promises.
        exact = mcnemar_test(e.losses, e.wins, alternative="worse", mid_p=False)
        assert found >= (exact <= ALPHA).mean()


@pytest.mark.parametrize("k", [4, 16])
@pytest.mark.parametrize("n", [15, 30])
@pytest.mark.parametrize("p", [0.05, 0.95])
def test_t_alone_would_fail_where_few_items_differ(n: int, p: float, k: int) -> None:
    whole = population("extreme", p, k, a_drop(p))
    e = whole.draw(n, SETS, seed=2)
    lower, _ = t_interval(e.means, e.errors, n - 1, 1 - 2 * ALPHA)
    assert (lower > whole.delta).mean() > 0.12
    assert errors_of_bounds(e, whole.delta)[0] < 0.03


@pytest.mark.parametrize(("losses", "wins"), [(0.05, 0.0), (0.10, 0.0), (0.14, 0.045), (0.02, 0.005)])
@pytest.mark.parametrize("n", [15, 30, 164, 1319])
def test_why_tango(n: int, losses: float, wins: float) -> None:
    """Its lower bound holds when a candidate loses much more than it wins; Bonett-Price's does not."""
    counts = np.random.default_rng(3).multinomial(n, [losses, wins, 1 - losses - wins], size=SETS)
    b, c, truth = counts[:, 0].astype(float), counts[:, 1].astype(float), wins - losses
    lower, _ = tango_interval(b, c, n, 1 - 2 * ALPHA)
    assert (lower > truth + 1e-9).mean() <= 0.057 + slack(0.057)
    rates = (b + 1) / (n + 2), (c + 1) / (n + 2)
    centre = rates[1] - rates[0]
    half = 1.6448536 * np.sqrt((rates[0] + rates[1] - centre**2) / (n + 2))
    bonett_price = float((centre - half > truth + 1e-9).mean())
    if (losses, wins) == (0.05, 0.0) and n == 164:
        assert bonett_price > 0.075


def test_the_vectorised_experiments_are_paired_difference() -> None:
    for shape, n, p, k in CELLS[::5]:
        if n > 200:
            continue
        e = population(shape, p, k, a_drop(p)).draw(n, 8, seed=4)
        lower, upper = e.interval(0.9)
        for row in range(8):
            d = np.round(e.differences(row) * k).astype(int)
            candidate = (np.arange(k) < np.maximum(d, 0)[:, None]).astype(float)
            reference = (np.arange(k) < np.maximum(-d, 0)[:, None]).astype(float)
            one = paired_difference(candidate, reference, binary=True)
            if one.at_zero is None:
                assert one.interval(0.9) == pytest.approx((lower[row], upper[row]), abs=1e-9)
                assert one.p_worse() == pytest.approx(e.p_worse()[row])
            else:  # few units differ, and signs are flipped
                seen = one.interval(0.9)
                assert seen[0] <= lower[row] + 1e-9 and seen[1] >= upper[row] - 1e-9
                assert one.p_worse() >= e.p_worse()[row] - 1e-12
            assert (one.losses, one.wins) == (e.losses[row], e.wins[row])


@pytest.mark.parametrize(("shape", "n", "p", "k"), [cell for cell in CELLS if cell[1] < 1000])
def test_sign_flips(shape: str, n: int, p: float, k: int) -> None:
    sets = 300
    e = population(shape, p, k, 0.0).draw(n, sets, seed=5)
    p_values = [
        sign_flip(e.differences(i), alternative="worse", draws=199, seed=i).p_value for i in range(sets)
    ]
    assert np.mean(np.array(p_values) <= ALPHA) <= ALPHA + slack(ALPHA, sets)


@pytest.mark.parametrize(("n", "p", "k"), [(15, 0.5, 16), (30, 0.5, 4), (164, 0.95, 4), (1319, 0.5, 1)])
def test_sign_flips_have_the_power_of_t(n: int, p: float, k: int) -> None:
    sets = 600
    whole = population("alike", p, k, 0.05)
    e = whole.draw(n, sets, seed=6)
    p_values = [
        sign_flip(e.differences(i), alternative="worse", draws=399, seed=i).p_value for i in range(sets)
    ]
    found = float(np.mean(np.array(p_values) <= ALPHA))
    planned = one_sided_power(-whole.delta, whole.sd / np.sqrt(n), n - 1)
    assert found >= planned - 0.03 - slack(planned, sets)


# Beta of item rates, n, k; chance to fire at H0, -1, -2, -3 and -5 points: paired t, exact, mid-p.
GATES = {
    "GSM8K": (
        (0.75, 0.25),
        1319,
        1,
        [
            (0.048, 0.043, 0.048),
            (0.204, 0.186, 0.203),
            (0.504, 0.480, 0.504),
            (0.801, 0.779, 0.800),
            (0.992, 0.990, 0.992),
        ],
    ),
    "GSM8K-200": (
        (0.94, 0.06),
        200,
        1,
        [
            (0.050, 0.024, 0.043),
            (0.145, 0.095, 0.133),
            (0.304, 0.208, 0.286),
            (0.503, 0.399, 0.486),
            (0.844, 0.776, 0.839),
        ],
    ),
    "HumanEval": (
        (0.85, 0.15),
        164,
        1,
        [
            (0.047, 0.032, 0.047),
            (0.089, 0.064, 0.089),
            (0.173, 0.127, 0.173),
            (0.269, 0.205, 0.269),
            (0.508, 0.433, 0.508),
        ],
    ),
    "AIME": (
        (0.7, 0.7),
        30,
        1,
        [
            (0.053, 0.021, 0.043),
            (0.067, 0.030, 0.054),
            (0.080, 0.035, 0.064),
            (0.086, 0.037, 0.068),
            (0.127, 0.064, 0.105),
        ],
    ),
    "MATH-500": ((0.85, 0.15), 500, 4, [(0.048,), (0.335,), (0.784,), (0.972,), (1.0,)]),
    "AIME k=16": ((0.7, 0.7), 30, 16, [(0.049,), (0.110,), (0.201,), (0.312,), (0.622,)]),
    "AIME k=64": ((0.7, 0.7), 30, 64, [(0.051,), (0.199,), (0.459,), (0.747,), (0.984,)]),
}


@pytest.mark.parametrize("name", GATES)
def test_the_table_of_gates(name: str) -> None:
    """The project's table of what each gate finds, which came from 4,000 runs a cell."""
    beta, n, k, rows = GATES[name]
    rates = beta_rates(*beta)
    for drop, expected in zip((0.0, 0.01, 0.02, 0.03, 0.05), rows, strict=True):
        whole = Population.of(rates, shifted(rates, drop), k)
        assert whole.delta == pytest.approx(-drop, abs=1e-9)
        e = whole.draw(n, SETS, seed=7)
        _, upper = t_interval(e.means, e.errors, n - 1, 1 - 2 * ALPHA)
        fired = [upper < 0]
        if k == 1:
            fired += [
                mcnemar_test(e.losses, e.wins, alternative="worse", mid_p=mid_p) <= ALPHA
                for mid_p in (False, True)
            ]
        for found, table in zip(fired, expected, strict=True):
            noise = np.hypot(slack(table, 4_000), slack(table)) + 0.001
            assert found.mean() == pytest.approx(table, abs=noise)
        # What paired_difference itself decides is never behind the table by more than noise.
        if n * (1 - whole.chances[k]) >= 10:
            decided = float((e.p_worse() <= ALPHA).mean())
            assert decided >= expected[-1] - slack(expected[-1], 4_000) - 0.01


def test_holm_over_a_suite_of_twenty() -> None:
    """No false alarm among 20 tasks of all sizes, in at least 95 of 100 suites."""
    cells = [CELLS[i] for i in np.linspace(0, len(CELLS) - 1, 20).astype(int)]
    drawn = [population(s, p, k, 0.0).draw(n, SETS, seed=i) for i, (s, n, p, k) in enumerate(cells)]
    p_values = np.column_stack([e.p_worse() for e in drawn])
    assert (holm(p_values) <= ALPHA).any(axis=1).mean() <= ALPHA + slack(ALPHA)
    # All twenty of the kind whose tests come nearest to their level, and without the correction.
    near = [population("alike", 0.5, 1, 0.0).draw(1319, SETS, seed=100 + i) for i in range(20)]
    p_values = np.column_stack([e.p_worse() for e in near])
    corrected = (holm(p_values) <= ALPHA).any(axis=1).mean()
    assert corrected == pytest.approx(ALPHA, abs=slack(ALPHA) + 0.004)
    assert (p_values <= ALPHA).any(axis=1).mean() > 0.6


@pytest.mark.parametrize(("n_clusters", "size"), [(30, 5), (164, 3)])
def test_clustered_differences(n_clusters: int, size: int) -> None:
    rng, sets = np.random.default_rng(8), 4_000
    shared = rng.normal(0, 0.3, size=(sets, n_clusters, 1))
    d = (shared + rng.normal(0, 0.2, size=(sets, n_clusters, size))).reshape(sets, -1)
    groups = np.repeat(np.arange(n_clusters), size)
    errors, _ = clustered_stderr(d, groups)
    _, upper = t_interval(d.mean(axis=1), errors, n_clusters - 1, 1 - 2 * ALPHA)
    assert (upper < 0).mean() == pytest.approx(ALPHA, abs=slack(ALPHA, sets))
    true_error = np.sqrt((0.3**2 + 0.2**2 / size) / n_clusters)
    _, upper = t_interval(d.mean(axis=1) - 2.5 * true_error, errors, n_clusters - 1, 0.9)
    planned = one_sided_power(2.5 * true_error, true_error, n_clusters - 1)
    assert (upper < 0).mean() >= planned - 0.03
    one = paired_difference(d[0], np.zeros(d.shape[1]), groups=groups, binary=False)
    assert one.stderr == pytest.approx(errors[0]) and one.df == n_clusters - 1
