"""Batches that were submitted, as another process finds them."""

import pytest

from harness.model.batches.submitted import Submitted


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    return tmp_path


def test_another_process_finds_the_calls_whose_answers_nobody_has(cache):
    first = Submitted("me")
    first.add("b1", ["x", "y", "z"])
    first.answered("y")
    (file,) = cache.rglob("*.jsonl")
    with file.open("a") as lines:
        lines.write("of another batch\n")
    again = Submitted("me")
    assert again.calls_of("b1") == ["x", "z"]
    assert (again.batch_of("x"), again.batch_of("y"), again.batch_of("of another batch")) == (
        "b1",
        None,
        None,
    )
    assert Submitted("somebody else").calls_of("b1") == []
