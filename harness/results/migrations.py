"""From a record of an older schema to the present one. A record is verified as it was sealed, before this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.base.digest import digest
from harness.base.known_files import named_by_content, without_folders
from harness.model.arguments import output_arguments

#: what was not recorded before version 2
UNKNOWN_CODE = {"digest": "", "development": False}
#: roles that a task asks; in version 1 they stood in the subject. A judge was the method's where the method
#: declared one, else the task's.
_OF_TASKS = ("user", "simulator", "grader", "human")


def _to_2(record: Mapping[str, Any]) -> dict[str, Any]:
    """Version 2: whom the task asks is part of what is compared, so that both keys are computed again; what
    was not noted is said to be unknown. The run id and the digest of the record stay as they were."""
    new = {**record, "schema": 2}
    subject, comparability = dict(record["subject"]), dict(record["comparability"])
    arguments = subject.pop("role_args", {})
    declared = subject.get("data_access", [])
    asked_by_task: dict[str, Any] = {}
    asked_by_method: dict[str, Any] = {}
    for name, (model, revision) in dict(subject.pop("roles", {})).items():
        of_task = name in _OF_TASKS or (name == "judge" and "judge" not in declared)
        role = {"model": model, "revision": revision, "args": arguments}
        (asked_by_task if of_task else asked_by_method)[name] = role
    subject["roles"], comparability["roles"] = asked_by_method, asked_by_task
    limits = new.pop("metric_limits")
    new |= {
        "subject": subject,
        "subject_key": digest(subject),
        "comparability": comparability,
        "comparability_key": digest(comparability),
        "code": {"task": UNKNOWN_CODE, "method": UNKNOWN_CODE},
        "metric_ranges": {
            name: {"low": 0.0, "high": limit, "lower_is_better": False} for name, limit in limits.items()
        },
    }
    return new


def _to_3(record: Mapping[str, Any]) -> dict[str, Any]:
    """Version 3: what a run draws for all its items is said, not assumed. Before, nothing was declared or
    watched, and every record said "none", so that it is unknown."""
    return {**record, "schema": 3, "draws": None, "draw_digest": None}


def _to_4(record: Mapping[str, Any]) -> dict[str, Any]:
    """Version 4: where a model was served is no part of what it is, so that both keys are computed again
    without addresses and keys; and the arguments of a role are those that it was really given. What was
    served is unknown but for the address."""
    subject, comparability = dict(record["subject"]), dict(record["comparability"])
    given, name = dict(subject.get("model_args", {})), str(record["model"])
    origin = subject.pop("model_origin", None) or given.get("base_url")
    if given:
        subject["model_args"] = _of_the_model(given, record.get("model_revision"))
    shared = {} if name.startswith("recorded/") else given
    for part in (subject, comparability):
        if part.get("roles"):
            part["roles"] = {
                role: {**played, "args": _of_the_model(played.get("args") or shared, played.get("revision"))}
                for role, played in part["roles"].items()
            }
    addresses = {"models": {name: {"addresses": [origin]}}} if isinstance(origin, str) else {}
    return {
        **record,
        "schema": 4,
        "served": addresses,
        "subject": subject,
        "subject_key": digest(subject),
        "comparability": comparability,
        "comparability_key": digest(comparability),
    }


def _of_the_model(given: Mapping[str, Any], revision: Any) -> dict[str, Any]:
    """The arguments that can change what a model says, but for the revision, which is noted beside them.
    Which weights lay at a path nobody noted: the path stands for them, by its last part and its own
    digest."""
    kept = output_arguments(given)
    if "revision" in kept and str(kept["revision"]) == revision:
        del kept["revision"]
    if isinstance(path := kept.get("model_path"), str):
        kept["model_path"] = {"file": path.rstrip("/").rpartition("/")[2], "digest": digest(path)}
    return kept


def without_paths(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record in which files of the user's have names and digests, not paths, as later ones are sealed. Keys
    are computed again where a path stood in them: only in those of plugins in development."""
    new = dict(record)
    for part, key, hashed in (
        ("task", "comparability", "task_args"),
        ("method", "subject", "method_args"),
    ):
        inputs = dict(record[key])
        named = {name: _by_name(value) for name, value in inputs.get(hashed, {}).items()}
        if named != inputs.get(hashed, {}):
            inputs[hashed] = named
            new |= {key: inputs, f"{key}_key": digest(inputs)}
        new[part] = {**record[part], "args": named_by_content(record[part].get("args", {}), named)}
    return {**new, "command": without_folders(record.get("command", ""))}


def _by_name(value: Any) -> Any:
    """`{"value": path, "digest": ...}`, as it was for one file, by the file's name."""
    if isinstance(value, Mapping) and set(value) == {"value", "digest"} and "/" in str(value["value"]):
        return {"file": str(value["value"]).rpartition("/")[2], "digest": value["digest"]}
    return value


#: version -> function from a record of that version to one of the next
MIGRATIONS: dict[int, Callable[[Mapping[str, Any]], dict[str, Any]]] = {1: _to_2, 2: _to_3, 3: _to_4}
