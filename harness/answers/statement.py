"""A place in a text where an answer is stated."""

from __future__ import annotations

from typing import NamedTuple

#: What is longer than this is a derivation, not an answer.
MAX_ANSWER = 1000


class Statement(NamedTuple):
    """A place where an answer is stated: where it starts, where its content ends, and the content as it is
    written. `form` is its clothing; `whole` where its end is marked, so that all of it is the answer."""

    form: str
    start: int
    end: int
    text: str

    @property
    def whole(self) -> bool:
        return self.form in ("box", "tag", "field")
