"""Tokenizers of characters and of words, read from the same tokenizer.json that transformers reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.base.documents import load_json

#: what Unicode calls white space, at which `WhitespaceSplit` of transformers splits; Python's `\\s` has more
SPACE = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


class Tokenizer:
    """A vocabulary with the special tokens `<pad>`, `<bos>`, `<eos>` and `<unk>`. As in transformers, the
    name of a special token in a text is that token, and a part outside the vocabulary becomes `<unk>`."""

    #: the pattern of one part, given that of a special token
    part: str
    #: what stands between two parts of a text
    between = ""

    def __init__(self, document: dict[str, Any]) -> None:
        self.ids: dict[str, int] = document["model"]["vocab"]
        self.texts = {index: token for token, index in self.ids.items()}
        self.bos, self.eos = self.ids["<bos>"], self.ids["<eos>"]
        self.pad, self.unknown = self.ids["<pad>"], self.ids["<unk>"]
        names = [token["content"] for token in document["added_tokens"]]
        self.special = frozenset(self.ids[name] for name in names)
        special = "|".join(map(re.escape, names))
        self._part = re.compile(f"{special}|{self.part.format(special=special)}", re.DOTALL)

    def tokens(self, text: str) -> list[int]:
        """A token for every part of a text."""
        return [self.ids.get(part, self.unknown) for part in self._part.findall(text)]

    def encode(self, text: str) -> list[int]:
        """`<bos>` and a token for every part."""
        return [self.bos, *self.tokens(text)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text, without special tokens."""
        return self.between.join(self.texts[i] for i in ids if i not in self.special)


class CharacterTokenizer(Tokenizer):
    """One token a character."""

    part = "."


class WordTokenizer(Tokenizer):
    """One token a word; words stand between white space."""

    part = "(?:(?!{special})[^" + SPACE + "])+"
    between = " "


def read_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer of a tokenizer.json.

    Raises:
        OSError: there is no such file.
        ValueError: it splits texts otherwise than by character or by white space.
        KeyError: it lacks a part.
    """
    document = load_json(path.read_text("utf-8"))
    kind = (document["pre_tokenizer"] or {}).get("type"), document["model"].get("type")
    if kind == ("WhitespaceSplit", "WordLevel"):
        return WordTokenizer(document)
    if kind == ("Split", "WordLevel"):
        return CharacterTokenizer(document)
    raise ValueError(f"{path} is a tokenizer of neither characters nor words")
