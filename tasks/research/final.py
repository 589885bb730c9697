"""The final answer: how it is asked for, and what is read in it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from harness.answers import as_written, read_text

#: the form is that of BrowseComp-Plus (explanation with [id] citations, exact answer, confidence); own words
POLICY = """You answer questions about a collection of documents. {tools}

Your final answer is a message without a tool call, of this form:
Explanation: how the answer follows. After every statement stands the id of its document in square brackets, \
as in [id].
Exact answer: the answer alone, as short as it can be
Confidence: how sure you are, from 0% to 100%"""
TOOLS = {
    True: "Find them with the tool search, and read one whole with the tool get_document.",
    False: "Find them with the tool search.",
}
_COLON = r"[*_ \t]*[:\uff1a][*_ \t]*"
#: the answer stands behind its name, or on the next line that holds something
_ANSWER = re.compile(
    rf"^[\W_]*(?:exact|final)[ \t]+answer{_COLON}(?:\n\s*(?![\W_]*(?:confidence|explanation)\b))?(.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_CONFIDENCE = re.compile(
    rf"^[\W_]*confidence{_COLON}(\d{{1,3}}(?:\.\d{{1,4}})?)[ \t]*([%\uff05]?).*$",
    re.IGNORECASE | re.MULTILINE,
)
_LAST_CITED = re.compile(r"(.*\S)(\s*)\[([^\[\]\n]{1,300})\](\.?)")
_CITED = re.compile(r"\[([^\[\]\n]{1,300})\]")
#: citations that are read, and those within one pair of brackets
MOST_CITED = 200


@dataclass(frozen=True, slots=True)
class Final:
    """What a final message says: `answer` None where it gives none, `confidence` from 0 to 1."""

    answer: str | None
    confidence: float | None
    cited: list[str]


def read_final(text: str, known: Collection[str] = ()) -> Final:
    """A final message. Where no line says 'Exact answer:', the answer is what the message states otherwise;
    citations behind it are no part of it. `known` are ids of documents: `[a, b]` is one citation if that is
    an id, else two."""
    reply = as_written(text)[0]
    found = _ANSWER.findall(reply)
    answer = found[-1] if found else (read_text(_CONFIDENCE.sub("", text)).answer or "")
    if "\\boxed{" in answer:
        answer = read_text(answer).answer or ""
    said = _CONFIDENCE.findall(reply)
    return Final(_bare(answer, known) or None, _share(*said[-1]) if said else None, _cited(reply, known))


def _bare(answer: str, known: Collection[str]) -> str:
    """An answer without marks around it and citations behind it."""
    answer = answer.strip(" \t*_`")
    while (cited := _LAST_CITED.fullmatch(answer)) and (cited[2] or cited[3] in known):
        answer = f"{cited[1]}{cited[4]}".strip(" \t*_`")
    return answer


def _share(number: str, percent: str) -> float | None:
    value = float(number)
    value = value / 100 if percent or value > 1 else value
    return value if value <= 1 else None


def _cited(reply: str, known: Collection[str]) -> list[str]:
    cited: dict[str, None] = {}
    for inside in _CITED.findall(reply)[:MOST_CITED]:
        parts = [inside] if inside in known else re.split(r"[,;]", inside)
        cited.update((part.strip(), None) for part in parts if part.strip())
    return list(cited)
