"""From a record of an older schema to the present one. A record is verified as it was sealed, before this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.base.digest import digest

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


#: version -> function from a record of that version to one of the next
MIGRATIONS: dict[int, Callable[[Mapping[str, Any]], dict[str, Any]]] = {1: _to_2}
