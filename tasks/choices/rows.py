"""Reads one row of a multiple-choice set, as the Hub's copies write it, into one form: an `Item`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.base.digest import digest
from harness.base.errors import DataError
from harness.sample import Question, Sample

LETTERS = "ABCDEFGHIJ"
#: history questions of MMLU and MMLU-Pro begin so; the passage goes up to the last line, which asks
_PASSAGE = "This question refers to the following information."


@dataclass(frozen=True, slots=True)
class Item:
    """A question with its options in order, and the place of the right one. `row` is where it stands in its
    split, from 0, where a recorded response may name it so."""

    id: str
    stem: str
    options: tuple[str, ...]
    right: int
    categories: tuple[str, ...] = ()
    row: int | None = None

    @property
    def letters(self) -> str:
        """The letters that this question has."""
        return LETTERS[: len(self.options)]

    @property
    def text(self) -> str:
        """The question as asked: its stem and its lettered options."""
        listed = zip(LETTERS, self.options, strict=False)
        return f"{self.stem}\n\n" + "\n".join(f"({letter}) {option}" for letter, option in listed)

    @property
    def key(self) -> str:
        """Equal for questions that differ in white space and case alone."""
        return " ".join(self.text.split()).casefold()

    @property
    def passage(self) -> str | None:
        """What names the passage that the question is about; None where it has none."""
        lead = self.stem.rpartition("\n")[0]
        if not lead.startswith(_PASSAGE):
            return None
        return f"passage {digest(' '.join(lead.split()).casefold())[:16]}"

    def sample(self, choices: tuple[str, ...], group: str | None = None) -> Sample:
        known: dict[str, Any] = {"options": len(self.options)}
        if self.row is not None:
            known["row"] = self.row
        letter = LETTERS[self.right]
        question = Question(self.id, self.text, choices=choices, metadata=known)
        return Sample(question, letter, group, f"Answer: ({letter})", self.categories)


def options_of(listed: Any) -> tuple[list[str], list[str]]:
    """The labels of a row's options and their texts, from any of the Hub's forms: texts alone (labels are
    then letters), {label: [...], text: [...]}, {key: [...], value: [...]}, a list of {key, value}, or a table
    from letter to text.

    Raises:
        ValueError: it is none of these, or a text is missing.
    """
    if isinstance(listed, Sequence) and not isinstance(listed, str):
        if all(isinstance(each, Mapping) for each in listed):
            labels, texts = [each["key"] for each in listed], [each["value"] for each in listed]
        else:
            labels, texts = list(LETTERS[: len(listed)]), list(listed)
    elif isinstance(listed, Mapping):
        for label, text in (("label", "text"), ("key", "value")):
            if {label, text} <= set(listed):
                labels, texts = list(listed[label]), list(listed[text])
                break
        else:
            given = {letter: text for letter, text in listed.items() if text is not None}
            labels, texts = list(given), list(given.values())
    else:
        raise ValueError("it has no options")
    if len(labels) != len(texts) or not all(isinstance(text, str) for text in texts):
        raise ValueError("an option is missing")
    # a space before the right option alone gives it away, as in some rows of MMLU-Pro
    return [str(label).strip() for label in labels], [text.strip() for text in texts]


def place_of(answer: Any, labels: Sequence[str]) -> int:
    """The place of the right option, from 0: an index, a label among `labels` (ARC has 1 to 4 beside A to E),
    or the letter of a place where the labels are something else.

    Raises:
        ValueError: it is none of the options.
    """
    if isinstance(answer, int) and not isinstance(answer, bool):
        place = answer
    else:
        name = str(answer).strip()
        if labels.count(name) == 1:
            return labels.index(name)
        place = LETTERS.find(name) if len(name) == 1 else -1
    if not 0 <= place < len(labels):
        raise ValueError(f"the answer {answer!r} is none of its {len(labels)} options")
    return place


def read_item(id: str, stem: Any, listed: Any, answer: Any, most: int, **more: Any) -> Item:
    """One row as an item; `most` is how many options a question of the set has at most.

    Raises:
        DataError: the row has another shape; says what is wrong with it, not where it stands.
    """
    try:
        labels, texts = options_of(listed)
        if not 2 <= len(texts) <= most:
            raise ValueError(f"it has {len(texts)} options, not 2 to {most}")
        return Item(id, str(stem).strip(), tuple(texts), place_of(answer, labels), **more)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(str(error)) from None
