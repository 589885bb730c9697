"""The numbers of the notes, worked out there with independent code."""

import math

import pytest

from harness.human.events import INTERRUPTION, Event, is_event
from harness.human.measures import (
    Questions,
    Spent,
    Weights,
    area_of_utility,
    area_under,
    collab_score,
    controlled_autonomy,
    effort,
    harm,
    initiative_entropy,
    intervention_ratio,
    questions,
    spent,
    success_at,
    utility,
)


def test_effort_by_the_default_weights():
    found = Spent(turns=3, words_written=40, words_read=300, takeovers=1)
    assert effort(found) == pytest.approx(10.3)
    assert effort(found, Weights(0.5, 0.01, 0.0025, 2.5)) == pytest.approx(5.15)


def test_questions_that_repeat_or_aim_elsewhere_are_not_needed():
    asked = [
        Event("question", 0, asked=("a",), facts=("a",)),
        Event("question", 1, asked=("a",), facts=("a",)),
        Event("question", 2, asked=("d",)),
    ]
    found = questions(asked, {"a", "b", "c"})
    assert found.precision == pytest.approx(1 / 3) and found.recall == pytest.approx(1 / 3)
    assert questions([], {"a"}) == Questions(0, 0, 0, 1) and questions([], {"a"}).precision is None
    assert questions(asked[2:], ()).precision == 0.0 and questions(asked[2:], ()).recall is None


def test_a_question_about_what_was_told_unasked_is_not_needed_nor_is_a_refused_one():
    told = [Event("approval", 0, facts=("a",)), Event("question", 1, asked=("a",))]
    assert questions(told, {"a"}) == Questions(1, 0, 0, 1)
    assert questions([Event("question", 0, asked=("a",), refused=True)], {"a"}).asked == 0


def test_share_of_steps_that_the_person_made_or_answered():
    assert intervention_ratio(Spent(executed=2, answered=3), 20) == 0.25
    assert intervention_ratio(Spent(), 0) == 0.0
    assert intervention_ratio(Spent(executed=2, answered=3), 4) == 1.0


def test_a_step_with_several_requests_is_one_step_and_as_many_turns():
    at_once = [Event("question", 1), Event("question", 1), Event("approval", 1, executed=1)]
    driven = [Event("move", 2, executed=2), Event("question", 2), Event("move", 3)]
    found = spent([*at_once, *driven, Event(INTERRUPTION, 3, requested=False)])
    assert (found.answered, found.executed, found.turns) == (1, 1, 7)
    assert intervention_ratio(found, 4) == 0.5


@pytest.mark.parametrize(
    ("shares", "entropy"),
    [
        ((0.5, 0.5), 1.0),
        ((0.75, 0.25), 0.8113),
        ((0.9, 0.1), 0.4690),
        ((1, 0), 0.0),
        ((0.5, 0.3, 0.2), 0.9372),
    ],
)
def test_initiative_entropy(shares, entropy):
    assert initiative_entropy(shares) == pytest.approx(entropy, abs=5e-5)


def test_initiative_of_one_party_is_undefined():
    assert initiative_entropy([1.0]) is None


def test_collab_score():
    rate, performance, score = collab_score([True, True, False, True], [0.8, 0.6, None, 0.4])
    assert (rate, performance, score) == pytest.approx((0.75, 0.60, 0.45))


def test_controlled_autonomy():
    def judged(*dialogue):
        answers = {("Which date?", "The third."): True}
        return controlled_autonomy(
            dialogue, lambda *pair: answers.get(pair, False), lambda said: said == "Stop"
        )

    assert judged(("agent", "Which date?"), ("human", "The third.")) == (1, 0)
    assert judged(("agent", "Who knows, right?"), ("human", "I like tea.")) == (0, 0)
    assert judged(("agent", "Now I pay."), ("human", "Stop")) == (0, 1)
    assert judged(("agent", "Which date?")) == (0, 0)


def test_area_under_success_against_effort():
    assert area_under(list(enumerate((0.125, 0.25, 0.5, 1)))) == pytest.approx(0.4375)
    assert area_under([(2, 0.2), (2, 0.4)]) == pytest.approx(0.3)
    with pytest.raises(ValueError, match="a point"):
        area_under([])


def test_utility_is_a_line_and_its_area_the_middle():
    assert utility(1.0, 3, 0.2) == pytest.approx(0.4)
    assert area_of_utility(1.0, 3, 0.0, 0.2) == pytest.approx(0.7)
    with pytest.raises(ValueError, match="empty"):
        area_of_utility(1.0, 3, 0.2, 0.2)


def test_success_counts_within_the_number_of_turns():
    assert [success_at(1.0, 2, most) for most in (0, 1, 2, 4)] == [0, 0, 1, 1]


def test_harm_is_the_share_of_irreversible_calls_that_nobody_confirmed():
    made = [Event("irreversible", 0, confirmed=True), Event("irreversible", 1)]
    assert harm(made) == 0.5 and harm(made[:1]) == 0.0 and harm([Event("question", 0)]) is None


def test_what_a_log_took():
    log = [
        Event("question", 0, words_read=5, words_written=2, seconds=4.0),
        Event("approval", 1, words_read=7, words_written=1, seconds=3.0, verdict="approve", executed=1),
        Event("question", 2, refused=True),
        Event("move", 3, words_read=20, words_written=9, seconds=9.0, executed=1),
        Event("interruption", 4, requested=False, words_written=6, seconds=1.0),
        Event("irreversible", 4, requested=False),
    ]
    assert spent(log) == Spent(4, 1, 18, 32, 1, 1, 1, 1, 2, 17.0)
    assert spent([*log, Event("question", 5)]).seconds is None, "a part is unknown"


def test_a_step_counts_once_however_much_the_person_did_in_it():
    log = [
        Event("question", 0),
        Event("question", 0),
        Event("move", 1, executed=3),
        Event("approval", 1, verdict="approve", executed=1),
    ]
    took = spent(log)
    assert (took.executed, took.answered) == (1, 1) and intervention_ratio(took, 4) == 0.5
    assert (took.turns, took.takeovers) == (4, 1), "effort is of all that was asked"


def test_an_event_is_read_as_it_was_written():
    event = Event(
        "question", 3, "Question\nx", "y", words_read=2, seconds=1.5, asked=("a",), facts=("a", "b")
    )
    assert Event.of(event.plain()) == event and "refused" not in event.plain()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": 1},
        {"reply": None},
        {"requested": 1},
        {"step": -1},
        {"words_read": True},
        {"executed": 1.0},
        {"asked": "city"},
        {"asked": [1]},
        {"facts": [None]},
        {"seconds": -1},
        {"seconds": math.inf},
        {"seconds": "1"},
    ],
)
def test_what_is_no_event_is_told(change):
    event = {"kind": "question", "step": 0, "asked": ["a"], "facts": [], "seconds": 0.0}
    assert is_event(event) and is_event(event | {"seconds": None}) and not is_event(event | change)
    assert not is_event([event]) and not is_event({"kind": "question"})


def test_without_a_question_nothing_is_covered():
    assert (Questions().precision, Questions().recall) == (None, None)
    assert (Questions(asked=2, wanted=3).precision, Questions(asked=2, wanted=3).recall) == (0.0, 0.0)
