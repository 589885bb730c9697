"""Topologies by name, imported when they are used."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from harness.methods.agents.topology import Topology

_FIXED = "independent fully-connected chain star tree layered mesh random debate".split()
CLASSES = {
    **{name: "fixed:Fixed" for name in _FIXED},
    "random-mask": "chance:Chance",
    "random-order": "chance:Chance",
    "todycomm": "todycomm:TodyComm",
    "weighted-vote": "todycomm:WeightedVote",
    "gptswarm": "edge_logits:GPTSwarm",
    "agentprune": "edge_logits:AgentPrune",
    "agentdropout": "agentdropout:AgentDropout",
    "g-designer": "gdesigner:GDesigner",
    "oracle-mute": "oracle:OracleMute",
}


def topology(name: str, args: dict[str, Any]) -> Topology:
    """The topology of that name; `args` are the method's arguments and `topology`, its name."""
    module, _, kind = CLASSES[name].partition(":")
    found = getattr(import_module(f"harness.methods.agents.{module}"), kind)
    return cast(Topology, found({**args, "topology": name}))
