"""Policies with simulated agent and person against closed forms."""

import asyncio

import pytest

from harness.data.hub import Data
from harness.job.worlds import world_of
from harness.methods.team.controls import OracleGate
from harness.methods.team.episode import Questions, Sampling, TeamEpisode
from harness.methods.team.gate import Gate
from harness.methods.team.policy import (
    AskWhenUncertain,
    Autonomous,
    ConfirmIrreversible,
    HumanDriven,
    PlanApproval,
    SuggestThenExecute,
)
from harness.model.budget import Budget
from harness.model.clerk.provider import SimulatedClerk
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.simulated_human import SimulatedHuman
from harness.registry import load_task, registry
from harness.tasks.team import expected

RATED = Sampling("self-rating")


class Cell:
    """Episodes of one policy: `means` of success and interventions."""

    def __init__(self, make, n=12, task="hidden-constraints", **how):
        human, clerk = (how.pop(name, {}) for name in ("human", "clerk"))
        sampling, questions = how.pop("sampling", RATED), how.pop("questions", None)
        spec = registry().task(f"team/{task}")
        self.task = load_task(spec, spec.arguments({"items": n, "train": 1, **how}))
        model = Model(SimulatedClerk(clerk), ledger=Ledger(), budget=Budget())
        person = Model(SimulatedHuman(human), ledger=Ledger(), budget=Budget())
        self.outcomes, self.scores, self.asked = [], [], []
        self.samples = self.task.load(Data()).test

        async def play():
            for sample in self.samples:
                world = world_of(self.task, sample, lambda role: person, lambda role: True)
                own = questions(self.task, sample) if questions else None
                episode = TeamEpisode(sample.question, model, world, make(), sampling, questions=own)
                outcome = await episode.play()
                assert outcome.error is None and outcome.unscored is None
                self.outcomes.append(outcome)
                self.scores.append(self.task.score(sample, outcome).metrics)
                self.asked.append(episode.spent.interventions)

        asyncio.run(play())

    @property
    def success(self):
        return self.mean("success")

    def mean(self, name):
        return sum(score[name] for score in self.scores) / len(self.scores)

    def __iter__(self):
        """Sample, outcome, metrics and interventions of every episode."""
        return zip(self.samples, self.outcomes, self.scores, self.asked, strict=True)

    @property
    def knew(self):
        """How sure the agent was of the offer that it held first, in each episode."""
        found = []
        for outcome in self.outcomes:
            acts = [each["uncertainty"] for each in outcome.trace["decisions"] if each["move"] == "act"]
            found.append(1 - acts[1])  # after it listed the offers
        return found


def done(outcome):
    """What can't be undone and was done."""
    return [event for event in outcome.answer["human"] if event["kind"] == "irreversible"]


def facts_wrong(cell, sample, outcome):
    """Of how many features the offer that was held first differs from the one that is wanted."""
    offers, wanted = sample.target["offers"], sample.target["wanted"]
    first = next(arguments["offer"] for name, arguments in outcome.answer["calls"] if name == "hold_offer")
    return sum(offers[first][name] != value for name, value in offers[wanted].items())


def test_alone_it_is_right_as_often_as_a_guess():
    cell = Cell(Autonomous, n=150, constraints=1, values=2)
    assert abs(cell.success - expected.autonomous(1, 2)) <= 3.5 * (0.25 / 150) ** 0.5
    assert cell.mean("effort") == 0


@pytest.mark.parametrize("budget", [0, 1, 2, 3])
def test_every_question_doubles_what_it_knows(budget):
    """Exactly: how sure it is of what it holds is its chance of being right."""
    cell = Cell(lambda: AskWhenUncertain(0.1), human_budget=budget)
    assert cell.knew == pytest.approx([expected.asking(3, 2, budget)] * len(cell.knew))
    assert set(cell.asked) == {budget}
    if budget == 3:
        assert cell.success == 1.0


@pytest.mark.parametrize("budget", [0, 1, 2])
def test_one_of_four_values_by_yes_and_no(budget):
    """.25, .5 and 1 after 0, 1 and 2 questions that halve what is left; a value in one informative answer."""
    how = {"constraints": 1, "values": 4, "human_budget": budget}
    lazy = Cell(lambda: AskWhenUncertain(0.1), human={"style": "lazy"}, **how)
    told = Cell(lambda: AskWhenUncertain(0.1), **how)
    assert lazy.knew == pytest.approx([expected.asking_lazy(1, 4, budget)] * len(lazy.knew))
    assert told.knew == pytest.approx([expected.asking(1, 4, budget)] * len(told.knew))
    log = [event for outcome in lazy.outcomes for event in outcome.answer["human"]]
    replies = {event.get("reply", "") for event in log if event["kind"] == "question"}
    assert replies <= {"Yes.", "No.", ""}


def test_a_person_who_is_always_wrong_leads_it_astray():
    cell = Cell(lambda: AskWhenUncertain(0.1), human={"error": 1.0})
    assert cell.success == expected.asking(3, 2, 3, 1.0) == 0


@pytest.mark.parametrize("proposals", [1, 2, None])
def test_a_refused_payment_is_mended_by_what_the_person_says(proposals):
    """One value a proposal: it is right where fewer values were wrong than proposals are left."""
    cell = Cell(ConfirmIrreversible, human_budget=proposals)
    for sample, outcome, score, asked in cell:
        wrong = facts_wrong(cell, sample, outcome)
        right = proposals is None or wrong < proposals
        assert (score["success"], asked) == (right, wrong + 1 if right else proposals)
        assert all(event["confirmed"] for event in done(outcome))
        assert outcome.stop_reason == "stop"


def test_a_lazy_person_rules_out_an_offer_at_a_time():
    cell = Cell(ConfirmIrreversible, human={"style": "lazy"})
    assert cell.success == 1.0
    assert all(1 <= asked <= 8 for asked in cell.asked) and max(cell.asked) > 4


def test_skill_is_what_an_agent_makes_of_what_it_knows():
    """It slips to any offer, and doesn't know it."""
    cell = Cell(lambda: AskWhenUncertain(0.1), clerk={"skill": 0.0}, n=30)
    assert set(cell.asked) == {3}
    assert 0 < cell.success < 0.5


@pytest.mark.parametrize("make", [PlanApproval, SuggestThenExecute, HumanDriven])
def test_a_person_who_looks_at_everything_makes_it_right(make):
    cell = Cell(make)
    assert cell.success == 1.0
    if make is not PlanApproval:
        assert all(event["confirmed"] for outcome in cell.outcomes for event in done(outcome))


def test_the_oracle_asks_what_is_needed_and_no_more():
    cell = Cell(
        lambda: OracleGate(3),
        questions=lambda task, sample: Questions(sorted(task.brief(sample).wanted), repeats=True),
    )
    assert cell.success == 1.0 and set(cell.asked) == {3}


def test_disagreement_of_samples_misses_doubt_as_often_as_all_samples_agree():
    """Of a binary choice n samples agree with 2 ** (1 - n), and then it is right half of the time: at the
    last of k = 1 constraints success is 1 - 2 ** (1 - n) / 2."""
    cell = Cell(lambda: AskWhenUncertain(0.0), sampling=Sampling(samples=2), constraints=1, n=100)
    assert abs(cell.success - 0.75) <= 3.5 * (0.75 * 0.25 / 100) ** 0.5


def test_an_agent_that_is_overconfident_does_not_ask():
    cell = Cell(lambda: AskWhenUncertain(0.1), clerk={"overconfident": 1.0}, n=6)
    assert set(cell.asked) == {0}


def test_its_log_probabilities_are_those_of_its_guess():
    cell = Cell(lambda: AskWhenUncertain(0.1), sampling=Sampling("log-probability"), n=3)
    assert cell.success == 1.0
    doubts = [each["uncertainty"] for each in cell.outcomes[0].trace["decisions"]]
    assert doubts[:5] == pytest.approx([0, 7 / 8, 3 / 4, 1 / 2, 0])


def test_a_gate_that_always_asks_is_worth_it_exactly_below_the_break_even_price():
    """(1 - .125) / 3 = .2917 a question."""
    price = expected.break_even(3, 2)
    asks = Cell(lambda: Gate([-2.0, 8.0, 0, 0, 0]), n=6)
    assert asks.success - price * sum(asks.asked) / 6 == pytest.approx(expected.autonomous(3, 2))


def test_no_hidden_value_is_in_a_prompt_before_it_was_told():
    told = []

    class Watching(SimulatedClerk):
        async def generate(self, call):
            told.append("\n".join(m.text for m in call.messages if m.role == "user" and "book" in m.text))
            return await super().generate(call)

    cell = Cell(Autonomous, n=1)
    task, sample = cell.task, cell.samples[0]
    model = Model(Watching({}), ledger=Ledger(), budget=Budget())
    world = world_of(task, sample, lambda role: None, lambda role: False)
    asyncio.run(TeamEpisode(sample.question, model, world, Autonomous(), RATED).play())
    values = {value for values in sample.target["values"].values() for value in values}
    assert told and not any(value in text for value in values for text in told)


# -- what can't be undone, and changes of mind ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "asked"),
    [
        (ConfirmIrreversible, 4),
        (lambda: AskWhenUncertain(0.2), 4),
        (lambda: AskWhenUncertain(0.4), 0),  # above what it suspects
        (Autonomous, 0),
    ],
)
def test_files_that_the_person_needs_are_kept_where_it_is_asked(make, asked):
    cell = Cell(make, task="approval", files=4)
    assert set(cell.asked) == {asked}
    for sample, outcome, score, _ in cell:
        assert score["success"] == (asked > 0 or not sample.target["kept"])
        assert {event.get("confirmed", False) for event in done(outcome)} == {make is ConfirmIrreversible}


def test_a_lazy_person_is_asked_for_yes_or_no_about_each_file():
    cell = Cell(lambda: AskWhenUncertain(0.2), task="approval", files=4, human={"style": "lazy"})
    assert cell.success == 1.0 and set(cell.asked) == {4}
    assert Cell(ConfirmIrreversible, task="approval", files=4, human={"style": "lazy"}).success == 1.0


@pytest.mark.parametrize("make", [Autonomous, ConfirmIrreversible, PlanApproval, HumanDriven])
def test_a_change_of_mind_is_heeded_or_not(make):
    assert Cell(make, task="interruptions", n=9).success == 1.0
    if make is not HumanDriven:
        assert Cell(make, task="interruptions", n=9, clerk={"heeds": 0.0}).success == 0.0


def test_a_plan_is_put_to_the_person_again_after_a_change_of_mind():
    cell = Cell(PlanApproval, task="interruptions", n=9)
    plans = [[e for e in o.answer["human"] if e["kind"] == "plan"] for o in cell.outcomes]
    assert {len(each) for each in plans} == {2}
