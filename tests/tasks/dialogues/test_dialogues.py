"""`dialogues/custom`: what a file may hold, its splits, its world, and what is said of every mistake."""

import asyncio
import copy
import json
import pickle

import pytest
from inspect_ai.model import ChatMessageAssistant, ContentReasoning, ContentText
from inspect_ai.tool import ToolCall

from harness.base.errors import DataError, UsageError
from harness.checklist import Trajectory
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.replay.schema import faults
from harness.sample import Outcome
from harness.tasks.dialogues.reference import records_of, user_lines
from harness.tasks.dialogues.schemas import offered, tool_of

NAMED = {"properties": {"n": {"type": "integer"}}, "required": ["n"]}


def task(**args):
    spec = registry().task("dialogues/custom")
    return load_task(spec, spec.arguments({"data": "d.jsonl", **args}))


def item(name, weight):
    point = {"turn": 0, "step": 1, "from": "assistant.tool_calls", "snippet": "look"}
    return {
        "id": name,
        "evidence": [point],
        "focus_on": "assistant.tool_calls",
        "question": "Was it looked up?",
        "pass_condition": "A call of look.",
        "failure_examples": [],
        "required_for_next_turn": False,
        "dependence": [],
        "weight": weight,
    }


def dialogue(n=0):
    call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"n": 1}'}}
    return {
        "uuid": f"d{n}",
        "messages": [
            {"role": "user", "content": f"Look, number {n}."},
            {"role": "assistant", "content": "<think>hm</think>", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "[1]"},
            {"role": "assistant", "content": "There."},
        ],
        "tools": [
            {
                "function": {
                    "name": "look",
                    "parameters": {"type": "dict", "properties": {"n": {"type": "int"}}},
                }
            }
        ],
        "checklists": [[[item("C0", 1.0)]]],
    }


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def put(*rows, name="d.jsonl"):
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        (tmp_path / name).write_text("\n".join(lines) + "\n", "utf-8")

    return put


def load(**args):
    return task(**args).load(Data())


def test_a_file_is_parted_by_ids_into_test_train_and_dev(write):
    rows = [dialogue(n) for n in range(50)]
    write(*rows)
    first = load()
    assert (len(first.test), len(first.train), len(first.dev)) == (10, 36, 4)
    parts = [{sample.target["id"] for sample in part} for part in (first.test, first.train, first.dev)]
    assert len(set.union(*parts)) == 50
    write(*reversed(rows))
    assert {sample.id for sample in load().test} == parts[0]
    whole = load(test_share=1)
    assert len(whole.test) == 50 and not whole.train and not whole.dev


def test_a_file_of_its_own_for_training_leaves_out_what_is_tested(write):
    write(*[dialogue(n) for n in range(4)])
    write(*[dialogue(n) for n in range(2, 12)], name="t.jsonl")
    splits = load(train="t.jsonl", dev_share=0.25)
    assert [sample.id for sample in splits.test] == ["d0", "d1", "d2", "d3"]
    assert (len(splits.train), len(splits.dev)) == (6, 2)
    assert {sample.id.partition("-")[0] for sample in splits.train} == {"train"}


def test_what_a_line_may_leave_out(write):
    bare = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}
    write(bare, "", {**bare, "messages": [{"role": "user", "content": "Ho"}, *bare["messages"][1:]]})
    one, other = load(test_share=1).test
    assert one.id != other.id and one.target["checklist"] is None
    with pytest.raises(
        DataError, match="has no checklist; write it with 'harness checklist annotate d.jsonl'"
    ):
        task().world(one, lambda role: None)
    assert task().gold(one) is None


def broken(**changes):
    made = dialogue()
    made.update(changes)
    return made


def messages(*more, keep=4):
    return [*dialogue()["messages"][:keep], *more]


def with_item(**changes):
    made = dialogue()
    made["checklists"][0][0][0].update(changes)
    return made


TOOL = {"name": "look", "parameters": {"type": "object", "properties": {}}}
MISTAKES = {
    "no JSON": ("{", "broken JSON"),
    "no object": ("[1]", "must be an object"),
    "messages": (broken(messages=3), "messages must be a list"),
    "role": (broken(messages=messages({"role": "bot", "content": ""})), "unknown role 'bot'"),
    "unanswered": (broken(messages=messages({"role": "user", "content": "And?"})), "doesn't answer"),
    "no result": (broken(messages=messages({"role": "assistant", "content": "x"}, keep=2)), "has no answer"),
    "orphan": (broken(messages=messages({"role": "tool", "content": "x"})), "without a call"),
    "unknown tool": (broken(tools=[{"name": "other"}]), "calls 'look', which is not among the tools"),
    "undeclared": (broken(tools=[]), "a call of 'look', which 'tools' doesn't declare"),
    "twice": (broken(tools=[TOOL, TOOL]), "the tool 'look' is declared twice"),
    "schema": (broken(tools=[{"name": "look", "parameters": [1]}]), "no JSON schema of an object"),
    "enum": (
        broken(tools=[{"name": "look", "parameters": {"properties": {"n": {"enum": 3}}}}]),
        "'enum' that is no list",
    ),
    "required": (
        broken(tools=[{"name": "look", "parameters": {"properties": {}, "required": ["n"]}}]),
        "requires 'n', which its 'properties' don't hold",
    ),
    "weights": (with_item(weight=0.9), "sum"),
    "turns": (broken(checklists=[[]]), "0 blocks for 1 messages of the user"),
    "focus": (with_item(focus_on="reply"), "reply"),
    "snippet": (with_item(evidence=[{**item("", 1)["evidence"][0], "snippet": "fly"}]), "fly"),
    "uuid": (dialogue(1), "d1"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_in_a_file_is_one_line_with_its_number(write, name):
    row, message = MISTAKES[name]
    write(dialogue(1), row)
    with pytest.raises(DataError) as caught:
        load()
    assert "d.jsonl" in str(caught.value) and "line 2" in str(caught.value)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_files_and_arguments_that_can_not_be(write):
    with pytest.raises(DataError, match="no file d.jsonl"):
        load()
    write("")
    with pytest.raises(DataError, match="holds no lines"):
        load()
    write(dialogue(1), broken(checklists=None))
    with pytest.raises(DataError, match="1 of 2 dialogues have no checklist, such as 'd0'; .*annotate"):
        load()
    write(dialogue(1))
    with pytest.raises(DataError, match="line 1: variant=1, and the dialogue has 1"):
        load(variant=1)
    with pytest.raises(UsageError, match="needs -T data=FILE"):
        load(data="")
    with pytest.raises(UsageError, match="gate=strict asks .* take judging=step"):
        task(gate="strict", judging="turn")
    for wrong in ({"steps": 0}, {"test_share": 1.5}, {"votes": 0}):
        with pytest.raises(UsageError, match=next(iter(wrong))):
            task(**wrong)


@pytest.mark.parametrize(
    ("parameters", "fits", "not_so"),
    [
        ({"$ref": "#/$defs/A", "$defs": {"A": NAMED}}, {"n": 1}, {"n": "1"}),
        (
            {"properties": {"a": {"$ref": "#/definitions/A"}}, "definitions": {"A": NAMED}},
            {"a": {"n": 1}},
            {"a": {"m": 1}},
        ),
        ({"allOf": [NAMED, {"properties": {"m": {}}, "required": ["m"]}]}, {"n": 1, "m": 0}, {"n": 1}),
        ({"anyOf": [NAMED, {"properties": {"m": {}}, "required": ["m"]}]}, {"m": 1}, {"n": "1"}),
        ({"properties": {"n": {"type": "integer", "enum": [1], "nullable": True}}}, {"n": None}, {"n": 2}),
        ({"properties": {"n": {"const": "x"}, "m": True}}, {"n": "x", "m": [1]}, {"n": "y"}),
        ({"properties": {"n": {}}, "patternProperties": {"^x": {}}}, {"n": 1, "x1": 2}, 3),
        (
            {"$ref": "#/$defs/T", "$defs": {"T": {"properties": {"t": {"$ref": "#/$defs/T"}}}}},
            {"t": {"t": 1}},
            {"u": 1},
        ),
    ],
)
def test_schemas_that_refer_to_others_combine_them_or_leave_keys_open(parameters, fits, not_so):
    made = tool_of({"function": {"name": "f", "parameters": {"type": "object", **parameters}}}, "line 1")
    offered([made], "line 1")
    assert not faults(made["parameters"], fits) and faults(made["parameters"], not_so)


def test_a_reference_to_nothing_is_named():
    with pytest.raises(DataError, match="line 1: the tool 'f' refers to '#/x'"):
        tool_of({"name": "f", "parameters": {"properties": {"a": {"$ref": "#/x"}}}}, "line 1")


def test_types_of_python_in_schemas_become_those_of_json():
    given = {
        "name": "f",
        "parameters": {
            "type": "dict",
            "properties": {
                "a": {"type": "str, optional"},
                "b": {"type": "List[int]", "items": {"type": "int"}},
                "c": {"type": ["float", "null"]},
                "d": {"type": "whatever"},
                "e": {"oneOf": [{"type": "bool"}, {"type": "string"}]},
            },
        },
    }
    assert tool_of(given, "line 1")["parameters"]["properties"] == {
        "a": {"type": "string"},
        "b": {"type": "array", "items": {"type": "integer"}},
        "c": {"type": ["number", "null"]},
        "d": {},
        "e": {"anyOf": [{"type": "boolean"}, {"type": "string"}]},
    }


def test_the_reference_scores_full_marks_and_the_task_can_be_pickled(write):
    write(dialogue())
    (sample,) = load(test_share=1).test
    judged = task()
    gold = judged.gold(sample)
    outcome = Outcome(sample.id, answer=gold)
    assert judged.score(sample, outcome).metrics == {"reward": 1.0, "completed": 1.0}
    # a recorded episode brings no verdicts of its own
    read = judged.parse(json.dumps(gold), sample.question)
    assert read == {**{key: value for key, value in gold.items() if key != "judge"}, "verdicts": []}
    assert judged.score(sample, Outcome(sample.id, answer=read)).status == "unscored"
    for hostile in ("{", "[]", '{"messages": [1]}', '{"messages": [{"role": "user"}], "verdicts": []}'):
        assert judged.parse(hostile, sample.question) is None
    half = copy.deepcopy(gold)
    half["verdicts"][0] = [[False], [False]]
    assert judged.score(sample, Outcome(sample.id, answer=half)).metrics["reward"] == 0.0
    assert judged.score(sample, Outcome(sample.id)).metrics == {"reward": 0.0, "completed": 0.0}
    del half["judge"]
    assert judged.score(sample, Outcome(sample.id, answer=half)).status == "unscored"
    assert pickle.loads(pickle.dumps(judged)).args == judged.args


def test_the_target_keeps_lines_records_and_thoughts(write):
    write(dialogue())
    (sample,) = load(test_share=1).test
    assert user_lines(sample.target) == ["Look, number 0."] == [sample.question.input]
    (record,) = records_of(sample.target)
    assert (record.tool, dict(record.arguments), record.response, record.turn) == ("look", {"n": 1}, "[1]", 0)
    assert Trajectory.of(sample.target["messages"]).turns[0].steps[0].thinking == "hm"


def test_the_reference_is_what_methods_may_imitate(write):
    write(dialogue())
    (sample,) = load(test_share=1).test
    (asked, looked, result, told), (tool,) = task().dialogue(sample)
    assert (asked.text, told.text, result.text, result.function) == (
        "Look, number 0.",
        "There.",
        "[1]",
        "look",
    )
    assert looked.text.startswith("<think>\nhm\n</think>") and looked.tool_calls[0].arguments == {"n": 1}
    assert tool.name == "look" and looked.tool_calls[0].id == result.tool_call_id


def test_a_world_keeps_thoughts_for_the_judge_in_either_form(write):
    write(dialogue())
    (sample,) = load(test_share=1).test
    actions = [
        ChatMessageAssistant(
            content=[ContentReasoning(reasoning="apart"), ContentText(text="")],
            tool_calls=[ToolCall("c", "look", {"n": 1})],
        ),
        ChatMessageAssistant(content="<think>within</think>There."),
    ]

    async def play():
        world = task(unseen="error").world(sample, lambda role: None)
        await world.start()
        for action in actions:
            seen = await world.step(action)
        return world, seen

    world, seen = asyncio.run(play())
    (turn,) = Trajectory.of(world.answer()["messages"]).turns
    assert [(step.thinking, step.reply) for step in turn.steps] == [("apart", ""), ("within", "There.")]
    assert seen.done and turn.closed and turn.steps[0].results[0].text == "[1]"
