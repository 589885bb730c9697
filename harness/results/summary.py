"""From attempts to the metrics and counts of a record, one attempt at a time."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.known_broken import WITHOUT, known_broken
from harness.spec import TaskSpec

#: items up to which answers are kept for maj@k; beyond it they would outgrow the numbers
MAX_VOTED = 20_000


class Summary:
    """Keeps a few numbers per attempt, whatever the length of completions."""

    def __init__(self, task: TaskSpec, n_items: int) -> None:
        self.task, self.n_items = task, n_items
        self.names = list(task.metrics)
        self._scores: dict[str, dict[int, array[float]]] = {
            name: defaultdict(lambda: array("d")) for name in self.names
        }
        self._scored: dict[str, tuple[float, int]] = dict.fromkeys(self.names, (0.0, 0))
        self._answers: dict[int, list[Any]] = defaultdict(list)
        self._groups: dict[int, str] = {}
        #: items of every category, and how many attempts at them were scored
        self._members: dict[str, set[int]] = defaultdict(set)
        self._scored_of: dict[str, int] = defaultdict(int)
        self._counts = dict.fromkeys(
            ("attempts", "ok", "unscored", "error", "no_answer", "truncated"), 0
        )
        self.epochs = 1
        self._binary = dict.fromkeys(self.names, True)
        self._listed = set(known_broken(task))
        #: items of this run that the task's spec lists as broken, by position
        self.broken: dict[int, str] = {}

    def add(self, attempt: Mapping[str, Any], categories: Sequence[str] = ()) -> None:
        """Count one attempt (a line of the journal) at an item of these categories; attempts of an item
        come one after another."""
        n, status = attempt["n"], attempt["status"]
        self._counts["attempts"] += 1
        self._counts[status] += 1
        self._counts["no_answer"] += status == "ok" and attempt["answer"] is None
        self._counts["truncated"] += attempt["stop_reason"] == "max_tokens"
        self.epochs = max(self.epochs, attempt["epoch"] + 1)
        if attempt["sample_id"] in self._listed:
            self.broken[n] = attempt["sample_id"]
        if attempt["group"] is not None:
            self._groups[n] = attempt["group"]
        for name in self.names:
            value = (attempt["metrics"] or {}).get(name)
            if status == "ok" and value is not None:
                total, count = self._scored[name]
                self._scored[name] = total + value, count + 1
            number = float(value or 0.0) if status == "ok" else 0.0
            self._binary[name] &= number in (0.0, 1.0)
            self._scores[name][n].append(number)
        primary = (attempt["metrics"] or {}).get(self.task.primary) if status == "ok" else None
        for category in categories:
            self._members[category].add(n)
            self._scored_of[category] += primary is not None
        if "countable" in self.task.offers and self.n_items <= MAX_VOTED:
            self._answers[n].append(attempt["answer"])

    def counts(self) -> dict[str, int]:
        return dict(self._counts)

    def metrics(self, of_the_set: Mapping[str, float]) -> dict[str, dict[str, Any]]:
        """Every metric with its uncertainty; the primary one also for each category, as
        `primary/category`; for repeated attempts at a right-or-wrong primary metric also pass@k, pass^k
        and maj@k. Where some of the items are known to be broken, also those of the others alone. The
        values `of_the_set` have no uncertainty."""
        if not self._counts["attempts"]:
            return {}
        items = sorted(self._scores[self.names[0]])
        made = self._of(items)
        for category in sorted(self._members):
            made[f"{self.task.primary}/{category}"] = self._of_category(category)
        sound = [n for n in items if n not in self.broken]
        if self.broken and sound:
            made |= {f"{name}{WITHOUT}": metric for name, metric in self._of(sound).items()}
        for name, value in of_the_set.items():
            made[name] = {"value": value, "stderr": None, "ci": None, "ci_method": "none", "df": None,
                          "rerun_stderr": None, "n_clusters": None, "scored_only": None}  # fmt: skip
        return made

    def _of(self, items: list[int]) -> dict[str, dict[str, Any]]:
        """The metrics of these items."""
        made: dict[str, dict[str, Any]] = {}
        for name in self.names:
            made[name] = self._mean(name, items)
            total, count = self._scored[name]
            if len(items) == len(self._scores[name]) and 0 < count < self._counts["attempts"]:
                made[name]["scored_only"] = total / count
        if self.epochs > 1 and self._binary[self.task.primary]:
            made.update(self._repeated(self.task.primary, items))
        return made

    def _of_category(self, category: str) -> dict[str, Any]:
        """The primary metric of its items."""
        items, scores = sorted(self._members[category]), self._scores[self.task.primary]
        made = {**self._mean(self.task.primary, items), "n_items": len(items)}
        scored = self._scored_of[category]
        if 0 < scored < sum(len(scores[n]) for n in items):
            made["scored_only"] = sum(sum(scores[n]) for n in items) / scored
        return made

    def _mean(self, name: str, items: Sequence[int]) -> dict[str, Any]:
        from harness.stats import estimate_mean

        scores = self._scores[name]
        groups = [self._groups.get(n, f"#{n}") for n in items] if self._groups else None
        if all(len(scores[n]) == 1 for n in items):
            import numpy as np

            attempts: Any = np.fromiter((scores[n][0] for n in items), float, len(items))
        else:
            attempts = [list(scores[n]) for n in items]
        return _metric(estimate_mean(attempts, groups=groups, binary=self._binary[name]))

    def _repeated(self, name: str, items: list[int]) -> dict[str, dict[str, Any]]:
        from harness.stats import maj_at_k, mean_over_items, pass_at_k, pass_hat_k

        scores = self._scores[name]
        tried = [len(scores[n]) for n in items]
        right = [sum(scores[n]) for n in items]
        made = {}
        fewest = min(tried)
        powers = {2**p for p in range(1, fewest.bit_length()) if 2**p <= fewest} | {fewest}
        if self.task.answer == "trajectory":  # agent benchmarks report every k up to 4
            powers |= set(range(2, min(fewest, 4) + 1))
            made["pass^1"] = _metric(mean_over_items(pass_hat_k(tried, right, 1)))
        for k in sorted(powers - {1}):
            made[f"pass@{k}"] = _metric(mean_over_items(pass_at_k(tried, right, k)))
            made[f"pass^{k}"] = _metric(mean_over_items(pass_hat_k(tried, right, k)))
        if self._answers and fewest > 2:
            answers = [[_hashable(a) for a in self._answers[n]] for n in items]
            votes = maj_at_k(answers, [list(scores[n]) for n in items], fewest)
            made[f"maj@{fewest}"] = _metric(mean_over_items(votes))
        return made


def _hashable(answer: Any) -> Any:
    return answer if isinstance(answer, str | int | float | None) else str(answer)


def _metric(estimate: Any) -> dict[str, Any]:
    fields = asdict(estimate)
    fields.pop("n_items")
    return {**fields, "scored_only": None}
