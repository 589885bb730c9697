"""Texts as an index and a ledger see them: terms that are matched, tokens that are counted."""

from __future__ import annotations

import re
import unicodedata

_TERM = re.compile(r"\w+")
#: a word of at most eight characters, or one mark: near what tokenizers of models make of English
_TOKEN = re.compile(r"\w{1,8}|[^\w\s]")


def terms(text: str) -> list[str]:
    """The terms of a text: runs of letters and digits, NFKC, without case and accents. There is no stemming
    and no list of stop words, so that the same rule holds for every language with spaces."""
    plain = text if text.isascii() else unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text))
    if not plain.isascii():
        plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    return _TERM.findall(plain.casefold())


def count_tokens(text: str) -> int:
    """How many tokens a text is taken for, by one rule for all models: retrieved text is charged by it, as a
    server says only how long a whole prompt was."""
    return sum(1 for _ in _TOKEN.finditer(text))


def beginning(text: str, tokens: int) -> str:
    """The first `tokens` tokens of a text as it stands; all of it where it has no more."""
    for number, found in enumerate(_TOKEN.finditer(text)):
        if number == tokens:
            return text[: found.start()].rstrip()
    return text
