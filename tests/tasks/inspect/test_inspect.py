"""The bridge to inspect tasks: tasks defined here, and inspect_evals where it is installed."""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.tool import ToolCall

from harness.base.errors import ModelCallError, UsageError
from harness.cli import cli
from harness.data.hub import Data
from harness.model.provider import Provider
from harness.registry import load_task, registry
from harness.results import load_samples
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session

GORILLA = os.environ.get("HARNESS_GORILLA_SOURCE")
HUB = Path(__file__).parents[4] / "shared" / "hub"
evals = pytest.mark.skipif(find_spec("inspect_evals") is None, reason="needs the extra inspect-evals")

TASKS = '''
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import Score, accuracy, choice, includes, model_graded_qa, scorer
from inspect_ai.solver import chain, generate, multiple_choice, solver, system_message, use_tools
from inspect_ai.tool import tool


@task
def sums(largest: int = 3):
    data = [Sample(f"{n} + {n}?", target=str(2 * n)) for n in range(1, largest + 1)]
    return Task(dataset=data, solver=[system_message("Add."), generate()], scorer=includes(), version=7)


@task
def passages():
    data = [Sample(f"Line {n}?", target="x", metadata={"page": n // 2}) for n in range(3)]
    return Task(dataset=data, solver=generate(), scorer=includes())


@task
def choices():
    data = [Sample("The colour of grass?", choices=["red", "green"], target="B", id="grass")]
    return Task(dataset=data, solver=multiple_choice(), scorer=choice())


@tool
def add():
    async def execute(x: int, y: int):
        """Adds.

        Args:
            x: One.
            y: The other.
        """
        return str(x + y)

    return execute


@task
def tools():
    data = [Sample("7 + 8?", target="15")]
    return Task(dataset=data, solver=[use_tools(add()), generate()], scorer=includes())


@task
def graded():
    return Task(dataset=[Sample("Say yes.", target="yes")], solver=generate(), scorer=model_graded_qa())


@solver
def twice():
    async def solve(state, generate):
        state = await generate(state)
        state.messages = state.messages[:1]
        return await generate(state)

    return solve


@scorer(metrics=[])
def parts():
    async def score(state, target):
        return Score(value={"form": 1, "content": 0.5, "length": 12})

    return score


@task
def several():
    return Task(dataset=[Sample("Go.", target="x")], solver=twice(), scorer=parts())


@task
def boxed():
    return Task(dataset=[Sample("Go.", target="x")], solver=generate(), scorer=includes(), sandbox="docker")


@solver
def swallow():
    async def solve(state, generate):
        from inspect_ai.model import get_model
        await generate(state)
        try:
            await get_model(role="user").generate("hello")
        except Exception:
            pass
        return state

    return solve


@task
def swallowing():
    return Task(dataset=[Sample("Go.", target="x")], solver=swallow(), scorer=includes())
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed distribution that registers tasks with inspect-ai."""
    place = tmp_path / "site"
    about = place / "sums_pack-1.dist-info"
    about.mkdir(parents=True)
    (place / "sums_pack.py").write_text(TASKS)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sums-pack\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[inspect_ai]\nsums_pack = sums_pack\n")
    monkeypatch.syspath_prepend(str(place))
    yield
    sys.modules.pop("sums_pack", None)


class Says(Provider):
    cacheable, abilities = False, frozenset({"tools"})

    def __init__(self, name, move):
        self.name, self.move, self.seen = name, move, []

    async def generate(self, call):
        self.seen.append([m.text for m in call.messages])
        found = self.move(call)
        if isinstance(found, Exception):
            raise found
        message = found if isinstance(found, ChatMessageAssistant) else ChatMessageAssistant(content=found)
        return ModelOutput.from_message(message)


@pytest.fixture
def run(tmp_path):
    def measured(task, move, roles=None, **fields):
        session = Session(Store(tmp_path / "out"))
        player = Says("says/agent", move)
        others = {name: Says(f"says/{name}", one) for name, one in (roles or {}).items()}
        for each in (player, *others.values()):
            session.use(each)
        request = Request(task, "direct", player.name, roles={k: o.name for k, o in others.items()}, **fields)
        (result,) = run_grid(plan(request), session).results
        if result.record is None:
            return player, str(result.error), None
        return player, result.record, load_samples(result.record["run_id"], str(tmp_path / "out"))

    return measured


def test_a_single_turn_is_prompted_by_its_solver_and_graded_by_its_scorer(package, run):
    args = {"args": "largest=11"}
    player, record, attempts = run("inspect/sums_pack/sums", lambda call: "4", task_args=args)
    assert list(attempts["sample_id"]) == [str(n) for n in range(1, 12)]
    assert list(attempts["accuracy"]) == [0, 1, *[0] * 9]
    assert player.seen[0] == ["Add.", "1 + 1?"]
    (source,) = record["data"]
    assert source["id"] == "inspect/sums_pack/sums" and source["revision"] == "7"
    assert record["usage"]["by_purpose"]["answer"]["calls"] == 11


def test_groups_are_a_key_of_the_metadata_where_asked_for(package):
    spec = registry().task("inspect/sums_pack/passages")

    def groups(**args):
        return [row.group for row in load_task(spec, spec.arguments(args)).load(Data(offline=True)).test]

    assert groups() == [None] * 3
    assert groups(group="page") == [f"inspect/sums_pack/passages page={n}" for n in (0, 0, 1)]
    with pytest.raises(UsageError, match="no sample's metadata has the key 'chapter'"):
        groups(group="chapter")


def test_choices_are_written_out_and_read_again(package, run):
    player, _, attempts = run("inspect/sums_pack/choices", lambda call: "ANSWER: B")
    assert list(attempts["accuracy"]) == [1] and "B) green" in player.seen[0][0]


def test_tools_are_carried_out_by_inspect(package, run):
    def move(call):
        if call.messages[-1].role == "tool":
            return f"It is {call.messages[-1].text}."
        calls = [ToolCall("c1", call.tools[0].name, {"x": 7, "y": 8})]
        return ChatMessageAssistant(content="", tool_calls=calls)

    player, _, attempts = run("inspect/sums_pack/tools", move)
    assert list(attempts["accuracy"]) == [1]
    trace = json.loads(attempts["trace"][0])
    assert [m["role"] for m in trace["messages"]] == ["user", "assistant", "tool", "assistant"]


def test_a_grader_is_our_judge_and_recorded_as_such(package, run):
    judge = {"judge": lambda call: "GRADE: C"}
    _, record, attempts = run("inspect/sums_pack/graded", lambda call: "yes", judge)
    assert list(attempts["accuracy"]) == [1] and record["usage"]["by_purpose"]["judge"]["calls"] == 1
    _, error, _ = run("inspect/sums_pack/graded", lambda call: "yes")
    assert "--role judge=MODEL" in error


def test_a_solver_may_begin_again_and_a_score_has_to_be_chosen(package, run):
    chosen = {"value": "content"}
    player, record, attempts = run("inspect/sums_pack/several", lambda call: "a", task_args=chosen)
    assert player.seen == [["Go."], ["Go."]] and list(attempts["accuracy"]) == [0.5]
    _, error, _ = run("inspect/sums_pack/several", lambda call: "a")
    assert "-T value=form|content|length" in error
    _, error, _ = run("inspect/sums_pack/several", lambda call: "a", task_args={"value": "length"})
    assert "12 isn't between 0 and 1" in error


def test_failures_that_a_solver_swallows_are_not_scored(package, run):
    user = {"user": lambda call: ModelCallError("gone")}
    _, record, attempts = run("inspect/sums_pack/swallowing", lambda call: "x", user)
    assert record["counts"]["unscored"] == 1 and "gone" in attempts["reason"][0]
    _, record, _ = run("inspect/sums_pack/sums", lambda call: ModelCallError("gone"))
    assert record["counts"]["error"] == 3


@pytest.mark.parametrize(
    ("task", "args", "says"),
    [
        ("inspect/sums_pack/sum", "", "did you mean 'sums'"),
        ("inspect/sum_pack/sums", "", "did you mean 'sums_pack'"),
        ("inspect/sums_pack/sums", "biggest=3", "unexpected keyword argument 'biggest'"),
        ("inspect/sums_pack/sums", "largest", "is not written as"),
        ("inspect/sums_pack/boxed", "", "sandbox"),
    ],
)
def test_mistakes_are_named(package, run, task, args, says):
    _, error, _ = run(task, lambda call: "x", task_args={"args": args})
    assert says in error


def test_the_family_is_listed_and_matches_no_glob():
    from click.testing import CliRunner

    known = registry()
    assert "inspect/*" in known.tasks and "inspect/*" not in known.match("task", "*")
    for name in ("inspect", "inspect/", "inspect/*"):
        with pytest.raises(UsageError, match="unknown task|no task matches"):
            known.match("task", name)
    assert "inspect/*" in CliRunner().invoke(cli, ["list", "tasks"]).output


@evals
@pytest.mark.skipif(not (HUB / "openai" / "gsm8k").exists(), reason="the mirror is not beside the checkout")
def test_gsm8k_of_inspect_evals_from_the_mirror(run, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "datasets"))
    fields = {"task_args": {"args": "fewshot=0"}, "mirror": str(HUB), "limit": 20}
    _, record, attempts = run("inspect/gsm8k", lambda call: "ANSWER: 18", **fields)
    assert record["counts"]["ok"] == 20 and 0 <= record["metrics"]["accuracy"]["value"] < 0.5
    assert record["data"][0]["revision"]


@evals
def test_tau2_of_inspect_evals_with_our_user(run):
    def user(call):
        return "###STOP###" if len(call.messages) > 3 else "Please help me."

    _, record, _ = run("inspect/tau2_airline", lambda call: "I can't do that.", {"user": user}, limit=2)
    assert record["counts"]["ok"] == 2 and set(record["usage"]["by_purpose"]) == {"answer", "user"}


@evals
@pytest.mark.skipif(not GORILLA, reason="needs a clone of ShishirPatil/gorilla in HARNESS_GORILLA_SOURCE")
def test_bfcl_of_inspect_evals_whose_data_come_by_git(run, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text(f"""
[url "file://{GORILLA}"]
insteadOf = https://github.com/ShishirPatil/gorilla.git
[uploadpack]
allowFilter = true
allowAnySHA1InWant = true
[safe]
directory = *
""")

    def move(call):
        asked = next(m.text for m in call.messages if m.role == "user")
        if "triangle" not in asked:
            return "I can't."
        arguments = {"base": 10, "height": 5, "unit": "units"}
        return ChatMessageAssistant(content="", tool_calls=[ToolCall("c", call.tools[0].name, arguments)])

    args = {"args": "categories=simple_python"}
    _, record, attempts = run("inspect/bfcl", move, task_args=args, limit=5)
    assert attempts.set_index("sample_id")["accuracy"]["simple_python_0"] == 1.0
    assert record["counts"]["ok"] == 5 and record["metrics"]["accuracy"]["value"] < 1
    assert record["data"][0]["revision"]
