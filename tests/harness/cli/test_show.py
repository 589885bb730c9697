"""`harness show`: a family of tasks, and one attempt of a run whose model is hostile."""

import json

import pytest
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.tool import ToolCall

from harness.cli.attempt import LONGEST
from harness.model.provider import Provider
from harness.registry import registry
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session

HOSTILE = "\x1b[2J\x1b]0;owned\x07 done\x9b31m \u202eback\r\nsecond\tline\x00"


@pytest.mark.parametrize("family", ["bfcl", "tau2", "toolsandbox", "rec"])
def test_a_family_is_shown_with_its_tasks_and_what_they_share(command, family):
    done = command("show", family)
    assert done.code == 0 and not done.err
    found = json.loads(command("show", family, "--json").out)
    names = [name for name in registry().tasks if name.startswith(f"{family}/")]
    assert found["name"] == family and sorted(names) == [task["name"] for task in found["tasks"]]
    for task in found["tasks"]:
        spec = registry().task(task["name"])
        assert (task["n_items"] or 0, task["summary"]) == (spec.n_items, spec.summary)
        (line,) = [line for line in done.out.splitlines() if line.startswith(f"  {task['name']}: ")]
        assert spec.summary in line and f" {spec.n_items or '?'} items" in line
        assert {**found, **task}["notes"] == spec.notes and {**found, **task}["entry"] == spec.entry
    if "notes" in found and found["notes"]:
        assert f"notes: {found['notes']}" in done.out


def test_a_family_of_other_packages_and_one_that_is_not_there(command):
    assert "name: inspect/*" in command("show", "inspect").out
    assert "did you mean 'toolworld'" in command("show", "tolworld").errors[0]


class Hostile(Provider):
    """Calls a tool with arguments that are none, then says what would drive a terminal."""

    cacheable, abilities, name = False, frozenset({"tools"}), "hostile/agent"

    async def generate(self, call):
        if call.messages[-1].role == "tool":
            message = ChatMessageAssistant(content=HOSTILE + "x" * 5000)
        else:
            message = ChatMessageAssistant(
                content="",
                tool_calls=[
                    ToolCall(id="a", function="find_people", arguments={"name": "\x1b[31mEmil\x9b"}),
                    ToolCall(id="b", function="no\x1bsuch", arguments={}, parse_error="not\x07JSON"),
                ],
            )
        return ModelOutput.from_message(message)


@pytest.fixture
def run(command, tmp_path):
    """The id of a run of two epochs on two dialogues, and what `show` says of its attempts."""
    session = Session(Store(tmp_path / "results"))
    session.use(Hostile())
    request = Request("toolworld/single", "direct", "hostile/agent", limit=2, epochs=2)
    (result,) = run_grid(plan(request), session).results
    assert result.record, result.error

    def show(*arguments):
        return command("show", result.record["run_id"][:10], *arguments)

    return show


def test_an_attempt_is_shown_with_its_dialogue_and_score(run):
    done = run("--sample", "test-1", "--epoch", "1")
    assert done.code == 0 and done.out.startswith(
        "toolworld/single x direct x hostile/agent, sample test-1, epoch 1 of 0, 1\n"
    )
    order = [
        "[system]",
        "[user]",
        "[assistant]",
        '-> find_people({"name": "',
        "[tool find_people]",
        "[tool no",
        "[assistant]",
        "  second",
        "ok: accuracy 0",
        "stopped: stop",
    ]
    at = 0
    for part in order:
        assert part in done.out[at:], part
        at += done.out[at:].index(part) + len(part)
    assert "not readable: not\\x07JSON" in done.out and "characters more: --json" in done.out
    assert max(map(len, done.out.splitlines())) < LONGEST + 200
    assert all(character.isprintable() or character == "\n" for character in done.out)
    assert "epoch 0 of 0, 1" in run("--sample", "test-1").out


def test_an_attempt_as_json_is_whole_and_drives_no_terminal(run):
    done = run("--sample", "test-0", "--json")
    (line,) = done.out.splitlines()
    assert line.isascii() and line.isprintable()
    row = json.loads(line)
    assert (row["sample_id"], row["epoch"], row["accuracy"]) == ("test-0", 0, 0.0)
    assert row["trace"]["messages"][-1]["content"] == HOSTILE + "x" * 5000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--sample", "tst-1"], "did you mean 'test-1'"),
        (["--epoch", "1"], "--sample ID"),
        (["--sample", "test-1", "--epoch", "2"], "epochs: 0, 1"),
    ],
)
def test_an_attempt_that_is_not_there(run, arguments, says):
    done = run(*arguments)
    assert done.code == 2 and says in done.errors[0] and len(done.errors) == 1


def test_a_single_turn_and_one_without_its_transcript(command):
    for more in ((), ("--no-transcripts", "--overwrite")):
        command("eval", "--task", "arc1d", "-T", "level=1", "--limit", "1", *more)
        (found,) = json.loads(command("results", "list", "--json").out)["runs"]
        done = command("show", found["run_id"][:12], "--sample", "arc1d-test-1-0")
        assert done.code == 0 and "ok: accuracy" in done.out
        assert ("[completion]" in done.out) != bool(more) and ("no transcript" in done.out) == bool(more)
    assert "--sample is of a run" in command("show", "arc1d", "--sample", "1").errors[0]
