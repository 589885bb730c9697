import copy
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.base.errors import DataError
from harness.checklist import Step, ToolUse, Trajectory, Turn
from harness.checklist.faults import FaultyData
from harness.checklist.files import turns_as_json
from harness.checklist.trajectory import Result
from harness.checklist.validate import ADDED, RELEASED, faults, parse

TOOL = "tool.content"
REPLY = "assistant.content.user_visible_reply"


def item(name, focus=REPLY, required=False, evidence=()):
    return {
        "id": name,
        "evidence": list(evidence),
        "focus_on": focus,
        "question": "Is the balance said?",
        "pass_condition": "The reply says 40 euros.",
        "failure_examples": ["It says another sum."],
        "required_for_next_turn": required,
    }


def block(turn, items, weights, **needs):
    ids = [each["id"] for each in items]
    return {
        "turn": turn,
        "checklist": items,
        "dependence": {each: needs.get(each, []) for each in ids},
        "weight": dict(zip(ids, weights, strict=True)),
    }


def pointer(turn, step, source, snippet):
    return {"turn": turn, "step": step, "from": source, "snippet": snippet}


def fixture():
    """The worked fixture of the notes, with item 1 focused on what a tool said."""
    first = [
        item("C0", required=True, evidence=[pointer(0, 3, REPLY, "40  euros")]),
        item("C1", TOOL, evidence=[pointer(0, 2, TOOL, '"balance": 40')]),
        item("C2", required=True, evidence=[pointer(0, 1, "assistant.tool_calls", '"account": "a1"')]),
    ]
    second = [item("C0"), item("C1")]
    return [block(0, first, (0.5, 0.2, 0.3), C2=["C1"]), block(1, second, (0.6, 0.4))]


DIALOGUE = Trajectory(
    [
        Turn(
            "How much is there?",
            [
                Step(
                    "", (ToolUse("balance", {"account": "a1"}),), (Result('{"balance":40}'),), "Look it up."
                ),
                Step("There are 40 euros."),
            ],
            True,
        ),
        Turn("Thanks", [Step("You are welcome.")], True),
    ]
)


def rules(value, dialogue=None, **options):
    return {each.rule for each in faults(value, dialogue, **options)}


def test_the_fixture_is_valid_in_both_layouts():
    assert faults(fixture(), DIALOGUE) == []
    made = parse(fixture(), DIALOGUE)
    assert made.turns[0][2].dependence == ("C1",)
    assert [each.weight for each in made.turns[0]] == [0.5, 0.2, 0.3]
    assert parse(turns_as_json(made), DIALOGUE) == made


def changed(change):
    value = copy.deepcopy(fixture())
    change(value)
    return value


def drop(*path):
    def change(value):
        for key in path[:-1]:
            value = value[key]
        del value[path[-1]]

    return change


def put(*path_and_value):
    *path, key, new = path_and_value

    def change(value):
        for each in path:
            value = value[each]
        value[key] = new

    return change


RELEASED_CASES = {
    "a key is missing": (drop(0, "checklist", 0, "question"), "keys", "'question' is missing; add it"),
    "a name of the figure": (
        lambda v: v[0]["checklist"][0].update(strictness=v[0]["checklist"][0].pop("required_for_next_turn")),
        "keys",
        "rename 'strictness'",
    ),
    "a map is missing": (drop(0, "weight"), "keys", "'weight' is missing"),
    "a truth value as a number": (put(0, "turn", False), "type", "turn must be a whole number, got False"),
    "a truth value as a weight": (put(1, "weight", "C0", True), "type", "weight must be a number, got True"),
    "text for a truth value": (
        put(0, "checklist", 0, "required_for_next_turn", "yes"),
        "type",
        "must be true or false, got 'yes'",
    ),
    "an item that is a text": (put(0, "checklist", 0, "C0"), "type", "must be an object"),
    "an example that is a number": (put(0, "checklist", 0, "failure_examples", [1]), "type", "texts alone"),
    "a block that is a number": (put(1, 7), "type", "must be an object or a list of items"),
    "a negative turn": (put(0, "turn", -1), "non_negative", "count turns from 0"),
    "a negative step": (put(0, "checklist", 0, "evidence", 0, "step", -2), "non_negative", "step is -2"),
    "an unknown focus": (put(0, "checklist", 0, "focus_on", "user.content"), "enum", "focus_on is"),
    "the focus of the figure": (
        put(0, "checklist", 0, "focus_on", "assistant.final_reply"),
        "enum",
        "write 'assistant.content.user_visible_reply'",
    ),
    "an unknown source": (put(0, "checklist", 0, "evidence", 0, "from", "x"), "enum", "from is 'x'"),
    "an item without dependence": (drop(0, "dependence", "C0"), "dependence_keys", "lacks 'C0'"),
    "dependence of nobody": (put(0, "dependence", "C9", []), "dependence_keys", "has 'C9'"),
    "an unknown prerequisite": (put(0, "dependence", "C2", ["C7"]), "dependence_ids", "'C7'"),
    "a prerequisite on the reply": (put(0, "dependence", "C2", ["C0"]), "dependence_focus", "tool.content"),
    "prerequisites as a text": (put(0, "dependence", "C2", "C1"), "type", "list of ids"),
    "weights of .99": (put(0, "weight", "C0", 0.49), "weight_sum", "sum to 0.99; make them sum to 1"),
}
ADDED_CASES = {
    "an item without a weight": (
        lambda v: v[1].update(weight={"C0": 1.0}),
        "weight_keys",
        "weight lacks 'C1'",
    ),
    "a weight of nobody": (put(1, "weight", "C5", 0.0), "weight_keys", "which no item is called"),
    "a negative weight": (
        lambda v: v[1].update(weight={"C0": 1.5, "C1": -0.5}),
        "weight_range",
        "the weight is -0.5",
    ),
    "an id twice": (put(0, "checklist", 0, "id", "C1"), "unique_ids", "'C1' is there twice"),
    "its own prerequisite": (put(0, "dependence", "C1", ["C1"]), "cycle", "C1 -> C1"),
    "a ring": (
        lambda v: (v[0]["checklist"][2].update(focus_on=TOOL), v[0]["dependence"].update(C1=["C2"])),
        "cycle",
        "C1 -> C2 -> C1",
    ),
    "turns out of order": (
        lambda v: (v[0].update(turn=1), v[1].update(turn=0)),
        "turn_order",
        "number blocks 0, 1",
    ),
    "evidence at step 0": (
        put(0, "checklist", 0, "evidence", [pointer(0, 0, "user.content", "How much")]),
        "evidence_step",
        "step 0",
    ),
    "evidence in no turn": (
        put(0, "checklist", 0, "evidence", 0, "turn", 5),
        "evidence_part",
        "turns go to 1",
    ),
    "evidence in another step": (
        put(0, "checklist", 0, "evidence", 0, "step", 2),
        "evidence_part",
        "steps with it: 3",
    ),
    "evidence that isn't there": (
        put(0, "checklist", 0, "evidence", 0, "snippet", "50 euros"),
        "evidence_snippet",
        "copy it word for word",
    ),
    "an empty snippet": (put(0, "checklist", 0, "evidence", 0, "snippet", " "), "evidence_snippet", "empty"),
    "a turn without items": (
        lambda v: v[1].update(checklist=[], dependence={}, weight={}),
        "empty_turn",
        "at least one",
    ),
}


@pytest.mark.parametrize("case", RELEASED_CASES)
def test_released_rules(case):
    change, rule, words = RELEASED_CASES[case]
    found = faults(changed(change), DIALOGUE, released_only=True)
    assert rule in {each.rule for each in found}
    assert any(words in str(each) for each in found if each.rule == rule), found
    assert all(each.rule in RELEASED and "\n" not in str(each) for each in found)


@pytest.mark.parametrize("case", ADDED_CASES)
def test_added_rules(case):
    change, rule, words = ADDED_CASES[case]
    value = changed(change)
    found = faults(value, DIALOGUE)
    assert rule in {each.rule for each in found} and rule in ADDED
    assert any(words in str(each) for each in found if each.rule == rule), found
    assert rule not in rules(value, DIALOGUE, released_only=True)


def test_every_rule_has_a_case():
    cases = {rule for _, rule, _ in (*RELEASED_CASES.values(), *ADDED_CASES.values())}
    assert cases | {"block_count"} == {*RELEASED, *ADDED}


def test_two_blocks_for_three_turns():
    three = Trajectory([*DIALOGUE.turns, Turn("And now?", [Step("Nothing.")], True)])
    assert rules(fixture(), three) == {"block_count"}
    assert rules([], three) == {"block_count"}


def test_one_mistake_gives_one_fault():
    for change, _, _ in (*RELEASED_CASES.values(), *ADDED_CASES.values()):
        assert 1 <= len(faults(changed(change), DIALOGUE)) <= 3


@pytest.mark.parametrize(("weight", "good"), [(0.3333333, True), (0.333, False)])
def test_weights_sum_to_one_within_a_millionth(weight, good):
    value = [block(0, [item(f"C{n}") for n in range(3)], (weight,) * 3)]
    assert rules(value) == (set() if good else {"weight_sum"})


@pytest.mark.parametrize("weight", [math.nan, math.inf, 10**400, 1e308])
def test_weights_that_are_no_shares(weight):
    value = [block(0, [item("C0"), item("C1")], (weight, weight))]
    assert "weight_sum" in rules(value)
    assert "weight_sum" in rules(value, released_only=True)


def test_all_faults_are_in_the_one_line_of_the_error():
    value = changed(put(0, "weight", "C0", 0.49))
    del value[1]["checklist"][0]["question"]
    with pytest.raises(FaultyData) as caught:
        parse(value, where="FILE line 3")
    assert str(caught.value).startswith("FILE line 3: turn ")
    assert "sum to 0.99" in str(caught.value) and "'question' is missing" in str(caught.value)
    assert len(caught.value.faults) == 2 and isinstance(caught.value, DataError)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


def paths(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from paths(each, (*path, key))


BLOCKS = [path for path in paths(fixture()) if path]
TURNS = turns_as_json(parse(fixture()))
FILE_PATHS = [path for path in paths(TURNS) if path]


HOSTILE = (None, True, -1, 10**400, math.nan, "", "C1", [[]], [None], {"a": []})


def check(value):
    """Faults, or a checklist that survives the way into a file and back."""
    for dialogue in (None, DIALOGUE):
        for released_only in (False, True):
            found = faults(value, dialogue, released_only=released_only)
            if found:
                with pytest.raises(FaultyData):
                    parse(value, dialogue, released_only=released_only)
                # what the released rules reject, all rules reject
                assert not released_only or faults(value, dialogue)
                continue
            made = parse(value, dialogue, released_only=released_only)
            assert all(isinstance(each.weight, float) for turn in made.turns for each in turn)
            if not released_only:
                assert parse(json.loads(json.dumps(turns_as_json(made)))) == made


def test_a_hostile_value_in_every_place():
    for start, places in ((fixture(), BLOCKS), (TURNS, FILE_PATHS)):
        for path in places:
            for hostile in HOSTILE:
                value = json.loads(json.dumps(start))
                put(*path, hostile)(value)
                check(value)


@settings(max_examples=50, deadline=None)
@given(JSON, st.sampled_from([(fixture(), BLOCKS), (TURNS, FILE_PATHS)]), st.data())
def test_hostile_values_give_faults_and_nothing_else(hostile, start, data):
    check(hostile)
    value = copy.deepcopy(start[0])
    put(*data.draw(st.sampled_from(start[1])), hostile)(value)
    check(value)
