"""Lists that stand in the cells of tables as texts, as JSON, Python and numpy write them."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from typing import Any

from harness.data.cells import as_text, tidy

#: an array of numbers as numpy writes it
_NUMBERS = re.compile(r"\[\s*[-+]?[\d.][\d.e+-]*(?:\s+[-+]?[\d.][\d.e+-]*)*\s*\]")
_NAMED = {"True": True, "False": False, "None": None, "nan": None}


def cell_labels(value: Any, separator: str) -> list[str] | None:
    """The labels of a cell: a list, the text of a list as JSON or Python writes it, or a text with
    `separator` between them. None for a text without a separator that is no list."""
    found = as_text(value)
    if isinstance(found, str) and found.strip():
        listed = as_text(list_of(found.strip()))
        if listed is None and separator:
            listed = found.split(separator)
        if listed is None:
            return None
        found = listed
    labels = map(tidy, found or ())
    return list(dict.fromkeys(label for label in labels if label))


def list_of(text: str) -> list[Any] | None:
    """A list as JSON, Python or numpy writes it; numbers keep their characters. None for any other text."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        found = json.loads(text, parse_int=str, parse_float=str)
        return found if isinstance(found, list) else None
    except (ValueError, RecursionError):
        return text[1:-1].split() if _NUMBERS.fullmatch(text) else _python_list(text)


def _python_list(text: str) -> list[Any] | None:
    """The values of a list of Python; between texts there may be space alone, as numpy writes an array, which
    Python would read as one text."""
    found: list[Any] = []
    before = ","
    try:
        tokens = [
            each for each in tokenize.generate_tokens(io.StringIO(text).readline) if each.string.strip()
        ]
        for token in tokens[1:-1]:
            if token.type == tokenize.STRING and before not in "+-":
                found.append(ast.literal_eval(token.string))
            elif token.type == tokenize.NUMBER and before in ",+-":
                found.append(before.strip(",") + token.string)
            elif token.string in _NAMED and before == ",":
                found.append(_NAMED[token.string])
            elif not (token.string == "," or (token.string in "+-" and before == ",")):
                return None
            before = token.string if token.type == tokenize.OP else "value"
    except (tokenize.TokenError, ValueError, SyntaxError):
        return None
    return found
