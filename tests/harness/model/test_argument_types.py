"""Arguments of providers: text stays text, a truth value is one, whoever wrote it."""

import inspect
from types import SimpleNamespace

import pytest
from openai import AsyncOpenAI

from harness.base.errors import UsageError
from harness.base.values import Written
from harness.model import argument_types
from harness.model.argument_types import FLAGS, NUMBERS, typed_arguments


def typed(name, value):
    return typed_arguments({name: value}, "--model-arg")[name]


@pytest.mark.parametrize(
    "name, text, made",
    [
        ("responses_api", "false", False),
        ("responses_api", "none", None),
        ("stream", "auto", "auto"),
        ("revision", "0012", "0012"),
        ("revision", "12", "12"),
        ("revision", "true", "true"),
        ("revision", "none", "none"),
        ("api_key", "12345", "12345"),
        ("organization", "12345", "12345"),
        ("port", "8000", 8000),
        ("timeout", "2.5", 2.5),
        ("default_headers", "{X-A: 0012, X-B: 5}", {"X-A": "0012", "X-B": "5"}),
        ("unknown", "0012", "0012"),
        ("unknown", "12", 12),
        ("unknown", "none", None),
        ("unknown", "{a: [1, no]}", {"a": [1, "no"]}),
    ],
)
def test_of_the_command_line(name, text, made):
    found = typed(name, Written(text))
    assert found == made and type(found) is type(made)
    assert typed(name, found) == found, "typed once, it stays"


def test_of_files_and_python_as_of_the_command_line():
    assert typed("revision", 12) == "12" and typed("api_key", 12345) == "12345"
    assert typed("responses_api", "False") is False and typed("port", "8000") == 8000
    assert typed("unknown", "12") == "12", "a text that somebody quoted"


@pytest.mark.parametrize(
    "name, value",
    [
        ("strict_tools", "no"),
        ("responses_api", 0),
        ("port", "http"),
        ("timeout", True),
        ("revision", 1.5),
        ("default_headers", "nothing"),
    ],
)
def test_what_a_declared_argument_does_not_take(name, value):
    with pytest.raises(UsageError, match=f"--model-arg {name}="):
        typed(name, Written(value) if isinstance(value, str) else value)


def test_the_lists_agree_with_what_constructors_declare():
    """Those of the SDK below and of inspect-ai's providers that need no package of their own."""
    from inspect_ai.model._providers import ollama, openai, openai_compatible, sglang, vllm

    classes = (AsyncOpenAI, openai.OpenAIAPI, openai_compatible.OpenAICompatibleAPI, ollama.OllamaAPI)
    for each in (*classes, sglang.SGLangAPI, vllm.VLLMAPI):
        for name, parameter in inspect.signature(each.__init__).parameters.items():
            declared = str(parameter.annotation).replace("Optional[str]", "str")
            kinds = {kind.strip() for kind in declared.split("|")}
            if name in ("self", "model_name") or name.startswith("_"):
                continue
            if "str" in kinds and "bool" not in kinds:
                assert (typed(name, Written("0012")), typed(name, 12)) == ("0012", "12"), (each, name)
            if "bool" in kinds:
                assert name in FLAGS, (each, name)
            if kinds & {"int", "float"}:
                assert name in NUMBERS, (each, name)


def test_providers_of_others_get_what_they_declare(monkeypatch):
    class Theirs:
        def __init__(self, model_name: str, shard: str | None = None, depth: int = 1, **more): ...

    registry = SimpleNamespace(type="modelapi", name="other/theirs")
    monkeypatch.setattr(
        "inspect_ai._util.registry.registry_find", lambda wanted: wanted(registry) and [Theirs]
    )
    monkeypatch.setattr("inspect_ai._util.registry.registry_unqualified_name", lambda info: "theirs")
    found = argument_types.as_declared("theirs/m", {"shard": 12, "depth": 12, "other": 12})
    assert found == {"shard": "12", "depth": 12, "other": 12}
