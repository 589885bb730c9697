"""Values as they are typed: few words mean more than themselves, and text stays text where text is wanted."""

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from harness.base.documents import load_yaml
from harness.base.errors import UsageError
from harness.base.values import Written, given, number, typed
from harness.spec import Param


@pytest.mark.parametrize(
    "text, value",
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("1", 1),
        ("-3", -3),
        ("0", 0),
        ("0.5", 0.5),
        ("1e-5", 1e-5),
        ("1.5e3", 1500.0),
        ("[a, 1, null]", ["a", 1, None]),
        ("{a: 1, b: [true]}", {"a": 1, "b": [True]}),
        ('"007"', "007"),
        ("'true'", "true"),
        ("[no, 007, 1e5]", ["no", "007", "1e5"]),
    ],
)
def test_what_is_typed(text, value):
    made = typed(text)
    assert made == value and type(made) is type(value)


@pytest.mark.parametrize(
    "text",
    "no No on yes off y n ~ 007 00 +1 1_000 1e5 0x1F 0b1 1. .5 .inf nan 1:30 2024-01-31 2024-01-31T10:00:00Z "
    "<< 12345678901234567890 1.0e999 [a {a 'a 2.0.1 a: b".split(" ")
    + ["a: b", "", " ", "!!python/none x", "# a"],
)
def test_what_stays_text(text):
    assert typed(text) == text and type(typed(text)) is str


@hypothesis_given(st.text())
def test_any_text_has_a_value(text):
    made = typed(text)
    assert made is None or isinstance(made, str | bool | int | float | list | dict)


def test_files_of_settings_follow_the_same_rules():
    text = "a:\nb: yes\nc: 1e5\nd: 2024-01-31\ne: 007\nf: 2\ng: 1.5\nh: true\ni: null\nj: 'null'"
    assert load_yaml(text) == {
        **{"a": None, "b": "yes", "c": "1e5", "d": "2024-01-31", "e": "007"},
        **{"f": 2, "g": 1.5, "h": True, "i": None, "j": "null"},
    }


@pytest.mark.parametrize(
    "default, text, value",
    [
        ("x", "true", "true"),
        ("x", "007", "007"),
        ("x", "{question}", "{question}"),
        ("x", "[INST] hi [/INST]", "[INST] hi [/INST]"),
        ("x", '"quoted"', '"quoted"'),
        ("x", "null", "null"),
        (1, "16", 16),
        (1.0, "1e5", 1e5),
        (1.0, "3", 3.0),
        (False, "true", True),
        (False, "1", True),
        ([], "a,b", ["a", "b"]),
        ([], "5", ["5"]),
        ([], "[1, 2]", [1, 2]),
        ({}, "{a: 1}", {"a": 1}),
    ],
)
def test_a_parameter_reads_what_was_typed_in_its_own_type(default, text, value):
    made = Param("p", default).read(Written(text))
    assert made == value and type(made) is type(value)


@pytest.mark.parametrize("default, text", [(1, "2.5"), (1, "null"), (1, "[1]"), (False, "maybe")])
def test_a_value_of_another_type_is_refused(default, text):
    with pytest.raises(UsageError, match="the default is"):
        Param("p", default).read(Written(text))


def test_the_text_of_a_file(tmp_path):
    path = tmp_path / "prompt.txt"
    path.write_text("true\n\n{question}\n")
    assert given(f"@{path}", "-M prompt=") == "true\n\n{question}"
    assert given("@@home", "-M a=") == "@home" and given("a@b", "-M a=") == "a@b"
    path.write_bytes(b"\xff")
    for name, reason in (
        (path, "not text in UTF-8"),
        (tmp_path, "directory"),
        ("no.txt", "No such file"),
        ("", ""),
    ):
        with pytest.raises(UsageError, match=reason) as raised:
            given(f"@{name}", "-M prompt=")
        assert repr(str(name)) in str(raised.value) and "-M prompt=@" in str(raised.value)


@pytest.mark.parametrize("text, value", [("1e5", 100_000), ("1.0e3", 1000), ("1_000", 1000), ("-2", -2)])
def test_a_whole_number_may_be_written_as_any_number_is(text, value):
    read = Param("steps", 10).read(Written(text))
    assert read == value and type(read) is int


@pytest.mark.parametrize("text", ["1.5", "1e-1", "inf", "nan", "", "1e999"])
def test_what_is_no_whole_number(text):
    with pytest.raises(UsageError, match="is not a whole number"):
        Param("steps", 10).read(Written(text))


@pytest.mark.parametrize("value", [True, None, "much", [1], 10**400])
def test_what_is_no_number_lies_in_no_range(value):
    assert not number(value) <= 0 and not number(value) >= 0
    assert number("0.5") == 0.5 and number(2) == 2


def test_a_merge_may_override_a_key():
    assert load_yaml("base: &b {a: 1, c: 2}\nnext:\n  <<: *b\n  a: 3")["next"] == {"a": 3, "c": 2}


def test_a_file_with_a_byte_order_mark_and_windows_line_ends(tmp_path):
    (tmp_path / "p.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")
    assert given(f"@{tmp_path}/p.txt", "-M prompt=") == "one\ntwo"


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_a_number_is_finite(text):
    with pytest.raises(UsageError, match="is not a number"):
        Param("rate", 0.5).read(Written(text))
    with pytest.raises(UsageError, match="is not data"):
        Param("any", None).read([float(text)])
