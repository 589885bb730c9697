"""The world of a question, and what its episode is worth."""

import asyncio
import json

import pytest
from inspect_ai.model import ChatMessageAssistant, ModelOutput
from inspect_ai.tool import ToolCall

from harness.base.errors import UsageError
from harness.episode import play
from harness.sample import Outcome, Question, Sample
from harness.tasks.research.final import read_final


def call(name, **arguments):
    return ToolCall("1", name, arguments)


def act(*calls, text=""):
    return ChatMessageAssistant(content=text, tool_calls=list(calls) or None)


def walk(world, *actions):
    async def run():
        await world.start()
        return [await world.step(action) for action in actions]

    return asyncio.run(run())


@pytest.fixture
def small(load):
    return load("research/synthetic", items=4, hops=[2], arithmetic=[0])


def test_the_two_tools_and_the_record_of_what_they_gave(small):
    fact = small.splits.test[0].target["facts"][0]
    world = small.world()
    seen = walk(
        world,
        act(call("search", query=fact["query"])),
        act(call("get_document", document_id=f"[{fact['document']}]")),
        act(text="Exact answer: 5"),
    )
    first = seen[0].messages[0].text
    assert first.startswith(f"[{fact['document']}] {fact['subject']}\n{fact['text']}\n\n[")
    assert seen[1].messages[0].text == f"[{fact['document']}] {fact['subject']}\n{fact['text']}"
    assert seen[2].done
    found = world.answer()
    assert found["queries"] == [fact["query"]] and len(found["found"][0]) == 5
    assert found["read"] == [fact["document"]] and found["said"] == "Exact answer: 5"


@pytest.mark.parametrize(
    "wrong, said",
    [
        (call("search", query="a" * 10_000), "at most 2,000 characters"),
        (call("search", query=""), "empty"),
        (call("search"), "query"),
        (call("get_document", document_id="nope"), "no document 'nope'"),
        (call("look", query="x"), "no tool 'look'"),
    ],
)
def test_a_call_that_fails_is_told_and_counts_as_no_search(small, wrong, said):
    world = small.world()
    (seen,) = walk(world, act(wrong))
    (message,) = seen.messages
    assert message.error is not None and said in message.text and not seen.done
    assert world.answer()["queries"] == []


def test_without_get_document(load):
    world = load("research/synthetic", items=2, documents=False).world()
    (seen,) = walk(world, act(call("get_document", document_id="d1")))
    assert "no tool" in seen.messages[0].text and [tool.name for tool in seen.tools] == ["search"]


def episode(said, found=(), read=()):
    return {
        "said": said,
        "queries": ["q"] * len(found),
        "found": [list(ids) for ids in found],
        "read": list(read),
    }


SAMPLE = Sample(Question("1", "?"), {"answers": ["42", "forty-two"], "evidence": ["a", "b"]})


def scored(small, answer, stop="stop"):
    return small.task.score(SAMPLE, Outcome("1", answer=answer, stop_reason=stop)).metrics


def test_score_of_an_episode(small):
    said = "Explanation: x [a], y [c, z].\n**Exact answer:** The Forty-Two.\nConfidence: 80%"
    found = scored(small, episode(said, [["a", "c"], ["c"]], ["b"]))
    assert found["accuracy"] == found["exact_match"] == 1
    assert found["searches"] == 2 and found["duplicate_queries"] == 0.5
    assert found["evidence_recall"] == 1  # b was read, not found
    assert found["citation_precision"] == found["cited_unseen"] == pytest.approx(1 / 3)
    assert found["citation_recall"] == 0.5


def test_an_episode_that_a_limit_ended_scores_0_and_stays_in_the_denominator(small):
    right = episode("Exact answer: 42", [["a"]])
    assert scored(small, right)["accuracy"] == 1
    stopped = scored(small, right, stop="step_limit")
    assert stopped["accuracy"] == stopped["f1"] == 0 and stopped["evidence_recall"] == 0.5
    assert scored(small, None)["accuracy"] == scored(small, {"said": 5})["accuracy"] == 0


def test_calibration_is_of_the_set(small):
    answers = [episode(f"Exact answer: {n}\nConfidence: 90%") for n in (42, 1)]
    outcomes = [Outcome("1", answer=answer) for answer in answers]
    found = small.task.measure_set(small.splits, [SAMPLE, SAMPLE], outcomes)
    assert found == {"calibration_error": pytest.approx(0.4), "calibration_error_released": 0}
    assert (
        small.task.measure_set(small.splits, [SAMPLE], [Outcome("1", answer=episode("Exact answer: 42"))])
        == {}
    )


@pytest.mark.parametrize(
    "text, answer, confidence",
    [
        ("Exact answer: Paris\nConfidence: 0.7", "Paris", 0.7),
        ("exact answer: A\nFinal answer: B\nconfidence: 100 %", "B", 1.0),
        ("The answer is Paris.", "Paris", None),
        ("Exact answer:\n\n**Paris**\nConfidence: 5%", "Paris", 0.05),
        ("Exact answer:\nExplanation: none", None, None),
        ("Exact answer\uff1a 四十二\nConfidence\uff1a \uff19\uff10\uff05", "四十二", 0.9),
        ("Exact answer: $\\boxed{7}$", "7", None),
        ("Paris, as it says.\nConfidence: 85 percent", "Paris, as it says.", 0.85),
        ("Confidence: 85 percent", None, 0.85),
        ("Exact answer:\nConfidence: 700%", None, None),
        ("", None, None),
    ],
)
def test_reading_the_final_message(text, answer, confidence):
    found = read_final(text)
    assert (found.answer, found.confidence) == (answer, confidence)


def test_an_id_may_hold_a_comma():
    assert read_final("x [Paris, Texas] y [a; b]", {"Paris, Texas"}).cited == ["Paris, Texas", "a", "b"]


@pytest.mark.parametrize(
    "said, answer",
    [
        ("42 [d1]", "42"),
        ("42 [other][d1]", "42"),
        ("42[d1].", "42."),
        ("**Paris, France** [d1, d2]", "Paris, France"),
        ("f[x]", "f[x]"),
        ("[d1]", "[d1]"),
    ],
)
def test_citations_behind_an_answer_are_no_part_of_it(said, answer):
    assert read_final(f"Exact answer: {said}", {"d1", "d2"}).answer == answer


def test_why_an_episode_has_no_answer_is_its_reason(small):
    def why(said, stop="stop"):
        return small.task.score(SAMPLE, Outcome("1", answer=episode(said), stop_reason=stop)).reason

    assert why("Exact answer:\nConfidence: 5%") == "no statement" and why("") == "empty"
    assert why("Exact answer: 5") is None and why("", stop="step_limit") is None


def test_recorded_episodes_and_final_messages_are_read(small):
    question = small.splits.test[0].question
    told = episode("Exact answer: 1", [["a"]])
    assert small.task.parse(json.dumps(told), question) == told
    assert small.task.parse("Exact answer: 1", question) == episode("Exact answer: 1")
    assert small.task.parse('{"said": 1}', question)["said"] == '{"said": 1}'
    assert small.task.parse(" ", question) is None


def test_it_plays(small):
    async def agent(seen, tools):
        if len(seen) < 3:
            return ModelOutput.for_tool_call("m", "search", {"query": "mentor"})
        return ModelOutput.from_content("m", "Exact answer: 1")

    outcome = asyncio.run(play(small.splits.test[0].question, small.world(), agent))
    assert outcome.stop_reason == "stop" and outcome.answer["queries"] == ["mentor"]


class Judge:
    """A model in a role: says what it is told, and counts."""

    def __init__(self, *said):
        self.said, self.asked = list(said), []

    async def generate(self, question, messages, **how):
        self.asked.append((messages[-1].text, how["purpose"]))
        return ModelOutput.from_content("m", self.said[min(len(self.asked), len(self.said)) - 1])


def test_a_judge_says_what_is_right(load):
    task = load("research/synthetic", items=2, match="judge").task
    outcome = Outcome("1", answer=episode("Exact answer: the answer to everything"))
    judge = Judge("VERDICT: CORRECT")
    outcome.answer = asyncio.run(task.judge(SAMPLE, outcome, judge))
    assert "the answer to everything" in judge.asked[0][0]
    found = task.score(SAMPLE, outcome)
    assert found.metrics["accuracy"] == 1 and found.metrics["exact_match"] == 0
    unjudged = task.score(SAMPLE, Outcome("1", answer=episode("Exact answer: x")))
    assert unjudged.status == "unscored"


def test_a_reranker_sorts_what_was_found_once_a_query(load):
    made = load("research/synthetic", items=4, k=2, rerank="model")
    judge = Judge("3, 1, 99, 3")
    world = made.world(role=lambda name: judge)
    query = made.splits.test[0].target["facts"][0]["query"]
    walk(world, act(call("search", query=query)), act(call("search", query=query)))
    plain = [hit.id for hit in made.running._search.search(query, 8)]
    assert world.answer()["found"] == [[plain[2], plain[0]]] * 2
    assert [purpose for _, purpose in judge.asked] == ["rerank"]


def test_a_cross_encoder_sorts_what_was_found(load, monkeypatch, tmp_path):
    class Shortest:
        def predict(self, pairs):
            return [-len(text) for _, text in pairs]

    monkeypatch.setattr("harness.tasks.research.rerank.cross_encoder", lambda folder: Shortest())
    made = load("research/synthetic", items=4, k=2, rerank="cross-encoder", cross_encoder=str(tmp_path))
    world, query = made.world(), made.splits.test[0].target["facts"][0]["query"]
    walk(world, act(call("search", query=query)))
    hits = made.running._search.search(query, 8)
    wanted = sorted(range(8), key=lambda n: (len(f"{hits[n].title}\n{hits[n].snippet}"), n))
    assert world.answer()["found"] == [[hits[n].id for n in wanted[:2]]]
    with pytest.raises(UsageError, match="cross_encoder=FOLDER"):
        load("research/synthetic", rerank="cross-encoder")
