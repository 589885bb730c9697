"""Every error that a docstring of the statistics promises is raised, and a value just inside is taken."""

import importlib
import inspect
import math
import pkgutil
import re

import numpy as np
import pytest

from harness import stats
from harness.stats.agreement import agreement
from harness.stats.attempts import avg_at_k, g_pass_at_k, maj_at_k, pass_at_k, pass_hat_k
from harness.stats.bayes import probability_better
from harness.stats.bootstrap import bootstrap_estimate
from harness.stats.change_points import find_steps
from harness.stats.crossed import parts_of, summed, tipping_sd, unpaired_parts
from harness.stats.estimate import estimate_mean, mean_over_items
from harness.stats.grid import decompose
from harness.stats.grid_noise import cell_means
from harness.stats.groups import macro_average
from harness.stats.hypothesis import judge
from harness.stats.intervals import (
    beta11,
    cluster_codes,
    clustered_stderr,
    jeffreys,
    mean_stderr,
    rerun_stderr,
    t_interval,
    wilson,
)
from harness.stats.iso_budget import optimum
from harness.stats.items import finite_array, gather_attempts
from harness.stats.mcnemar import mcnemar_test, tango_interval
from harness.stats.multiplicity import benjamini_hochberg, holm
from harness.stats.paired import paired_difference
from harness.stats.permutation import sign_flip
from harness.stats.plan import Components, Costs, Design, beta_attempt_variance, power_of
from harness.stats.power import Expected
from harness.stats.preference import bradley_terry, preference_ranks
from harness.stats.quantiles import check_level
from harness.stats.ranks import rank_sets
from harness.stats.scaling import fit_forms
from harness.stats.spending import boundaries, spent
from harness.stats.suite import suite_difference
from harness.stats.surface import fit_surfaces
from harness.stats.sweep_means import sweep_means
from harness.stats.trend import trend

NAN, INF = math.nan, math.inf
LEVELS = (-0.1, 0.0, 1.0, 1.1, NAN)
TABLE = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
PARTS = parts_of(TABLE)
ALONE = parts_of(TABLE[:, :1])
CELLS = [TABLE, TABLE[::-1], TABLE * 0.5, TABLE * 0.25]
NOISE = cell_means(CELLS, [True] * 4)
GRID = NOISE.means.reshape(2, 2) if hasattr(NOISE, "means") else np.zeros((2, 2))
SWEEP = sweep_means([TABLE, TABLE[::-1]])
FLAT = sweep_means([TABLE, TABLE], draws=False)
SURFACE = sweep_means([TABLE * level for level in (0.2, 0.4, 0.6, 0.9)])
SQUARE = np.array([[1.0, 1.0], [1.0, 2.0], [2.0, 1.0], [2.0, 2.0]])
PLANES = {(fit.shape, fit.terms): fit for fit in fit_surfaces(SURFACE, SQUARE, draws=2)}
DIFFERENCE = paired_difference([1, 0, 1, 1], [0, 0, 1, 0], binary=True)
TASK = estimate_mean([1, 0, 1], binary=True)
VOTES = [[0, 2], [1, 0]]
EXPECTED = Expected(0.01, 9.0)
PLAN = Components(0.01, 0.0, 0.2)
WORDS = ["a", "b", "a"]
FORMS = ([1, 2, 4, 8], [1.0, 2.0, 3.0, 4.0], [0.1] * 4)


def maximum(rows, *more):
    return float(np.max(rows))


#: the function, then calls of it with a part of the message
REFUSED = [
    (agreement, "two ratings", lambda f: f(["a"], ["a", "b"])),
    (agreement, "", lambda f: f([], [])),
    *((agreement, "prior", lambda f, p=p: f(WORDS, WORDS, prior=p)) for p in (0.0, -1.0, INF, NAN)),
    *((agreement, "strictly between", lambda f, n=n: f(WORDS, WORDS, level=n)) for n in LEVELS),
    *((f, "empty", lambda f: f([], [], 1)) for f in (pass_at_k, pass_hat_k, avg_at_k)),
    *((f, "NaN", lambda f: f([NAN], [1], 1)) for f in (pass_at_k, pass_hat_k, avg_at_k)),
    *((f, "whole", lambda f: f([2.5], [1], 1)) for f in (pass_at_k, pass_hat_k, avg_at_k)),
    *((f, "whole", lambda f: f([-1], [0], 1)) for f in (pass_at_k, pass_hat_k, avg_at_k)),
    *(
        (f, "k must be", lambda f, k=k: f([2], [1], k))
        for f in (pass_at_k, pass_hat_k, avg_at_k)
        for k in (0, 1.5)
    ),
    *((f, "more correct", lambda f: f([2], [3], 1)) for f in (pass_at_k, pass_hat_k)),
    *((f, "correct must be whole", lambda f: f([2], [1.5], 1)) for f in (pass_at_k, pass_hat_k)),
    *((f, "correct must be whole", lambda f: f([2], [-1], 1)) for f in (pass_at_k, pass_hat_k)),
    *((g_pass_at_k, "tau", lambda f, t=t: f([2], [1], 2, t)) for t in (-0.01, 1.01, NAN)),
    (g_pass_at_k, "k must be", lambda f: f([2], [1], 0, 0.5)),
    (maj_at_k, "empty", lambda f: f([], [], 1)),
    (maj_at_k, "1 items but correct has 2", lambda f: f([["a"]], [[1], [1]], 1)),
    (maj_at_k, "2 answers but 1 scores", lambda f: f([["a", "b"]], [[1]], 1)),
    (maj_at_k, "NaN", lambda f: f([["a"]], [[NAN]], 1)),
    (maj_at_k, "k must be", lambda f: f([["a"]], [[1]], 0)),
    (probability_better, "", lambda f: f(-1, 1)),
    (probability_better, "", lambda f: f(1, -1)),
    (probability_better, "", lambda f: f(1, 1, n_items=1, than=0.1)),
    (probability_better, "", lambda f: f(1, 1, than=0.1)),
    *((probability_better, "", lambda f, p=p: f(1, 1, prior=p)) for p in (0.0, -1.0)),
    *((probability_better, "", lambda f, t=t: f(1, 1, n_items=3, than=t)) for t in (-1.01, 1.01, NAN)),
    (bootstrap_estimate, "rows is empty", lambda f: f(np.zeros((0, 2)), maximum)),
    (bootstrap_estimate, "2 labels", lambda f: f([1.0, 0.0, 1.0], maximum, groups=["a", "b"])),
    *(
        (bootstrap_estimate, "strictly between", lambda f, n=n: f([1.0, 0.0], maximum, level=n))
        for n in LEVELS
    ),
    (find_steps, "empty", lambda f: f([])),
    (find_steps, "NaN", lambda f: f([1.0, NAN])),
    (find_steps, "2 standard errors for 3", lambda f: f([1.0, 2.0, 3.0], [1.0, 1.0])),
    *((find_steps, "positive", lambda f, e=e: f([1.0, 2.0], [1.0, e])) for e in (0.0, -1.0)),
    *((find_steps, "alpha", lambda f, a=a: f([1.0, 2.0], alpha=a)) for a in (0.0, 1.0)),
    *((find_steps, "min_length", lambda f, n=n: f([1.0, 2.0], min_length=n)) for n in (0, 1.5)),
    (parts_of, "no item", lambda f: f(np.full((2, 2), NAN))),
    (unpaired_parts, "3 items and the reference 2", lambda f: f(TABLE, TABLE[:2])),
    (unpaired_parts, "no item", lambda f: f([[1.0], [NAN]], [[NAN], [1.0]])),
    (summed, "nothing to sum", lambda f: f([], [])),
    (tipping_sd, "nothing is drawn", lambda f: f(PARTS, drawn=(False, False))),
    (estimate_mean, "", lambda f: f([], binary=True)),
    (estimate_mean, "", lambda f: f([[1], []], binary=True)),
    (estimate_mean, "NaN", lambda f: f([1, NAN], binary=True)),
    (estimate_mean, "", lambda f: f([1, INF], binary=False)),
    (estimate_mean, "0 or 1", lambda f: f([1, 0.5], binary=True)),
    (estimate_mean, "labels", lambda f: f([1, 0], groups=["a"], binary=True)),
    *((estimate_mean, "strictly between", lambda f, n=n: f([1, 0], binary=True, level=n)) for n in LEVELS),
    (mean_over_items, "fewer than k attempts", lambda f: f([1.0, NAN])),
    *((mean_over_items, "", lambda f, v=v: f([0.5, v])) for v in (-0.01, 1.01)),
    (mean_over_items, "", lambda f: f([])),
    *((mean_over_items, "strictly between", lambda f, n=n: f([0.5, 1.0], level=n)) for n in LEVELS),
    (decompose, "", lambda f: f(GRID, NOISE, ("method",))),
    (decompose, "two levels or more", lambda f: f(GRID.reshape(1, 4), NOISE, ("method", "model"))),
    (decompose, "", lambda f: f(np.full((2, 2), NAN), NOISE, ("method", "model"))),
    *((decompose, "strictly between", lambda f, n=n: f(GRID, NOISE, ("a", "b"), level=n)) for n in LEVELS),
    (cell_means, "two items", lambda f: f([TABLE[:1], TABLE[:1]], [True, True])),
    (cell_means, "a cell lacks 1", lambda f: f([TABLE, [[NAN, NAN], [1, 0], [1, 1]]], [True, True])),
    (macro_average, "at least one task", lambda f: f([])),
    *((macro_average, "strictly between", lambda f, n=n: f([TASK], level=n)) for n in LEVELS),
    *(
        (f, message, call)
        for f in (wilson, beta11, jeffreys)
        for message, call in (
            ("empty", lambda f: f([], [])),
            ("NaN", lambda f: f(NAN, 3)),
            ("", lambda f: f(4, 3)),
            ("", lambda f: f(-1, 3)),
            ("", lambda f: f(0, 0)),
            *(("strictly between", lambda f, n=n: f(1, 3, n)) for n in LEVELS),
        )
    ),
    (t_interval, "empty", lambda f: f([], [], [])),
    (t_interval, "NaN", lambda f: f(NAN, 1, 1)),
    (t_interval, "", lambda f: f(0, -0.01, 1)),
    *((t_interval, "", lambda f, d=d: f(0, 1, d)) for d in (0, -1)),
    *((t_interval, "strictly between", lambda f, n=n: f(0, 1, 1, n)) for n in LEVELS),
    *((mean_stderr, "", lambda f, v=v: f(v)) for v in ([], [1.0], [1.0, NAN])),
    *((clustered_stderr, "", lambda f, v=v: f(v, ["a", "b"])) for v in ([], [1.0, NAN], [1.0, 2.0, 3.0])),
    (clustered_stderr, "", lambda f: f([1.0, 2.0], ["a", None])),
    (clustered_stderr, "", lambda f: f([1.0, 2.0], ["a", "a"])),
    (cluster_codes, "", lambda f: f(["a"], 2)),
    (cluster_codes, "", lambda f: f(["a", None], 2)),
    *(
        (rerun_stderr, "", lambda f, v=v: f(*v))
        for v in (([], []), ([NAN], [2]), ([-0.01], [2]), ([0.1], [1]))
    ),
    *((finite_array, "^shares ", lambda f, v=v: f("shares", v)) for v in ([], [NAN], [1.0, INF], [-INF])),
    *(
        (gather_attempts, "", lambda f, v=v: f(v))
        for v in ([], [[1], []], [[1, NAN]], [[INF]], np.zeros((2, 2, 2)))
    ),
    *((mcnemar_test, "", lambda f, v=v: f(*v)) for v in (([], []), (NAN, 1), (0.5, 1), (-1, 1), (1, -1))),
    (mcnemar_test, "alternative", lambda f: f(1, 2, alternative="greater")),
    *(
        (tango_interval, "", lambda f, v=v: f(*v))
        for v in (([], [], []), (NAN, 1, 3), (-1, 1, 3), (1, -1, 3))
    ),
    *((tango_interval, "", lambda f, v=v: f(*v)) for v in ((2, 2, 3), (0, 0, 0))),
    *((tango_interval, "strictly between", lambda f, n=n: f(1, 1, 3, n)) for n in LEVELS),
    *(
        (f, "p-values", lambda f, p=p: f(p))
        for f in (holm, benjamini_hochberg)
        for p in ([], [-0.01], [1.01])
    ),
    (paired_difference, "2 items but the reference 1", lambda f: f([1, 0], [1], binary=True)),
    (paired_difference, "0 or 1", lambda f: f([1, 0.5], [1, 0], binary=True)),
    *(
        (paired_difference, "strictly between", lambda f, n=n: f([1, 0], [0, 0], binary=True, level=n))
        for n in LEVELS
    ),
    *((DIFFERENCE.interval, "strictly between", lambda f, n=n: f(n)) for n in LEVELS),
    *((sign_flip, "", lambda f, v=v: f(v)) for v in ([], [NAN, 1.0])),
    (sign_flip, "labels", lambda f: f([1.0, 2.0], groups=["a"])),
    *((sign_flip, "draws", lambda f, n=n: f([1.0, 2.0], draws=n)) for n in (0, -1)),
    (sign_flip, "alternative", lambda f: f([1.0, 2.0], alternative="less")),
    *((power_of, "alpha", lambda f, a=a: f(0.1, PLAN, Design(100), alpha=a)) for a in (0.0, 1.0, NAN)),
    *((power_of, "tests", lambda f, n=n: f(0.1, PLAN, Design(100), tests=n)) for n in (0, 1.5)),
    (power_of, "effect", lambda f: f(INF, PLAN, Design(100))),
    *((beta_attempt_variance, "Beta", lambda f, v=v: f(*v)) for v in ((0, 1), (1, 0), (INF, 1), (1, NAN))),
    (Design(9).expected, "too few", lambda f: f(Components(0.01, 0.0, 0.2, group_size=9))),
    *((EXPECTED.power, "alpha", lambda f, a=a: f(0.1, a)) for a in (0.0, 1.0)),
    *((EXPECTED.power, "finite", lambda f, e=e: f(e)) for e in (INF, NAN)),
    *((EXPECTED.detectable, "alpha", lambda f, a=a: f(0.8, a)) for a in (0.0, 1.0)),
    *((EXPECTED.detectable, "between alpha", lambda f, p=p: f(p)) for p in (0.05, 1.0, 0.0)),
    *(
        (bradley_terry, "", lambda f, v=v: f(v))
        for v in ([], [[0, NAN], [1, 0]], [[0, 1]], [[0, -1], [1, 0]])
    ),
    *((bradley_terry, "prior", lambda f, p=p: f(VOTES, prior=p)) for p in (0.0, -1.0)),
    (preference_ranks, "at least one vote", lambda f: f([[0, 0], [0, 0]])),
    *((preference_ranks, "strictly between", lambda f, n=n: f(VOTES, level=n)) for n in LEVELS),
    *((check_level, "strictly between", lambda f, n=n: f(n)) for n in LEVELS),
    (rank_sets, "3 methods make 3 pairs, got 2", lambda f: f([1, 2, 3], [0.1, 0.1])),
    *((rank_sets, "strictly between", lambda f, n=n: f([1, 2], [0.1], n)) for n in LEVELS),
    (fit_forms, "one length", lambda f: f(FORMS[0], FORMS[1][:3], FORMS[2])),
    *((fit_forms, "above 0", lambda f, k=k: f([k, 2, 4, 8], *FORMS[1:])) for k in (0, -1)),
    *((fit_forms, "above 0", lambda f, v=v: f(*FORMS[:2], [v, 0.1, 0.1, 0.1])) for v in (0, -1)),
    (spent, "'linear'", lambda f: f(0.5, spending="linear")),
    (boundaries, "'linear'", lambda f: f([1.0], 2.0, spending="linear")),
    *((boundaries, "rises", lambda f, v=v: f(v, 2.0)) for v in ([1.0, 1.0], [1.0, 0.5], [0.0, 1.0])),
    (suite_difference, "at least one task", lambda f: f([])),
    *((suite_difference, "strictly between", lambda f, n=n: f([PARTS], level=n)) for n in LEVELS),
    (sweep_means, "two values", lambda f: f([TABLE])),
    (sweep_means, "no score", lambda f: f([TABLE, np.full((3, 2), NAN)])),
    (sweep_means, "seeds of", lambda f: f([TABLE, TABLE], [[0, 1], [0]])),
    (fit_surfaces, "4 x 2 coordinates", lambda f: f(SURFACE, SQUARE[:3])),
    (fit_surfaces, "4 variances", lambda f: f(SURFACE, SQUARE, [1.0])),
    *((fit_surfaces, "above 0", lambda f, v=v: f(SURFACE, np.full((4, 2), v))) for v in (0.0, -1.0, NAN)),
    *((fit_surfaces, "above 0", lambda f, v=v: f(SURFACE, SQUARE, np.full(4, v))) for v in (0.0, -1.0, NAN)),
    *((fit_surfaces, "strictly between", lambda f, n=n: f(SURFACE, SQUARE, level=n)) for n in LEVELS),
    *((judge, "above 0", lambda f, m=m: f([], SURFACE, SQUARE, (2, 2), margin=m)) for m in (0.0, -0.1)),
    (optimum, "one axis", lambda f: f(PLANES["linear", "first"], 10)),
    *((optimum, "above 0", lambda f, b=b: f(PLANES["linear", "both"], b)) for b in (0.0, -1.0, NAN)),
    *((optimum, "strictly between", lambda f, n=n: f(PLANES["linear", "both"], 1, level=n)) for n in LEVELS),
    *((trend, "above 0", lambda f, m=m: f(SWEEP, margin=m)) for m in (0.0, -0.1)),
    *((trend, "strictly between", lambda f, n=n: f(FLAT, level=n)) for n in LEVELS),
    # what is refused where it is made
    *((Components, "variance", lambda f, v=v: f(v, 0.0, 0.0)) for v in (-0.01, INF, NAN)),
    *((Components, "at least one item", lambda f, n=n: f(0.0, 0.0, 0.0, group_size=n)) for n in (0.9, INF)),
    *(
        (Components, "correlation", lambda f, c=c: f(0.0, 0.0, 0.0, group_correlation=c))
        for c in (-0.01, 1.01)
    ),
    *((Design, "whole number", lambda f, v=v: f(*v)) for v in ((1, 1, 1), (2, 0, 1), (2, 1, 0), (2.5, 1, 1))),
    (Design, "two arms", lambda f: f(2, 1, 1, False, 3)),
    *(
        (Costs, "positive", lambda f, v=v: f(*v))
        for v in ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (1.0, 1.0, -0.1))
    ),
    *((Expected, "variance", lambda f, v=v: f(v, 9.0)) for v in (-0.01, INF, NAN)),
    *((Expected, "two groups", lambda f, d=d: f(0.1, d)) for d in (0.0, -1.0, NAN)),
]


def named(place):
    function, message, _ = REFUSED[place]
    return f"{place}-{function.__name__}-{message}"


@pytest.mark.parametrize("place", range(len(REFUSED)), ids=named)
def test_it_is_refused(place):
    function, message, call = REFUSED[place]
    with pytest.raises(ValueError, match=message or None):
        call(function)


def test_an_answer_that_is_not_hashable_is_no_vote():
    with pytest.raises(TypeError):
        maj_at_k([[["a"], ["b"]]], [[1, 0]], 2)


def test_every_documented_error_is_in_the_table():
    documented = set()
    for module in pkgutil.iter_modules(stats.__path__, "harness.stats."):
        for _, value in inspect.getmembers(importlib.import_module(module.name)):
            if getattr(value, "__module__", "") != module.name:
                continue
            members = (
                [value]
                if inspect.isfunction(value)
                else vars(value).values()
                if inspect.isclass(value)
                else ()
            )
            for each in filter(inspect.isfunction, members):
                if re.search(r"^ *Raises:", each.__doc__ or "", re.MULTILINE):
                    documented.add(each.__name__)
    assert documented <= {function.__name__ for function, _, _ in REFUSED}


@pytest.mark.parametrize(
    "taken",
    [
        lambda: pass_at_k([1], [1], 1),
        lambda: pass_at_k([0], [0], 1),
        lambda: g_pass_at_k([2], [1], 2, 0.0),
        lambda: g_pass_at_k([2], [1], 2, 1.0),
        lambda: probability_better(0, 0),
        lambda: probability_better(1, 1, n_items=2, than=0.1),
        lambda: find_steps([1.0]),
        lambda: mean_over_items([0.0, 1.0]),
        lambda: wilson([0, 1], 1),
        lambda: t_interval(0, 0.0, 1),
        lambda: rerun_stderr([0.0], [2]),
        lambda: mcnemar_test(0, 0),
        lambda: tango_interval(1, 2, 3),
        lambda: tango_interval(0, 0, 1),
        lambda: holm([0.0, 1.0]),
        lambda: sign_flip([1.0], draws=1),
        lambda: EXPECTED.detectable(0.051),
        lambda: Design(2).expected(PLAN),
        lambda: Components(0.0, 0.0, 0.0, group_size=1, group_correlation=1.0),
        lambda: Components(0.0, 0.0, 0.0, group_correlation=0.0),
        lambda: Costs(0.1, 0.1, 0.0),
        lambda: Expected(0.0, 0.1),
        lambda: trend(SWEEP, margin=1e-9),
        lambda: judge(list(PLANES.values()), SURFACE, SQUARE, (2, 2), margin=1e-9),
        lambda: optimum(PLANES["linear", "both"], 1e-9),
        lambda: sweep_means([TABLE[:1], TABLE[:1]]),
        lambda: cell_means([TABLE[:2], TABLE[:2]], [True, True]),
    ],
)
def test_the_least_that_is_allowed_is_taken(taken):
    taken()
