"""One normal form for every way of writing an answer."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tasks.math.answers import MAX_ANSWER, Kind, canonical

KINDS: tuple[Kind, ...] = ("integer", "number", "expression")


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("007", "7"),
        ("25", "25"),
        ("-3", "-3"),
        ("+3", "3"),
        ("-0", "0"),
        ("1,000", "1000"),
        ("70,000 dollars", "70000"),
        ("$1,234.50", "1234.5"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("25%", "25"),
        ("18.0", "18"),
        (".5", "0.5"),
        ("0.050", "0.05"),
        ("1/2", "0.5"),
        ("2/3", "2/3"),
        ("4/6", "2/3"),
        ("\\frac{1}{3}", "1/3"),
        ("1\\frac{1}{2}", "1.5"),
        ("2 1/2 hours", "2.5"),
        ("10{,}080", "10080"),
        ("11,\\! 111", "11111"),
        ("1\\,000", "1000"),
        ("x = 25", "25"),
        ("168+289+49=506", "506"),
        ("96 * 5 = 480", "480"),
        ("336^\\circ", "336"),
        ("\\text{18 eggs}", "18"),
        ("The boots cost more than $99", "99"),
        ("5 \\text{ cm}", "5"),
        ("\u2212 4", "-4"),
        ("1/0", "1/0"),
        ("3 \\cdot 10^4", "30000"),
    ],
)
def test_numbers(written: str, form: str) -> None:
    assert canonical(written, "number") == form
    assert canonical(written, "integer") == form


@pytest.mark.parametrize("written", ["2,-1", "a - 1", "-1 + 2i", "5\\sqrt{2}", "10-15", "3 \\pi"])
def test_what_holds_more_than_a_number_is_not_read_as_one(written: str) -> None:
    assert canonical(written, "number") not in ("2", "-1", "1", "5", "10", "3", "30000")


@pytest.mark.parametrize(
    "same",
    [
        ("\\frac12", "\\frac{1}{2}", "\\dfrac{1}{2}", "1/2", "0.5", ".50", "$\\tfrac12$", "\\frac24"),
        ("-\\frac{1}{2}", "\\frac{-1}{2}", "\\frac{1}{-2}", "-1/2", "\u2212\u00bd"),
        ("1000", "1,000", "1{,}000", "1,\\!000", "\\$1000", "1000.0"),
        ("9/5", "1\\frac{4}{5}", "1 \\frac45", "1.8"),
        ("p-q", "p - q", "$p-q$", "\\(p - q\\)"),
        ("\\left( 3, \\frac{\\pi}{2} \\right)", "(3,\\frac{\\pi}2)", "(3, \\dfrac{\\pi}{2})"),
        ("x=5", "5", "\\boxed{5}", "f(x) = 5", "5.", "5 \\text{ cm}^2", "5 cm", "5^\\circ", "5\\%"),
        ("1,-2", "1 and -2", "x=1 \\text{ or } x=-2", "$1$, $-2$", "x = 1, x = -2"),
        ("\\{2,1\\}", "\\{1, 2\\}", "\\left\\{ 1,2 \\right\\}", "1,2"),
        ("3+\\sqrt{2},3-\\sqrt{2}", "3 \\pm \\sqrt2", "x = 3\\pm\\sqrt{2}"),
        ("\\text{Evelyn}", "evelyn", "\\textbf{Evelyn}", "$\\mathrm{Evelyn}$"),
        ("\\text{(B)}", "B", "(B)", "\\textbf{(B)}", "\\textbf{B}"),
        ("2516_8", "2516_{8}", "$2516_8$"),
        ("12", "12^{\\mathrm{th}} \\text{ grade}", "12\\text{th}"),
        ("\\begin{pmatrix}1/2\\\\3\\end{pmatrix}", "\\begin{bmatrix} \\frac12 \\\\ 3 \\end{bmatrix}"),
        ("(-\\infty,3]", "x \\in (-\\infty, 3]", "\\left(-\\infty, 3\\right]", "(-\u221e, 3]"),
        ("3\\pi", "3\u03c0", "3 \\pi"),
        ("120 \\cdot 6 = 720", "720"),
    ],
)
def test_one_form(same: tuple[str, ...]) -> None:
    assert len({canonical(each, "expression") for each in same}) == 1, [
        canonical(each, "expression") for each in same
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("(1,2)", "(2,1)"),
        ("1,2", "2,1"),
        ("[1,2)", "(1,2)"),
        ("x^2+y^2=25", "25"),
        ("12", "1,2"),
        ("\\pi r", "\\pir"),
        ("2516_7", "2516_8"),
        ("x=2,y=3", "x=3,y=2"),
        ("0.33", "1/3"),
        ("(0,100)", "(0100)"),
        ("\\sin 30^\\circ", "\\sin 30"),
        ("-5", "5"),
        ("B", "b"),
        ("x=2x+3", "2x+4"),
        ("even", "odd"),
    ],
)
def test_other_answers_keep_other_forms(one: str, other: str) -> None:
    assert canonical(one, "expression") != canonical(other, "expression")


def test_the_form_is_still_latex() -> None:
    assert canonical("3 \\pi r", "expression") == "3\\pi r"
    assert canonical("2 \\cdot  x", "expression") == "2\\cdot x"


def test_long_text_is_only_stripped() -> None:
    text = "x+" * MAX_ANSWER + " "
    assert canonical(text, "expression") == text.strip()


PIECES = st.sampled_from(
    [
        "0",
        "5",
        "12",
        ".5",
        ",",
        "1,000",
        "{,}",
        "-",
        "+",
        "=",
        "/",
        "\\frac",
        "\\frac12",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "\\{",
        "\\}",
        "x",
        "y = ",
        "A",
        "B_",
        "_",
        "^",
        "^\\circ",
        "\\circ",
        "\\sqrt",
        "sqrt(",
        "\\pi",
        "\\text{",
        "\\text{ cm}",
        "\\mbox{in}",
        "\\boxed{",
        "\\mathrm{th}",
        "th",
        " cm",
        " and ",
        "\\text{ or }",
        " ",
        "\\ ",
        "\\,",
        "\\!",
        "~",
        "\\left",
        "\\right",
        "$",
        "\\$",
        "%",
        "\\%",
        "\\pm",
        "\\in",
        "&",
        "\\\\",
        "\\begin{pmatrix}",
        "\\end{pmatrix}",
        "\\begin{bmatrix}",
        "\u00bd",
        "\u221a",
        "\u2212",
        "\\le",
        "\n",
    ]
)
ANSWERS = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join))


@given(ANSWERS, st.sampled_from(KINDS))
def test_idempotent(answer: str, kind: Kind) -> None:
    form = canonical(answer, kind)
    assert canonical(form, kind) == form


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "piece",
    [
        "9",
        "1,",
        "{",
        "(",
        "[",
        "\\text{",
        "a ",
        "=",
        "x=1,",
        " and ",
        "\\pm",
        "\\ ",
        "\\sqrt",
        "^",
        "\\left",
        "$",
        "\\(",
        "1/",
        ".",
        "\\begin{pmatrix}",
        "th",
        "\\pmth",
        "\\in",
        "\\text\\in",
        "5 ",
        "\\{",
        "~",
    ],
)
def test_repetition_up_to_the_limit_is_idempotent_too(piece: str, kind: Kind) -> None:
    """Also a guard against patterns that take exponential or cubic time: this would not end."""
    for answer in (piece * (MAX_ANSWER // len(piece)), "5" + piece * 150 + "x", piece * 150 + "5"):
        form = canonical(answer, kind)
        assert canonical(form, kind) == form


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_a_rational_has_one_form(top: int, bottom: int) -> None:
    reduced = Fraction(top, bottom)
    plain = canonical(f"{top}/{bottom}", "number")
    assert Fraction(plain) == reduced
    assert canonical(f"\\frac{{{top}}}{{{bottom}}}", "number") == plain
    latex = canonical(f"\\dfrac{{{top}}}{{{bottom}}}", "expression")
    assert latex == canonical(f"{top}/{bottom}", "expression")


@given(st.integers(0, 10**9))
def test_thousands_and_zeros(value: int) -> None:
    for written in (f"{value:,}", f"{value:,}".replace(",", "{,}"), f"00{value}", f"{value}.00"):
        for kind in KINDS:
            assert canonical(written, kind) == str(value)
