"""Multiple choice; what differs between the data sets is in `task.toml`.

Keys of `settings`: `stem`, `options`, `answer`, `place` (of the right option), `id` and `category`, columns
(without `id` a row is named by where it stands); `most`, the largest number of options; `todycomm`, the sizes
of `protocol=todycomm`: `test` rows of the split `of`, and at most `train` training rows.

No question stands in two splits: the test keeps it, then dev, and training rows like it are left out.
Questions are compared without regard to white space and case.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.answers import Reading, read_choice
from harness.base.digest import seed_of
from harness.base.errors import DataError
from harness.sample import Outcome, Question, Sample, Splits
from harness.task import Task
from harness.tasks.choices.rows import LETTERS, Item, read_item

if TYPE_CHECKING:
    from harness.data.hub import Data
    from harness.stats import Estimate

#: settings that name a column
COLUMNS = ("stem", "options", "answer", "place", "id", "category")
#: the share of MMLU-Pro's rows that `protocol=quarter` tests on
QUARTER = 0.25


class MultipleChoice(Task):
    """Lettered options of which one is right. A question's `metadata["options"]` says how many it has; its
    `choices`, which all questions share, are the letters of the set."""

    instruction = "Answer the question by choosing one of its options."

    @property
    def letters(self) -> tuple[str, ...]:
        """The letters of the question with the most options."""
        return tuple(LETTERS[: self.spec.settings["most"]])

    @property
    def classes(self) -> None:
        """None: a letter is a place, and what stands there is another thing in every question."""

    def render(self, question: Question) -> str:
        return (
            f"{self.instruction}\n\n{question.input}\n\nReason step by step. End your reply with a line "
            "that holds 'Answer:' and the letter of the option in parentheses."
        )

    def turn_fields(self, question: Question) -> dict[str, str]:
        return {**super().turn_fields(question), "labels": "\n".join(letters_of(question))}

    def read(self, text: str, question: Question) -> Reading:
        return read_choice(text, letters_of(question))

    def wrong(self, sample: Sample, rng: random.Random) -> Any | None:
        """Another of the options that the question has."""
        others = [letter for letter in letters_of(sample.question) if letter != sample.target]
        return rng.choice(others) if others else None

    def samples(self, items: Sequence[Item]) -> list[Sample]:
        """Items as samples, those about one passage as a group."""
        passages = [item.passage for item in items]
        often = Counter(passages)
        return [
            item.sample(self.letters, passage if often[passage] > 1 else None)
            for item, passage in zip(items, passages, strict=True)
        ]

    def measure_set(
        self, splits: Splits, samples: Sequence[Sample], outcomes: Sequence[Outcome]
    ) -> Mapping[str, float | Estimate]:
        """The mean of the accuracies of the categories, each counting the same, with its interval."""
        if "macro_accuracy" not in self.spec.set_metrics or not samples:
            return {}
        right = [self.score(*pair).metrics["accuracy"] for pair in zip(samples, outcomes, strict=True)]
        return {"macro_accuracy": macro(samples, right)}


class Questions(MultipleChoice):
    """A data set of `task.toml` with a test, a validation and a training split."""

    def load(self, data: Data) -> Splits:
        if self.args["protocol"] == "whole":
            test, dev, train = (self.items(data, name) for name in ("test", "validation", "train"))
            return self.splits(test, dev, train)
        sizes = self.spec.settings["todycomm"]
        test = by_content(self.items(data, sizes["of"]), sizes["test"])
        dev = [] if sizes["of"] == "validation" else self.items(data, "validation")
        return self.splits(test, dev, self.items(data, "train"), sizes["train"])

    @property
    def columns(self) -> list[str]:
        """The columns that are read."""
        return [self.spec.settings[key] for key in COLUMNS if key in self.spec.settings]

    def splits(
        self, test: Sequence[Item], dev: Sequence[Item], train: Sequence[Item], most: int | None = None
    ) -> Splits:
        """The splits, no question in two of them, at most so many in train."""
        dev = without(dev, test)
        train = without(train, [*test, *dev])
        train = by_content(train, most or len(train))
        return Splits(self.samples(mixed(test)), self.samples(train), dev=self.samples(dev))

    def items(self, data: Data, name: str) -> list[Item]:
        """The rows of one split.

        Raises:
            DataError: a row has another shape; names it.
        """
        pin, table = self.spec.data[name], self.spec.settings
        prefix = "" if name == "test" else f"{name}-"
        found = []
        for index, row in enumerate(data.rows(pin, self.columns).arrow(self.columns).to_pylist()):
            own = str(row[table["id"]]) if "id" in table else f"{prefix}{index}"
            try:
                found.append(self.item(own, row, index))
            except DataError as error:
                raise DataError(
                    f"{self.spec.name}: row {index} of {pin.id} ({pin.split}): {error}; is it another "
                    "revision than the pinned one?"
                ) from None
        return found

    def item(self, id: str, row: Mapping[str, Any], index: int) -> Item:
        """One row as an item.

        Raises:
            DataError: it has another shape.
        """
        table = self.spec.settings
        category = str(row[table["category"]]) if "category" in table else ""
        parts = (category,) if category else ()
        listed, answer = row[table["options"]], row[table["answer"]]
        return read_item(id, row[table["stem"]], listed, answer, table["most"], categories=parts, row=index)


class MMLUPro(Questions):
    """MMLU-Pro: 3 to 10 options. It has no training split: its 70 validation questions, five a category, are
    the demonstrations."""

    def load(self, data: Data) -> Splits:
        test = self.items(data, "test")
        if self.args["protocol"] == "whole":
            pin = self.spec.data["validation"]
            held = self.items(data, "validation") if pin.split in data.splits(pin) else []
            return self.splits(test, [], held)
        parts: dict[str, list[Item]] = defaultdict(list)
        for item in test:
            parts[item.categories[0]].append(item)
        drawn = {
            item.id for own in parts.values() for item in by_content(own, round(QUARTER * len(own)) or 1)
        }
        return self.splits(
            [item for item in test if item.id in drawn], [], [item for item in test if item.id not in drawn]
        )

    def item(self, id: str, row: Mapping[str, Any], index: int) -> Item:
        options, place = list(row["options"]), row[self.spec.settings["place"]]
        if row["answer"] != LETTERS[place : place + 1]:
            raise DataError(f"its answer {row['answer']!r} is not that of the place {place}")
        # padding, which the benchmark's own code leaves out too
        kept = [n for n, each in enumerate(options) if n == place or str(each).strip() != "N/A"]
        shown = {**row, "options": [options[n] for n in kept], "answer": LETTERS[kept.index(place)]}
        return super().item(id, shown, index)


def letters_of(question: Question) -> str:
    """The letters of the options that a question has."""
    return LETTERS[: question.metadata["options"]]


def by_content(items: Sequence[Item], size: int) -> list[Item]:
    """As many items, chosen by their text alone, in their order; all where there are no more."""
    if size >= len(items):
        return list(items)
    ranked = sorted(range(len(items)), key=lambda n: (rank(items[n].key), n))
    return [items[n] for n in sorted(ranked[:size])]


def rank(key: str) -> int:
    """By what rows are chosen where the source doesn't say which: a number that the text alone decides."""
    return seed_of("choices", key)


def mixed(items: Sequence[Item]) -> list[Item]:
    """Items of several categories in an order by content, so that the first few (`--limit`) are of all; of
    one category as they are."""
    if len({item.categories for item in items}) < 2:
        return list(items)
    return sorted(items, key=lambda item: (seed_of("order", item.key), item.id))


def without(items: Iterable[Item], others: Iterable[Item]) -> list[Item]:
    """The items that aren't among the others."""
    held = {item.key for item in others}
    return [item for item in items if item.key not in held]


def macro(samples: Sequence[Sample], right: Sequence[float]) -> Estimate:
    """The mean over categories (the first of each sample's) of the share that is right, with an interval by
    resampling questions; `right` has one value for each attempt."""
    import numpy as np
    from scipy import sparse

    from harness.stats import bootstrap_estimate

    tried: dict[str, list[float]] = defaultdict(list)
    for sample, value in zip(samples, right, strict=True):
        tried[sample.id].append(value)
    asked = list({sample.id: sample for sample in samples}.values())
    place = {name: n for n, name in enumerate(sorted({sample.categories[0] for sample in asked}))}
    n, k = len(asked), len(place)
    at = (np.arange(n), np.array([place[sample.categories[0]] for sample in asked]))
    hits = np.array([float(np.mean(tried[sample.id])) for sample in asked])
    rows = sparse.hstack([sparse.csr_matrix((each, at), shape=(n, k)) for each in (hits, np.ones(n))])

    def mean(sums: Any) -> Any:
        hit, seen = sums[:, :k], sums[:, k:]
        shares = np.divide(hit, seen, out=np.zeros_like(hit), where=seen > 0)
        return shares.sum(axis=1) / np.maximum((seen > 0).sum(axis=1), 1)

    grouped = any(sample.group for sample in asked)
    return bootstrap_estimate(rows, mean, groups=[s.group or s.id for s in asked] if grouped else None)
