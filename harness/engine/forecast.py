"""What a training is going to be, said before it begins: its size, its engine, its time, what it needs."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from importlib.util import find_spec
from math import prod
from pathlib import Path

from harness.engine import AUTO, PLAIN, SMALL, TRL, chosen
from harness.engine.course import Update

#: operations a second that a training reaches: one CPU thread, measured with small policies and rounded down
#: (docs/measured.md); a GPU, assumed
CPU, GPU = 2e10, 1e14
#: operations a parameter and token of training: 2 to draw it, 6 to learn from it (arXiv 2001.08361)
OPERATIONS = 8


def parameters_of(folder: Path | None) -> int | None:
    """How many parameters the safetensors files in a folder hold; None where there are none to be read."""
    if folder is None:
        return None
    try:
        found = sum(_count(file) for file in folder.glob("*.safetensors"))
    except (OSError, ValueError, KeyError, struct.error):
        return None
    return found or None


def _count(file: Path) -> int:
    with open(file, "rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        if length > file.stat().st_size:
            raise ValueError("no safetensors file")
        header = json.loads(opened.read(length))
    return sum(prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


def forecast(
    update: Update,
    *,
    tokens: float,
    weights: Path | None,
    engine: str = AUTO,
    generation: str = "torch",
    drawn: str = "",
    device: str = "",
) -> list[str]:
    """Lines for `Method.announce`: steps, tokens, engine, time and what must be installed.

    Args:
        tokens: of a rollout, prompt and everything after it, at most.
        weights: the folder of the policy's weights; None where they still have to be fetched.
        engine, generation: as given to `harness.engine.train`.
        drawn: what a step is made of, such as `16 problems x 8 rollouts`; by default its rollouts.
        device: `cpu` or `cuda`; empty looks.
    """
    parameters = parameters_of(weights)
    rollouts = update.steps * update.rollouts
    taken = (
        engine if parameters is None and engine != AUTO else chosen(engine, parameters or SMALL, generation)
    )
    size = "parameters not known before the weights are fetched" if parameters is None else _many(parameters)
    sure = "" if parameters is not None or engine != AUTO else f", or {PLAIN} if it is below 5 million"
    why = {
        PLAIN: "a plain torch loop, for policies below 5 million parameters",
        TRL: "TRL's trainer",
    }[taken]
    return [
        f"trains: {update.steps} steps of {drawn or f'{update.rollouts} rollouts'}: {rollouts:,} rollouts, "
        f"at most about {_short(rollouts * tokens)} tokens, besides those drawn to choose or to measure",
        f"engine: {taken} ({why}{sure}); the policy: {size}; rollouts by {generation}",
        _time(parameters, rollouts * tokens, device or _device()),
        _needs(taken, generation, weights),
    ]


def _time(parameters: int | None, tokens: float, device: str) -> str:
    if parameters is None:
        return "takes: not known before the weights are here"
    seconds = OPERATIONS * parameters * tokens / (GPU if device == "cuda" else CPU)
    where = "this GPU, at 100 TFLOP/s" if device == "cuda" else "one CPU thread"
    return (
        f"takes: at most about {_duration(seconds)} on {where}, checkpoints on the way; a kill loses little"
    )


def _device() -> str:
    if find_spec("torch") is None:
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _needs(engine: str, generation: str, weights: Path | None) -> str:
    wanted = ["torch", "transformers", *(["trl"] if engine == TRL else [])]
    wanted += ["vllm"] if generation == "vllm" else []
    absent = [name for name in wanted if find_spec(name) is None]
    fetched = "" if weights is not None else "; the weights, fetched from the Hub"
    return f"needs: {_listed(wanted)} ({_state(absent)}){fetched}"


def _state(absent: list[str]) -> str:
    if not absent:
        return "installed"
    return f"{_listed(absent)} not installed: pip install -c constraints.txt 'harness[train]'"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _many(count: int) -> str:
    return f"{_short(count)} parameters"


def _short(count: float) -> str:
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if count >= size:
            return f"{count / size:.3g} {word}"
    return f"{count:,.0f}"


def _duration(seconds: float) -> str:
    for size, word in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {word}"
    return f"{max(1, round(seconds))} s"
