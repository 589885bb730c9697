"""The task `team/interruptions`: the person adds, changes or takes back a wish while the agent works."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError
from harness.human import Brief
from harness.sample import Question, Sample
from harness.spec import TaskSpec
from harness.tasks.team.base import GeneratedTeamTask
from harness.tasks.team.orders import CHANGING, ITEMS, MOST, Order, toolbox
from harness.team.interrupted import ADDITION, REVISION, Interrupted, Interruption
from harness.world import Toolbox, World

if TYPE_CHECKING:
    from harness.model.gateway import Model

POLICY = (
    "You order supplies for one person: write the order with the tools, a line an item, and then send it, "
    "which can't be undone. The person may change a wish meanwhile: what was said last holds. When the order "
    "is sent, say so in a short message."
)


class Interruptions(GeneratedTeamTask):
    """Each item is one request with several lines, and one change of mind after a share of the lines. The
    final order must be as the person wants it in the end: whoever doesn't heed the change scores 0.
    A reconstruction of InterruptBench's protocol, which replays a run to a share of it and updates the
    goal."""

    policy = POLICY

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        if not 2 <= args["lines"] < len(ITEMS):
            raise UsageError(f"{spec.name}: lines={args['lines']} is not from 2 to {len(ITEMS) - 1}")
        self.changes = [Interruption.read(each) for each in args["interrupt"]]
        if not self.changes:
            raise UsageError(f"{spec.name}: interrupt names no change of mind; one is, as in addition@0.5")

    def item(self, split: str, number: int, rng: random.Random) -> Sample:
        change = self.changes[number % len(self.changes)]
        names = rng.sample(ITEMS, self.args["lines"] + 1)
        extra = names.pop()
        first = {name: rng.randint(1, MOST) for name in names}
        wanted, said = _changed(change.kind, first, extra, rng)
        id = f"{split}-{number}"
        listed = "\n".join(f"- {count} {name}" for name, count in first.items())
        question = Question(
            id,
            f"Please order the following (my reference: {id}) and send the order:\n{listed}",
            metadata={"irreversible": ["send_order"]},
        )
        target = {"first": first, "wanted": wanted, "said": said, "after": change.after(len(first))}
        parts = (f"kind={change.kind}", f"share={change.share:g}")
        return Sample(question, target, categories=parts)

    def toolbox(self) -> Toolbox:
        return toolbox()

    def state(self, sample: Sample) -> Order:
        return Order()

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        target = sample.target
        return Interrupted(super().world(sample, role), target["said"], target["after"], CHANGING)

    def done(self, state: Order, sample: Sample) -> bool:
        return state.sent and state.lines == sample.target["wanted"]

    def gold(self, sample: Sample) -> dict[str, Any]:
        return {"calls": [[name, dict(given)] for name, given in _moves(sample)], "said": ["Sent."]}

    def brief(self, sample: Sample) -> Brief:
        return self.person(goal="The order as I want it in the end, sent.", moves=tuple(_moves(sample)))


def _changed(
    kind: str, first: Mapping[str, int], extra: str, rng: random.Random
) -> tuple[dict[str, int], str]:
    """The order that is wanted in the end, and how the person says so."""
    wanted, name = dict(first), rng.choice(list(first))
    if kind == ADDITION:
        wanted[extra] = rng.randint(1, MOST)
        return wanted, f"One more thing: add {wanted[extra]} {extra} to the order."
    if kind == REVISION:
        wanted[name] = rng.choice([count for count in range(1, MOST + 1) if count != first[name]])
        return wanted, f"I was wrong: I need {wanted[name]} {name}, not {first[name]}."
    del wanted[name]
    return wanted, f"Leave out the {name} after all."


def _moves(sample: Sample) -> list[tuple[str, dict[str, Any]]]:
    """The calls that write the final order from nothing."""
    lines = sample.target["wanted"].items()
    return [*(("add_line", {"item": name, "count": count}) for name, count in lines), ("send_order", {})]
