"""Where an answer is found in a completion, and where none is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.answers import has_number, read_expression, read_number
from harness.answers.statement import MAX_ANSWER
from harness.tasks.math.answers import Kind


def extract(text: str, kind: Kind) -> str | None:
    """The answer as the tasks of mathematics read it."""
    if kind == "number":
        return read_number(text).answer
    found = read_expression(text).answer
    return None if found and kind == "integer" and not has_number(found) else found


KINDS: tuple[Kind, ...] = ("integer", "number", "expression")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so \boxed{25}.", "25"),
        (r"first \boxed{1}, then \boxed{2}", "2"),
        (r"\boxed{\frac{1}{\sqrt{2}}}", r"\frac{1}{\sqrt{2}}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed {7}", "7"),
        (r"\boxed 5$ units", "5"),
        (r"\fbox{70}\%", "70"),
        (r"\boxed{3} is the value. Put it in \boxed{}", "3"),
        (r"\boxed{\boxed{4}}", "4"),
        (r"\boxed{9} and a truncated \boxed{1", "9"),
        (r"unclosed \boxed{\frac{1}{2} but then \boxed{8}", "8"),
        (r"\boxed{x^2} \textbf{Answer: } nothing", "x^2"),
    ],
)
def test_the_last_complete_box(text: str, answer: str) -> None:
    assert extract(text, "expression") == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer: 5", "5"),
        ("**Answer:** $\\frac{1}{2}$", "\\frac{1}{2}"),
        ("### Final Answer\n\nThe final answer is: **12**.", "12"),
        ("the answer is 3. I hope this helps!", "3"),
        ("The answer (arabic numerals) is 40.", "40"),
        ("\\[\n\\text{Answer: } \\frac{4}{3}\n\\]", "\\frac{4}{3}"),
        ("\\text{Answer: 500}\n\\]", "500"),
        ("Ответ: 7", "7"),
        ("Answer:\n\n\\[\n x^2 + 1\n\\]\nwhich was to be found.", "x^2 + 1"),
        ("The answer is $1$ and $-2$", "$1$ and $-2$"),
        ("Answer: 1\nOn second thought.\nAnswer: 2", "2"),
        ("Answer: 5<|eot_id|><|endoftext|>9", "5"),
        ("<answer>\n17\n</answer>", "17"),
        ("steps\n#### 2,125", "2,125"),
        ("Q: how many?\nA: 26", "26"),
        ('{"reasoning": "3 + 4", "answer": "7"}', "7"),
        ('{"reasoning": "a\nbroken "quote"", "answer": 18}', "18"),
        ('{"reasoning": "a box \\\\boxed{1}", "answer": "\\\\frac{1}{2}"}', "\\frac{1}{2}"),
        ('```json\n{"answer": "70,000 dollars"}\n```', "70,000 dollars"),
    ],
)
def test_other_ways_of_saying_it(text: str, answer: str) -> None:
    assert extract(text, "expression") == answer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "I can't tell.",
        "<think>it is \\boxed{5}",
        "<think>it is \\boxed{5}</think>",
        "<|begin_of_thought|> \\boxed{5}, no, wait",
        '{"reasoning": "7 or 8", "answer": "Cannot be determined"}',
        "```python\nprint('\\boxed{5}')\n```",
        "```output\n5\n```",
        "```python\nanswer = 5",
    ],
)
def test_no_answer(text: str, kind: Kind) -> None:
    found = extract(text, kind)
    assert found is None or (kind == "expression" and not any(sign.isdigit() for sign in found))


@pytest.mark.parametrize(
    "text",
    [
        "<think>\\boxed{1}</think>So \\boxed{2}",
        "a thought that the prompt opened, \\boxed{1}</think>\\boxed{2}",
        "<|begin_of_thought|>\\boxed{1}<|end_of_thought|><|begin_of_solution|>\\boxed{2}<|end_of_solution|>",
        "```python\nx = 1\n```\n```output\n1\n```\n$\\boxed{2}$",
        "```\nthe answer is 2\n```",
    ],
)
def test_what_is_said_after_thought_and_code(text: str) -> None:
    assert extract(text, "integer") == "2"


def test_only_a_number_may_be_the_last_one_of_the_text() -> None:
    text = "So Hillary has 4 dimes and 7 nickels"
    assert extract(text, "number") == "7"
    assert extract(text, "integer") is None
    assert extract(text, "expression") is None


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("it costs $1,234.50.", "1234.5"),
        ("She had 5. Now it is 3", "3"),
        ("it fell to -3", "-3"),
        ("a 1/3", "1/3"),
        ("a 1/4", "0.25"),
    ],
)
def test_last_number(text: str, number: str) -> None:
    assert extract(text, "number") == number


def test_a_heading_of_the_fourth_level_is_no_answer() -> None:
    assert extract("#### Step 3: add\nand so on", "integer") is None
    assert extract("#### 3. Add the numbers\nand so on", "integer") is None


def test_a_derivation_is_no_answer() -> None:
    assert extract("\\boxed{" + "1+" * MAX_ANSWER + "1}", "expression") is None


@given(st.text(max_size=300), st.sampled_from(KINDS))
def test_never_raises(text: str, kind: Kind) -> None:
    answer = extract(text, kind)
    assert answer is None or 0 < len(answer) <= MAX_ANSWER


PIECES = st.sampled_from(
    [
        "\\boxed{",
        "\\boxed",
        "\\fbox{",
        "}",
        "{",
        "\\{",
        "\\}",
        "answer is ",
        "Answer:",
        '"answer": "',
        '"',
        "####",
        "\nA: ",
        "```",
        "```python\n",
        "<think>",
        "</think>",
        "<answer>",
        "</answer>",
        "5",
        "-",
        ",",
        ".",
        " ",
        "\n",
        "$",
        "$$",
        "\\[",
        "\\]",
        "\\(",
        "\\)",
        "x",
        "\\frac12",
        "<|endoftext|>",
        "<|begin_of_thought|>",
        "<|end_of_thought|>",
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join), st.sampled_from(KINDS))
def test_never_raises_on_broken_markup(text: str, kind: Kind) -> None:
    answer = extract(text, kind)
    assert answer is None or 0 < len(answer) <= MAX_ANSWER


NESTED = st.recursive(
    st.text("abcxyz0123456789+-=^_ ", min_size=1, max_size=8),
    lambda inner: st.lists(inner, min_size=1, max_size=3).map(lambda parts: "{" + "".join(parts) + "}"),
    max_leaves=12,
)


@given(NESTED, st.text("abc \n.,$", max_size=40))
def test_a_box_round_trips_with_its_braces(content: str, before: str) -> None:
    content = f"x{content}x"
    assert extract(f"{before}\\boxed{{{content}}}{before}", "expression") == content


@pytest.mark.parametrize("kind", ["number", "expression"])
@pytest.mark.parametrize(
    "piece",
    [
        "\\boxed{",
        "\\boxed ",
        "answer ",
        "the answer is ",
        "answer (",
        "*",
        "1,",
        '"answer": "',
        "```python\n",
        "#### ",
        "#### 5 x\n",
        "A: \n",
        "<think>",
        " ",
        "\n",
        "answer: $",
        "{",
        "<answer>",
        "-",
        "9",
        "\0",
        "\\boxed{{}",
    ],
)
def test_ten_megabytes_of_anything(piece: str, kind: Kind) -> None:
    """A scan that is not linear in the text would not end here."""
    text = piece * (10_000_000 // len(piece))
    answer = extract(text, kind)
    assert answer is None or len(answer) <= MAX_ANSWER


def test_ten_megabytes_in_a_box() -> None:
    assert extract("\\boxed{" + "9" * 10_000_000 + "}", "expression") is None
    nested = extract("\\boxed{" * 100_000 + "5" + "}" * 100_000, "expression")
    assert nested is None or len(nested) <= MAX_ANSWER
