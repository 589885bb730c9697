"""The errors of a family's figures: weighted means of its tasks, some of which share groups of items."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from harness.base.errors import RecordError
from harness.results.stored import read_attempts

if TYPE_CHECKING:
    from harness.stats.shared_groups import GroupSums


def figure_errors(
    figures: Callable[[Mapping[str, float]], Mapping[str, float]], runs: Mapping[str, Mapping[str, Any]]
) -> dict[str, float]:
    """The standard error of each figure, for new items (in groups, which tasks may share) of these tasks.

    Args:
        figures: the figures from the values of the tasks, in which each is linear.
        runs: the record of each task.

    Returns:
        By figure; empty where the attempts of a task are not at hand.
    """
    import numpy as np

    from harness.stats.crossed import parts_of, summed
    from harness.stats.shared_groups import with_shared_groups

    sums, parts = [], []
    for record in runs.values():
        read = _items(record)
        if read is None:
            return {}
        values, labels, of_groups = read
        sums.append(of_groups)
        parts.append(parts_of(values, np.unique(labels, return_inverse=True)[1]))
    nothing = figures(dict.fromkeys(runs, 0.0))
    weights = {name: [] for name in nothing}  # type: dict[str, list[float]]
    for task in runs:
        alone = figures({**dict.fromkeys(runs, 0.0), task: 1.0})
        for name, zero in nothing.items():
            weights[name].append(alone[name] - zero)
    return {
        name: with_shared_groups(summed(parts, of_figure), sums, of_figure).items ** 0.5
        for name, of_figure in weights.items()
    }


def _items(record: Mapping[str, Any]) -> tuple[Any, Any, GroupSums] | None:
    """The mean of each item at the primary metric, its group (itself where it has none), and what the groups
    add to the whole."""
    import numpy as np

    from harness.results.ranges import primary_range, worst_of
    from harness.stats.shared_groups import group_sums

    metric = record["primary"]
    if "samples_path" not in record:
        return None
    try:
        rows = read_attempts(record, ["item_digest", "status", "group", metric]).to_pydict()
    except RecordError:
        return None
    if not rows.get("item_digest") or metric not in rows:
        return None
    measured = [
        value if status == "ok" else None for status, value in zip(rows["status"], rows[metric], strict=True)
    ]
    worst = worst_of(primary_range(record), (value for value in measured if value is not None))
    scores = [worst if value is None else value for value in measured]
    digests, owner = np.unique(np.asarray(rows["item_digest"], dtype=object), return_inverse=True)
    values = np.bincount(owner, weights=scores) / np.bincount(owner)
    labels = digests.copy()
    for item, group in zip(owner, rows["group"], strict=True):
        labels[item] = digests[item] if group is None else group
    return values, labels, group_sums(values, labels)
