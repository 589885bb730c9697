"""Generation settings that a run was given, apart from those that are the task's own."""

import pytest

from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session


@pytest.mark.parametrize(("decoding", "told"), [({}, 0), ({"temperature": 0.3}, 1)])
def test_a_temperature_of_the_task_alone_is_no_reason_for_a_word(tmp_path, decoding, told):
    (tmp_path / "rows.csv").write_text("text,label\nup,x\ndown,y\n")
    task_args = {"data": str(tmp_path / "rows.csv")}  # the task's own temperature is 0, the method's 0.7
    request = Request(
        "classify/custom", "self-consistency", "echo/x", task_args, offline=True, decoding=decoding
    )
    said = []
    session = Session(Store(tmp_path / "store"))
    session.notice = lambda *lines: said.extend(lines)
    run_grid(plan(request), session)
    assert sum("at its own temperature" in line for line in said) == told
