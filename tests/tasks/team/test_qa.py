"""Questions whose sub-questions a person answers, on made-up rows of the published shape and on real ones."""

import asyncio
import json
from pathlib import Path

import pytest

from harness.base.errors import DataError
from harness.data.hub import Data
from harness.model.simulated_human import SimulatedHuman
from harness.registry import load_task, registry
from harness.sample import Outcome

MIRROR = Path(__file__).parents[3].parent / "shared" / "hub"
HOTPOT = {
    "id": "h1",
    "question": "In which country was the director of Amber Harbour born?",
    "answer": "the Norway",
    "type": "bridge",
    "level": "hard",
    "supporting_facts": {"title": ["Amber Harbour", "Ola Berg", "Ola Berg"], "sent_id": [0, 0, 7]},
    "context": {
        "title": ["Amber Harbour", "Ola Berg", "Other: page"],
        "sentences": [
            ["Amber Harbour is a film by Ola Berg.", " It rained."],
            ["Berg was born in Norway."],
            ["Nothing."],
        ],
    },
}
STRATEGY = {
    "qid": "s1",
    "question": "Could a heron lift a piano?",
    "answer": False,
    "facts": ["Herons weigh two kilograms.", "A piano weighs  400 kilograms."],
    "decomposition": ["How much does a heron weigh?", "How much is a piano's mass?", "Is #1 above #2?"],
}


@pytest.fixture
def played(hub, team):
    """Makes a task over rows, with an oracle, in the form of `Team`."""

    def made(name, rows, **arguments):
        id, split, config = {
            "team/hotpotqa": ("hotpotqa/hotpot_qa", "validation", "distractor"),
            "team/strategyqa": ("havens2/strategyQA_train", "train", "default"),
        }[name]
        hub.add(id, {(config, split): rows})
        task = object.__new__(team)
        task.task, task.splits = hub.load(name, **arguments)
        task.human = SimulatedHuman({})
        return task

    return made


def says(last, *questions):
    def decide(agent):
        agent.heard = []
        for question in questions:
            agent.heard.append((yield "ask_human", {"question": question}))
        return last

    return decide


def test_sub_questions_get_one_supporting_fact_each(played):
    task = played("team/hotpotqa", [HOTPOT])
    asked = ("Who made Amber Harbour?", "Where was Ola Berg born?", "Where did it rain?")
    found = task.run(says("So:\nExact answer: Norway", *asked))
    (outcome,) = found.outcomes
    assert [event["reply"] for event in outcome.answer["human"]] == [
        "Amber Harbour: Amber Harbour is a film by Ola Berg.",
        "Ola Berg: Berg was born in Norway.",
        "I do not know.",
    ]
    assert found.means["success"] == 1.0 and found.means["human_faulty"] == 0.0
    assert found.means["question_precision"] == pytest.approx(2 / 3) and found.means["question_recall"] == 1.0


def test_strategies_are_known_by_their_steps(played):
    task = played("team/strategyqa", [STRATEGY])
    found = task.run(says("Exact answer: False", "How much does a heron weigh?", "What is a piano's mass?"))
    replies = [event["reply"] for event in found.outcomes[0].answer["human"]]
    assert replies == [
        "How much does a heron weigh?: Herons weigh two kilograms.",
        "How much is a piano's mass?: A piano weighs 400 kilograms.",
    ]
    assert found.means["success"] == 1.0


@pytest.mark.parametrize(
    ("said", "right"), [("Exact answer: Yes.", 0.0), ("No", 1.0), ("Exact answer: no", 1.0)]
)
def test_yes_and_no_are_read(played, said, right):
    task = played("team/strategyqa", [STRATEGY])
    assert task.run(says(said)).means["success"] == right


def test_a_recorded_message_is_a_final_answer_and_a_limit_none(played):
    task = played("team/hotpotqa", [HOTPOT])
    sample = task.splits.test[0]
    for text in ("Exact answer: Norway", json.dumps({"said": ["Exact answer: Norway"], "calls": []})):
        answer = task.task.parse(text, sample.question)
        assert task.task.score(sample, Outcome(sample.id, answer=answer)).metrics["success"] == 1.0
    cut = Outcome(sample.id, answer=answer, stop_reason="step_limit")
    assert task.task.score(sample, cut).metrics["success"] == 0.0
    assert task.task.parse(" ", sample.question) is None


def test_without_a_person_there_is_no_tool(played):
    task = played("team/hotpotqa", [HOTPOT])
    task.human = None
    (outcome,) = task.run(says("Exact answer: Norway", "Who?")).outcomes
    assert (
        outcome.trace["tool_errors"] == 1 and "there is no tool" in outcome.trace["messages"][-2]["content"]
    )


def test_rows_of_another_form_are_named(hub, played):
    with pytest.raises(DataError, match="row 0"):
        played("team/strategyqa", [{**STRATEGY, "facts": None}])


@pytest.mark.skipif(not (MIRROR / "hotpotqa").is_dir(), reason="needs the mirror of real rows")
def test_real_rows_have_facts_and_an_oracle_answers_by_title(monkeypatch, tmp_path, team):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    spec = registry().task("team/hotpotqa")
    task = object.__new__(team)
    task.task, task.human = load_task(spec, spec.arguments({})), SimulatedHuman({})
    task.splits = task.task.load(Data(mirror=MIRROR, offline=True))
    assert len(task.splits.test) == 100
    facts = [len(task.task.brief(sample).facts) for sample in task.splits.test]
    assert min(facts) >= 1 and sum(count == 2 for count in facts) > 80
    for sample in task.splits.test[:10]:
        titles = [fact.name for fact in task.task.brief(sample).facts]
        outcome = asyncio.run(
            task.play(sample, says("Exact answer: x", *(f"Who or what is {t}?" for t in titles)))
        )
        told = {name for event in outcome.answer["human"] for name in event.get("facts", ())}
        assert told == set(titles)
