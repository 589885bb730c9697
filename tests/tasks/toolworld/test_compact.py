"""Compact words: nothing is lost on the way, and whatever is written is an action or a call that failed."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.tasks.toolworld.chains import chain
from harness.tasks.toolworld.compact import (
    ACTIONS,
    NUMBERS,
    SPECIALS,
    VALUES,
    VOCABULARY,
    decode,
    encode,
    request_line,
    request_words,
    result_text,
    result_words,
)
from harness.tasks.toolworld.expert import FLAWS, demonstration
from harness.tasks.toolworld.generate import MAKERS, item
from harness.tasks.toolworld.lines import LINES
from harness.tasks.toolworld.office import TOOLS, Office

WORDS = st.lists(st.sampled_from(VOCABULARY), max_size=6).map(" ".join)
ACTION = st.one_of(
    st.sampled_from(["done", *NUMBERS]),
    *(
        st.tuples(st.just(word), *(st.sampled_from(sorted(VALUES[name])) for name in names)).map(" ".join)
        for word, (_, *names) in ACTIONS.items()
    ),
)


def test_a_word_is_one_token_and_the_specials_come_first():
    assert VOCABULARY[:4] == SPECIALS == ("<pad>", "<bos>", "<eos>", "<unk>")
    assert len({*VOCABULARY}) == len(VOCABULARY)
    assert all(word == word.strip() and len(word.split()) == 1 for word in VOCABULARY)
    assert {tool for tool, *_ in ACTIONS.values()} <= {*TOOLS}


@given(st.sampled_from([kind for kind in MAKERS if kind in LINES]), st.integers(0, 100_000))
def test_lines_and_words_stand_for_each_other(kind, seed):
    (line,) = item(kind, seed)["lines"]
    words = request_words(line)
    assert request_line(words) == line and {*words.split()} <= {*VOCABULARY}


@pytest.mark.parametrize("kind", ["book", "piecemeal", "errand"])
def test_other_lines_have_no_words(kind):
    for line in item(kind, 3)["lines"]:
        with pytest.raises(KeyError):
            request_words(line)


@given(ACTION)
def test_actions_and_words_stand_for_each_other(words):
    act = decode(words)
    assert encode(act) == words
    assert decode(encode(act)) == act


@given(st.one_of(st.text(max_size=40), WORDS))
@settings(max_examples=60, deadline=None)
def test_other_words_are_no_action(words):
    act = decode(words)
    assert act is None or encode(act) == " ".join(words.split())


@given(st.integers(0, 1000), st.sampled_from([0.0, 0.3]))
@settings(max_examples=50)
def test_demonstrations_survive_the_round_trip(seed, slip):
    target = chain(5, seed)
    for own, words in demonstration(target, random.Random(seed), slip, FLAWS):
        assert {*words.split()} <= {*VOCABULARY}
        if own:
            assert encode(decode(words)) == words


@given(st.integers(0, 1000), st.integers(1, 12))
@settings(max_examples=50)
def test_results_keep_what_somebody_needs(seed, number):
    office = Office(seed)
    for words in (f"bookings P{number}", f"room R{number}"):
        act = decode(words)
        found = getattr(office, act.tool)(**act.arguments)
        text = result_words(act.tool, found)
        assert {*text.split()} <= {*VOCABULARY}
        kept = json.loads(result_text(act, text))
        if act.tool == "person_bookings":
            wanted = [{key: row[key] for key in ("booking_id", "person_id", "day")} for row in found]
        else:
            people = dict.fromkeys(row["person_id"] for row in found)
            wanted = [{"person_id": person, "room_id": f"R{number}"} for person in people]
        assert kept == wanted


@given(st.lists(st.one_of(st.text(max_size=30), WORDS, ACTION), max_size=12))
@settings(max_examples=60, deadline=None)
def test_whatever_an_agent_writes_is_an_action_or_a_call_that_fails(played, texts):
    chains = played(style="compact", turns=3)
    sample = chains.splits.test[0]
    outcome = chains.outcome(sample, texts)
    assert outcome.error is None and 0 <= chains.metrics(sample, outcome)["checklist"] <= 1
    replies = [m["content"] for m in outcome.trace["messages"] if m.get("of")]
    failed = sum(words == "err" for words in replies)
    assert failed == outcome.trace["tool_errors"]
    unreadable = sum(decode(text) is None for text in texts[: outcome.trace["steps"]])
    assert failed >= unreadable
    checklist = chains.task.checklist(sample)
    chains.task.verdicts(checklist, chains.trajectory(outcome))
