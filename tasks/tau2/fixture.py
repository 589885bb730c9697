"""What an installation of tau2-bench must show before it is used: a dialogue of every task family begins, one
that does what is wanted has reward 1, and one that does nothing reward 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.external.setup import of_recipe
from harness.external.workers import Pool, Worker
from harness.tasks.tau2.adapter import MEMORY, SCRIPT, SECONDS

#: how the names of actions begin that change nothing, so that doing nothing is as good
READING = ("get_", "find_", "search_", "list_", "calculate", "transfer_")
#: fields of a recorded simulation that no reward looks at
RECORDED = {
    "id": "fixture",
    "duration": 1.0,
    "start_time": "2025-01-01T00:00:00",
    "end_time": "2025-01-01T00:00:01",
    "termination_reason": "user_stop",
}


def verify(packages: Path) -> None:
    """Grades a dialogue of every family.

    Raises:
        ValueError: a count or a reward differs; names the family.
        WorkerError: the package fails.
    """
    made = Pool(SCRIPT, packages, 1, MEMORY)
    try:
        for name, spec in of_recipe("tau2").items():
            _check(made.one(), name, int(spec["n_items"]), spec["settings"])
    finally:
        made.close()


def _check(worker: Worker, name: str, size: int, settings: Mapping[str, Any]) -> None:
    place = {"domain": settings["domain"], "solo": bool(settings.get("solo"))}
    rows = worker.ask({"do": "load", **place}, SECONDS)
    if len(rows) != size:
        raise ValueError(f"{name} has {len(rows)} tasks instead of {size}")
    retrieval = "no_knowledge" if place["domain"] == "banking_knowledge" else ""
    place["retrieval"] = retrieval
    task = next(filter(_decidable, (row["task"] for row in rows)))
    begun = worker.ask({"do": "start", "session": name, "task": task, **place}, SECONDS)
    worker.ask({"do": "stop", "session": name}, SECONDS)
    if "who" not in begun:
        raise ValueError(f"{name}: the dialogue of task {task['id']} doesn't begin: {begun.get('failed')}")
    for messages, wanted in ((list(_played(task, place["solo"])), 1.0), ([], 0.0)):
        simulation = {**RECORDED, "task_id": str(task["id"]), "messages": messages}
        found = worker.ask({"do": "score", "task": task, "simulation": simulation, **place}, SECONDS)
        if found["reward"] != wanted:
            raise ValueError(f"{name}: task {task['id']} has reward {found['reward']}, not {wanted}")


def _decidable(task: Mapping[str, Any]) -> bool:
    """Whether the wanted actions decide a task's reward, from its beginning and without a judge."""
    criteria, state = task["evaluation_criteria"] or {}, task["initial_state"] or {}
    judged = "NL_ASSERTION" in criteria.get("reward_basis", ()) and criteria.get("nl_assertions")
    changing = [each for each in criteria.get("actions") or () if not each["name"].startswith(READING)]
    return bool(changing) and not judged and not state.get("message_history")


def _played(task: Mapping[str, Any], solo: bool) -> Iterator[dict[str, Any]]:
    """The wanted actions as they were called, each by whom it is wanted of, and what is to be said."""
    criteria = task["evaluation_criteria"]
    for number, action in enumerate(criteria["actions"]):
        who = "assistant" if solo else action["requestor"]
        call = {"id": f"c{number}", "name": action["name"], "arguments": action["arguments"]}
        yield {"role": who, "content": None, "tool_calls": [{**call, "requestor": who}]}
        yield {"role": "tool", "id": call["id"], "content": "", "requestor": who}
    yield {"role": "assistant", "content": " ".join(criteria.get("communicate_info") or ["done"])}
