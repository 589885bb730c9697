"""Streams of users: the door that they pass, and the cut before a question."""

from dataclasses import replace

import pytest

from harness.base.plain import Unfit
from harness.data.history import Asked, Histories, Interaction, Past, checked
from harness.sample import Question

EVENTS = [Interaction(f"e{n}", f"query {n}", f"answer {n}", float(n)) for n in range(4)]
QUESTIONS = [Question("t0", "what?"), Question("t1", "and now?")]


def histories(events=EVENTS, **asked):
    return Histories({"u": events}, asked or {"t0": Asked("u", 2), "t1": Asked("u", 9)})


def test_a_past_ends_before_the_question():
    known = checked(histories(), QUESTIONS)
    assert [each.id for each in known.before("t0")] == ["e0", "e1"]
    assert [each.id for each in known.before("t1")] == ["e0", "e1", "e2", "e3"]


def test_what_bears_the_time_of_the_question_is_not_before_it():
    same = [replace(each, time=2.0) for each in EVENTS[1:]]
    known = checked(histories([EVENTS[0], *same]), QUESTIONS)
    assert [each.id for each in known.before("t0")] == ["e0"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("nothing", "a history that is 'nothing', not Histories"),
        (histories(EVENTS[::-1]), "out of order: 'e2' at 2 after 'e3' at 3"),
        (histories([EVENTS[0], EVENTS[0]]), "two interactions of one id"),
        (histories([{"query": "q"}]), "not an Interaction"),
        (histories([replace(EVENTS[0], response=3)]), "the response of an interaction of user 'u' is 3"),
        (histories([replace(EVENTS[0], time=float("nan"))]), "the time of an interaction"),
        (histories([replace(EVENTS[0], metadata={"x": object()})]), "object"),
        (histories(t0=Asked("u", 2)), "no user and time for test item 't1'"),
        (histories(t0=Asked("v", 2), t1=Asked("u", 9)), "of user 'v', who has no history"),
        (histories(t0=Asked("u", 0), t1=Asked("u", 9)), "no history before it"),
        (
            histories([*EVENTS, Interaction("t1", "and now?", "gold", 5.0)]),
            "test item 't1' in the past of its own user 'u'",
        ),
    ],
)
def test_what_is_no_history_is_refused_in_a_line(given, said):
    with pytest.raises(Unfit) as caught:
        checked(given, QUESTIONS)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_test_item_may_stand_in_the_stream_at_its_own_time():
    known = checked(histories([*EVENTS, Interaction("t0", "what?", "gold", 4.0)], t0=Asked("u", 4),
                              t1=Asked("u", 9)), QUESTIONS)  # fmt: skip
    assert "t0" not in [each.id for each in known.before("t0")]
    assert "t0" in [each.id for each in known.before("t1")]  # revealed to what comes later


def test_the_digest_is_of_content_and_cuts():
    base = histories().digest()
    assert histories().digest() == base
    assert histories([replace(EVENTS[0], response="other"), *EVENTS[1:]]).digest() != base
    assert histories(t0=Asked("u", 3), t1=Asked("u", 9)).digest() != base


def test_an_interaction_asked_again_has_the_choices_and_no_response():
    past = Past("u", tuple(EVENTS), ("answer 1", "answer 2"))
    asked = past.question(EVENTS[1])
    assert (asked.id, asked.input, asked.choices) == ("u/e1", "query 1", ("answer 1", "answer 2"))
    assert "answer 1" not in str(asked.metadata)
    assert past.digest != Past("v", tuple(EVENTS)).digest
