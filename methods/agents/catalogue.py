"""Topologies by name."""

from __future__ import annotations

from typing import Any

from harness.methods.agents.topology import Topology


def topology(name: str, args: dict[str, Any]) -> Topology:
    """The topology of that name; `args` are the method's arguments and `topology`, its name."""
    from harness.methods.agents.todycomm.chance import Chance
    from harness.methods.agents.todycomm.oracle import OracleMute
    from harness.methods.agents.todycomm.todycomm import TodyComm, WeightedVote
    from harness.methods.agents.topologies.agentdropout import AgentDropout
    from harness.methods.agents.topologies.edge_logits import AgentPrune, GPTSwarm
    from harness.methods.agents.topologies.fixed import NAMES, Fixed
    from harness.methods.agents.topologies.gdesigner import GDesigner

    kinds: dict[str, type[Topology]] = {
        **dict.fromkeys(NAMES, Fixed),
        "random-mask": Chance,
        "random-order": Chance,
        "todycomm": TodyComm,
        "weighted-vote": WeightedVote,
        "gptswarm": GPTSwarm,
        "agentprune": AgentPrune,
        "agentdropout": AgentDropout,
        "g-designer": GDesigner,
        "oracle-mute": OracleMute,
    }
    return kinds[name]({**args, "topology": name})
