"""The official V4 figures of a whole run, from the accuracies of its categories."""

from __future__ import annotations

from collections.abc import Mapping

WEIGHTS = {"non-live": 0.10, "live": 0.10, "irrelevance": 0.10, "multi-turn": 0.30, "agentic": 0.40}
LIVE = {"live_simple": 258, "live_multiple": 1053, "live_parallel": 16, "live_parallel_multiple": 24}
SIMPLE = ("simple_python", "simple_java", "simple_javascript")
WEB = ("web_search_base", "web_search_no_snippet")
MEMORY = ("memory_kv", "memory_vector", "memory_rec_sum")
#: the categories that each part of the overall figure is made of; live_relevance is part of nothing
PARTS = {
    "non-live": (*SIMPLE, "multiple", "parallel", "parallel_multiple"),
    "live": tuple(LIVE),
    "irrelevance": ("irrelevance", "live_irrelevance"),
    "multi-turn": tuple(f"multi_turn_{kind}" for kind in ("base", "miss_func", "miss_param", "long_context")),
    "agentic": (*MEMORY, *WEB),
}


def overall(accuracy: Mapping[str, float]) -> dict[str, float]:
    """Official parts and overall, from 0 to 1; a category that was not run counts 0, as officially.

    Simple, non-live, irrelevance, multi-turn, memory and web search are unweighted means, live is
    weighted by entries; relevance is part of nothing. Unless every agentic category was run, `overall
    without agentic` is the rest, weighted to 1. Names may begin with `bfcl/`.
    """
    part = {name.removeprefix("bfcl/"): value for name, value in accuracy.items()}

    def mean(*names: str) -> float:
        return sum(part.get(name, 0.0) for name in names) / len(names)

    found = {
        "non-live": (mean(*SIMPLE) + 3 * mean("multiple", "parallel", "parallel_multiple")) / 4,
        "live": sum(part.get(name, 0.0) * size for name, size in LIVE.items()) / sum(LIVE.values()),
        "irrelevance": mean(*PARTS["irrelevance"]),
        "multi-turn": mean(*PARTS["multi-turn"]),
        "agentic": (mean(*WEB) + mean(*MEMORY)) / 2,
    }
    found["overall"] = sum(weight * found[name] for name, weight in WEIGHTS.items())
    if not set(PARTS["agentic"]) <= part.keys():
        rest = {name: weight for name, weight in WEIGHTS.items() if name != "agentic"}
        total = sum(weight * found[name] for name, weight in rest.items())
        found["overall without agentic"] = total / sum(rest.values())
    return found
