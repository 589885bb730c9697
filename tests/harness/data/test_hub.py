"""Rows of a local mirror."""

import pyarrow as pa
from pyarrow import parquet

from harness.data.hub import Data
from harness.spec import DataPin


def test_two_mirrors_and_a_change_are_distinguished(tmp_path):
    """The library below caches a local folder by its last name; we must not give its stale rows."""
    pin = DataPin("org/name", None, "test")
    for mirror, value in (("a", 1), ("b", 2), ("a", 3)):
        folder = tmp_path / mirror / "org/name"
        folder.mkdir(parents=True, exist_ok=True)
        parquet.write_table(pa.table({"x": [value] * value}), folder / "test.parquet")
        rows = Data(tmp_path / mirror, offline=True).rows(pin, ["x"])
        assert [row["x"] for row in rows] == [value] * value
        assert rows.arrow(["x"])["x"].to_pylist() == [value] * value
