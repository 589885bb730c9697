"""The world of an item, with the person beside it where the run has one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.team import Person, TeamWorld
from harness.team.person import HUMAN

if TYPE_CHECKING:
    from harness.model.gateway import Model
    from harness.sample import Sample
    from harness.task import Task
    from harness.world import World


def world_of(
    task: Task, sample: Sample, role: Callable[[str], Model], has_role: Callable[[str], bool]
) -> World:
    """A fresh world of a sample. With a model in the role `human`, and a brief of the task's for it, the
    agent works beside that person; the task's arguments `human_budget` and `human_time` bound what it is
    asked."""
    world = task.world(sample, role)
    brief = task.brief(sample) if has_role(HUMAN) else None
    if brief is None:
        return world
    known = sample.question.metadata
    return TeamWorld(
        world,
        Person(role(HUMAN), sample.question, brief, float(task.args["human_time"])),
        budget=task.args["human_budget"],
        irreversible=known.get("irreversible", ()),
        shown=lambda name, arguments: task.shown(sample, name, arguments),
    )
