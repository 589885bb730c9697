"""Rows next to the method that their spec names."""

from pathlib import Path

import harness
from harness.comparison.against import against


def test_the_row_with_the_nearest_number_of_calls_stands_beside(tmp_path: Path) -> None:
    given = {"model": "pocket/grid", "limit": 12, "store": tmp_path}
    few = harness.evaluate("arc1d", "self-consistency", method_args={"samples": 2}, **given)
    many = harness.evaluate("arc1d", "self-consistency", method_args={"samples": 3}, **given)
    four = harness.evaluate("arc1d", "best-of-n", method_args={"n": 3}, **given)
    rows = [record for runs in (few, many, four) for record in runs.records]
    (found,) = against(rows, {"best-of-n": "self-consistency"})
    assert found.calls == (3, 3) and found.equal_calls
    assert found.line().startswith(
        "best-of-n x pocket/grid against self-consistency with as many calls (3 a qu"
    )
    (other,) = against([rows[0], rows[2]], {"best-of-n": "self-consistency"})
    assert not other.equal_calls and "with 2 calls a question where it has 3" in other.line()
    assert against(rows, {}) == []
