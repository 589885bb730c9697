"""Documents of others: plain data, or one error, and never for long."""

import pytest
import yaml

from harness.base.documents import load_json, load_toml, load_yaml
from harness.base.errors import UsageError
from harness.base.values import typed

BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
)
TALL = "\n".join(["a0: &a0 [x]"] + [f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 3000)])
#: a document of YAML, and what is wrong with it
REFUSED = [
    ("a: &x [*x]", "an alias stands for what holds it"),
    ("&a {b: *a}", "an alias stands for what holds it"),
    ("&a [[[*a]]]", "an alias stands for what holds it"),
    (BOMB, "its aliases make 1,234,567"),
    (TALL, "nested too deeply"),
    ("[" * 200 + "]" * 200, "nested too deeply"),
    ("[" * 2_000, "nested too deeply"),
    ("- " * 500 + "x", "nested too deeply"),
    ("{a: " * 200, "nested too deeply"),
    ("!!python/object:os.system x", "can't be read here"),
    ("!!python/object/apply:os.system [x]", "can't be read here"),
    ("!!timestamp 2020-99-99", "can't be read here"),
    ("!!int 99999999999999999999999999999", "can't be read here"),
    ("!!int {a: b}", "can't be read here"),
    ("!!bool [1]", "can't be read here"),
    ("!!float .inf", "can't be read here"),
    ("!!binary '%%'", "can't be read here"),
    ("!!set {a, b}", "can't be read here"),
    ("{[1]: 2}", "unhashable"),
    ("a: 1\na: 2", "twice"),
    ("\x00", "special characters"),
    ("a: \ud800", "special characters"),
    ("a: \x1b", "special characters"),
    ("%YAML 9.9\n---\na", "incompatible"),
    ("--- a\n--- b", "another document"),
    ("*x", "undefined alias"),
    ("<<: x", "merging"),
]


@pytest.mark.parametrize(("text", "says"), REFUSED, ids=range(len(REFUSED)))
def test_yaml_that_is_refused(text, says):
    with pytest.raises(yaml.YAMLError) as failure:
        load_yaml(text)
    error = failure.value
    assert says in f"{getattr(error, 'problem', '')} {error}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("base: &b {x: 1}\nmore:\n  <<: *b\n  y: 2", {"base": {"x": 1}, "more": {"x": 1, "y": 2}}),
        ("[&a [1, 2], *a, *a]", [[1, 2], [1, 2], [1, 2]]),
        ("!!str 1", "1"),
        ("[" * 90 + "1" + "]" * 90, None),
        ("a: " + "9" * 400 + ".0", {"a": "9" * 400 + ".0"}),
    ],
)
def test_yaml_that_is_read(text, value):
    assert load_yaml(text) == value or value is None


@pytest.mark.parametrize("text", ["[&a [*a]]", "[" * 300, "{a: &a {b: *a}}"])
def test_a_value_that_can_not_be_one_is_a_mistake_and_no_text(text):
    with pytest.raises(UsageError, match="can't be taken as a value"):
        typed(text)
    assert typed("[INST] hello") == "[INST] hello" and typed("9" * 400 + ".0") == "9" * 400 + ".0"


@pytest.mark.parametrize(
    ("load", "text"),
    [
        (load_json, "[" * 100_000),
        (load_json, '{"a":' * 100_000),
        (load_json, "9" * 5000),
        (load_json, b"\xff"),
        (load_toml, "a = " + "[" * 5000),
        (load_toml, "a = 1\na = 2"),
    ],
)
def test_json_and_toml_that_can_not_be_read_are_value_errors(load, text):
    with pytest.raises(ValueError):
        load(text)
