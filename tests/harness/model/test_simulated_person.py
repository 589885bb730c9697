"""The simulated person: it reads what it is sent, and errs as often as it is told."""

import asyncio
from collections import Counter

import pytest

from harness import personal
from harness.base import messages
from harness.base.errors import UsageError
from harness.model.provider import Call
from harness.model.simulated_person import SimulatedPerson, rewritten, topic
from harness.sample import Question

QUESTION = Question("q", "Film: Amber Harbour 1\nKind: comedy", choices=("skip", "watch now", "later"))
PAIRS = [
    ("Film: A\nKind: comedy", "skip"),
    ("Film: B\nKind: war", "later"),
    ("Film: C\nKind: comedy", "skip"),
]


def say(turns, seed=0, question=QUESTION, **args):
    call = Call(question, turns, seed=seed)
    return asyncio.run(SimulatedPerson(args).generate(call)).completion


def shares(turns, n=600, **args):
    said = Counter(say(turns, seed, **args) for seed in range(n))
    return {answer: count / n for answer, count in said.items()}


def test_a_profile_is_what_was_answered_most_often():
    said = say(personal.profile_prompt("Choose.", [*PAIRS, ("Film: D\nKind: comedy", "later")]))
    assert '- "Kind: comedy" -> skip' in said and '- "Kind: war" -> later' in said


def test_a_persona_is_followed_with_the_fidelity():
    told = personal.first_persona('- "Kind: comedy" -> skip')
    turns = [messages.system(told), messages.user("What does this user do?")]
    assert shares(turns, fidelity=1) == {"skip": 1.0}
    found = shares(turns, fidelity=0.7)  # a guess is right in a third of cases
    assert found["skip"] == pytest.approx(0.7 + 0.1, abs=0.05)
    assert shares(turns[1:])["skip"] == pytest.approx(1 / 3, abs=0.06)


def test_records_weigh_as_much_as_it_is_told():
    told = f'- "Kind: comedy" -> later\n{personal.RECORDS}\n\n{personal.records(PAIRS)}'
    turns = [messages.system(told), messages.user("What does this user do?")]
    assert shares(turns, memory=0.25)["skip"] == pytest.approx(0.25, abs=0.05)
    assert say(turns, memory=0) == "later" and say(turns, memory=1) == "skip"


def test_it_searches_as_often_as_it_is_told_and_reads_what_it_finds():
    turns = [messages.system(personal.manual(False, 6)), messages.user("What?")]
    assert personal.read_action(say(turns)) == (personal.HISTORY, "Kind: comedy")
    turns += [
        messages.assistant("Action: x"),
        messages.user(f"{personal.OBSERVATION}\n{personal.records(PAIRS)}"),
    ]
    assert personal.read_action(say(turns)) and say(turns, searches=1) == "Answer: skip"


def test_feedback_names_what_was_wanted_and_a_rewrite_takes_it():
    feedback = [say(personal.feedback_prompt(query, wanted, "nothing")) for query, wanted in PAIRS]
    said = say(personal.rewrite_prompt('Be kind.\n- "Kind: war" -> skip\n- "Kind: sea" -> later', feedback))
    assert said.startswith("Be kind.")
    for line in ('- "Kind: comedy" -> skip', '- "Kind: war" -> later', '- "Kind: sea" -> later'):
        assert said.splitlines().count(line) == 1


def test_of_equal_counts_the_entry_that_stood_there_stays():
    feedback = '[1] - "x" -> a\n[2] - "x" -> b'
    assert '- "x" -> a' in rewritten('- "x" -> a', feedback)
    assert '- "x" -> b' in rewritten('- "x" -> c', feedback)


def test_ratings_are_guessed_from_one_to_five():
    said = {say([messages.user("Rate.")], seed, Question("q", "x")) for seed in range(60)}
    assert said == set("12345")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"fidelty": 1}, "fidelity"),
        ({"fidelity": 2}, "from 0 to 1"),
        ({"searches": 1.5}, "searches=1.5"),
        ({"memory": "much"}, "memory='much'"),
    ],
)
def test_settings_are_checked(args, words):
    with pytest.raises(UsageError, match=words):
        SimulatedPerson(args)


def test_a_request_without_lines_has_no_topic():
    assert topic(" \n ") == "" and topic('a\nhe said "b"\n') == "he said 'b'"
