"""The learning curve holds running totals of what training took, without what measuring took."""

from harness.methods.curator.cost import Cost
from harness.methods.curator.curve import points

FIRST = {"trained": 6, "discarded": 2, "prompt_tokens": 100, "response_tokens": 50, "step_s": 2.0}
SECOND = {"trained": 4, "prompt_tokens": 10, "discarded_response_tokens": 7, "step_s": 3.0, "dev_s": 0.5}
ROWS = [
    {"step": 1, "cost": {**FIRST, "unknown": 9}, "reward": 0.25, "dev": None, "entropy": float("nan")},
    {"step": 2, "cost": SECOND, "reward": 1, "dev": 0.5, "difficulty": "text"},
]


def test_every_row_is_a_point_of_running_totals():
    first, second = points(ROWS, 1000)
    assert {name: first[name] for name in ("step", "rollouts", "tokens", "wall_s", "reward")} == {
        "step": 1,
        "rollouts": 8,
        "tokens": 150,
        "wall_s": 2.0,
        "reward": 0.25,
    }
    assert "dev" not in first and "entropy" not in first
    assert (second["rollouts"], second["tokens"], second["wall_s"]) == (12, 167, 4.5)
    assert (second["reward"], second["dev"]) == (1.0, 0.5) and "difficulty" not in second
    whole = Cost(trained=10, discarded=2, prompt_tokens=110, response_tokens=50, discarded_response_tokens=7)
    assert second["flops"] == whole.flops(1000) > first["flops"] > 0


def test_no_row_is_no_point():
    assert list(points([], 1000)) == []
