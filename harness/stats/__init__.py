"""Statistics of result tables: estimates with honest intervals, comparisons, planning.

Importing this package imports numpy and scipy, so nothing outside it imports it at top level.

===================  =========================================================================================
module               what it holds
===================  =========================================================================================
``estimate``         the entry of result tables: attempts of every item in, value and interval out
``paired``           the entry of comparisons: two methods on the same items, difference and interval
``intervals``        standard errors and confidence intervals, each a formula
``mcnemar``          one yes/no attempt an item: McNemar's test, Tango's interval
``permutation``      the sign-flip test of paired differences
``bayes``            P(candidate better) from the 2x2 table
``multiplicity``     Holm and Benjamini-Hochberg over many tests
``suite``            the pooled comparison over the tasks of a suite
``crossed``          items and runs at once: the variances behind every comparison (``crossed_rule``: from
                     them to half widths and p-values)
``ranks``            places of several methods that hold together, from the tests of every pair
``grid``             a grid method x model taken apart: variance components (``quadratic``: their forms,
                     ``grid_noise``: what noise adds), ``reversals`` of rank
``shared_groups``    means over tasks that have items or groups in common
``pooled_attempts``  pass@k of attempts that several runs have together
``preference``       Bradley-Terry strengths and ranks from pairwise votes
``trend``            rises, falls, peaks, dips or flat over the values of a sweep (``sweep_means``: the means
                     there with their covariances; ``contrasts``: weighted sums of them)
``scaling``          forms of a score over one number: fits, AIC
``surface``          forms of a score over two numbers (``iso_budget``: the best split of a budget,
                     ``hypothesis``: whether both improve it)
``change_points``    steps in a history of scores
``agreement``        how far two raters agree on categories: kappa
``attempts``         pass@k, pass^k, G-Pass@k, avg@k, maj@k (``votes`` holds the exact vote)
``groups``           macro and micro averages over tasks
``spending``         looks at growing data: levels that spend one alpha, runs that a margin takes
``power``            the power of the rule of ``crossed``, and the smallest difference it detects
``components``       variance components of a table item x run
``plan``             runs, items and attempts to plan with: what they detect, the cheapest of a budget
``items``            attempts in the shapes callers have, reduced to item means
``bootstrap``        statistics of the set as a whole: intervals by resampling items
``classification``   scores of classes from counts: macro-F1 and its kin, AUROC
``quantiles``        the distributions, through scipy
===================  =========================================================================================

A gate that turns a comparison into a verdict is policy, and belongs above this package's formulas.
"""

from harness.stats.attempts import avg_at_k, g_pass_at_k, maj_at_k, pass_at_k, pass_hat_k
from harness.stats.bayes import probability_better
from harness.stats.bootstrap import bootstrap_estimate
from harness.stats.change_points import Step, find_steps
from harness.stats.components import TableNoise, cells_and_attempts, table_noise
from harness.stats.crossed import Parts, parts_of, unpaired_parts
from harness.stats.estimate import Estimate, estimate_mean, mean_over_items
from harness.stats.groups import macro_average, micro_average
from harness.stats.intervals import (
    beta11,
    clustered_stderr,
    jeffreys,
    mean_stderr,
    rerun_stderr,
    t_interval,
    wilson,
)
from harness.stats.mcnemar import mcnemar_test, tango_interval
from harness.stats.multiplicity import benjamini_hochberg, holm
from harness.stats.paired import Difference, paired_difference
from harness.stats.permutation import SignFlip, sign_flip
from harness.stats.plan import (
    Components,
    Costs,
    Design,
    beta_attempt_variance,
    cheapest,
    default_attempt_variance,
    detectable,
    needed,
    power_of,
)
from harness.stats.preference import Preference, RankInterval, bradley_terry, preference_ranks
from harness.stats.ranks import RankSet, least_units, pair_p_values, rank_sets, ranks_shown
from harness.stats.suite import SuiteDifference, suite_difference

__all__ = [
    "Components",
    "Costs",
    "Design",
    "Difference",
    "Estimate",
    "Parts",
    "Preference",
    "RankInterval",
    "RankSet",
    "SignFlip",
    "Step",
    "SuiteDifference",
    "TableNoise",
    "avg_at_k",
    "benjamini_hochberg",
    "beta11",
    "beta_attempt_variance",
    "bootstrap_estimate",
    "bradley_terry",
    "cells_and_attempts",
    "cheapest",
    "clustered_stderr",
    "default_attempt_variance",
    "detectable",
    "estimate_mean",
    "find_steps",
    "g_pass_at_k",
    "holm",
    "jeffreys",
    "least_units",
    "macro_average",
    "maj_at_k",
    "mcnemar_test",
    "mean_over_items",
    "mean_stderr",
    "micro_average",
    "needed",
    "pair_p_values",
    "paired_difference",
    "parts_of",
    "pass_at_k",
    "pass_hat_k",
    "power_of",
    "preference_ranks",
    "probability_better",
    "rank_sets",
    "ranks_shown",
    "rerun_stderr",
    "sign_flip",
    "suite_difference",
    "t_interval",
    "table_noise",
    "tango_interval",
    "unpaired_parts",
    "wilson",
]
