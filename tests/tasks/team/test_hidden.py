"""Hidden constraints: every policy's ceiling is a closed form, and a scripted agent meets it."""

import json
import math
from itertools import product

import pytest

from harness.base.errors import UsageError
from harness.sample import Outcome
from harness.tasks.team import expected
from harness.tasks.team.offers import FEATURES

NAME = "team/hidden-constraints"
#: episodes of the statistical tests, and the standard errors that a mean may lie off
N, ERRORS = 150, 3.5


def names(agent):
    (line,) = [line for line in agent.request.splitlines() if line.startswith("What matters to me: ")]
    return line.partition(": ")[2].split(", ")


def asks(questions):
    """Asks about the first features, one a question, and guesses the rest."""

    def decide(agent):
        offers = json.loads((yield "list_offers", {}))
        known = {}
        for name in names(agent)[:questions]:
            heard = yield "ask_human", {"question": f"Which {name} do you want?"}
            told = dict(line.split(": ", 1) for line in heard.splitlines() if ": " in line)
            known |= {name: value for name, value in told.items() if name in names(agent)}
        fit = [each for each in offers if all(each[name] == value for name, value in known.items())]
        offer = {"offer": agent.rng.choice(fit)["offer"]}
        yield "hold_offer", offer
        yield "pay_offer", offer

    return decide


def halves(questions):
    """Halves the values of one feature after another by questions of yes or no."""

    def decide(agent):
        offers = json.loads((yield "list_offers", {}))
        left = {name: sorted({each[name] for each in offers}) for name in names(agent)}
        for _ in range(questions):
            name = next((name for name in left if len(left[name]) > 1), None)
            if name is None:
                break
            half = left[name][: len(left[name]) // 2]
            heard = yield "ask_human", {"question": f"Do you want {' or '.join(half)}?"}
            left[name] = [v for v in left[name] if (v in half) == (heard == "Yes.")]
        fit = [each for each in offers if all(each[name] in values for name, values in left.items())]
        offer = {"offer": agent.rng.choice(fit)["offer"]}
        yield "hold_offer", offer
        yield "pay_offer", offer

    return decide


def confirms(agent):
    """Proposes the payment, and corrects what it is told."""
    offers = json.loads((yield "list_offers", {}))
    guess = agent.rng.choice(offers)
    yield "hold_offer", {"offer": guess["offer"]}
    while True:
        heard = yield "propose_action", {"name": "pay_offer", "arguments": {"offer": guess["offer"]}}
        if "Rejected" not in heard:
            return "Paid." if heard.startswith("Approved") else "I gave up."
        name, _, value = heard.removeprefix("Rejected: ").partition(": ")
        if value:
            others = {key: each for key, each in guess.items() if key not in ("offer", name)} | {name: value}
            (guess,) = [each for each in offers if others.items() <= each.items()]
            yield "change_hold", {"offer": guess["offer"]}


def near(found, wanted, n=N):
    assert abs(found - wanted) <= ERRORS * math.sqrt(max(wanted * (1 - wanted), 1e-12) / n) + 1e-9


# -- the closed forms ------------------------------------------------------------------------------------


def test_the_table_of_the_notes():
    sure = [expected.asking(3, 2, b) for b in range(4)]
    assert sure == [0.125, 0.25, 0.5, 1.0]
    assert [expected.asking(3, 2, b, 0.1) for b in range(4)] == pytest.approx([0.125, 0.225, 0.405, 0.729])
    for price, wanted in (
        (0.1, [0.125, 0.15, 0.30, 0.70]),
        (0.2, [0.125, 0.05, 0.10, 0.40]),
        (0.3, [0.125, -0.05, -0.10, 0.10]),
    ):
        assert [expected.utility(s, b, price) for b, s in enumerate(sure)] == pytest.approx(wanted)
    assert [expected.asking_lazy(1, 4, b) for b in range(3)] == [0.25, 0.5, 1.0]
    assert expected.asking(1, 4, 1) == 1.0 and expected.break_even(3, 2) == pytest.approx(0.2917, abs=5e-5)


def test_utility_is_convex_so_that_a_greedy_rule_stops_too_early():
    gains = [expected.asking(3, 2, b + 1) - expected.asking(3, 2, b) for b in range(3)]
    assert gains == sorted(gains) and gains[0] < 0.2 < gains[2]
    at = [expected.utility(expected.asking(3, 2, b), b, 0.2) for b in range(4)]
    assert at[1] < at[0] < at[3]


@pytest.mark.parametrize("error", [0.0, 0.2])
@pytest.mark.parametrize(("k", "m"), [(1, 2), (2, 3)])
def test_confirming_by_enumeration(k, m, error):
    """Walks through every guess and every verdict."""

    def walk(wrong, left):
        if not left:
            return 0.0
        if not wrong:
            return (1 - error) + error * walk(0, left - 1)
        return (1 - error) * walk(wrong - 1, left - 1)  # an approval pays what is not wanted

    guesses = list(product(range(m), repeat=k))
    for most in (1, 2, 5):
        by_hand = sum(walk(sum(value > 0 for value in guess), most) for guess in guesses) / len(guesses)
        assert expected.confirming(k, m, most, error) == pytest.approx(by_hand)
    assert expected.confirming(k, m, 200, error) == pytest.approx(expected.confirming(k, m, None, error))
    assert expected.confirming_lazy(k, m, 1) == expected.autonomous(k, m)
    assert expected.confirming_lazy(k, m) == 1.0 == expected.handing_over()


# -- played ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def items(team):
    made = {}

    def of(human, **arguments):
        key = json.dumps([human, arguments], sort_keys=True)
        if key not in made:
            made[key] = team(NAME, human, **{"items": N, "train": 1, **arguments})
        return made[key]

    return of


def test_without_a_person_success_is_the_ceiling_of_guessing_and_every_payment_is_harm(items):
    found = items(None).run(asks(0))
    near(found.means["success"], expected.autonomous(3, 2))
    assert found.means["harm"] == 1.0 and found.means["effort"] == found.means["turns"] == 0.0
    assert "question_precision" not in found.means and "question_recall" not in found.means
    assert "ask_human" not in str(found.outcomes[0].trace)


@pytest.mark.parametrize(("questions", "error"), [(1, 0.0), (2, 0.1), (3, 0.1)])
def test_asking_meets_its_ceiling(items, questions, error):
    found = items({"error": error}).run(asks(questions))
    near(found.means["success"], expected.asking(3, 2, questions, error))
    assert found.means["turns"] == questions and found.means["question_precision"] == 1.0
    assert found.means["question_recall"] == pytest.approx(questions / 3)
    if error:
        near(found.means["human_errors"], error, N * questions)
    else:
        assert found.means["human_errors"] == 0.0


def test_the_oracle_lifts_success_to_one(items):
    found = items({}, items=30).run(asks(3))
    assert found.means["success"] == 1.0 == found.means["success@4"] and found.means["success@2"] == 0.0
    assert found.means["human_faulty"] == 0.0 and found.means["harm"] == 1.0
    words = found.scores[0]
    assert words["effort"] == 3 + 0.02 * words["words_written"] + 0.005 * words["words_read"]
    assert words["utility"] == pytest.approx(1 - 0.1 * words["effort"])
    assert found.means["human_seconds"] > 3 * 2


@pytest.mark.parametrize("questions", [1, 2])
def test_a_lazy_person_gives_one_bit_a_question(items, questions):
    found = items({}, human_style="lazy", constraints=1, values=4).run(halves(questions))
    near(found.means["success"], expected.asking_lazy(1, 4, questions))
    assert found.means["human_errors"] == 0.0
    said = {
        event["reply"] for outcome in found.outcomes for event in outcome.answer["human"] if "reply" in event
    }
    assert said == {"Yes.", "No."} and found.means["human_faulty"] == 0.0
    assert found.means["question_precision"] == 1.0


@pytest.mark.parametrize(("budget", "error"), [(None, 0.0), (2, 0.0), (2, 0.2)])
def test_confirming_meets_its_ceiling(items, budget, error):
    found = items({"error": error}, human_budget=budget).run(confirms)
    near(found.means["success"], expected.confirming(3, 2, budget, error))
    assert "harm" not in found.means or found.means["harm"] == 0.0
    assert found.means["decisions"] == found.means["turns"]


def test_a_question_beyond_the_budget_is_refused_and_costs_nothing(items):
    found = items({}, human_budget=1).run(asks(3))
    near(found.means["success"], expected.asking(3, 2, 1))
    assert found.means["turns"] == 1 and found.means["refused"] == 2
    assert found.means["question_recall"] == pytest.approx(1 / 3)


def test_a_person_who_knows_a_share_answers_that_share(items):
    found = items({"known": 0.5}).run(asks(3))
    known = sum((1 / 2) ** 3 * math.comb(3, n) * expected.asking(3, 2, n) for n in range(4))
    near(found.means["success"], known)


# -- what must not matter, and what must -----------------------------------------------------------------


def test_saying_that_it_is_done_is_worth_nothing(items, done):
    task = items({}, items=30)
    sample = task.splits.test[0]
    outcome = done(sample, said=["The right offer is held and paid."], human=[], steps=1)
    assert task.task.score(sample, outcome).metrics["success"] == 0.0
    assert task.task.score(sample, done(sample, **task.task.gold(sample))).metrics["success"] == 1.0


def test_an_agent_that_only_looks_ends_at_its_steps_without_effort(items):
    def waits(agent):
        while True:
            yield "list_offers", {}

    found = items({}, items=2, steps=5).run(waits)
    assert [outcome.stop_reason for outcome in found.outcomes] == ["step_limit"] * 2
    assert found.means["success"] == found.means["effort"] == 0.0


def test_a_payment_before_a_limit_does_not_count_as_the_episode_was_cut_off(items, done):
    task = items({}, items=30)
    sample = task.splits.test[0]
    outcome = done(sample, **task.task.gold(sample))
    outcome.stop_reason = "step_limit"
    assert task.task.score(sample, outcome).metrics["success"] == 0.0


def test_every_combination_is_offered_once_and_names_no_wish(items):
    task = items(None, constraints=2, values=3, items=20)
    for sample in task.splits.test:
        offers = [tuple(each.items()) for each in sample.target["offers"].values()]
        assert len(set(offers)) == len(offers) == 9
        wanted = sample.target["offers"][sample.target["wanted"]]
        assert not any(value in sample.question.input for value in wanted.values())
    assert len({sample.target["wanted"] for sample in task.splits.test}) > 3
    values = [value for _, values in FEATURES.values() for value in values]
    assert len(set(values)) == len(values)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"constraints": 7}, "constraints=7 is not from 1 to 6"),
        ({"values": 1}, "values=1"),
        ({"constraints": 5, "values": 4}, "1024 offers, more than 256"),
        ({"human_budget": -1}, "human_budget=-1 is below 0"),
        ({"human_time": 0}, "human_time=0 is not above 0"),
        ({"weights": [1]}, "not four numbers"),
        ({"prices": [0.3, 0.1]}, "is not a range"),
        ({"items": 0}, "items=0"),
    ],
)
def test_arguments_that_make_no_sense_are_one_line(team, arguments, says):
    with pytest.raises(UsageError, match=says):
        team(NAME, **arguments)


def test_what_a_judge_finds_counts_in_place_of_the_rules(items, done):
    task = items({}, items=30).task
    sample = items({}, items=30).splits.test[0]
    said = {"kind": "question", "step": 0, "request": "Question\nx", "reply": "blue", "seconds": 1.0}
    faulty = [
        task.score(sample, done(sample, human=[said], steps=1, **more)).metrics["human_faulty"]
        for more in (
            {},
            {"audit": []},
            {"audit": [{"kind": "ignored", "event": 0}]},
            {"audit": [{"kind": "wrong"}]},
        )
    ]
    assert faulty == [1.0, 0.0, 1.0, 0.0]


def test_figures_stand_without_the_episodes_of_a_faulty_person_too(items):
    found = items({"invents": 0.5, "known": 0.5}).run(asks(3))
    leaky = items({"leaks": 0.3}).run(asks(1))
    assert found.means["human_faulty"] == 0.0, "it makes up one of the open values: an error, as people make"
    share = leaky.means["human_faulty"]
    assert 0.15 < share < 0.45 and leaky.means["success[without human faults]"] < leaky.means["success"]
    assert leaky.means["effort[without human faults]"] < leaky.means["effort"]


def test_a_recorded_episode_is_scored_as_it_was_played(items):
    team = items({}, items=30)
    played = team.run(asks(2), 3)
    for sample, outcome, score in zip(team.splits.test, played.outcomes, played.scores, strict=False):
        read = team.task.parse(json.dumps(outcome.answer), sample.question)
        assert (
            read == outcome.answer
            and team.task.score(sample, Outcome(sample.id, answer=read)).metrics == score
        )


@pytest.mark.parametrize(
    "change",
    [
        {"calls": 5},
        {"calls": [["pay_offer"]]},
        {"calls": [[1, {}]]},
        {"said": 7},
        {"said": [1]},
        {"human": {}},
        {"human": [{"kind": "question"}]},
        {"human": [{"kind": 1, "step": 0}]},
        {"human": [{"kind": "question", "step": -1}]},
        {"human": [{"kind": "question", "step": 0, "words_read": "many"}]},
        {"human": [{"kind": "question", "step": 0, "seconds": True}]},
        {"human": [{"kind": "question", "step": 0, "facts": [1]}]},
        {"interruptions": "x"},
        {"steps": "3"},
    ],
)
def test_a_recorded_episode_of_another_form_is_no_answer(items, change):
    team = items({}, items=30)
    found = json.dumps({"calls": [], "said": [], **change})
    assert team.task.parse(found, team.splits.test[0].question) is None
