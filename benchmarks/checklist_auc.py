"""Does a checklist reward follow success? R of scripted checklists against official rewards of recorded runs.

    python benchmarks/checklist_auc.py SHARED/data/recorded_agents/tau2/trajectories/*.json.gz

The files are recorded runs of tau2-bench with the tasks that they ran. A task's checklist is made by rule:
one item of equal weight for every wanted action (the tool was called with these arguments, and the call did
not fail) and one for every fact to be said. It is judged by rule on the whole dialogue, and R is set against
the official reward (success: 1) by AUC. The official reward is never looked at to make R. But where it is the
state of the database, that is compared with the state after the same wanted actions; so the figure is no
evidence that checklists written by a model follow success. It says how well actions, counted one by one,
stand for the end state: R takes off for look-ups that were not needed and other routes to the same end, and
doesn't see needless acts. In telecom the reward rests on assertions about the end state, in 12 of 40 tasks on
actions too.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.checklist import Checklist, Item, Result, Step, ToolUse, Trajectory, Turn, Verdicts
from harness.checklist.agreement import auc
from harness.checklist.judging import RuleJudge
from harness.checklist.reward import reward

DRAWS = 4000


def checklist_of(criteria: Mapping[str, Any]) -> Checklist | None:
    """One block of items for a task; None where nothing is to be done and nothing to be said."""
    rules: list[dict[str, Any]] = [
        {"kind": "called", "name": each["name"]}
        | {"arguments": each["arguments"], "compared": each.get("compare_args")}
        for each in criteria.get("actions") or ()
    ]
    rules += [{"kind": "said", "text": each} for each in criteria.get("communicate_info") or ()]
    focus = {"called": "assistant.tool_calls", "said": "assistant.content.user_visible_reply"}
    items = [
        Item(f"C{n}", json.dumps(rule), "yes", focus[rule["kind"]], 1 / len(rules), rule=rule)
        for n, rule in enumerate(rules)
    ]
    return Checklist((tuple(items),)) if items else None


def trajectory_of(messages: Sequence[Mapping[str, Any]]) -> Trajectory:
    """A dialogue as one turn; a step is a message with its calls. In telecom the user has tools too, and in
    its solo mode the agent has them: whose call it was makes no difference."""
    steps: list[Step] = []
    for message in messages:
        if message["role"] == "tool":
            last = steps[-1]
            result = Result(str(message.get("content") or ""), bool(message.get("error")))
            steps[-1] = Step(last.reply, last.calls, (*last.results, result))
            continue
        calls = tuple(ToolUse(call["name"], call["arguments"]) for call in message.get("tool_calls") or ())
        said = str(message.get("content") or "") if message["role"] == "assistant" else ""
        steps.append(Step(said, calls))
    return Trajectory([Turn("", steps, closed=True)])


def decide(checklist: Checklist, trajectory: Trajectory) -> Verdicts:
    """The items' own rules after every step."""
    return [
        [[_met(item.rule or {}, step) for item in items] for step in turn.steps]
        for turn, items in zip(trajectory.turns, checklist.turns, strict=True)
    ]


def _met(rule: Mapping[str, Any], step: Step) -> bool:
    if rule["kind"] == "said":
        # as the official check does it: without case and commas
        return rule["text"].lower() in step.reply.lower().replace(",", "")
    outcomes = [*step.results, *[Result("")] * len(step.calls)]
    return any(
        call.name == rule["name"]
        and not result.failed
        and _compared(call.arguments or {}, rule) == _compared(rule["arguments"], rule)
        for call, result in zip(step.calls, outcomes, strict=False)
    )


def _compared(arguments: Mapping[str, Any], rule: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a task compares; all where it names none."""
    names = rule["compared"]
    return {name: value for name, value in arguments.items() if names is None or name in names}


def rewards(run: Mapping[str, Any]) -> Iterator[tuple[float | None, bool, tuple[str, ...]]]:
    """Of every recorded dialogue R (None without a checklist), its success, and what the reward rests on."""
    tasks = {task["id"]: task["evaluation_criteria"] for task in run["tasks"]}
    judge = RuleJudge(decide)
    for played in run["simulations"]:
        criteria = tasks[played["task_id"]]
        checklist = checklist_of(criteria)
        won = (played["reward_info"] or {}).get("reward", 0.0) == 1.0
        basis = tuple(criteria.get("reward_basis") or ())
        if checklist is None:
            yield None, won, basis
            continue
        trajectory = trajectory_of(played["messages"])
        verdicts = asyncio.run(judge.verdicts(checklist, trajectory)).verdicts
        yield reward(checklist, verdicts).R, won, basis


def interval(pairs: Sequence[tuple[float, bool]]) -> tuple[float, float] | None:
    """The middle 95 % of the AUC over resampled dialogues, one a task; draws of one class are left out."""
    rng, found = random.Random(0), list[float]()
    for _ in range(DRAWS):
        drawn = rng.choices(pairs, k=len(pairs))
        value = auc([pair[0] for pair in drawn], [pair[1] for pair in drawn])
        if value is not None:
            found.append(value)
    if not found:
        return None
    found.sort()
    return found[int(0.025 * len(found))], found[int(0.975 * len(found))]


def main(paths: Sequence[str]) -> None:
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows = list(rewards(json.load(file)))
        for basis in [None, *sorted({row[2] for row in rows})]:
            if basis is not None and len({row[2] for row in rows}) == 1:
                continue
            own = [row for row in rows if basis in (None, row[2])]
            pairs = [(value, won) for value, won, _ in own if value is not None]
            won = sum(pair[1] for pair in pairs)
            value = auc([pair[0] for pair in pairs], [pair[1] for pair in pairs])
            limits = interval(pairs)
            shown = "unknown"
            if value is not None and limits is not None:
                shown = f"{value:.3f} [{limits[0]:.3f}, {limits[1]:.3f}]"
            if value in (0, 1):  # every draw is separated too
                shown = f"{value:.3f} (separated: resampling gives no interval)"
            full = sum(pair[0] == 1 for pair in pairs)
            print(
                f"{Path(path).name} {'+'.join(basis or ('all',))}: {len(pairs)} dialogues with items, "
                f"{len(own) - len(pairs)} without; {won} successes, {full} with R = 1, both "
                f"{sum(pair[0] == 1 and pair[1] for pair in pairs)}; AUC {shown}"
            )


if __name__ == "__main__":
    main(sys.argv[1:])
