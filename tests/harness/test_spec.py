"""What a spec says, its arguments read from texts and typed values, and how a faulty one is named."""

import json
from dataclasses import asdict, replace

import pytest

from harness.base.errors import PluginError, UsageError
from harness.plugins.installed import build, plain
from harness.plugins.toml import read_specs
from harness.spec import MethodSpec, MetricRange, Param, TaskSpec

TASK = {"version": "1-A", "summary": "s", "entry": "a:B"}


def read(kind="task", shared=None, **fields):
    document = {**(shared or {}), kind: {"x": {**TASK, **fields}}}
    (spec,) = read_specs(kind, document, package="p", distribution="d", folder="f")
    return spec


@pytest.mark.parametrize(
    ("default", "given", "value"),
    [
        (5, "7", 7),
        (5, 7.0, 7),
        (0.5, "7", 7.0),
        (0.5, 7, 7.0),
        (False, "true", True),
        (False, True, True),
        (True, 0, False),
        ("a", 3, "3"),
        ("a", True, "true"),
        ("a", None, ""),
        (["a"], "b,c", ["b", "c"]),
        (["a"], "[b, 2]", ["b", 2]),
        (["a"], ("b",), ["b"]),
        ({"a": 1}, "{b: 2}", {"b": 2}),
        ({"a": 1}, {"b": 2}, {"b": 2}),
    ],
)
def test_a_value_is_read_in_the_type_of_the_default(default, given, value):
    found = Param("p", default).read(given)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("default", "given", "said"),
    [
        (5, "x", "p='x' is not a whole number; the default is 5"),
        (5, 7.5, "p=7.5 is not a whole number"),
        (5, True, "p=True is not a whole number"),
        (5, None, "p=None is not a whole number"),
        (0.5, [1], "is not a number"),
        (False, 2, "p=2 is not true or false"),
        ("a", ["b"], "is not a text"),
        (["a"], {"b": 1}, "is not a list"),
        ({"a": 1}, "[", "is not a table"),
        (["a"], [object], "is not a list"),
    ],
)
def test_another_type_is_an_error(default, given, said):
    with pytest.raises(UsageError) as error:
        Param("p", default).read(given)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_optional_typed_and_required_parameters():
    maybe = Param("p", None, type="int", optional=True)
    assert (maybe.read(None), maybe.read("null"), maybe.read("3")) == (None, None, 3)
    numbers = Param("p", [], type="list[int]")
    assert numbers.read("1,2") == numbers.read("[1, 2]") == numbers.read(["1", 2]) == [1, 2]
    assert Param("p", ["a"], choices=("a", "b")).read("a,b") == ["a", "b"]
    with pytest.raises(UsageError, match="not one of: a, b"):
        Param("p", ["a"], choices=("a", "b")).read("a,c")
    spec = read("method", params={"n": {"required": True, "type": "int"}, "m": 1})
    assert spec.arguments({"n": "2"}) == {"n": 2, "m": 1}
    with pytest.raises(UsageError, match="x: parameter 'n' has no default; give -M n=VALUE"):
        spec.arguments({})
    with pytest.raises(UsageError, match="give -T n=VALUE"):
        read(params={"n": {"required": True}}).arguments({})


def test_a_default_is_nobodys_to_change():
    spec = read("method", params={"words": ["a"]})
    spec.arguments({})["words"].append("b")
    assert spec.arguments({}) == {"words": ["a"]}


def test_metrics_may_be_negative_or_lower_is_better():
    spec = read(
        metrics={
            "acc": 1,
            "mae": {"low": 0, "high": 5, "better": "lower"},
            "utility": {"low": -1, "high": 1},
        },
        primary="mae",
        set_metrics={"coverage": 1.0},
    )
    assert spec.metrics == {"acc": 1.0, "mae": 5.0, "utility": 1.0}
    assert spec.metric_ranges == {
        "acc": MetricRange(0, 1),
        "mae": MetricRange(0, 5, True),
        "utility": MetricRange(-1, 1),
        "coverage": MetricRange(0, 1),
    }
    mae, utility = spec.metric_ranges["mae"], spec.metric_ranges["utility"]
    assert (mae.best, mae.share(0), mae.share(5), mae.share(1)) == (0, 1.0, 0.0, 0.8)
    assert (utility.best, utility.share(-1), utility.share(0)) == (1, 0.0, 0.5)
    assert build(TaskSpec, plain(spec)) == spec
    assert read(metrics={"f1": 1.0}).primary == "f1"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"metrics": {"mae": {"low": 0, "high": 5, "bettr": "lower"}}},
            "not its largest value or { low = NUMBER",
        ),
        ({"metrics": {"mae": {"low": 5, "high": 0}}}, "has metric mae"),
        ({"metrics": {"mae": {"high": 5, "better": "less"}}}, "has metric mae"),
        ({"metrics": {"mae": -1}}, "a number above 0"),
        ({"metrics": {"a": 1, "b": 1}}, "has primary 'accuracy', not one of its metrics: a, b"),
        (
            {"privat_targets": True},
            "or 'duplicates'? valid keys: answer, apart, canary, data,",
        ),
        ({"private_targets": "yes"}, "private_targets 'yes', which is not true or false"),
        ({"duplicates": "3"}, "duplicates '3', which is not a whole number"),
        ({"offers": "pool"}, "offers 'pool', which is not a list of words"),
        (
            {"params": {"n": {"default": 1, "hlp": "x"}}},
            "unknown key 'hlp' in params.n; valid keys: default, help",
        ),
        (
            {"params": {"n": {"required": True, "type": "integer"}}},
            "has type 'integer' in params.n, not one of int",
        ),
        ({"data": {"test": {"split": "test"}}}, "not a table with the keys id, config, split, revision"),
        ({"version": ""}, "needs the text 'version'"),
    ],
)
def test_a_faulty_field_is_one_line(fields, said):
    with pytest.raises(PluginError) as error:
        read(**fields)
    assert said in str(error.value) and "\n" not in str(error.value)
    assert str(error.value).startswith("task.toml in f (distribution d): x ")


def test_roles_and_draws_of_a_method():
    spec = read("method", roles=["critic"], needs=["critic"], draws="run")
    assert (spec.roles, spec.needs, spec.draws) == (("critic",), ("critic",), "run")
    assert build(MethodSpec, plain(spec)) == spec
    for fields, said in (
        ({"draws": "cell"}, "not one of none, run"),
        ({"needs": ["critic"]}, "needs 'critic'"),
    ):
        with pytest.raises(PluginError, match=said):
            read("method", **fields)


def test_the_implementation_is_no_part_of_the_data():
    spec = MethodSpec("m", "", "s", "a:B", implementation=dict)
    assert spec.implementation is dict and replace(spec, summary="t").implementation is dict
    assert "implementation" not in asdict(spec) and spec == replace(spec, implementation=None)
    assert json.dumps(plain(spec)) and "dict" not in repr(spec)


def test_a_version_may_be_missing_only_in_development():
    spec = MethodSpec("m", "", "s", "a:B")
    assert (spec.declared_version, spec.comparability_version, spec.shown_version) == (False, 0, "dev")
    released = replace(spec, version="3-B")
    assert (released.declared_version, released.comparability_version, released.shown_version) == (
        True,
        3,
        "3-B",
    )


HARBOR = [
    """
schema_version = "1.1"
[task]
name = "org/x"
description = "d"
authors = [{ name = "a" }]
[agent]
timeout_sec = 1.0
""",
    """
version = "1.0"
[metadata]
difficulty = "easy"
[verifier]
timeout_sec = 1.0
""",
    'schema_version = "1.3"\n[[steps]]\nname = "one"',
]


@pytest.mark.parametrize("text", HARBOR)
def test_harbors_files_of_the_same_name_are_skipped(text):
    import tomllib

    assert read_specs("task", tomllib.loads(text), package="p", distribution="d", folder="f") == []


@pytest.mark.parametrize(
    "text",
    [
        'version = "1-A"\nsummary = "s"',
        'schema_version = "1.1"\n[task.x]\nversion = "1-A"\nsummary = "s"\nentry = "a:B"',
        '[task]\nname = "x"',
    ],
)
def test_a_file_of_ours_that_is_wrong_still_warns(text):
    import tomllib

    with pytest.raises(PluginError):
        read_specs("task", tomllib.loads(text), package="p", distribution="d", folder="f")


@pytest.mark.parametrize(
    ("kind", "fields", "said"),
    [
        ("task", {"offers": ["labeled"]}, "x offers 'labeled'; did you mean 'labelled' or 'countable'?"),
        ("task", {"offers": ["zzz"]}, "x offers 'zzz'; valid offers: checklist, corpus, countable, dev"),
        ("method", {"needs": ["zzz"]}, "x needs 'zzz'; 'harness list' shows every need"),
        (
            "task",
            {"metrics": {"accuracy": float("nan")}},
            "metric accuracy = nan, not its largest value, a number",
        ),
        (
            "task",
            {"metrics": {"accuracy": {"high": float("nan")}}},
            "metric accuracy = {'high': nan}, not its",
        ),
        (
            "task",
            {"metrics": {"a\x1b[31mb": 1.0}},
            r"has a metric 'a\x1b[31mb'; a name is a text that can be",
        ),
        ("task", {"metrics": {"": 1.0}}, "has a metric ''; a name is a text"),
        ("task", {"metrics": {"a": 1.0}, "set_metrics": {"b\n": 1.0}}, r"has a metric 'b\n'; a name is"),
        ("task", {"metrics": {"epoch": 1.0}}, "has a metric 'epoch', which is a column of attempts"),
    ],
)
def test_a_faulty_field_is_named_with_its_cure(kind, fields, said):
    with pytest.raises(PluginError) as error:
        read(kind, **fields)
    assert said in str(error.value), str(error.value)
