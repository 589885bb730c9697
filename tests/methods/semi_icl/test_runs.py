"""Both methods in whole runs: what is asked, in which order, what is kept, what falls short."""

import asyncio
import json
import logging
from collections import Counter

import numpy as np
import pytest
from inspect_ai.model import ModelOutput

from harness.annotate import read_demonstrations
from harness.base import paths
from harness.base.errors import UsageError
from harness.job import Job, Models
from harness.model.budget import Budget
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.model.provider import Provider
from harness.registry import load_method, registry
from harness.sample import Question, Splits
from harness.testing import TINY, TinyTask, check_method

LABELS = ("left", "right")
BOTH = ("naive-semi-icl", "iterpsd")


def labelled(prefix, size):
    return [(f"{prefix} {n} {LABELS[n % 2]}", LABELS[n % 2]) for n in range(size)]


def shown(call):
    """The demonstrations of a call, gold and pseudo together, in their order."""
    systems = [m.text for m in call.messages if m.role == "system"]
    assert len(systems) <= 1
    return read_demonstrations(systems[0]) if systems else []


def annotates(call):
    return "Texts to label:" in call.messages[-1].text


def says(confidence=0.95, label=lambda text: text.split()[-1]):
    """A model that gives each text its label; `confidence` may be a function of the text."""

    def say(call):
        text = call.question.input
        if not annotates(call):
            return label(text)
        sure = confidence(text) if callable(confidence) else confidence
        return json.dumps([{"index": 1, "label": label(text), "confidence": sure}])

    return say


def stored(report):
    (file,) = [
        f
        for f in (paths.cache_dir() / "artifacts").glob("*/demonstrations.json")
        if json.loads(f.read_text())["report"] == {k: v for k, v in report.items() if k != "demonstrations"}
    ]
    return json.loads(file.read_text())


def report_of(ran):
    (report,) = {json.dumps(row["trace"], sort_keys=True) for row in ran.rows}
    return json.loads(report)


@pytest.mark.parametrize("method", BOTH)
def test_contract(method):
    check_method(method)
    check_method(method, confidence="self-consistency", samples=3)
    check_method(method, confidence="logprob", k_gt=0)


@pytest.mark.parametrize("method", BOTH)
def test_gold_first_the_query_never_and_the_same_prompt_for_all(lab, method):
    lab.data(labelled("test", 8), train=labelled("train", 120))
    how = {"k": 40, "k_gt": 6, **({"chunk": 20} if method == "iterpsd" else {})}
    ran = lab.run(method, says(), **how)
    answers = [call for call in ran.calls if not annotates(call)]
    train = {s.question.input: s.target for s in lab.splits.train}
    (prompt,) = {call.messages[0].text for call in answers}  # built once, byte for byte
    pairs = read_demonstrations(prompt)
    assert len(pairs) == 40 and len({text for text, _ in pairs}) == 40
    gold = pairs[:6]
    assert all(train[text] == label for text, label in pairs)
    assert Counter(label for _, label in gold) == {"left": 3, "right": 3}
    assert Counter(label for _, label in pairs[6:]) == {"left": 17, "right": 17}
    annotated = [call.question.input for call in ran.calls if annotates(call)]
    assert len(annotated) == len(set(annotated)) == len(lab.splits.pool) - 6
    assert not {text for text, _ in gold} & set(annotated)
    for call in ran.calls:
        assert call.question.input not in {text for text, _ in shown(call)}
        if annotates(call):
            assert shown(call)[:6] == shown([c for c in ran.calls if annotates(c)][0])[:6]
    again = lab.run(method, says(), out="again", **how)
    assert {c.messages[0].text for c in again.calls if not annotates(c)} == {prompt}
    report = report_of(ran)
    assert (report["gold"], report["pseudo"], report["shortfall"], report["truncated"]) == (6, 34, 0, 0)
    kept = stored(report)
    assert [len(kept[part]) for part in ("gold", "pseudo", "annotations")] == [6, 34, len(annotated)]
    assert ran.usage == {"annotate": len(annotated), "answer": 8}


def test_gold_is_the_same_for_both_methods_and_another_for_each_seed(lab):
    lab.data(labelled("test", 2), train=labelled("train", 120))

    def gold(method, seeds):
        out = f"{method}{seeds}"
        grid, model, _ = lab.grid(method, says(), k=8, k_gt=8, out=out, request={"seeds": seeds})
        assert grid.exit_code == 0 and not any(map(annotates, model.calls))  # none are needed
        return list(dict.fromkeys(tuple(shown(call)) for call in model.calls))

    naive = gold("naive-semi-icl", 3)
    assert len(set(naive)) == 3 and gold("iterpsd", 3) == naive


def world(lab, size, test=2):
    """A pool of `size` inputs without labels, and vectors for all."""
    pool, rows = [f"near {n} {LABELS[n % 2]}" for n in range(size)], labelled("test", test)
    train = labelled("train", 40)
    vectors = np.random.default_rng(0).normal(size=(size + test + 40, 4))
    texts = [*pool, *(text for text, _ in [*rows, *train])]
    return lab.data(rows, train=train, pool=pool, vectors=dict(zip(texts, vectors, strict=True)))


def test_rounds_of_a_pool_of_5000(lab):
    """Ten rounds of 500, D frozen inside each, all that is kept up to 1,000 and then exactly 984."""
    world(lab, 5000)
    ran = lab.run("iterpsd", says(0.91))
    report = report_of(ran)
    assert report["annotated"] == 5000 and ran.usage == {"annotate": 5000, "answer": 2}
    assert report["rounds"] == [[0, 500], [500, 500], [1000, 500], *[[984, 500]] * 7]
    calls = [call for call in ran.calls if annotates(call)]
    sent = {}  # chunk by chunk: the calls of one are over before the next begins
    for at, call in enumerate(calls):
        sent.setdefault(at // 500, set()).add(call.messages[0].text)
    assert all(len(prompts) == 1 for prompts in sent.values())
    sizes = [len(read_demonstrations(next(iter(prompts)))) for prompts in sent.values()]
    assert sizes == [16, 516, 1016, *[1000] * 7]
    first = {call.question.input for call in calls[:500]}
    second = {text for text, _ in shown(calls[500])[16:]}
    assert second == first  # exactly what was kept before


def test_confidence_exactly_at_the_threshold_keeps_nothing(lab):
    world(lab, 300)
    report = report_of(lab.run("iterpsd", says(0.9)))
    assert report["kept"] == report["pseudo"] == 0 and report["shortfall"] == 484
    assert report_of(lab.run("naive-semi-icl", says(0.9), out="naive", rule="threshold"))["kept"] == 300


def test_a_small_pool_still_iterates_and_the_first_chunk_needs_no_vector(lab):
    world(lab, 12)
    assert len(report_of(lab.run("iterpsd", says()))["rounds"]) == 4  # chunks of ceil(12 / 5)
    lab.embedder = "file:nowhere.npy?texts=nowhere.jsonl"
    assert "nowhere" in str(lab.grid("iterpsd", says(), out="bad")[0].results[0].error)


@pytest.mark.parametrize("calls", [1, 60, 100, 121, 130])
def test_killed_anywhere_it_goes_on_to_the_same_demonstrations(lab, calls):
    world(lab, 150)
    how = {"k": 60, "k_gt": 4, "chunk": 30, "cap": 40, "cacheable": True}
    sure = says(lambda text: 0.5 + (hash_of(text) % 50) / 100)
    whole = lab.run("iterpsd", sure, out="whole", **{**how, "cacheable": False})
    grid, model, _ = lab.grid("iterpsd", sure, request={"budget_calls": calls}, **how)
    assert grid.exit_code == 3 and len(model.calls) == calls
    later = lab.run("iterpsd", sure, **how)
    assert len(later.calls) == 152 - calls  # what was annotated is asked no second time
    assert report_of(later) == report_of(whole) and later.usage == whole.usage
    assert {c.messages[0].text for c in later.calls if not annotates(c)} <= {
        c.messages[0].text for c in whole.calls if not annotates(c)
    }


def hash_of(text):
    return sum(ord(letter) * (at + 7) for at, letter in enumerate(text))


def test_annotations_without_demonstrations_are_shared_with_testnuc(lab):
    world(lab, 60)
    nuc = lab.run("testnuc", says(), cacheable=True, k=3)
    assert nuc.usage == {"annotate": 60, "answer": 2}
    ran = lab.run("naive-semi-icl", says(), cacheable=True, k_gt=0, k=20)
    assert [annotates(call) for call in ran.calls] == [False, False]
    assert ran.usage == {"annotate": 60, "answer": 2}  # what it costs on a cold cache


def test_the_first_chunk_is_shared_with_naive(lab):
    world(lab, 100)
    lab.run("naive-semi-icl", says(), cacheable=True)
    ran = lab.run("iterpsd", says(), cacheable=True)
    assert sum(map(annotates, ran.calls)) == 80


@pytest.mark.parametrize("method", BOTH)
def test_no_label_of_the_pool_is_seen(lab, method):
    lab.data(labelled("test", 4), pool=[text for text, _ in labelled("near", 60)])
    ran = lab.run(method, says(), k_gt=0, k=20, **({"epsilon": 1.0} if method == "iterpsd" else {}))
    assert ran.record["data_access"] == {"pool_size": 60} and ran.accuracy == 1


# -- bad input ------------------------------------------------------------------------------------


def lines(caplog):
    return [record.getMessage() for record in caplog.records if record.name.startswith("harness.")]


def test_labels_outside_the_set_are_dropped_before_selection(lab, caplog):
    world(lab, 50)
    say = says(
        lambda text: 0.99 if "near 1" in text else 0.91,
        lambda text: "up" if "near 1" in text else text.split()[-1],
    )
    ran = lab.run("naive-semi-icl", say, k=30, k_gt=4, quantile=0.5)
    report = report_of(ran)
    assert report["outside_the_label_set"] == 11 and report["kept"] == 39 and report["threshold"] == 0.91
    assert "naive-semi-icl: 11 of 50 annotations: outside the label set" in lines(caplog)


@pytest.mark.parametrize(
    ("confidence", "kind"),
    [
        (None, "no_confidence"),
        ("sure", "no_confidence"),
        (95, "confidence_outside_0_to_1"),
        (-0.1, "confidence_outside_0_to_1"),
    ],
)
def test_confidences_that_are_missing_or_out_of_range(lab, caplog, confidence, kind):
    world(lab, 20)
    report = report_of(lab.run("iterpsd", says(confidence), k=30))
    assert report[kind] == 20 and report["kept"] == (20 if confidence == 95 else 0)
    assert f"iterpsd: 20 of 20 annotations: {kind.replace('_', ' ')}" in lines(caplog)


def test_a_class_that_is_never_predicted(lab, caplog):
    world(lab, 20)
    report = report_of(lab.run("naive-semi-icl", says(label=lambda text: "left"), k=10, k_gt=0))
    assert (report["labels_shown"], report["labels"]) == (1, 2)
    assert "naive-semi-icl: 1 of 2 labels have no demonstration, among them right" in lines(caplog)


def test_a_pool_smaller_than_k(lab, caplog):
    world(lab, 20)
    report = report_of(lab.run("naive-semi-icl", says(), rule="all", k=100, k_gt=10))
    assert (report["pseudo"], report["shortfall"]) == (20, 70)
    assert any("70 fewer than the 90 wanted; all are shown" in line for line in lines(caplog))


@pytest.mark.parametrize("method", BOTH)
def test_a_context_that_is_too_small(lab, caplog, method):
    world(lab, 60)
    grid, model, _ = lab.grid(method, says(), context=300)
    error = str(grid.results[0].error)
    assert "16 gold demonstrations" in error and "context=TOKENS" in error and not model.calls
    assert "\n" not in error and grid.exit_code == 2
    short = {"decoding": {"max_tokens": 64}}
    whole = report_of(lab.run(method, says(), out="whole", k_gt=2, k=50, context=100_000))
    cut = lab.run(method, says(), out="cut", k_gt=2, k=50, context=850, request=short)
    report = report_of(cut)
    assert whole["truncated"] == 0 < report["truncated"] == 50 - 2 - report["pseudo"]
    assert 0 < report["pseudo"] < 48
    assert any("demonstrations are left out, as the context of 850 tokens" in line for line in lines(caplog))
    answers = [call for call in cut.calls if not annotates(call)]
    counts = Counter(label for _, label in shown(answers[0])[2:])
    assert abs(counts["left"] - counts["right"]) <= 1  # still even
    for call in cut.calls:
        assert sum(len(m.text) for m in call.messages) / 3 + 64 < 850


@pytest.mark.parametrize(
    ("method", "args"),
    [
        ("naive-semi-icl", {"k": -1}),
        ("naive-semi-icl", {"k_gt": -1}),
        ("naive-semi-icl", {"quantile": 1.5}),
        ("naive-semi-icl", {"samples": 0}),
        ("iterpsd", {"chunk": 0}),
        ("iterpsd", {"epsilon": 2.0}),
        ("iterpsd", {"cap": 16}),
        ("iterpsd", {"order": "far"}),
        ("naive-semi-icl", {"confidence": "back-translation"}),
    ],
)
def test_bad_arguments_are_one_line_and_cost_nothing(lab, method, args):
    world(lab, 10)
    try:
        grid, model, _ = lab.grid(method, says(), **args)
    except UsageError as error:  # a choice is checked before anything is opened
        assert "order='far' is not one of" in str(error)
        return
    error = str(grid.results[0].error)
    assert error and "\n" not in error and grid.exit_code == 2 and not any(map(annotates, model.calls))


def test_a_task_without_labels_or_pool_is_an_error(lab):
    lab.data(labelled("test", 4), pool=["near left"])
    grid, model, _ = lab.grid("naive-semi-icl", says())
    assert "k_gt=16 needs labelled samples" in str(grid.results[0].error) and not model.calls


def test_a_model_that_fails_for_some_texts_or_all(lab, caplog):
    world(lab, 30)

    def say(call):
        if "near 1" in call.question.input:
            raise ValueError("no")
        return says()(call)

    report = report_of(lab.run("iterpsd", say, k=10, k_gt=2))
    assert report["failed"] == 11 and report["kept"] == 19

    def never(call):
        raise ValueError("never")

    grid, _, _ = lab.grid("iterpsd", never, out="never")
    assert "never" in str(grid.results[0].error) and grid.exit_code == 1


def test_self_consistency_shares_its_draws_with_the_method_of_that_name(lab):
    world(lab, 10)
    draws = Counter()

    def say(call):
        draws[call.question.input] += 1
        return LABELS[draws[call.question.input] % 3 == 0]

    ran = lab.run("naive-semi-icl", say, confidence="self-consistency", k=10, k_gt=0, rule="all")
    annotated = {id: (label, c) for id, label, c in stored(report_of(ran))["annotations"]}
    assert set(annotated.values()) == {("left", 0.8)} and ran.usage["annotate"] == 50


@pytest.fixture(autouse=True)
def heard(caplog):
    caplog.set_level(logging.WARNING)


TO_VENETIAN = {"source_language": "English", "target_language": "Venetian"}


def fitted(tmp_path, monkeypatch, metadata, say, **args):
    """The method after `fit` on four questions without a label set, and the calls it made."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))

    class Open(TinyTask):
        def parse(self, text, question):
            return text.rpartition(":")[2].strip() or None

    class Says(Provider):
        name, cacheable, calls = "says", False, []

        async def generate(self, call):
            self.calls.append(call)
            return ModelOutput.from_content(self.name, say(call))

    spec, provider = registry().method("naive-semi-icl"), Says()
    method = load_method(spec, spec.arguments({"k": 3, "k_gt": 0, "rule": "all", **args}))
    pool = [Question(f"p{n}", f"what {n}?", metadata=metadata) for n in range(4)]
    job = Job(
        task=Open(TINY, {}),
        method=spec,
        splits=Splits([], pool=pool),
        models=Models(
            model=Model(provider, ledger=Ledger(), budget=Budget()),
        ),
    )
    asyncio.run(method.fit(job))
    return method, provider.calls


@pytest.mark.parametrize(
    ("metadata", "said", "shown_as"),
    [
        ({}, "So it is: 4\nConfidence: 0.8", "So it is: 4"),
        (TO_VENETIAN, "Venetian: gato\n**Confidence:** 80%", "gato"),
    ],
)
def test_free_answers_keep_their_reasoning_and_translations_lose_their_tag(
    tmp_path, monkeypatch, metadata, said, shown_as
):
    """A question without a label set is annotated with a line for the confidence, which is no part of the
    demonstration; a translation is shown as the task reads it, reasoning as it was written."""
    method, calls = fitted(tmp_path, monkeypatch, metadata, lambda call: said)
    assert {shot.answer for shot in method.prompt.shots} == {shown_as}
    assert {found.confidence for found in method.annotator.found} == {0.8}
    assert all("Confidence: " in call.messages[-1].text for call in calls)
    assert [m.role for m in method.prompt.messages(Question("q", "new?"))] == ["system", "user"]


def test_translations_are_judged_by_translating_them_back(tmp_path, monkeypatch):
    pytest.importorskip("sacrebleu")

    def say(call):
        if "into English" not in call.messages[-1].text:
            return "gato"
        return call.question.input if call.question.id != "p3" else "something else entirely"

    method, calls = fitted(tmp_path, monkeypatch, TO_VENETIAN, say, confidence="back-translation")
    found = [annotation.confidence for annotation in method.annotator.found]
    assert found[:3] == [pytest.approx(1)] * 3 and found[3] < 0.01 and len(calls) == 8


def test_nearest_pseudo_demonstrations_for_each_question(lab):
    vectors = {
        "near 1 left": (1, 0.1),
        "near 2 left": (1, 0.3),
        "near 3 right": (0.1, 1),
        "near 4 right": (0.3, 1),
        "test left": (1, 0),
        "test right": (0, 1),
    }
    pool = [text for text in vectors if text.startswith("near")]
    lab.data([("test left", "left"), ("test right", "right")], pool=pool, vectors=vectors)
    ran = lab.run("naive-semi-icl", says(), k=2, k_gt=0, choose="nearest", rule="all")
    asked = {call.question.input: shown(call) for call in ran.calls if not annotates(call)}
    assert asked == {
        "test left": [("near 2 left", "left"), ("near 1 left", "left")],
        "test right": [("near 4 right", "right"), ("near 3 right", "right")],
    }
    assert [row["trace"]["shots"] for row in ran.rows] == [["pool-1", "pool-0"], ["pool-3", "pool-2"]]


def test_a_model_without_log_probabilities_is_an_error(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="which says doesn't; use confidence=verbalised"):
        fitted(tmp_path, monkeypatch, {}, lambda call: "4", confidence="logprob")


def test_log_probabilities_that_never_come_keep_nothing_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(Provider, "abilities", frozenset({"logprobs"}))
    method, calls = fitted(tmp_path, monkeypatch, {}, lambda call: "4", confidence="logprob")
    assert method.report["no_confidence"] == 4 and all(call.decoding["logprobs"] for call in calls)
    assert len(method.prompt.shots) == 3  # rule=all; the stored confidences are null
