r"""Finds the answer of a reply to a question of LiveBench's reasoning category, or of a part without own
rules.

A reader takes the reply without its thoughts and the question, and returns one answer or None. Which marks
count differs from part to part: bold where the questions ask for bold, <solution> where they ask for that,
and the markup that each grader forgives, such as \text in a box, and no other.
"""

from __future__ import annotations

import re
from itertools import product

from harness.sample import Question
from harness.tasks.reasoning.livebench_marks import Unreadable, last, last_box, last_line, tagged, without

VERDICTS = ("yes", "no", "unknown")
NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
).split()
#: shapes that may stand in a short phrase in bold, such as "two tetrahedra"
SHAPES = ("tetrahedra", "tetrahedron", "triangle", "square")
#: characters of a last line that is taken for the answer, and parts in bold that are looked at
LONGEST = 200

_TRIPLES = tuple(", ".join(each) for each in product(VERDICTS, repeat=3))
_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_BOLD_ON_LINE = re.compile(r"\*\*(.*?)\*\*")
_ANY_STARS = re.compile(r"(\*{2,5})(.*?)\1")
_POINTS = (re.compile(r"\(\s*(-?\d+)\s*,\s*(-?\d+)\s*\)"), re.compile(r"(-?\d+)\s*,\s*(-?\d+)"))
_SAID = re.compile(r"answer(?: is)?\s{0,3}[:=]\s{0,3}([^\n]{1,300})", re.IGNORECASE)


def shape(text: str, question: Question) -> str | None:
    r"""A number or a shape: in the last box if it is bare there, else the last of three parts in bold that is
    no heading, else in that box or a reply of up to three words, as `\boxed{...}`: these two count to
    the letter."""
    try:
        boxed = last_box(text)
    except Unreadable:
        boxed = None
    if boxed is not None:
        boxed = without(boxed, "\\textbf{", "\\mathbf{", "\\text{", "}")
        if _bare(boxed):
            return boxed
    bold = [part.strip().lower() for part in _BOLD.findall(text)][-3:]
    if bold:
        named = [
            part for part in bold if not ("answer" in part or part.startswith("(") or part.endswith(":"))
        ]
        return (named or bold)[-1] or None
    if boxed is None and len(text) <= LONGEST and len(text.split()) <= 3:
        boxed = text
    return (boxed if _bare(boxed) else f"\\boxed{{{boxed}}}") if boxed else None


def _bare(text: str) -> bool:
    """Whether it says the same in bold, where capitals, numbers as words and phrases count too."""
    phrase = text not in SHAPES and any(name in text for name in SHAPES)
    return re.fullmatch(r"\d+|[a-z][a-z -]*", text) is not None and text not in NUMBERS and not phrase


def names(text: str, question: Question) -> str | None:
    """Names in their order: the last part in bold, in lower case, or the parts in bold that end the reply,
    with `; ` between them, if each is one word."""
    bold = [found[1] for found in _ANY_STARS.findall(text.lower())][-LONGEST:]
    run: list[str] = []
    for part in reversed(bold):
        if not part or " " in part or ";" in part:
            break
        run.insert(0, part)
    return "; ".join(run) or (bold[-1].replace(";", ",") if bold else None) or None


def container(text: str, question: Question) -> str | None:
    """A phrase: in the last <solution>, also between two closing tags, else the last line, without 'answer:'
    before it; lower case, without punctuation."""
    found = last(tagged(text, anyhow=True) or tagged(text, anyhow=True, opening="</solution>"))
    if found is None:
        found = last_line(text)
        for prefix in ("Answer:", "answer:", "The answer is", "the answer is"):
            found = found.removeprefix(prefix).strip()
    return re.sub(r"[.,!?;:]", "", found.lower()).strip() or None


def point(text: str, question: Question) -> str | None:
    """Two whole numbers as `x,y`: in the last <solution>, with or without parentheses."""
    inside = last(tagged(text, anyhow=True)) or ""
    for pattern in _POINTS:
        if (found := pattern.search(inside)) and max(map(len, found.groups())) < LONGEST:
            return f"{int(found[1])},{int(found[2])}"
    return None


def grid(text: str, question: Question) -> str | None:
    """All that stands in the first <solution>, without white space."""
    return "".join((tagged(text, anyhow=True) or [""])[0].split()) or None


def verdicts(text: str, question: Question) -> str | None:
    """Three of yes, no and unknown (web_of_lies_v2): as they stand in the last <solution>, else the last
    three in bold, else as they stand in the last box, else the last list of three."""
    inside = last(tagged(text) or tagged(text, opening="</solution>"))
    if inside is None:
        words = (
            without(word, ",", ".") for part in _BOLD_ON_LINE.findall(text.lower()) for word in part.split()
        )
        inside = ", ".join([word for word in words if word in VERDICTS][-3:]) or None
    if not (inside or "").strip():
        boxed = last_box(text.replace("\\textbf{", "\\boxed{"))
        inside = boxed if boxed is not None else inside
    found = _last_triple(text) if inside is None else inside
    if found and three_verdicts(found):  # words around the list are of no account then
        found = next((each for each in _TRIPLES if each in found), found)
    return found or None


def three_verdicts(text: str) -> bool:
    """Whether LiveBench counts three of the words: it counts an unknown twice, for the no in it."""
    return sum(text.count(word) for word in VERDICTS) == 3


def each_verdict(text: str, question: Question) -> str | None:
    """A list of yes, no and unknown (web_of_lies_v3) as it stands in the last <solution>, else in the last
    box, else the last list of three."""
    inside = last(tagged(text))
    if not (inside or "").strip():
        boxed = last_box(text.replace("\\textbf{", "\\boxed{"))
        inside = inside if boxed is None else without(boxed, "\\text{", "}")
    return (_last_triple(text) if inside is None else inside) or None


def _last_triple(text: str) -> str | None:
    """The list of three whose first mention comes last."""
    lower = text.lower()
    place, found = max((lower.find(each), each) for each in _TRIPLES)
    return found if place >= 0 else None


def places(text: str, question: Question) -> str | None:
    """Parts with commas between them: of the <solution>, of the last ones together if there are several, else
    of the last box, else of the last line if it has as many parts as the question asks for."""
    wanted = int(question.metadata.get("parts", 0))
    found = tagged(text) or tagged(text, opening="</solution>")
    if not found and (boxed := last_box(text)) is not None:
        found = [without(boxed, "\\text{", "}", "\\")]
    if not found and last_line(text).count(",") == wanted - 1:
        found = [last_line(text)]
    parts = [part.strip().lower().replace("-", " ") for each in found for part in each.split(",")]
    if len(found) > 1:
        parts = parts[-wanted:]
    return ", ".join(part.replace("position", "").strip() for part in parts) if any(parts) else None


def last_word(text: str, question: Question) -> str | None:
    """The last word between triple stars, else the last word of the reply (zebra puzzles of 2024)."""
    found = re.findall(r"\*\*\*(\w+)\*\*\*", text) or re.findall(r"\w+", text)
    return found[-1].lower() if found else None


def short(text: str, question: Question) -> str | None:
    """For a part without a rule of its own: in the last <solution>, else in the last box, in bold, or after
    'answer:', else the last line if it is short."""
    boxed, line = last_box(text), last_line(text)
    found = (
        tagged(text, anyhow=True) or ([boxed] if boxed else []) or _BOLD.findall(text) or _SAID.findall(text)
    )
    found = found or ([line] if len(line) <= LONGEST else [])
    return normal(found[-1]) or None if found else None


def normal(text: str) -> str:
    """Lower case, without markup, punctuation around it and extra space."""
    plain = " ".join(text.replace("\\text", " ").split()).strip("*_`$.{}()[]\"' ").casefold()
    return re.sub(r"\s*,\s*", ", ", plain)
