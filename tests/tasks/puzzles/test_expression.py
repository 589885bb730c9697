"""Arithmetic expressions: values are exact, normal forms keep value and numbers, any text is safe."""

from __future__ import annotations

import operator
import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.answers import arithmetic as expression
from harness.answers.arithmetic import Expression

OPERATIONS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
leaves = st.integers(0, 120).map(lambda number: Expression("#", number))
trees = st.recursive(
    leaves,
    lambda inside: st.builds(
        lambda sign, left, right: Expression(sign, left=left, right=right),
        st.sampled_from("+-*/"),
        inside,
        inside,
    ),
    max_leaves=8,
)


def in_full(tree: Expression, spell: dict[str, str]) -> str:
    """The tree with every parenthesis written."""
    if tree.sign == "#":
        return str(tree.number)
    left, right = in_full(tree.left, spell), in_full(tree.right, spell)
    return f"({left}{spell.get(tree.sign, tree.sign)}{right})"


def by_fractions(tree: Expression) -> Fraction | None:
    if tree.sign == "#":
        return Fraction(tree.number)
    left, right = by_fractions(tree.left), by_fractions(tree.right)
    if left is None or right is None or (tree.sign == "/" and right == 0):
        return None
    return OPERATIONS[tree.sign](left, right)


@given(trees, st.sampled_from([{}, {"*": " × ", "/": " ÷ ", "-": " − "}, {"*": "\\times "}]))
def test_what_is_written_is_read_back(tree, spell):
    read = expression.read(in_full(tree, spell))
    assert read == tree
    assert read.value() == by_fractions(tree)


@given(trees)
def test_the_normal_form_keeps_value_and_numbers_and_is_its_own_normal_form(tree):
    again = expression.read(str(tree))
    assert again is not None
    assert again.value() == tree.value()
    assert sorted(again.numbers()) == sorted(tree.numbers())
    assert str(again) == str(tree)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("25+3*7", "(7 × 3) + 25 = 46"),
        ("10-(3-2)", "2 + 10 − 3"),
        ("8/(2*4)", "8/4/2"),
        ("((5))", "5"),
        (r"\frac{50}{2} + \left(3\cdot 7\right)", "3*7+50/2"),
        ("46 = 25+3*7", "25+3*7"),
        ("2 x 3", "3*2"),
        ("-5+20", "20-5"),
        ("[2+3]*4", "4*(3+2)"),
    ],
)
def test_spellings_of_one_expression_are_one_string(one, other):
    assert str(expression.read(one)) == str(expression.read(other))


@pytest.mark.parametrize(("one", "other"), [("8-3", "3-8"), ("8/4", "4/8"), ("2*(3+4)", "2*3+4")])
def test_different_expressions_stay_different(one, other):
    assert str(expression.read(one)) != str(expression.read(other))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "=",
        "()",
        "(",
        "1+",
        "*2",
        "1 2",
        "2^3",
        "2**3",
        "2.5",
        "1e9",
        "3!",
        "5%2",
        "sqrt(4)",
        "__import__('os')",
        "9" * 10,
        "a - b + c",
        "...",
        "１+２",
        "²",
        "\\frac12",
        "{1",
        "1_0",
        "(" * 1000 + "1" + ")" * 1000,
        "-" * 399 + "1",
        "\x00",
        "\ud800",
    ],
)
def test_what_is_no_expression_is_none(text):
    assert expression.read(text) is None


def test_the_longest_and_the_deepest_text_cost_a_moment():
    started = time.process_time()
    nines, nested = "9" * 9 + "*999999999" * 39, "1/(" * 39 + "1" + ")" * 39
    for text in ("1+" * 199 + "1", "1*-" * 132 + "1", nines, nested):
        read = expression.read(text)
        assert read is not None
        read.value()
        str(read)
    assert time.process_time() - started < 1


def test_a_division_by_zero_has_no_value_in_any_form():
    for text in ("5/0", "5/(3-3)", "0*(1/0)", "6/(3/(2-2))"):
        read = expression.read(text)
        assert read.value() is None
        assert expression.read(str(read)).value() is None


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=500), st.text("0123456789+-*/()=x \\frac{}×÷−", max_size=120)))
def test_no_text_raises(text):
    read = expression.read(text)
    if read is not None:
        read.value()
        str(read)
