"""The confidence measures by hand."""

from types import SimpleNamespace as Some

import pytest

from harness.annotate import clip, demonstrations, number, read_demonstrations, records
from harness.methods.semi_icl.confidence import back_translation, majority, mean, mean_logprob, split_stated


def output(*logprobs):
    content = [Some(logprob=value) for value in logprobs]
    return Some(choices=[Some(logprobs=Some(content=content) if logprobs else None)])


def test_mean_log_probability():
    assert mean_logprob(output(-0.1, -0.3, -0.2)) == pytest.approx(-0.2) == mean([-0.1, -0.3, -0.2])
    assert mean_logprob(output(-0.1, -0.3, -0.2)) > mean_logprob(output(-0.5))
    assert mean_logprob(output()) is None


def test_majority():
    assert majority(list("aabac")) == ("a", 0.6, 0)
    assert majority(list("ab")) == ("a", 0.5, 0)  # a tie goes to the answer seen first
    assert majority([None, "b", "c", "c", None]) == ("c", 0.4, 2)
    assert majority([None, None]) == (None, 0.0, 0)


@pytest.mark.parametrize(
    ("text", "answer", "said"),
    [
        ("It is 4.\n**Confidence:** 0.9", "It is 4.", 0.9),
        ("4\n\n## Confidence: 80%\n", "4", 0.8),
        ("Confidence is hard.\n4", "Confidence is hard.\n4", None),
        ("4\nConfidence: high", "4", None),
        ("4\nconfidence = 1.7", "4", 1.7),
        ("", "", None),
    ],
)
def test_a_stated_confidence(text, answer, said):
    left, found = split_stated(text)
    assert left == answer and number(found) == said


@pytest.mark.parametrize(
    ("said", "kept"),
    [(None, 0), ("x", 0), (1.7, 1), (-2, 0), ("0.4", 0.4), (float("nan"), 0), (10**400, 0), ([1], 0)],
)
def test_clipping(said, kept):
    assert clip(said) == kept


def test_back_translation():
    pytest.importorskip("sacrebleu")
    same = back_translation("a small house", "a small house")
    assert same == pytest.approx(1) and 0 <= back_translation("a small house", "big cars") < 0.01


def test_demonstrations_are_read_back():
    pairs = [("one\nAnswer: no", "a b"), ("two", "c"), ("{}%s", "d")]
    assert read_demonstrations(demonstrations(pairs)) == pairs
    assert read_demonstrations("anything else") == []


def test_records_of_hostile_text():
    assert records("[" * 100_000 + "]") == [] and records("{'label': 1}") == []
    assert records('so: [{"label": "a", "confidence": 0.5}] done') == [{"label": "a", "confidence": 0.5}]
