"""A conversation of three agents as methods/agents writes it, for tests of what shows it."""

from typing import Any


def conversation(odd: str = "") -> dict[str, Any]:
    """Two rounds; the second agent turns in the second, the third fails there. `odd` goes into every text."""
    return {
        "conversation": {
            "agents": [
                {"name": f"{name}{odd}", "role": f"{name} role{odd}", "model": "m"}
                for name in ("Expert", "Critic", "Judge")
            ],
            "rounds": [
                {
                    "said": [
                        {"answer": f"{a}{odd}", "text": f"I say {a}.{odd}", "tokens": [10, 3]} for a in "BCB"
                    ],
                    "selected": [0, 1, 2],
                    "credits": [0.5, 0.5, 0.5],
                    "heard": [],
                    "heard_before": [],
                },
                {
                    "said": [
                        {"answer": "B", "text": "Still B.", "tokens": [20, 3]},
                        {"answer": "D", "text": f"Surely D.{odd}", "tokens": [20, 9], "forced": True},
                        {"answer": None, "text": "", "tokens": [0, 0], "failed": f"no answer in 5 s{odd}"},
                    ],
                    "selected": [0, 1],
                    "credits": [0.9, 0.3, 0.2],
                    "heard": [[0, 1]],
                    "heard_before": [[2, 0], [0, 0]],
                },
            ],
            "decision": {
                "credits": [0.8, 0.4, 0.3],
                "selected": [0],
                "weights": [["B", 0.4], ["D", 0.1]],
                "fallback": False,
                "answer": "B",
            },
            "attack": {"kind": "random", "answer": "D", "turned": {"1": 1}},
        }
    }
