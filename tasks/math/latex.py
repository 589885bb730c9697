r"""LaTeX without its layout: one spelling for what looks alike, and the parts that brackets hold together.

Nothing here changes a meaning: `2 1/3` keeps its space, `3\mathrm{i}` its i, `\text{ cm}` its words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_UNICODE = str.maketrans(
    {
        "\u2212": "-",
        "\u2010": "-",
        "\u2011": "-",
        "\u2013": "-",
        "\u00d7": "\\times ",
        "\u00b7": "\\cdot ",
        "\u22c5": "\\cdot ",
        "\u00f7": "\\div ",
        "\u03c0": "\\pi ",
        "\u03b8": "\\theta ",
        "\u03b1": "\\alpha ",
        "\u03b2": "\\beta ",
        "\u03bb": "\\lambda ",
        "\u221e": "\\infty ",
        "\u2264": "\\le ",
        "\u2265": "\\ge ",
        "\u2260": "\\ne ",
        "\u2248": "\\approx ",
        "\u00b1": "\\pm ",
        "\u00b0": "^\\circ ",
        "\u221a": "\\sqrt ",
        "\u222a": "\\cup ",
        "\u2229": "\\cap ",
        "\u2208": "\\in ",
        "\u2205": "\\emptyset ",
        "\u211d": "\\mathbb{R}",
        "\u2124": "\\mathbb{Z}",
        "\u2220": "\\angle ",
        "\u00bd": "\\frac{1}{2}",
        "\u00bc": "\\frac{1}{4}",
        "\u00be": "\\frac{3}{4}",
        "\u2153": "\\frac{1}{3}",
        "\u2154": "\\frac{2}{3}",
        "\u00a0": " ",
        "\u2009": " ",
        "\u202f": " ",
        "\u2019": "'",
        "\u2032": "'",
        "\u20ac": "\\euro ",
        "\u00a3": "\\pounds ",
        **{code: f"^{{{digit}}}" for digit, code in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
        **{chr(0x2080 + digit): f"_{{{digit}}}" for digit in range(10)},
    }
)

_END = r"(?![a-zA-Z])"
#: Layout and spellings, in the order in which they are rewritten.
_LAYOUT = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<!\\)\$", " "),
        (r"(?<!\\)\\[()\[\]]", " "),
        (r"(?<=\d)(?:\{\s*,\s*\}|,?\\[!,;:]\s?|\\ |~)(?=\d{3}(?!\d))", ""),
        (
            r"(?<![\d.,_^{}])([1-9]\d{0,2})((?: \d{3})+)(?![\d.,]|\s*[\d/])",
            lambda m: m[1] + m[2].replace(" ", ""),
        ),
        (r"(?<=\d)'(?=\d{3}(?!\d))", ""),
        (rf"\\(?:left|right|[bB]igg?[lrm]?){_END}\s*\.?", ""),
        (rf"\\(?:displaystyle|textstyle|scriptstyle|limits|nolimits){_END}", ""),
        (rf"(?<!\\)\\[,;:!> ]|~|\\q?quad{_END}|\\hspace\*?\{{[^{{}}]*\}}|&nbsp;", " "),
        (r"\*\*(?=\s*[\d({a-z-])", "^"),
        (rf"\\[dtc]frac{_END}", r"\\frac"),
        (r"\{\s*(\w+)\s*\\choose\s*(\w+)\s*\}", r"\\binom{\1}{\2}"),
        (rf"\\[dt]binom{_END}", r"\\binom"),
        (rf"\\le(?:q|qslant){_END}", r"\\le"),
        (rf"\\ge(?:q|qslant){_END}", r"\\ge"),
        (rf"\\lt{_END}", "<"),
        (rf"\\gt{_END}", ">"),
        (rf"\\neq{_END}", r"\\ne"),
        (r"<=", r"\\le "),
        (r">=", r"\\ge "),
        (rf"\\varnothing{_END}|\\O{_END}", r"\\emptyset"),
        (r"\\mathbb\s*([A-Z])", r"\\mathbb{\1}"),
        (rf"\\lbrace{_END}", r"\\{"),
        (rf"\\rbrace{_END}", r"\\}"),
        (rf"\\[lr]vert{_END}|\\[lr]?vert{_END}|\\mid{_END}", "|"),
        (rf"\\(?:langle){_END}", "("),
        (rf"\\(?:rangle){_END}", ")"),
        (rf"\\colon{_END}", ":"),
        (rf"\\imath{_END}", "i"),
        (r"\\(?:begin|end)\{array\}(?:\{[^{}]*\})?", lambda m: m[0][: m[0].index("{")] + "{pmatrix}"),
        (r"\\(begin|end)\{[bp]?(?:small)?matrix\}", r"\\\1{pmatrix}"),
        (r"\^\s*\{\s*\\circ\s*\}|\\degrees?(?![a-zA-Z])", r"^\\circ "),
        (rf"\\arc(sin|cos|tan){_END}", r"\\arc\1"),
        (rf"\\dots{_END}|\\cdots{_END}|\u2026|\.\.\.+", r"\\ldots "),
        (r"\\frac\s*(\d)\s*(\d)", r"\\frac{\1}{\2}"),
        (r"\\frac\s*([\da-zA-Z])\s*\{", r"\\frac{\1}{"),
        (r"(\\frac\s*\{[^{}]*\})\s*([\da-zA-Z])", r"\1{\2}"),
        (r"\\frac\s+\{", r"\\frac{"),
        (r"\\sqrt\s*([\da-zA-Z])", r"\\sqrt{\1}"),
        (r"\\sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}"),
        (r"\^\s*-\s*(\d+|[a-zA-Z](?![a-zA-Z]))", r"^{-\1}"),
        (r"([_^])\s*(\w)(?![\w}])", r"\1{\2}"),
        (r"([_^])\s*\{\s*(-?\w+)\s*\}", r"\1{\2}"),
    )
)
_SWITCH = re.compile(r"\{\\(?:rm|bf|it)\s+")
_WRAPPED = re.compile(
    r"\\(text|mbox|hbox|mathrm|textrm|textbf|textit|textnormal|emph|operatorname|mathbf|mathit|boldsymbol|bm|"
    r"boxed|fbox|mathsf|texttt)\*?\s*\{([^{}]*)\}"
)
_IN_TEXT = r"\\text\{[^{}]*\}(?:\s*\^\s*\{?\d\}?)?"
_UNIT_QUOTIENT = re.compile(rf"\\frac\s*\{{\s*({_IN_TEXT})\s*\}}\s*\{{\s*({_IN_TEXT})\s*\}}")
_LABEL = re.compile(r"(\w[^{}]*?)(?:\s*:|\s+is|\s+equals|\s+are)")
_ALSO_WORDS = {"min", "max", "sec"}
_UNIT_PRODUCT = re.compile(
    r"[a-zA-Z]+(?:\s*\^\s*-?\d)?(?:\s*(?:\\cdot|/)\s*[a-zA-Z]+(?:\s*\^\s*-?\d)?)+|[a-zA-Z]{2,}\^[23]"
)
_PLAIN_LETTERS = {"i", "e", "d", "x", "y", "pi"}
FUNCTIONS = (
    "sin cos tan cot sec csc log ln exp gcd lcm max min arcsin arccos arctan sinh cosh tanh det".split()
)


def tidy(text: str) -> str:
    r"""An expression in one spelling, with single spaces; words stand in `\text{}` where they stood in
    any such wrapper. What is bold or boxed is unwrapped. Never raises."""
    text = " ".join(text.translate(_UNICODE).split())
    text = _SWITCH.sub(r"\\text{", text)
    for pattern, replacement in _LAYOUT:
        text = pattern.sub(replacement, text)
    for _ in range(6):  # a wrapper in a wrapper
        unwrapped = _WRAPPED.sub(_unwrapped, text)
        if unwrapped == text:
            break
        text = unwrapped
    text = _UNIT_QUOTIENT.sub(r"\1/\2", " ".join(text.replace("\0", "\\text").split()))
    text = text.strip() if text.endswith("\\ldots") else text.strip().rstrip(".,;:").strip()
    while text.startswith("{") and text.endswith("}") and _closes_at_end(text, 0):
        text = text[1:-1].strip()
    return text


def _unwrapped(match: re.Match[str]) -> str:
    command, words = match[1], " ".join(match[2].split())
    if command in ("boxed", "fbox", "mathbf", "mathit", "boldsymbol", "bm") and (
        len(words) < 2 or "box" in command
    ):
        return f" {words} "
    if words in FUNCTIONS and (words not in _ALSO_WORDS or command == "operatorname"):
        return f"\\{words} "
    if words in _PLAIN_LETTERS and command != "textbf":
        return " \\pi " if words == "pi" else f" {words} "
    if not words:
        return " "
    if label := _LABEL.fullmatch(words):
        return f"\0{{{label[1]}}} : "
    if _UNIT_PRODUCT.fullmatch(words):
        return f"\0{{{words}}}"
    if re.search(r"[\d\\^_,=<>]", words) or re.fullmatch(
        r"\(\s*[A-Z]\s*\)|\W+|\(?[A-Z]\)?(?:\s*(?:,|,?\s+and|,?\s+or)\s+\(?[A-Z]\)?)+", words
    ):
        return f" {words} "
    return f"\0{{{words}}}"


def members(text: str) -> list[str]:
    """The parts between commas and semicolons that stand in no bracket."""
    return [part.strip() for part in _parts(text)]


def _parts(text: str) -> Iterator[str]:
    depth = start = 0
    for position, sign in enumerate(text):
        if sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
        elif sign in ",;" and depth == 0:
            yield text[start:position]
            start = position + 1
    yield text[start:]


def enclosed(text: str) -> tuple[str, str, str] | None:
    """(opening, content, closing) where one pair of brackets holds all of the text, else None; `[` may be
    closed by `)`."""
    if text.startswith("\\{") and text.endswith("\\}") and _closes_at_end(text, 1):
        return "{", text[2:-2].strip(), "}"
    if len(text) > 1 and text[0] in "([" and text[-1] in ")]" and _closes_at_end(text, 0):
        return text[0], text[1:-1].strip(), text[-1]
    return None


def _closes_at_end(text: str, start: int) -> bool:
    depth = 0
    for position in range(start, len(text)):
        if text[position] in "([{":
            depth += 1
        elif text[position] in ")]}":
            depth -= 1
            if depth == 0:
                return position == len(text) - 1
    return False


def rows(text: str) -> list[list[str]] | None:
    """The cells of a matrix that is all of the text, row by row, else None."""
    opening, closing = "\\begin{pmatrix}", "\\end{pmatrix}"
    if not (text.startswith(opening) and text.endswith(closing)) or text.count(opening) != 1:
        return None
    lines = (line for line in text[len(opening) : -len(closing)].split("\\\\") if line.strip())
    return [[cell.strip() for cell in line.split("&")] for line in lines]
