r"""Completions that say more than their answer: corrections, denials, guesses of others, what comes after."""

import pytest

from harness.answers import (
    read_arithmetic,
    read_cells,
    read_choice,
    read_expression,
    read_number,
    read_text,
)


@pytest.mark.parametrize(
    ("completion", "letter"),
    [
        ("The answer is B. Wait, let me look again: it's D.", "D"),
        ("A reader might say the answer is A. But it is C.", "C"),
        ("Answer: (B) or maybe (D)", None),
        ("(A) Berlin\n(B) Madrid\n(C) Vienna\n(D) Prague", None),
        ("A. Berlin\nB. Madrid", None),
        ("B. Madrid\n\nA. is wrong since it is in Germany.", "B"),
        ("(A) wrong\n(B) wrong\n(C) correct\n(D) wrong", "C"),
        ("(B) is incorrect.", None),
        ("Option (B) is incorrect", None),
        ("Option D\n\nExplanation: A is too small. B contradicts the text.", "D"),
        ("A is too small. B is wrong. Therefore D.", "D"),
        ("After eliminating A, B and C, only D remains.", "D"),
        ("I can't decide between B and D, but I'd lean towards D.", "D"),
        ("I would pick B \u2014 a safe choice.", "B"),
        ("b. 4", "B"),
        ("Ans: C", "C"),
        ("C\n\nQuestion: and this?\nAnswer: A", "C"),
        ("\u6240\u4ee5\u9009C", "C"),
        ("La respuesta correcta es la C.", "C"),
        ("A resposta correta \u00e9 a letra C.", "C"),
        ("\u7b54\u3048\u306fC\u3067\u3059\u3002", "C"),
        ("\uc815\ub2f5\uc740 C\uc785\ub2c8\ub2e4", "C"),
        ("\u0627\u0644\u0625\u062c\u0627\u0628\u0629: C", "C"),
        ("\u0909\u0924\u094d\u0924\u0930: C", "C"),
        ("\u0110\u00e1p \u00e1n: C", "C"),
    ],
)
def test_choices(completion: str, letter: str | None) -> None:
    assert read_choice(completion, "ABCD").answer == letter


@pytest.mark.parametrize(
    ("completion", "number"),
    [
        ("The answer is 43. Wait, that's wrong. It should be 42.", "42"),
        ("The answer is 43. No, it's 42.", "42"),
        ("The answer is 42. Wait, is that right? Yes, 6 * 7 = 42.", "42"),
        ("So it is \\boxed{42", None),
        ("Answer: 42 if it rains, else 43", None),
        ("Answer: log 42", None),
        ("Answer: <42>", "42"),
        ("Answer: 42 m^2", "42"),
        ("Answer: 42 m", "42"),
        ("Answer: 42 n", None),
        ("Answer: $1.5M", "1500000"),
        ("\u4e00\u5171\u670942\u4e2a\u82f9\u679c\u3002", "42"),
        ("42\n\nQuestion: how many more?\nAnswer: 7", "42"),
        ("The answer is 42 apples.\n\n# Example 2\nThe answer is 7.", "42"),
    ],
)
def test_numbers(completion: str, number: str | None) -> None:
    assert read_number(completion).answer == number


@pytest.mark.parametrize(
    ("completion", "expression"),
    [
        ("The answer is \\boxed{5}, not \\boxed{6}.", "5"),
        ("The answer is 5. Wait, let me check again. It's actually 6.", "6"),
        ("Let's assume the answer is 5.", None),
        ("The answer is not 5 but 6", "6"),
        ("The answer is the sum of 2 and 3, which is 5.", "5"),
        ("The answer is therefore $5$ by symmetry.", "$5$"),
        ("The answer is $5$ and not $6$.", "$5$"),
        ("The answer is, then, 5.", "5"),
        ("#### $\\frac12$", "\\frac12"),
        ("5 cm", "5 cm"),
        ("It is 5.", "5"),
        ("Thus it is $\\frac38$.\n\nLet me know if you have 2 more questions!", "\\frac38"),
        ("We get x=3. Now check: 3+2=5.", "3"),
        ("\\boxed{5}\n\n### Problem 2\n\\boxed{7}", "5"),
    ],
)
def test_expressions(completion: str, expression: str | None) -> None:
    found = read_expression(completion, closing=True).answer
    assert (found and found.strip("$")) == (expression and expression.strip("$"))


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("The answer is J. R. R. Tolkien.", "J. R. R. Tolkien"),
        ("The answer is George W. Bush. He won in 2000.", "George W. Bush"),
        ("The answer is vitamin C. It is in oranges.", "vitamin C"),
        ("The answer is Dr. Strange. He is a surgeon.", "Dr. Strange"),
        ("The answer is Bonn. Wait, no. It is a town.", "Bonn"),
    ],
)
def test_texts(completion: str, text: str) -> None:
    assert read_text(completion).answer == text


def test_cells_and_sums() -> None:
    assert read_cells("0 1 2 0\n\nInput: 1 1 1 1\nOutput: 2 2 2 2").answer == "0120"
    assert read_cells("0 1 2 ...").answer is None
    assert read_arithmetic("The answer is 2*3. No, it is 2*4.").answer == "2*4"
