"""Records as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.base.paths import shown
from harness.display.failures import DECLINED_HEADS, failures, silent
from harness.display.layout import Block, Line, Table, print_blocks
from harness.display.spending import cost, counted, purposes, tokens
from harness.external.known_broken import WITHOUT
from harness.results.ceiling import ceiling
from harness.results.fields import told_apart, with_names
from harness.results.graded import wrong_attempts
from harness.results.labels import method_label, with_arguments
from harness.results.measures import measures_text
from harness.results.planned import planned_text
from harness.results.ranges import metric_range, primary_range
from harness.results.reasons import reasons_text
from harness.results.served import other_names
from harness.spec import MetricRange


def interval(metric: dict[str, Any]) -> str:
    """`0.412 [0.380, 0.445]`."""
    shown = f"{metric['value']:.3f}"
    if metric["ci"]:
        shown += f" [{metric['ci'][0]:.3f}, {metric['ci'][1]:.3f}]"
    return shown


#: heads the means over scored attempts, where those over all count others as the worst value
SCORED_ONLY = "scored only"


def scored_only(metric: dict[str, Any] | None) -> str:
    """The mean over scored attempts alone; empty where it doesn't differ, or none was scored."""
    return f"{metric['scored_only']:.3f}" if metric and metric["scored_only"] is not None else ""


def wrong(record: dict[str, Any]) -> str:
    """How many scored attempts are wrong; empty where the primary metric is graded, as F1 and NDCG are, so
    that an attempt may be neither right nor wrong."""
    found = wrong_attempts(record)
    return "" if found is None else str(found)


def metric_name(record: dict[str, Any], name: str = "") -> str:
    """The name of a metric, by default the primary one, with a word where less is better."""
    name = name or record["primary"]
    return f"{name} (lower is better)" if metric_range(record, name).lower_is_better else name


def judge_errors(record: dict[str, Any]) -> str:
    """How many verdicts a method's judge failed to give, in training and on test items; empty where none."""
    training, testing = record["data_access"].get("judge_errors", 0), record["counts"].get("judge_errors", 0)
    verdicts = record["data_access"].get("judge_verdicts", 0)
    said = [f"{training} of {verdicts} in training"] if training else []
    said += [f"{testing} on test items"] if testing else []
    return (
        f"verdicts that the judge failed to give: {', '.join(said)}; none is taken for a no" if said else ""
    )


def bar_head(records: Sequence[dict[str, Any]]) -> str:
    """What heads the pictures of intervals: `0 ... 1` where every primary metric lies there."""
    spans = {(span.low, span.high) for span in map(primary_range, records)}
    return "0 ... 1" if spans == {(0.0, 1.0)} else "lowest ... highest"


def bar(metric: dict[str, Any], span: MetricRange, width: int = 20) -> str:
    """The interval on a line from the lowest to the highest value of a metric: `     |--o--|    `; empty
    where it has no bounds."""
    if not span.bounded:
        return ""

    def place(value: float) -> int:
        return round(max(0.0, min(1.0, (value - span.low) / span.width)) * width)

    cells = [" "] * (width + 1)
    if metric["ci"]:
        low, high = map(place, metric["ci"])
        cells[low : high + 1] = ["-"] * (high + 1 - low)
        cells[low], cells[high] = "|", "|"
    cells[place(metric["value"])] = "o"
    return "".join(cells)


#: scores while training, on the validation split: the last and the best one
VALIDATION = "validation, not test: last, peak"


def validation(curve: dict[str, Any] | None) -> str:
    """`0.410, 0.430 at step 40`; empty where nothing was measured."""
    if not curve or not curve["dev_last"]:
        return ""
    last, peak = curve["dev_last"], curve["dev_peak"]
    return f"{last['value']:.3f}, {peak['value']:.3f} at step {peak['step']}"


def task_labels(records: Sequence[dict[str, Any]]) -> list[str]:
    """Each record's task, with the arguments in which the records of that task differ."""
    given = [record["task"]["args"] for record in records]
    values_of = (value for arguments in given for value in arguments.values())
    names = told_apart({v["digest"]: v["file"] for v in values_of if isinstance(v, dict) and "file" in v})
    every = [with_names(arguments, names) for arguments in given]
    values: dict[tuple[str, str], set[str]] = {}
    for record, arguments in zip(records, every, strict=True):
        for name, value in arguments.items():
            values.setdefault((record["task"]["name"], name), set()).add(str(value))
    labels = []
    for record, arguments in zip(records, every, strict=True):
        task = record["task"]["name"]
        varying = {name: arguments[name] for name in arguments if len(values[task, name]) > 1}
        labels.append(with_arguments(task, varying))
    return labels


def print_records(records: Sequence[dict[str, Any]]) -> None:
    """Prints `record_blocks`."""
    print_blocks(record_blocks(records))


def record_blocks(records: Sequence[dict[str, Any]]) -> list[Block]:
    """One row a run: primary metric with its 95 % interval, counts, use and cost. Arguments that are not at
    their default are shown next to the method's name. Then categories, and what else is known of a run."""
    if not records:
        return []
    seeds = len({record["seed"] for record in records}) > 1
    partly = any(scored_only(record["metrics"].get(record["primary"])) for record in records)
    trained = any((record.get("curve") or {}).get("dev_last") for record in records)
    declined = [name for name in DECLINED_HEADS if any(r["counts"].get(name) for r in records)]
    names = [
        "task",
        "method",
        "model",
        *(["seed"] if seeds else []),
        "metric",
        "value [95 % interval]",
        bar_head(records),
        *([SCORED_ONLY] if partly else []),
        *([VALIDATION] if trained else []),
        "items",
        "wrong",
        "no answer",
        "unscored",
        "error",
        *(DECLINED_HEADS[name] for name in declined),
        "calls",
        "tokens",
        "USD",
    ]
    rows = []
    for record, task in zip(records, task_labels(records), strict=True):
        counts, usage = record["counts"], record["usage"]
        metric = record["metrics"].get(record["primary"])
        span = primary_range(record)
        whole = record["status"] == "complete"
        items = str(record["n_items"]) if whole else f"{counts['attempts']} of {record['n_items']}"
        items += f" x {record['epochs']}" if record["epochs"] > 1 else ""
        groups = (metric or {}).get("n_clusters")
        items += f" in {groups} groups" if groups and groups < record["n_items"] else ""
        rows.append(
            [
                task,
                method_label(record["method"]["name"], record["method"]["args"], record["subject"]),
                record["model"],
                *([str(record["seed"])] if seeds else []),
                metric_name(record),
                interval(metric) if metric else "none",
                bar(metric, span) if metric else "",
                *([scored_only(metric)] if partly else []),
                *([validation(record.get("curve"))] if trained else []),
                items,
                wrong(record),
                str(counts["no_answer"]),
                str(counts["unscored"]),
                str(counts["error"]),
                *(str(counts.get(name, 0)) for name in declined),
                str(usage["calls"]),
                tokens(usage),
                cost(usage),
            ]
        )
    blocks: list[Block] = [
        *(
            Line(f"notice: {task} x {record['method']['name']} x {record['model']}: {line}")
            for record, task in zip(records, task_labels(records), strict=True)
            for line in silent(record)
        ),
        Table(
            names,
            rows,
            right=names[-8 - len(declined) :],
            titles=names.index("metric"),
            spare=[bar_head(records)],
            keep=["task", "method", "value [95 % interval]"],
            row_styles=["dim" if r["status"] == "stopped" else "" for r in records],
        ),
        *_categories(records),
    ]
    for record in records:
        note = "reused" if record.get("reused") else record["status"]
        blocks.append(Line(f"{record['run_id'][:12]}  {note:8}  {shown(record['record'])}"))
        blocks += [Line(f"{'':12}  {line}") for line in beside(record)]
    return blocks


def beside(record: dict[str, Any]) -> list[str]:
    """What a run says besides its primary metric: its second metrics, of attempts that weren't scored or held
    no answer, of repeated attempts, and of its items without those that are known to be broken."""
    metrics, primary = record["metrics"], record["primary"]
    broken = len(record.get("known_broken", ()))
    lines = [failures(record)] if failures(record) else []
    lines += [f"{seen}: a ceiling, not ranked"] if (seen := ceiling(record)) else []
    lines += other_names(record)
    lines += [planned_text(record)] if planned_text(record) else []
    lines += [f"no answer, or none to compare: {reasons_text(record)}"] if reasons_text(record) else []
    second = [
        f"{metric_name(record, name)} {interval(metrics[name])}{_of_some(metrics[name], record)}"
        for name in record["metric_ranges"]
        if name != primary and name in metrics and not _whole(metrics[name])
    ]
    lines += [", ".join(second)] if second else []
    lines += [f"measured by the method: {measured}"] if (measured := measures_text(record)) else []
    whole = [
        f"{name} {metric['value']:.3f}"
        for name, metric in metrics.items()
        if _whole(metric) and "/" not in name
    ]
    lines += [f"of the set as a whole: {', '.join(whole)}"] if whole else []
    lines += counted(record)
    again = record["counts"].get("user_retries", 0)
    if again:
        lines.append(f"{again} replies of the user were unusable and asked for again")
    lines += [f"spent on {spent}"] if (spent := purposes(record["usage"])) else []
    lines += [line] if (line := judge_errors(record)) else []
    for ending, note in (("", ""), (WITHOUT, f" ({broken} of {record['n_items']} items)")):
        names = [name for name in metrics if name.endswith(WITHOUT) == bool(ending)]
        repeated = [name for name in names if name.startswith(("pass@", "pass^", "maj@"))]
        chosen = [f"{primary}{ending}"] if ending and f"{primary}{ending}" in metrics else []
        shown = [f"{name.removesuffix(WITHOUT)} {_both(metrics[name])}" for name in chosen + repeated]
        if shown:
            lines.append((f"without known-broken{note}: " if ending else "") + ", ".join(shown))
    return lines


def _whole(metric: dict[str, Any]) -> bool:
    """Whether it is a number of the set as a whole, which no item has."""
    return metric["ci_method"] == "none" and metric.get("n_items") is None


def _of_some(metric: dict[str, Any], record: dict[str, Any]) -> str:
    """` (of 2 of 3 items)` where not every item has it."""
    n, whole = metric.get("n_items"), record["n_items"]
    return f" (of {n} of {whole} items)" if n is not None and n < whole else ""


def _both(metric: dict[str, Any]) -> str:
    alone = scored_only(metric)
    return interval(metric) + (f" (scored only {alone})" if alone else "")


#: rows of categories over which each run of several shows its largest ones alone, and how many of them
MOST_CATEGORIES, LARGEST_CATEGORIES = 60, 8


def _categories(records: Sequence[dict[str, Any]]) -> list[Block]:
    """One row a category, for the runs of tasks that have categories. Parts that the task
    measures of the whole set (recall by popularity) have no number of items."""
    seeds = len({record["seed"] for record in records}) > 1
    partly = any(
        scored_only(metric)
        for record in records
        for name, metric in record["metrics"].items()
        if name.startswith(f"{record['primary']}/")
    )
    rows: list[list[str]] = []
    parts = [[n for n in record["metrics"] if n.startswith(f"{record['primary']}/")] for record in records]
    many = len(records) > 1 and sum(map(len, parts)) > MOST_CATEGORIES
    for record, task, own in zip(records, task_labels(records), parts, strict=True):
        part = f"{record['primary']}/"
        largest = sorted(own, key=lambda n: -(record["metrics"][n].get("n_items") or 0))[:LARGEST_CATEGORIES]
        for name, metric in record["metrics"].items():
            if name in (largest if many else own):
                rows.append(
                    [
                        task,
                        method_label(record["method"]["name"], record["method"]["args"], record["subject"]),
                        record["model"],
                        *([str(record["seed"])] if seeds else []),
                        name.removeprefix(part),
                        interval(metric),
                        bar(metric, metric_range(record, name)),
                        *([scored_only(metric)] if partly else []),
                        str(metric.get("n_items") or ""),
                    ]
                )
    if not rows:
        return []
    names = [
        "task",
        "method",
        "model",
        *(["seed"] if seeds else []),
        "category",
        "value [95 % interval]",
        bar_head(records),
        *([SCORED_ONLY] if partly else []),
        "items",
    ]
    return [
        Table(
            names,
            rows,
            right=["items"],
            titles=names.index("category") + 1,
            spare=[bar_head(records)],
            keep=["category", "value [95 % interval]"],
        ),
        *([Line(_left_out(parts))] if many else []),
    ]


def _left_out(parts: Sequence[list[str]]) -> str:
    """How many categories of each run aren't shown, and what shows them."""
    n = max(map(len, parts)) - LARGEST_CATEGORIES
    return f"{n} smaller categories of a run are not shown; 'harness show RUN' and --json have them all"
