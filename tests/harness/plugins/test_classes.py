"""A class that declares its own spec: attributes, parameters in three forms, objects made anew."""

import pickle
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from harness.base.errors import PluginError, UsageError
from harness.method import Method
from harness.methods.cot.method import ChainOfThought
from harness.methods.curator.method import Curated
from harness.plugins.classes import given_arguments, kebab, make, spec_of
from harness.registry import load_method, load_task, registry
from harness.spec import MetricRange, Param
from harness.task import Task
from harness.testing import TINY, TinyTask


@pytest.fixture(autouse=True)
def fresh():
    registry.cache_clear()
    yield
    registry.cache_clear()


class Answers(Method):
    async def answer(self, question, job): ...


class MyVote(Answers):
    """Majority of n answers.

    And more of it.
    """

    needs = ("countable",)

    @dataclass
    class Params:
        n: int = field(default=5, metadata={"help": "draws"})
        rule: Literal["most", "first"] = "most"
        prompt: str = field(default="", metadata={"file": True})
        words: list[str] = field(default_factory=lambda: ["a"])
        limit: float | None = None
        most: int | None = 9


class Signed(Answers):
    def __init__(
        self,
        n: Annotated[int, "draws"] = 5,
        rule: Literal["most", "first"] = "most",
        prompt: Annotated[str, {"file": True}] = "",
        words: list[str] = ("a",),  # noqa: B006
        limit: float | None = None,
        most: int | None = 9,
    ):
        self.n, self.twice = n, 2 * self.args["n"]


def test_the_spec_comes_from_the_class():
    spec = spec_of(MyVote)
    assert (spec.name, spec.summary, spec.version) == ("my-vote", "Majority of n answers", "")
    assert (spec.needs, spec.fits, spec.origin) == (("countable",), False, "file")
    assert spec.path == __file__ and spec.entry == "test_classes.py:MyVote" and spec.implementation is MyVote


def test_both_forms_of_parameters_give_the_same():
    expected = {
        "n": Param("n", 5, "draws", type="int"),
        "rule": Param("rule", "most", choices=("most", "first"), type="str"),
        "prompt": Param("prompt", "", file=True, type="str"),
        "words": Param("words", ["a"], type="list[str]"),
        "limit": Param("limit", None, type="float", optional=True),
        "most": Param("most", 9, type="int", optional=True),
    }
    assert spec_of(MyVote).params == spec_of(Signed).params == expected


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("MyVote", "my-vote"),
        ("BestOfN", "best-of-n"),
        ("TestNUC", "test-nuc"),
        ("GSM8KVote", "gsm8k-vote"),
        ("Arc1D", "arc1d"),
        ("my_vote", "my-vote"),
        ("vote", "vote"),
    ],
)
def test_the_name_in_small_letters(name, said):
    assert kebab(name) == said


def test_arguments_are_at_hand_in_every_form():
    for cls in (MyVote, Signed):
        spec = registry().add(cls)
        made = load_method(spec, spec.arguments({"n": "7", "limit": "null", "most": "null"}))
        assert made.args == {
            **{"n": 7, "rule": "most", "prompt": "", "words": ["a"]},
            **{"limit": None, "most": None},
        }
        assert made.spec is spec
        assert pickle.loads(pickle.dumps(made)).args == made.args
    assert load_method(spec_of(MyVote), {"n": 7}).params.n == 7
    assert load_method(spec_of(Signed), {"n": 7}).twice == 14
    with pytest.raises(AttributeError, match="Signed has no class Params; its arguments are in self.args"):
        _ = Signed().params


def test_an_object_made_by_hand_works_and_tells_its_arguments():
    assert MyVote(n=7).params.n == 7 and MyVote().args["n"] == 5
    assert Signed(7).twice == 14 and Signed(7).spec.name == "signed"
    assert (
        given_arguments(MyVote(n=7)) == given_arguments(Signed(7)) == given_arguments(Signed(n=7)) == {"n": 7}
    )
    assert given_arguments(MyVote()) == {}
    assert registry().add(MyVote(n=7)).name == "my-vote"
    with pytest.raises(UsageError, match="my-vote has no parameter 'm'"):
        MyVote(m=7)
    with pytest.raises(UsageError, match=r"give arguments by name, as in MyVote\(n=5\)"):
        MyVote(7)
    with pytest.raises(UsageError, match="n='x' is not a whole number"):
        registry().add(Signed("x"))


def test_an_object_that_cannot_be_made_anew_says_so():
    changed = Signed(7)
    changed.n = 9
    with pytest.raises(
        UsageError, match="Signed: attribute 'n' was set to 9 from outside.*make it a parameter"
    ):
        registry().add(changed)

    class Client(Answers):
        def __init__(self, client: Any = None):
            self.client = client

    with pytest.raises(UsageError, match="client=<object object .* is not data"):
        registry().add(Client(object()))

    class Once(Answers):
        made = 0

        def __init__(self):
            Once.made += 1
            if Once.made > 1:
                raise RuntimeError("only once")

    with pytest.raises(
        UsageError, match="Once can't be made again from its arguments: RuntimeError: only once"
    ):
        registry().add(Once())


def test_super_init_may_be_called_or_not():
    class Calls(Answers):
        def __init__(self, n: int = 5):
            super().__init__()
            self.n = n

    class Inner(Calls):
        def __init__(self, n: int = 6, m: int = 1):
            super().__init__(n)
            self.m = m

    spec = spec_of(Inner)
    made = load_method(spec, spec.arguments({"m": 3}))
    assert (made.n, made.m, made.args, made.spec) == (6, 3, {"n": 6, "m": 3}, spec)


def test_a_dataclass_as_the_method_itself():
    @dataclass
    class Whole(Answers):
        n: int = 5

    spec = registry().add(Whole(n=7))
    assert spec.params == {"n": Param("n", 5, type="int")} and given_arguments(Whole(n=7)) == {"n": 7}
    assert load_method(spec, {"n": 9}).n == 9


def test_classes_that_take_spec_and_args_go_on():
    class Old(TinyTask):
        def __init__(self, spec, args):
            super().__init__(spec, args)
            self.seen = args["n"]

    made = make(Old, TINY, {"n": 3})
    assert (made.spec, made.args, made.seen) == (TINY, {"n": 3}, 3)
    assert TinyTask(TINY, {"a": 1}).args == {"a": 1}


class Sums(Task):
    """Adds."""

    name = "sums/small"
    version = "2-B"
    answer = "integer"
    metrics = {"mae": {"low": 0, "high": 9, "better": "lower"}}
    offers = ("countable", "labelled")
    decoding = {"temperature": 0.0}
    data = {"test": {"id": "a/b", "revision": "c"}}
    files = ("sums.json",)
    private_targets = True
    duplicates = 2

    def load(self, data): ...


def test_a_task_declares_more():
    spec = spec_of(Sums)
    assert (spec.name, spec.version, spec.declared_version, spec.primary) == (
        "sums/small",
        "2-B",
        True,
        "mae",
    )
    assert spec.metric_ranges == {"mae": MetricRange(0, 9, True)} and spec.files == ("sums.json",)
    assert spec.data["test"].id == "a/b" and spec.private_targets and spec.duplicates == 2


def test_name_and_version_are_not_inherited_and_the_rest_is():
    class More(Sums):
        pass

    spec = spec_of(More)
    assert (spec.name, spec.version, spec.offers) == ("more", "", Sums.offers)


def test_fits_is_whether_there_is_a_fit():
    class Fits(Answers):
        async def fit(self, job): ...

    assert spec_of(Fits).fits and not spec_of(Answers).fits


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"needs": ("poool",)}, "bad needs 'poool'; did you mean 'pool' or 'tools'?"),
        ({"needs": "pool"}, "bad has needs 'pool', which is not a list of words"),
        ({"version": "one"}, "bad has version 'one', not N-X as in 1-A"),
        ({"name": "a b"}, "a method is named with letters, digits and . + / @ - _, not 'a b'"),
        ({"draws": "always"}, "bad has draws 'always', not one of none, run"),
        (
            {"Params": type("Params", (), {"__annotations__": {"n": "int"}, "n": "x"})},
            "n='x' is not a whole number",
        ),
        (
            {"Params": type("Params", (), {"__annotations__": {"n": bytes}})},
            "parameter 'n' has type bytes; types",
        ),
        ({"Params": type("Params", (), {"__annotations__": {"n": "Nope"}})}, "name 'Nope' is not defined"),
        ({"__init__": lambda self, n: None}, "parameter 'n' has neither a type nor a default"),
        ({"__init__": lambda self, n=object: None}, "which is no data"),
    ],
)
def test_a_faulty_class_is_one_line(attributes, said):
    with pytest.raises(PluginError) as error:
        spec_of(type("Bad", (Answers,), {"__module__": __name__, **attributes}))
    assert said in str(error.value) and "\n" not in str(error.value)
    assert str(error.value).startswith("test_classes.py:Bad")


def test_required_parameters():
    class Needs(Answers):
        def __init__(self, n: int, m: int = 2): ...

    spec = registry().add(Needs)
    with pytest.raises(UsageError, match="needs: parameter 'n' has no default; give -M n=VALUE"):
        spec.arguments({"m": 3})
    assert spec.arguments({"n": 1}) == {"n": 1, "m": 2}


def test_names_of_the_registry():
    known = registry()
    cot = known.method("cot")
    assert known.add(ChainOfThought) is cot and known.add(ChainOfThought()) is cot
    with pytest.raises(
        UsageError, match="Curated is the class of several methods; give one of their names: curat"
    ):
        known.add(Curated)
    with pytest.raises(
        UsageError, match="an installed one has the name 'direct' too; give the class another"
    ):
        known.add(type("Direct", (Answers,), {"__module__": __name__}))
    for wrong in (3, dict, Method, "direct"):
        with pytest.raises(UsageError, match="is no task or method; give a name, 'file.py:Class'"):
            known.add(wrong)
    first = known.add(MyVote)
    again = known.add(type("MyVote", (Answers,), {"__module__": __name__}))
    assert known.method("my-vote") is again and again.params == {} != first.params
    assert known.match("method", "direct,my-v*") == ["direct", "my-vote"]


def test_a_class_of_a_cell_replaces_the_one_before():
    code = """
from harness.method import Method
from harness.registry import load_method, registry
CELL = "class MyVote(Method):\\n  def __init__(self, n: int = N): ...\\n  async def answer(self, q, j): ..."
def cell(n):
    scope = {"Method": Method, "__name__": "__main__"}
    exec(CELL.replace("N", str(n)), scope)
    return scope["MyVote"]
first, second = registry().add(cell(1)), registry().add(cell(2))
assert (second.origin, second.path, second.entry) == ("cell", "", "__main__:MyVote"), second
assert registry().method("my-vote") is second and second.params["n"].default == 2
assert type(load_method(second, {"n": 2})) is second.implementation
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_task_is_loaded_from_its_class():
    spec = registry().add(Sums)
    assert isinstance(load_task(spec, {}), Sums) and registry().task("sums/small") is spec
    with pytest.raises(PluginError, match=r"'empty': test_classes.py:Empty doesn't define load\(\)"):
        load_task(registry().add(type("Empty", (Task,), {"__module__": __name__})), {})
