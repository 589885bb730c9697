"""One run: a topology trained in a cell with one seed, then measured on questions that no run learned on, the
same for all runs."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import numpy as np

from benchmarks.todycomm.arms import Arm, Run
from benchmarks.todycomm.cells import Cell
from harness.methods.agents.catalogue import topology
from harness.methods.agents.engine import play
from harness.methods.agents.measures import credit_measures
from harness.methods.agents.simulated import World
from harness.methods.agents.topology import Learner, Topology
from harness.methods.agents.training.lessons import SimulatedLessons
from harness.methods.agents.training.loop import Plan, train
from harness.model.agents.law import Agents

QUESTIONS = 2000
#: training's seeds are counted from here, apart from those of the pilot
FIRST_SEED = 1000
#: what is kept of the curve, in means of so many updates
CURVE, WINDOW = ("reward", "success", "loss", "auc"), 10
#: questions of dev, and updates between measurements of it
DEV, MEASURE = 500, 20


def run(planned: Run, questions: int = QUESTIONS) -> dict[str, Any]:
    """The row of a run."""
    began = time.process_time()
    arm, cell = planned.arm, planned.cell
    row: dict[str, Any] = {"name": planned.name, "arm": arm.name, "cell": cell.name, "seed": planned.seed}
    if arm.topology == "votes":
        row["measured"] = {where.name: votes(arm, where, questions) for where in planned.measured}
    else:
        seed = FIRST_SEED + planned.seed
        made = topology(arm.topology, _args(arm, cell, seed))
        if isinstance(made, Learner) and made.learns:
            import torch

            torch.set_num_threads(1)
            row["curve"] = _train(made, planned, seed)
            row["train_cpu_s"] = round(time.process_time() - began, 2)
        row["measured"] = {where.name: measured(made, where, seed, questions) for where in planned.measured}
    row["cpu_s"] = round(time.process_time() - began, 2)
    return row


def _args(arm: Arm, cell: Cell, seed: int) -> dict[str, Any]:
    return {
        "draw": seed,
        "agents": cell.agents,
        "rounds": cell.rounds,
        "batch": arm.batch or 32,
        **dict(arm.args),
    }


def _train(learner: Learner, planned: Run, seed: int) -> dict[str, Any]:
    arm = planned.arm
    lessons = SimulatedLessons(planned.cell.world(), seed, DEV)
    plan = Plan(arm.updates, arm.batch, measure=MEASURE)
    rows = asyncio.run(train(learner, lessons, plan, seed))
    found: dict[str, Any] = {"dev": [[row["step"], round(row["dev"], 4)] for row in rows if "dev" in row]}
    for name in CURVE:
        values = [row[name] for row in rows[1:] if name in row]
        starts = range(0, len(values), WINDOW)
        found[name] = [round(float(np.mean(values[at : at + WINDOW])), 4) for at in starts]
    found["calls"] = sum(row["rollouts"] for row in rows)
    return found


def measured(made: Topology, cell: Cell, seed: int, questions: int) -> dict[str, Any]:
    """What a topology makes of the questions of a cell; `seed` draws for the topology alone."""
    world = cell.world()
    panel = world.panel(questions, "measured")
    flips = panel.flips if made.sees_adversaries else None
    played = asyncio.run(play(made, panel, world.setting(questions, "measured", seed, flips=flips)))
    right = panel.right(played.answers)
    found = {
        "right": packed(right),
        "accuracy": round(float(right.mean()), 5),
        "messages": round(float(panel.messages.mean()), 3),
        "tokens": round(float((panel.read + panel.written).mean()), 1),
    }
    told = credit_measures(played, panel.flips)
    return found | {name: round(value, 4) for name, value in told.items()}


def votes(arm: Arm, cell: Cell, questions: int) -> dict[str, Any]:
    """A plurality of independent answers of average agents to the same questions: one, as many as a
    conversation has calls, or as many as there are tokens for where half the agents talk within the budget.
    Attacked, the same share of them as of the agents argues for the wrong answer; else none does, as nobody
    talks to them."""
    args, world = dict(arm.args), cell.world()
    number = {"one": 1, "calls": cell.agents * cell.rounds, "tokens": _for_tokens(cell)}[args["share"]]
    asked = world.panel(questions, "measured").asked
    agents = Agents(world.settings, 1)
    rng = np.random.default_rng([7, number])
    others = (asked.gold[:, None] + rng.integers(1, agents.options, (questions, number))) % agents.options
    said = np.where(rng.random((questions, number)) < asked.p[:, None], asked.gold[:, None], others)
    if args.get("attacked"):
        turned = round(number * cell.turned / cell.agents)
        said[:, :turned] = asked.wrong[:, None]
    counts = (said[..., None] == np.arange(agents.options)).sum(1)
    right = (counts + 0.5 * rng.random(counts.shape)).argmax(1) == asked.gold
    each = world.settings.base + world.settings.message
    return {
        "right": packed(right),
        "accuracy": round(float(right.mean()), 5),
        "messages": 0.0,
        "tokens": float(number * each),
    }


def _for_tokens(cell: Cell) -> int:
    world: World = cell.world()
    half = cell.agents // 2
    pairs = half * (half - 1) // 2
    most = min(world.outs or pairs, world.ins or pairs)
    edges = min(pairs, sum(min(most, place) for place in range(half)))
    s = world.settings
    read = edges * (cell.rounds - 1) * s.message
    return cell.agents * cell.rounds + round(read / (s.base + s.message))


def packed(right: Any) -> str:
    """Bits as hexadecimal text."""
    return np.packbits(np.asarray(right, bool)).tobytes().hex()


def unpacked(text: str, questions: int) -> Any:
    """The same as an array of 0 and 1."""
    return np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8))[:questions].astype(np.float64)
