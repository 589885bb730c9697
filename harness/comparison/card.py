"""The harness card of an arm: what surrounded the model, in seven items, as far as its records know it.

The items are those of Zhang et al., arXiv 2605.23950: a difference between two models, or two methods, means
little unless it is known what else differed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.base.errors import RecordError
from harness.comparison.arms import Arm, Row
from harness.results.fields import brief
from harness.results.stored import attempt_batches, trace_of

ITEMS = (
    "execution",
    "tools",
    "context construction",
    "scheduling and recovery",
    "observability",
    "verification",
    "governance",
)
UNKNOWN = "not recorded"
#: item -> which arguments of tasks and methods belong to it, by name; all others are of the execution
_BY_NAME = {
    "tools": r"tools?|toolset|functions?|mode|retrieval",
    "context construction": r".*prompt.*|system_message|template|k|shots|choose|order|demonstrations?|history"
    r"|chunk.*|context.*|embedder|memory|window",
    "scheduling and recovery": r".*retr(y|ies).*|backoff|fallback|restarts?",
    "verification": r"judge.*|verif.*|grader.*|scorer|checks?|rubric|official",
    "governance": r"sandbox.*|network|permissions?|allow.*|deny.*|approv.*|user",
}
#: needs of a method that are data; the others say what it asks of task and model
_DATA = (
    "labelled",
    "dev",
    "pool",
    "test_inputs",
    "interactions",
    "item_texts",
    "history",
    "trainable",
    "human",
)
#: arguments of the task that bound an episode; its others say what is asked
_LIMITS = re.compile(r"(max_.*|steps|turns|errors|tokens|seconds|timeout|attempts)$")


def card(arm: Arm) -> dict[str, dict[str, Any]]:
    """By item what is known of it, by name; an empty item is not recorded."""
    found: dict[str, dict[str, Any]] = {item: {} for item in ITEMS}
    subject, asked = arm.subject, arm.comparability
    for name, value in {**subject.get("method_args", {}), **subject.get("decoding", {})}.items():
        if value not in ("", None):
            found[_item(name)][name] = value
    for name, value in asked.get("task_args", {}).items():
        item = _item(name)
        if item != "execution" or _LIMITS.match(name):
            found[item].setdefault(name, value)
    epochs = {int(run["epochs"]) for run in arm.runs}
    found["execution"]["attempts on an item"] = ", ".join(map(str, sorted(epochs)))
    context = found["context construction"]
    context["prompts"] = asked.get("prompt_digest")
    context["embedder"] = subject.get("embedder")
    for name in ("labels_seen", "pool_size"):
        context[name.replace("_", " ")] = (
            max(int(run["data_access"].get(name, 0)) for run in arm.runs) or None
        )
    found["observability"]["attempts"] = "sealed one by one"
    check = found["verification"]
    check["scorer"], check["metric"] = asked.get("scorer"), asked.get("metric")
    for name, role in {**asked.get("roles", {}), **subject.get("roles", {})}.items():
        check[name] = role.get("model") if isinstance(role, Mapping) else role
    needs = [str(need) for need in subject.get("data_access", ())]
    found["governance"]["data access"] = ", ".join(n for n in needs if n in _DATA) or "the item alone"
    if "tools" in needs or "world" in needs:
        found["tools"]["called"] = "natively" if "tools" in needs else "in the method's own way"
    if arm.runs[0].get("private_targets"):
        found["governance"]["targets"] = "private"
    return {item: {k: v for k, v in known.items() if v is not None} for item, known in found.items()}


def differing_cards(cards: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, list[Any]]]:
    """By item the fields that differ between cards, with the value of each card; None where one lacks it."""
    made: dict[str, dict[str, list[Any]]] = {}
    for item in ITEMS:
        names = dict.fromkeys(name for each in cards for name in each[item])
        for name in names:
            values = [each[item].get(name) for each in cards]
            if any(value != values[0] for value in values[1:]):
                made.setdefault(item, {})[name] = values
    return made


def card_sentence(candidate: Arm, baseline: Arm) -> str:
    """The fields in which the cards of two arms differ, in one line; empty where none does."""
    differ = differing_cards([card(candidate), card(baseline)])
    words = [
        f"{item} ({', '.join(f'{name} {said(a)} against {said(b)}' for name, (a, b) in fields.items())})"
        for item, fields in differ.items()
    ]
    return f"the harness differs in {'; '.join(words)}" if words else ""


@dataclass(frozen=True)
class Recovery:
    """What became of attempts in which a tool call failed.

    Attributes:
        attempts: that hold a trajectory.
        failed: of these, with a failed tool call.
        rate: mean score of those; None where no call failed.
    """

    attempts: int
    failed: int
    rate: float | None


def recovery(arms: Iterable[Arm]) -> Recovery | None:
    """The recovery rate of arms, from the trajectories that their attempts hold; None where they hold none.
    Context retention and control lag need more than is recorded."""
    attempts, scores = 0, list[float]()
    for arm in arms:
        for run in arm.runs:
            for errors, score in _episodes(run, arm.primary):
                attempts += 1
                scores += [score] if errors else []
    if not attempts:
        return None
    return Recovery(attempts, len(scores), sum(scores) / len(scores) if scores else None)


def _episodes(run: Row, metric: str) -> list[tuple[int, float]]:
    """Failed tool calls and score of each attempt that is an episode. One look at the first trajectory says
    whether there are any."""
    found: list[tuple[int, float]] = []
    try:
        for batch in attempt_batches(run, ["trace", metric]):
            if batch and not found and "tool_errors" not in (batch[0].get("trace") or ""):
                return []
            for row in batch:
                errors = trace_of(row).get("tool_errors")
                if type(errors) is int:
                    found.append((errors, float(row.get(metric) or 0.0)))
    except RecordError:
        return []
    return found


def _item(name: str) -> str:
    return next((item for item, pattern in _BY_NAME.items() if re.fullmatch(pattern, name)), "execution")


def said(value: Any) -> str:
    """A value of a card as a sentence shows it; a field that a card lacks is `none`."""
    return "none" if value is None else brief(value)
