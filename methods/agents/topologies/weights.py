"""A trained torch module in a folder, with Adam's state: numbers in `credits.safetensors`, facts in
`topology.json`. Nothing that is executed when it is read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.base.errors import UsageError, reason_of

NUMBERS, FACTS = "credits.safetensors", "topology.json"
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def need_torch(name: str) -> None:
    """Raises:
    UsageError: torch is not installed.
    """
    if find_spec("torch") is None:
        raise UsageError(
            f"method {name} needs torch, which is not installed: pip install -c constraints.txt "
            "'harness[train]'"
        )


def write(folder: Path, facts: Mapping[str, Any], network: Any, adam: Any) -> None:
    """Writes both files, each whole or not at all."""
    from safetensors.torch import save

    names = {each: name for name, each in network.named_parameters()}
    held = {f"network.{name}": each.detach().contiguous() for name, each in network.state_dict().items()}
    for parameter, state in adam.state.items():
        held |= {f"adam.{key}.{names[parameter]}": state[key].contiguous() for key in _MOMENTS}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in ((NUMBERS, save(held)), (FACTS, json.dumps(dict(facts), indent=1).encode())):
        part = folder / f"{name}.part"
        part.write_bytes(content)
        os.replace(part, folder / name)


def facts(folder: Path) -> dict[str, Any]:
    """What `write` was told of a network.

    Raises:
        UsageError: the folder holds none.
    """
    place = folder / FACTS
    try:
        found = json.loads(place.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError(
            f"{folder} holds no credits ({FACTS} is missing or can't be read); "
            "name the folder that harness train --to wrote"
        )
    return found


def read(folder: Path, network: Any, adam: Any) -> None:
    """Fills the network and, where its state was kept, Adam.

    Raises:
        UsageError: numbers are missing, of another shape, or not finite.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    place = folder / NUMBERS
    try:
        held = load(place.read_bytes())
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise UsageError(f"{place} can't be read as safetensors ({reason_of(error)}); train again") from None
    for name, each in network.named_parameters():
        kept = held.get(f"network.{name}")
        if kept is None or kept.shape != each.shape or kept.dtype != each.dtype:
            raise UsageError(f"{place} has no numbers of the right shape for {name}; train again")
        moments = {key: held[at] for key in _MOMENTS if (at := f"adam.{key}.{name}") in held}
        shapes = all(value.shape == each.shape for key, value in moments.items() if key != "step")
        if moments and not (len(moments) == len(_MOMENTS) and shapes):
            raise UsageError(f"{place} has half of Adam's state for {name}; train again")
        if not all(bool(value.isfinite().all()) for value in (kept, *moments.values())):
            raise UsageError(f"{place} holds numbers for {name} that are not finite; train again")
        with torch.no_grad():
            each.copy_(kept)
        if moments:
            adam.state[each] = moments
