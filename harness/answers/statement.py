"""A place in a text where an answer is stated."""

from __future__ import annotations

from typing import NamedTuple

#: What is longer than this is a derivation, not an answer.
MAX_ANSWER = 1000


class Statement(NamedTuple):
    """A place where an answer is stated.

    Attributes:
        form: how it is marked: a `box`, `tag` or `field` of JSON; a `phrase` ('the answer is X'), a `heading`
            with the answer below it, `backwards` ("X is the answer"), a `mark` (`#### X`), a `correction`.
        start: where it starts in the text.
        end: where its content ends in the text.
        text: its content as it is written.
    """

    form: str
    start: int
    end: int
    text: str

    @property
    def whole(self) -> bool:
        """Whether its end is marked too, so that all of its content is the answer."""
        return self.form in ("box", "tag", "field")
