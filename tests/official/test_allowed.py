"""The table of allowed differences, without the official runners."""

from pathlib import Path

from tests.official.allowed import ALLOWED, equalled
from tests.official.comparing import compared

DOCS = Path(__file__).parents[2] / "docs" / "tasks.md"


def test_the_docs_have_the_table():
    rows = {line for line in DOCS.read_text("utf-8").splitlines() if line.startswith("| ")}
    assert {f"| {each.where} | {each.what} | {each.why} |" for each in ALLOWED} <= rows


def asked(*texts):
    return [{"messages": [{"role": "tool", "content": text} for text in texts]}]


def test_what_may_differ_counts_by_which_are_equal():
    one, other = "1762423200.25", "1796065924.066115"
    same = equalled("toolsandbox", asked(one, one, "x"))
    assert same == equalled("toolsandbox", asked(other, other, "x"))
    assert same != equalled("toolsandbox", asked(one, other, "x"))
    assert equalled("tau2", asked(one)) != equalled("tau2", asked(other))


def test_only_empty_fields_are_passed_over():
    bare = [{"messages": [{"role": "assistant", "content": None}]}]
    for field, same in ((None, True), ([], True), ("no", False)):
        more = [{"messages": [{**bare[0]["messages"][0], "refusal": field}]}]
        assert (equalled("bfcl", bare) == equalled("bfcl", more)) is same
    assert equalled("tau2", bare) != equalled(
        "tau2", [{"messages": [{**bare[0]["messages"][0], "refusal": None}]}]
    )


def test_every_other_difference_is_told():
    first = {"a": asked("x", None)}
    for second in (asked("y", None), asked("x"), asked("x", ""), [{"messages": [{"role": "tool"}] * 2}], []):
        told, equal, found = compared(first, {"a": second})
        assert (told, equal) == (1, 0) and found
    assert compared(first, {"a": asked("x", None)}) == (1, 1, [])
    assert compared(first, {"a": first["a"] * 2})[2] and compared(first, {})[2] and compared({}, first)[2]
    assert compared({"a": [{"n": 1}]}, {"a": [{"n": True}]})[2]
