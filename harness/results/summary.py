"""From attempts to the metrics and counts of a record, one attempt at a time."""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.answers.reading import REASONS
from harness.base.errors import DECLINED
from harness.external.known_broken import WITHOUT, known_broken
from harness.results.classes import ClassTable, class_metrics
from harness.results.measures import Measures
from harness.results.ranges import estimate, worst_of
from harness.sample import Classes
from harness.spec import MetricRange, TaskSpec

if TYPE_CHECKING:
    from harness.stats import Estimate

#: items up to which answers are kept for maj@k; beyond it they would outgrow the numbers
MAX_VOTED = 20_000


class Summary:
    """Keeps a few numbers per attempt, whatever the length of completions."""

    def __init__(
        self,
        task: TaskSpec,
        n_items: int,
        classes: Classes | None = None,
        listed: Collection[str] | None = None,
    ) -> None:
        """`listed` are the items that are known to be broken, by default as the task's spec lists them."""
        self.task, self.n_items = task, n_items
        self._classes = None if classes is None else ClassTable(classes)
        self.names = list(task.metrics)
        self._scores: dict[str, dict[int, array[float]]] = {
            name: defaultdict(lambda: array("d")) for name in self.names
        }
        #: attempts at an item that weren't scored; only items that have some
        self._missing: dict[str, dict[int, int]] = {name: defaultdict(int) for name in self.names}
        #: items that a scored attempt says a metric has no value of; they are no part of its mean
        self._without: dict[str, set[int]] = {name: set() for name in self.names}
        self._ranges = task.metric_ranges
        self._worst: dict[str, float] = {}
        self._answers: dict[int, list[Any]] = defaultdict(list)
        self._groups: dict[int, str] = {}
        self._members: dict[str, set[int]] = defaultdict(set)  # items of every category
        self._counts = dict.fromkeys(
            (
                *("attempts", "ok", "unscored", "error", *DECLINED, "no_answer", "truncated"),
                *("user_failed", "grader_failed", "user_retries", "judge_errors"),
            ),
            0,
        )
        #: ok attempts by why no answer was read or compared
        self.reasons: Counter[str] = Counter()
        self.measures = Measures()
        self.epochs = 1
        self._binary = dict.fromkeys(self.names, True)
        self._listed = set(known_broken(task) if listed is None else listed)
        #: items of this run that the task's spec lists as broken, by position
        self.broken: dict[int, str] = {}

    def add(self, attempt: Mapping[str, Any], categories: Sequence[str] = (), target: Any = None) -> None:
        """Count one attempt (a line of the journal) at an item of these categories and with this target;
        attempts of an item come one after another."""
        n, status = attempt["n"], attempt["status"]
        if self._classes is not None:
            self._classes.add(
                n,
                target,
                attempt["answer"],
                scored=status == "ok",
                group=attempt["group"],
                confidence=attempt["confidence"],
            )
        self._counts["attempts"] += 1
        self._counts[status] += 1
        self._counts["no_answer"] += status == "ok" and attempt["answer"] is None
        if status == "ok" and attempt["reason"] in REASONS:
            self.reasons[attempt["reason"]] += 1
        self._counts["truncated"] += attempt["stop_reason"] == "max_tokens"
        self._counts["grader_failed"] += bool(attempt.get("grader_failed"))
        self._counts["user_failed"] += attempt["stop_reason"] == "user_failed"
        for name in ("user_retries", "judge_errors"):
            self._counts[name] += (attempt.get("trace") or {}).get(name, 0)
        self.measures.add(n, attempt.get("measures") or {})
        self.epochs = max(self.epochs, attempt["epoch"] + 1)
        if attempt["sample_id"] in self._listed:
            self.broken[n] = attempt["sample_id"]
        if attempt["group"] is not None:
            self._groups[n] = attempt["group"]
        for name in self.names:
            value = (attempt["metrics"] or {}).get(name)
            if status != "ok" or value is None:
                self._missing[name][n] += 1
            if status == "ok" and value is None:
                self._without[name].add(n)
            span = self._ranges[name]
            number = math.nan if status != "ok" or value is None else float(value)
            self._binary[name] &= math.isnan(number) or number in (span.low, span.high)
            self._scores[name][n].append(number)
        for category in categories:
            self._members[category].add(n)
        if "countable" in self.task.offers and self.n_items <= MAX_VOTED:
            self._answers[n].append(attempt.get("vote", attempt["answer"]))

    def counts(self) -> dict[str, int]:
        return dict(self._counts)

    def metrics(self, of_the_set: Mapping[str, float | Estimate]) -> dict[str, dict[str, Any]]:
        """Every metric with its uncertainty; the primary one also for each category, as
        `primary/category`; for repeated attempts at a right-or-wrong primary metric also pass@k, pass^k
        and maj@k. Where some of the items are known to be broken, also those of the others alone. Numbers
        `of_the_set` have no uncertainty; where answers are classes, their F1 and its kin have one."""
        if not self._counts["attempts"]:
            return {}
        for name in self.names:
            self._fill(name)
        items = sorted(self._scores[self.names[0]])
        made = self._of(items)
        for category in sorted(self._members):
            of_it = sorted(self._members[category])
            made[f"{self.task.primary}/{category}"] = {**self._mean(self.task.primary, of_it)}
        sound = [n for n in items if n not in self.broken]
        if self.broken and sound:
            made |= {f"{name}{WITHOUT}": metric for name, metric in self._of(sound).items()}
        made |= class_metrics(self._classes) if self._classes is not None else {}
        for name, value in of_the_set.items():
            if not isinstance(value, int | float):
                made[name] = _metric(value)
                continue
            made[name] = {
                "value": value,
                "stderr": None,
                "ci": None,
                "ci_method": "none",
                "df": None,
                "rerun_stderr": None,
                "n_clusters": None,
                "scored_only": None,
                "n_items": None,
            }
        return made

    def _fill(self, name: str) -> None:
        """Attempts that weren't scored count as the worst value, which may be the worst one measured."""
        if not self._missing[name]:
            return
        scores = self._scores[name]
        worst = worst_of(self._ranges[name], (v for n in scores for v in scores[n] if not math.isnan(v)))
        for n in self._missing[name]:
            scores[n] = array("d", (worst if math.isnan(v) else v for v in scores[n]))
        self._worst[name] = worst

    def _of(self, items: list[int]) -> dict[str, dict[str, Any]]:
        """The metrics of these items; none that no item has."""
        having = {name: [n for n in items if n not in self._without[name]] for name in self.names}
        made = {name: self._mean(name, those) for name, those in having.items() if those}
        right_or_wrong = self._ranges[self.task.primary] == MetricRange() and self._binary[self.task.primary]
        if self.epochs > 1 and right_or_wrong:
            made.update(self._repeated(self.task.primary, items))
        return made

    def _mean(self, name: str, items: Sequence[int]) -> dict[str, Any]:
        scores, missing = self._scores[name], self._missing[name]
        groups = self._labels(items)
        if all(len(scores[n]) == 1 for n in items):
            import numpy as np

            attempts: Any = np.fromiter((scores[n][0] for n in items), float, len(items))
        else:
            attempts = [list(scores[n]) for n in items]
        made = _metric(estimate(self._ranges[name], attempts, groups, self._binary[name]))
        if made["ci"]:  # t's may reach beyond the scale
            low, high = made["ci"]
            span = self._ranges[name]
            lowest, largest = min(span.low, made["value"]), max(span.high, made["value"])
            made["ci"] = max(lowest, low), min(largest, high)
        if any(n in missing for n in items):
            worst = self._worst[name]
            left = {n: len(scores[n]) - missing.get(n, 0) for n in items}
            alone = [
                (sum(scores[n]) - missing.get(n, 0) * worst) / count for n, count in left.items() if count
            ]
            made["scored_only"] = sum(alone) / len(alone) if alone else None
        return made

    def _labels(self, items: Sequence[int]) -> list[str] | None:
        """The group of each of these items, its own where it has none; None where no item has one."""
        return [self._groups.get(n, f"#{n}") for n in items] if self._groups else None

    def _repeated(self, name: str, items: list[int]) -> dict[str, dict[str, Any]]:
        from harness.stats import maj_at_k, mean_over_items, pass_at_k, pass_hat_k

        scores, missing = self._scores[name], self._missing[name]
        tried = [len(scores[n]) for n in items]
        right = [sum(scores[n]) for n in items]
        scored = [len(scores[n]) - missing.get(n, 0) for n in items]
        groups = self._labels(items)
        made: dict[str, dict[str, Any]] = {}

        def mean(of: Any, k: int) -> dict[str, Any]:
            """Over all attempts; beside it over the scored ones, of items that have k of them."""
            metric = _metric(mean_over_items(of(tried, right, k), groups=groups))
            able = [n for n, count in enumerate(scored) if count >= k] if scored != tried else []
            if able:
                rest = of([scored[n] for n in able], [right[n] for n in able], k)
                metric["scored_only"] = mean_over_items(rest).value
            return metric

        fewest = min(tried)
        powers = {2**p for p in range(1, fewest.bit_length()) if 2**p <= fewest} | {fewest}
        if self.task.answer == "trajectory":  # agent benchmarks report every k up to 4
            powers |= set(range(2, min(fewest, 4) + 1))
            made["pass^1"] = mean(pass_hat_k, 1)
        for k in sorted(powers - {1}):
            made[f"pass@{k}"] = mean(pass_at_k, k)
            made[f"pass^{k}"] = mean(pass_hat_k, k)
        if self._answers and fewest > 2:
            answers = [[_hashable(a) for a in self._answers[n]] for n in items]
            votes = maj_at_k(answers, [list(scores[n]) for n in items], fewest)
            made[f"maj@{fewest}"] = _metric(mean_over_items(votes, groups=groups))
        return made


def _hashable(answer: Any) -> Any:
    return answer if isinstance(answer, str | int | float | None) else str(answer)


def _metric(estimate: Any) -> dict[str, Any]:
    return {**asdict(estimate), "scored_only": None}
