r"""The statement that a derivation closes with: 'Therefore, the sixth term is 350.'

Base models, and models that were not asked for a box, often end so. The evaluators of MATH take the last
number of the text in this case (Qwen2.5-Math) or its last formula (math-verify); both also take the last
line of a derivation that never ended. Here the last sentence that states something counts, and only where
it concludes: it or the sentence before it begins with 'therefore', 'thus', 'so' and the like.
"""

from __future__ import annotations

import re

from harness.answers.locate import MAX_ANSWER, before_next_question

#: sentences without figures at the end of a reply that are passed over: 'This shows how to use Vieta's
#: formulas.'
_MOST_PASSED = 4
#: characters at the end of a reply among which the closing statement stands
_TAIL = 3000

_CONCLUDES = re.compile(
    r"\b(?:therefore|thus|hence|so|consequently|accordingly|finally|in conclusion|in total|in summary"
    r"|altogether|as a result|it follows|we (?:get|have|find|obtain|see|conclude|know)|this (?:gives|means"
    r"|simplifies|leaves|is)"
    r"|which (?:gives|means|simplifies)|must be|simplif\w+|results? in|the (?:sum|total|value|result"
    r"|number) of)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]*]*\s+(?=[A-Z$\\(])|\n\s*\n|\n(?=[A-Z*#\-\d])")
#: sentences that offer help or check what was found
_OFFERS = re.compile(
    r"[*_\s]*(?:let me know|i hope|hope this|feel free|please|if you|would you|do you"
    r"|(?:now,? |(?:let's|let us|we can) )*(?:double-?)?(?:check|verify)\b)",
    re.IGNORECASE,
)
_FIGURES = re.compile(r"[\d$\\]")
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\\\[(.+?)\\\]|\\\((.+?)\\\)|\$([^$]+)\$", re.DOTALL)
_VERB = re.compile(
    r"(?:\b(?:is|are|equals?|be|becomes?|gives?|get|obtain|find|leaves|have|contains?|takes?"
    r"|to)\b(?: exactly| therefore| equal to| just| only| simply| also| approximately)?|=)[ \t]*:?[ \t]*",
    re.IGNORECASE,
)
_HAS_VALUE = re.compile(r"\d|\\(?!text|mathrm)[a-zA-Z]|[-+*/=<>]")
_VERB_BEFORE = re.compile(r"(?:\b(?:is|are|equals?|be|becomes?|get|obtain|find)|[=:])\s*$", re.IGNORECASE)
_QUANTITY = re.compile(
    r"[-+]?\\?\$?\s?(?:\d+ \d+/\d+|\d[\d,]*(?:\.\d+)?(?:\s?/\s?\d+)?|\.\d+)(?:\s?\\?%|\s?\u00b0)?"
)


def closing_statement(text: str) -> str | None:
    """The expression that the last concluding sentence of a text ends with, None where there is none."""
    text = before_next_question(text)[-_TAIL:].rstrip()
    sentences = [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]
    passed = 0
    for place in range(len(sentences) - 1, -1, -1):
        sentence = sentences[place]
        if not _FIGURES.search(sentence) or _OFFERS.match(sentence):
            passed += 1
            if passed > _MOST_PASSED:
                return None
            continue
        before = sentences[place - 1] if place else ""
        if sentence.endswith("?") or not (_CONCLUDES.search(sentence) or _CONCLUDES.search(before[:200])):
            return None
        return _value(sentence)
    return None


def _value(sentence: str) -> str | None:
    """What a sentence says in the end: after the last '=' of its last formula, or the quantity after its last
    verb."""
    sentence = sentence.rstrip(" .*_\n")
    formulas = list(_FORMULA.finditer(sentence))
    plain = _FORMULA.sub(lambda formula: " " * len(formula[0]), sentence)
    quantities = list(_QUANTITY.finditer(plain))
    if formulas and (not quantities or quantities[-1].end() < formulas[-1].start()):
        content = _content(formulas[-1])
        if not _HAS_VALUE.search(content) and not _VERB_BEFORE.search(sentence, 0, formulas[-1].start()):
            return None  # a name that the sentence speaks of: 'the same holds for $c$'
        listed = _list_of(sentence, formulas)
        return (listed or _right_side(content))[:MAX_ANSWER].strip() or None
    for verb in reversed(list(_VERB.finditer(plain))):
        quantity = _QUANTITY.search(plain, verb.end())
        if quantity and quantity.start() - verb.end() <= 40:
            return quantity[0].strip()
    return quantities[-1][0].strip() if quantities else None


_BETWEEN = re.compile(r"\s*(?:,|and|or|,\s*(?:and|or))\s*")


def _list_of(sentence: str, formulas: list[re.Match[str]]) -> str | None:
    """The last formulas of a sentence where they are one list: '$2$ and $3$'."""
    first = len(formulas) - 1
    while first > 0 and _BETWEEN.fullmatch(sentence, formulas[first - 1].end(), formulas[first].start()):
        first -= 1
    group = formulas[first:]
    if len(group) < 2:
        return None
    return ", ".join(_right_side(_content(formula)) for formula in group)


def _content(formula: re.Match[str]) -> str:
    """What stands between the delimiters of a formula."""
    return next(group for group in formula.groups() if group is not None)


def _right_side(formula: str) -> str:
    """The value at the end of a chain of equations; an equation in letters stays whole."""
    sides = re.split(r"(?<![<>\\!])=(?!=)|\\approx", formula)
    if len(sides) < 2:
        return formula
    if len(sides) == 2 and re.search(r"[a-zA-Z]", re.sub(r"\\[a-zA-Z]+", "", sides[0])):
        return formula
    return sides[-1]
