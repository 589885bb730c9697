"""When two answers of words are the same, and how far two texts share their words.

The forms follow SQuAD's (Rajpurkar et al. 2016, arXiv:1606.05250): lower case, without punctuation,
articles and extra space. Where SQuAD's rule merges answers that differ they keep apart what it loses: `C#`
is not C, `10%` not 10, `3.14` not 314, and an answer that is nothing but an article ('A') keeps it.
Punctuation of every script counts as such, and both texts are normalised before.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from itertools import zip_longest

from harness.answers import normalise

_ARTICLES = frozenset(("a", "an", "the"))
#: signs that carry the meaning of what they stand at: C++, C#, F*, 10%, -5, 3.14, 1,5, 12:30, 1/2, 10°
_TELLING = re.compile(
    r"(?<=\w)[+#*]+(?!\w)|(?<=\d)\s?[%\u00b0\u2030]|(?<![\w)\]])-(?=[\d.])|(?<=\d)[.,:/-](?=\d)"
    r"|(?<!\w)\.(?=[\da-z])"
)
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u0060\u00b4", "'"))
_KEPT = "\ue000"  # stands for a telling sign while punctuation is taken away


@lru_cache(maxsize=65536)
def squad_form(text: str) -> str:
    """Lower case, without punctuation, articles and extra space."""
    plain = normalise(text.casefold()).translate(_APOSTROPHES)
    signs = [match[0].strip() for match in _TELLING.finditer(plain)]
    plain = _TELLING.sub(_KEPT, plain)
    parts = "".join(sign for sign in plain if not _punctuation(sign)).split(_KEPT)
    words = "".join(part + sign for part, sign in zip_longest(parts, signs, fillvalue="")).split()
    return " ".join([word for word in words if word not in _ARTICLES] or words)


@lru_cache(maxsize=4096)
def _punctuation(sign: str) -> bool:
    return sign != _KEPT and (unicodedata.category(sign)[0] == "P" or sign in "$+<=>^`|~")


def word_overlap(answer: str, target: str) -> float:
    """F1 of the words of two texts; 1 where both have none."""
    given, wanted = squad_form(answer).split(), squad_form(target).split()
    if not given or not wanted:
        return float(given == wanted)
    common = sum((Counter(given) & Counter(wanted)).values())
    return 2 * common / (len(given) + len(wanted))
