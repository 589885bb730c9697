"""A method in a process of its own asks people through its world, and holds nothing of them."""

import json

from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from tests.harness.run.isolation.test_spies import HERE
from tests.one_cell import rows


def test_an_isolated_method_asks_the_person_through_its_world(tmp_path):
    request = Request(
        "team/hidden-constraints",
        f"{HERE}/askers.py:Asker",
        roles={"human": "sim/human"},
        role_args={"error": 0.1},
        limit=2,
        isolate=True,
    )
    (result,) = run_grid(plan(request), Session(Store(tmp_path))).results
    assert result.record is not None, result.error
    found = [json.loads(row["answer"])["human"] for row in rows(result.record)]
    assert result.record["isolated"] and [len(log) for log in found] == [1, 1]
    assert all(": " in log[0]["reply"] for log in found)


def test_what_a_step_without_a_reply_has_left_of_a_world_is_the_answer_of_an_isolated_method(tmp_path):
    said = {"sample_id": "other", "epoch": 0, "n": 0, "kind": "question", "request": "", "reply": "no"}
    file = tmp_path / "said.jsonl"
    file.write_text(json.dumps(said | {"seconds": 1.0, "by": "browser"}))
    asker = f"{HERE}/askers.py:Asker"
    roles = {"human": f"recorded/{file}"}
    request = Request("team/hidden-constraints", asker, roles=roles, limit=2, isolate=True)
    (result,) = run_grid(plan(request), Session(Store(tmp_path / "store"))).results
    assert result.record is not None, result.error
    for row in rows(result.record):
        assert (row["status"], row["stop_reason"]) == ("unscored", "user_failed")
        assert "has no reply to request 0" in row["reason"] and json.loads(row["answer"])["steps"] == 1
