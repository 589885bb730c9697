"""The digest of sealed attempts."""

import pytest

from harness.base.digest import canonical_json
from harness.results.attempts import hashed_rows


def line(row):
    kept = {key: value for key, value in row.items() if value is not None and key != "seconds"}
    return canonical_json(kept).encode() + b"\n"


def test_rows_are_hashed_column_by_column_as_one_by_one():
    import pyarrow as pa

    kinds = {"b": pa.string(), "a": pa.int64(), "seconds": pa.float64(), "z": pa.float64()}
    schema = pa.schema([*kinds.items(), ("none", pa.string()), ("tags", pa.list_(pa.string()))])
    rows = [
        {"b": "x", "a": 1, "seconds": 3.0, "z": 0.0, "none": None, "tags": ["y", "x"]},
        {"b": None, "a": None, "seconds": None, "z": -0.0, "none": None, "tags": None},
        {"b": 'é"\\\n\u2028😀', "a": 2**60, "seconds": 1.0, "z": 1e-300, "none": None, "tags": []},
        {"b": "", "a": -1, "seconds": 1.0, "z": 0.1 + 0.2, "none": None, "tags": None},
        {"b": None, "a": None, "seconds": 1.0, "z": None, "none": None, "tags": None},
        {"b": "x", "a": 1, "seconds": 2.0, "z": 0.0, "none": None, "tags": ["y", "x"]},
    ]
    batch = pa.RecordBatch.from_pylist(rows, schema)
    for part in (batch, batch.slice(1, 3), batch.slice(4, 1), batch.slice(0, 0)):
        assert hashed_rows(part) == b"".join(map(line, part.to_pylist()))
    with pytest.raises(ValueError, match="not JSON compliant"):
        hashed_rows(pa.RecordBatch.from_pylist([{"z": float("nan")}], pa.schema([("z", pa.float64())])))
