"""What was said to the reader: without the template's marks and thoughts, in one spelling."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.answers import as_written, normalise, said


@pytest.mark.parametrize(
    ("completion", "text", "cut"),
    [
        ("<think>a</think>b", "b", False),
        ("a</think>b", "b", False),  # the template opened the thought
        ("<think>a", "", True),
        ("b <think>a", "b ", True),
        ("a <think>b</think> c", "a  c", False),
        ("<think>a<think>b</think>c</think>d", "d", False),
        ("<THINK>a</THINK>b", "b", False),
        ("<thinking>a</thinking>b", "b", False),
        ("<thought>a</thought>b", "b", False),
        ("[THINK]a[/THINK]b", "b", False),
        ("[THINK]a", "", True),
        ("<|begin_of_thought|>a<|end_of_thought|>b", "b", False),
        ("<|begin_of_thought|>a", "", True),
        ("\u25c1think\u25b7a\u25c1/think\u25b7b", "b", False),
        ("<seed:think>a</seed:think>b", "b", False),
        ("<reasoning>a</reasoning>b", "b", False),
        ("<reasoning>a <answer>b</answer>", "<answer>b</answer>", False),
        ("<reasoning>a", "", True),
        ("<reasoning>a</reasoning>", "a", False),
        ("b</think>", "", False),  # all of it was a thought
        ("b<|im_end|>c", "b", False),
        ("b<|im_end|>\n<|im_start|>user\nc", "b", False),
        ("b<|eot_id|>c", "b", False),
        ("b</s>c", "b", False),
        ("b<end_of_turn>\n<start_of_turn>user\nc", "b", False),
        ("b<\uff5cend\u2581of\u2581sentence\uff5c>c", "b", False),
        ("<|im_start|>assistant\nb<|im_end|>", "b", False),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nb<|eot_id|>", "b", False),
        ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b", "b", False),
        ("<|channel|>analysis<|message|>a", "", True),
        ("<think>a<|im_end|>b</think>c", "", True),  # the turn ended within the thought
        ("if a < b then [a] stays", "if a < b then [a] stays", False),
    ],
)
def test_what_was_said(completion, text, cut):
    assert said(completion) == (text, cut)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("\u22123", "-3"),
        ("\u20133", "-3"),
        ("x = \u20133", "x = -3"),
        ("5\u20136", "5\u20136"),  # a range
        ("Answer \u2013 B", "Answer \u2013 B"),
        ("yes \u2014 because", "yes \u2014 because"),
        ("rock\u2011n\u2011roll", "rock-n-roll"),
        ("\uff14\uff12", "42"),
        ("\uff08\uff22\uff09", "(B)"),
        ("\u7b54\u6848\uff1a\uff22", "\u7b54\u6848:B"),
        ("\uff50ositive", "\uff50ositive"),  # a letter of another kind within a word
        ("B\u200b", "B"),
        ("\ufeffB", "B"),
        ("po\u00adsitive", "positive"),
        ("Beyonce\u0301", "Beyonc\u00e9"),
        ("1\u202f000", "1 000"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        ),
        ("\u4f60\u597d\u3002", "\u4f60\u597d\u3002"),
    ],
)
def test_characters_that_look_alike_are_spelled_alike(written, plain):
    assert normalise(written) == plain


@given(st.text(max_size=200))
def test_normalising_twice_changes_nothing(text):
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(alphabet="<>/think|[]THINK_ \n", max_size=200))
def test_any_marks_are_cut_without_error(text):
    plain, _ = as_written(text)
    assert len(plain) <= len(text)


@pytest.mark.parametrize(
    "part", ["<think>", "</think>", "[THINK]", "<|im_end|", "<|a|>", "<", "<think ", "\u2013"]
)
def test_repetitions_cost_a_moment(part):
    started = time.process_time()
    said(part * (300_000 // len(part)))
    assert time.process_time() - started < 1
