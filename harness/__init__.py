"""Measure methods: a method, on a task, with a model, at a cost, against noise.

    import harness

    runs = harness.evaluate("arc1d", ["direct", "self-consistency"], limit=100)
    runs.compare(baseline="direct")

Names are imported when they are first used (PEP 562), so that `import harness` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.api.checklist_agreement import checklist_agreement as checklist_agreement
    from harness.api.checklist_judging import judge_trajectories as judge_trajectories
    from harness.api.checklists import annotate_checklists as annotate_checklists
    from harness.api.checklists import validate_checklists as validate_checklists
    from harness.api.comparisons import Comparisons as Comparisons
    from harness.api.comparisons import compare as compare
    from harness.api.evaluation import evaluate as evaluate
    from harness.api.evaluation import evaluate_async as evaluate_async
    from harness.api.gating import BaselineSet as BaselineSet
    from harness.api.gating import Check as Check
    from harness.api.gating import check as check
    from harness.api.gating import set_baseline as set_baseline
    from harness.api.grids import Grids as Grids
    from harness.api.grids import grid as grid
    from harness.api.loading import load as load
    from harness.api.loading import load_method as load_method
    from harness.api.loading import load_task as load_task
    from harness.api.people import replies as replies
    from harness.api.planning import PowerTable as PowerTable
    from harness.api.planning import power as power
    from harness.api.recorded import score as score
    from harness.api.rewards import Reward as Reward
    from harness.api.rewards import reward as reward
    from harness.api.runs import Run as Run
    from harness.api.runs import Runs as Runs
    from harness.api.surfaces import Surfaces as Surfaces
    from harness.api.sweeps import Curves as Curves
    from harness.api.sweeps import sweep as sweep
    from harness.api.training import Policy as Policy
    from harness.api.training import train as train
    from harness.base.errors import HarnessError as HarnessError
    from harness.base.errors import HarnessWarning as HarnessWarning
    from harness.data.hub import Data as Data
    from harness.job import Job as Job
    from harness.method import Method as Method
    from harness.sample import Outcome as Outcome
    from harness.sample import Question as Question
    from harness.sample import Sample as Sample
    from harness.sample import Score as Score
    from harness.sample import Splits as Splits
    from harness.sample import SplitSizes as SplitSizes
    from harness.task import Task as Task

    #: a package that can be called, with the arguments of its `build_site`; it stands on the harness, which
    #: knows no more of it than its name
    leaderboard: Callable[..., Path]

#: module -> the names that `harness` offers from it; a test holds it against the imports above
_OFFERED = {
    "harness.api.checklist_agreement": ("checklist_agreement",),
    "harness.api.checklist_judging": ("judge_trajectories",),
    "harness.api.checklists": ("annotate_checklists", "validate_checklists"),
    "harness.api.comparisons": ("Comparisons", "compare"),
    "harness.api.evaluation": ("evaluate", "evaluate_async"),
    "harness.api.gating": ("BaselineSet", "Check", "check", "set_baseline"),
    "harness.api.grids": ("Grids", "grid"),
    "harness.api.loading": ("load", "load_method", "load_task"),
    "harness.api.people": ("replies",),
    "harness.api.planning": ("PowerTable", "power"),
    "harness.api.recorded": ("score",),
    "harness.api.rewards": ("Reward", "reward"),
    "harness.api.runs": ("Run", "Runs"),
    "harness.api.surfaces": ("Surfaces",),
    "harness.api.sweeps": ("Curves", "sweep"),
    "harness.api.training": ("Policy", "train"),
    "harness.base.errors": ("HarnessError", "HarnessWarning"),
    "harness.data.hub": ("Data",),
    "harness.job": ("Job",),
    "harness.method": ("Method",),
    "harness.sample": ("Outcome", "Question", "Sample", "Score", "Splits", "SplitSizes"),
    "harness.task": ("Task",),
}
_MODULES = {name: module for module, names in _OFFERED.items() for name in names}

__all__ = ["__version__", "leaderboard", *_MODULES]  # noqa: PLE0604


def __getattr__(name: str) -> object:
    import importlib

    if name == "leaderboard":  # a package that can be called, see there; its import binds the name
        return importlib.import_module("harness.leaderboard")
    if name not in _MODULES:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    found = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
