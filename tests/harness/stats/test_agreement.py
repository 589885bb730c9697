"""Cohen's kappa is scikit-learn's, and its interval holds the truth as often as it says."""

import itertools

import numpy as np
import pytest
from scipy.stats import multinomial
from sklearn.metrics import cohen_kappa_score

from harness.stats.agreement import agreement


@pytest.mark.parametrize("categories", [2, 3, 5])
def test_kappa_is_that_of_scikit_learn(categories):
    rng = np.random.default_rng(categories)
    for n in (2, 20, 300):
        first = rng.integers(categories, size=n)
        second = np.where(rng.random(n) < 0.6, first, rng.integers(categories, size=n))
        found = agreement(first.tolist(), second.tolist(), draws=50)
        if len({*first, *second}) > 1:
            assert found.kappa == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)
        assert found.raw == pytest.approx(np.mean(first == second)) and found.n == n
        assert sum(map(sum, found.table)) == n


def table(share, kappa):
    """Both raters say yes with this share, and agree with this kappa."""
    both = share * share + kappa * share * (1 - share)
    return np.array([both, share - both, share - both, 1 - 2 * share + both])


N = 30
#: the share of yes of both raters, their kappa, and how often the interval must hold it, where .95 is meant:
#: a little less where nearly all of so few pairs agree
TRUTHS = [(0.5, 0.2, 0.92), (0.5, 0.8, 0.92), (0.8, 0.6, 0.92), (0.9, 0.9, 0.87)]


@pytest.fixture(scope="module")
def tables():
    """Every table of 30 pairs that is not next to impossible, and the interval of kappa for it."""
    every = np.array([(*cells, N - sum(cells)) for cells in itertools.product(range(N + 1), repeat=3)])
    every = every[every[:, -1] >= 0]
    likely = np.max([multinomial.pmf(every, N, table(share, kappa)) for share, kappa, _ in TRUTHS], axis=0)
    kept, intervals = every[likely > 1e-4], []
    for counts in kept:
        pairs = np.repeat(np.arange(4), counts)
        intervals.append(agreement(pairs // 2, pairs % 2, draws=1000).kappa_ci or (1, 0))
    return kept, np.array(intervals)


@pytest.mark.parametrize(("share", "kappa", "least"), TRUTHS)
def test_the_interval_holds_the_truth(tables, share, kappa, least):
    """By the probability of every table; nothing is drawn but the posterior."""
    kept, (low, high) = tables[0], tables[1].T
    likely = multinomial.pmf(kept, N, table(share, kappa))
    assert likely.sum() > 0.96
    assert least <= likely[(low <= kappa) & (kappa <= high)].sum() / likely.sum() <= 0.98


def test_the_interval_holds_the_estimate():
    for n in (1, 2, 3, 20):
        for first, second in itertools.product(([0] * n, [1] * n, [0, 1] * n), repeat=2):
            size = min(len(first), len(second))
            found = agreement(first[:size], second[:size], draws=200)
            assert found.raw_ci[0] <= found.raw <= found.raw_ci[1]
            assert found.kappa is None or found.kappa_ci[0] <= found.kappa <= found.kappa_ci[1]


def test_attempts_on_one_item_count_as_one():
    """Every item five times alike: the interval is that of the items, and wider than that of the attempts."""
    rng = np.random.default_rng(0)
    cells = rng.choice(4, size=60, p=table(0.5, 0.6))
    five, items = np.repeat(cells, 5), np.repeat(np.arange(60), 5)
    once = agreement(cells // 2, cells % 2)
    whole = agreement(five // 2, five % 2, groups=items.tolist())
    apart = agreement(five // 2, five % 2)

    def width(found):
        return found.kappa_ci[1] - found.kappa_ci[0]

    assert whole.kappa == pytest.approx(once.kappa)
    assert width(whole) == pytest.approx(width(once), rel=0.15) and width(apart) < 0.6 * width(once)


def test_perfect_agreement_is_no_certainty_and_one_label_no_agreement():
    perfect = agreement(["a", "b"] * 8, ["a", "b"] * 8)
    assert perfect.kappa == perfect.raw == 1 and 0.5 < perfect.kappa_ci[0] < 0.95
    assert perfect.kappa_ci[1] == perfect.raw_ci[1] == 1
    single = agreement(["a"] * 9, ["a"] * 9)
    assert single.kappa is None and single.kappa_ci is None and single.raw == 1 and single.raw_ci[0] < 1
    assert single.table == ((9,),)


@pytest.mark.parametrize(
    ("first", "second", "more"),
    [([], [], {}), ([1], [1, 2], {}), ([1], [1], {"level": 1.0}), ([1], [1], {"prior": 0})],
)
def test_what_cannot_be_compared(first, second, more):
    with pytest.raises(ValueError):
        agreement(first, second, **more)
