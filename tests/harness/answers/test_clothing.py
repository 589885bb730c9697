"""An answer of every kind is found in every usual clothing: parse(render(answer)) is the answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.answers import (
    read_arithmetic,
    read_cells,
    read_choice,
    read_expression,
    read_number,
    read_text,
)
from harness.tasks.intent.labels import read_label

#: `{}` is the answer
CLOTHING = [
    "{}",
    "Answer: {}",
    "answer: {}",
    "ANSWER: {}",
    "Answer:{}",
    "**Answer:** {}",
    "**Answer: {}**",
    "**Answer**: {}",
    "*Answer*: {}",
    "__Answer:__ {}",
    "Final Answer: {}",
    "The final answer: {}",
    "### Answer\n{}",
    "## Final Answer\n\n{}",
    "**Final Answer**\n\n{}",
    "### Final Answer:\n{}",
    "Answer:\n{}",
    "Answer:\n\n{}",
    "The answer is {}",
    "The answer is {}.",
    "The answer is: {}",
    "So the answer is {}.",
    "The correct answer is {}.",
    "The final answer is {}.",
    "Therefore, the answer is **{}**.",
    "The answer should be {}.",
    "The answer must be {}.",
    "The answer would be {}.",
    "The answer equals {}.",
    "<answer>{}</answer>",
    "<answer>\n{}\n</answer>",
    "<answer>{}",
    "<final_answer>{}</final_answer>",
    '{{"answer": "{}"}}',
    '```json\n{{"reason": "x", "answer": "{}"}}\n```',
    "```\n{}\n```",
    "\\boxed{{{}}}",
    "$\\boxed{{{}}}$",
    "\\[ \\boxed{{{}}} \\]",
    "The answer is $\\boxed{{{}}}$. I hope it is correct.",
    "\\boxed{{\\text{{{}}}}}",
    "\\boxed{{\\mathrm{{{}}}}}",
    "<think>Answer: 0</think>Answer: {}",
    "Answer: 0\nWait, that is wrong.\nAnswer: {}",
    "Answer: {}\n\nThis follows from the above.",
    "Answer: {}<|im_end|>\n<|im_start|>user\nAnswer: 0",
    "Answer: {}\n\nQuestion: What is next?\nAnswer: 0",
    "\u7b54\u6848\uff1a{}",
    "\u041e\u0442\u0432\u0435\u0442: {}",
    "| Answer | {} |",
]
NUMBERED = [
    *CLOTHING,
    "#### {}",
    "#### **{}**",
    "\u7b54\u6848\u662f{}\u3002",
    "A: {}",
    "Die Antwort ist {}.",
    "La respuesta es {}.",
]
#: what an expression or a word would be read in differently, or with right
NOT_FOR_WORDS = {"\\boxed{{\\mathrm{{{}}}}}", "{}"}


@pytest.mark.parametrize("clothing", NUMBERED)
@given(st.integers(-(10**9), 10**9))
@settings(max_examples=5)
def test_numbers(clothing, number):
    assert read_number(clothing.format(number)).answer == str(number)


@pytest.mark.parametrize("clothing", [each for each in NUMBERED if each != "{}"])
@given(st.sampled_from(["x^2+1", "\\frac{3}{4}", "2\\sqrt{3}", "(1,2)", "-7", "[0,\\infty)", "3x-5", "\\pi"]))
@settings(max_examples=8)
def test_expressions(clothing, expression):
    if clothing.startswith("#### ") or clothing == "A: {}":
        return  # GSM8K's marks are for numbers
    assert expression in (read_expression(clothing.format(expression)).answer or "")


@pytest.mark.parametrize("clothing", NUMBERED)
@pytest.mark.parametrize("form", ["{}", "({})", "{}) Paris", "{}. Paris", "option {}", "**({})**"])
def test_choices(clothing, form):
    if clothing.startswith("#### ") or ("text{{{}" in clothing or "mathrm" in clothing and "**" in form):
        return
    for letter in "ABCD":
        assert read_choice(clothing.format(form.format(letter)), "ABCD").answer == letter, letter


@pytest.mark.parametrize("clothing", CLOTHING)
@given(st.text("0123456789", min_size=2, max_size=12))
@settings(max_examples=4)
def test_cells(clothing, digits):
    for form in (digits, " ".join(digits), "[" + ", ".join(digits) + "]"):
        assert read_cells(clothing.format(form)).answer == digits


@pytest.mark.parametrize("clothing", [each for each in CLOTHING if "mathrm" not in each])
def test_arithmetic(clothing):
    for form in ("(2+3)*5", "(2 + 3) \u00d7 5 = 25", "5*(3+2)"):
        assert read_arithmetic(clothing.format(form)).answer == "5*(2+3)"


@pytest.mark.parametrize("clothing", [each for each in CLOTHING if each not in NOT_FOR_WORDS])
@pytest.mark.parametrize("words", ["Paris", "New York", "ninety-nine", "\u6771\u4eac", "C++"])
def test_words(clothing, words):
    found = read_text(clothing.format(words)).answer
    assert found is not None and found.rstrip(".") == words


LABELS = ("card_arrival", "lost or stolen card", "C++", "C", "1", "01", "\u6b63\u9762")


@pytest.mark.parametrize("clothing", [each for each in CLOTHING if not each.startswith("| ")])
@pytest.mark.parametrize("label", LABELS)
def test_labels(clothing, label):
    assert read_label(clothing.format(label), LABELS).answer == label
