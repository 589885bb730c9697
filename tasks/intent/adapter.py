"""Single-label classification, table-driven: what differs between the data sets is in `task.toml`.

No text occurs in two of test, dev and train. The pool holds the training inputs without their
labels. Texts are compared after stripping white space at both ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.answers import Reading
from harness.base import messages
from harness.base.digest import seed_of
from harness.base.errors import DataError
from harness.sample import Classes, LazySamples, Question, Sample, Splits
from harness.spec import DataPin, TaskSpec
from harness.task import Task
from harness.tasks.intent.labels import as_given, read_label

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

    from harness.data.hub import Data, Rows


@dataclass(frozen=True, slots=True)
class Row:
    """A text with its one label. `row` is where it stands in its file or split, from 0, where a recorded
    response may name it so; `group` what it shares with other rows."""

    id: str
    text: str
    label: str
    row: int | None = None
    group: str | None = None

    def question(self, choices: tuple[str, ...]) -> Question:
        metadata = {} if self.row is None else {"row": self.row}
        return Question(self.id, self.text, choices=choices, metadata=metadata)

    def sample(self, choices: tuple[str, ...]) -> Sample:
        return Sample(self.question(choices), self.label, self.group)


class Classification(Task):
    """Asks for one label of a closed set and reads it back."""

    instruction = "Choose the one label that fits the text best."
    closing = "Reply with the label alone, spelled as in the list."
    hint = ""

    def render(self, question: Question) -> str:
        labels = "\n".join(f"- {label}" for label in question.choices)
        parts = [self.instruction, f"Labels:\n{labels}", self.hint, self._text(question)]
        return "\n\n".join(part for part in parts if part)

    def ask(self, question: Question, shots: Sequence[Sample] = ()) -> list[ChatMessage]:
        """The neutral prompt; with demonstrations, the label list stands in the first turn only. A template
        of the user's is filled for every turn."""
        if self.spec.template(self.args):
            return super().ask(question, shots)
        questions = [*(shot.question for shot in shots), question]
        turns = [messages.user(self.render(questions[0]))]
        for shot, following in zip(shots, questions[1:], strict=True):
            turns.append(messages.assistant(shot.demonstration))
            turns.append(messages.user(self._text(following)))
        return turns

    def _text(self, question: Question) -> str:
        return f"Text:\n{question.input}\n\n{self.closing}"

    def read(self, text: str, question: Question) -> Reading:
        return read_label(text, question.choices)


class Intent(Classification):
    """A data set of `task.toml`. Its keys under `settings`:

    `instruction`; `text`, `label` and `id`: columns (`id` may be absent: the row index is the id);
    `kind`: "text", "class-label" or "list" (of which rows with a single label are kept);
    `names`: what label numbers mean, where the column itself doesn't say;
    `strip`: endings to cut off labels, in this order; `exclude`: labels whose rows are left out;
    `optional`: label, parameter and hint of a label that a parameter brings in;
    `longest`: texts are cut to so many characters; `test_share`: the part of the `train` rows that
    is the test set, for data without a test split; `dev_share`, `dev_most`: the part of each label's
    training rows that is the dev set, and the largest number of them;
    `replay`: rows at the end of the file that are the replay's test pool, and `replay_drop`: rows
    left out as duplicates.
    """

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        self.settings = spec.settings
        self.instruction = self.settings.get("instruction", self.instruction)
        optional = self.settings.get("optional")
        if optional and args.get(optional["param"]):
            self.hint = optional["hint"]

    @property
    def classes(self) -> Classes:
        """One label an item; where a parameter brings in a label for what is out of scope, that one is it."""
        optional = self.settings.get("optional")
        if optional and self.args.get(optional["param"]):
            return Classes(out_of_scope=optional["label"])
        return Classes()

    @property
    def replay(self) -> bool:
        """Whether the authors' recorded run is to be repeated."""
        return self.args.get("protocol") == "replay"

    def read(self, text: str, question: Question) -> Reading:
        return (as_given if self.replay else read_label)(text, question.choices)

    def load(self, data: Data) -> Splits:
        if self.replay:
            return self._replay(data)
        pins = self.spec.data
        if "test" in pins:
            test = self._rows(data, pins["test"])
            rest = self._rows(data, pins["train"], prefix=f"{pins['train'].split}-")
        else:
            rows = self._rows(data, pins["train"])
            chosen = share_of_texts(rows, self.settings["test_share"])
            test = [row for row in rows if row.text in chosen]
            rest = [row for row in rows if row.text not in chosen]
        choices = label_set([*test, *rest])
        rest = without_texts(rest, test)
        dev = dev_slice(rest, self.settings["dev_share"], self.settings["dev_most"])
        return splits_of(test, without_texts(rest, dev), dev, choices)

    def _rows(
        self, data: Data, pin: DataPin, prefix: str = "", table: Mapping[str, Any] | None = None
    ) -> list[Row]:
        table = {**self.settings, **(table or {})}
        text, label, own_id = table["text"], table["label"], table.get("id")
        columns = [text, label, *([own_id] if own_id else [])]
        rows = data.rows(pin, columns)
        names = table.get("names") or label_names(rows, label, table["kind"], pin)
        excluded = set(table.get("exclude", ()))
        optional = table.get("optional")
        if optional and not self.args.get(optional["param"]):
            excluded.add(optional["label"])
        longest, endings = table.get("longest"), table.get("strip", ())
        kept = []
        for index, row in enumerate(rows):
            found = one_label(row[label], names)
            said = (row[text] or "").strip()[:longest].rstrip()
            if found is None or not said or found in excluded:
                continue
            for ending in endings:
                found = found.removesuffix(ending)
            name = str(row[own_id]) if own_id else f"{prefix}{index}"
            kept.append(Row(name, said, found, None if prefix or self.replay else index))
        return kept

    def _replay(self, data: Data) -> Splits:
        """The authors' protocol on their own file: the pool is all but its last rows, of which some
        are drawn as the test set. What isn't drawn is the dev set; no recorded row is lost."""
        import numpy

        rows = self._rows(data, self.spec.data["replay"], table=self.settings["replay_columns"])
        last, drop = self.settings["replay"], set(self.settings["replay_drop"])
        if len(rows) != self.settings["replay_rows"]:
            raise DataError(
                f"{self.spec.data['replay'].id} has {len(rows)} rows, not the "
                f"{self.settings['replay_rows']} of the recorded run"
            )
        choices = label_set(rows)
        pool, rest = rows[:-last], rows[-last:]
        size = min(self.args["test_rows"], last)
        drawn = range(last)
        if size < last:
            drawn = numpy.random.RandomState(42).choice(last, size, replace=False).tolist()
        taken = set(drawn)
        test = [rest[place] for place in drawn]
        dev = [row for place, row in enumerate(rest) if place not in taken]
        return splits_of(test, [row for row in pool if int(row.id) not in drop], dev, choices)


def label_names(rows: Rows, column: str, kind: str, pin: DataPin) -> list[str] | None:
    """The names behind label numbers, None where labels are texts.

    Raises:
        DataError: the column has no names although its kind says so.
    """
    if kind == "text":
        return None
    names = rows.features(column)
    if names is None:
        raise DataError(
            f"the column {column!r} of {pin.id} holds no class labels; the Hub copy at "
            f"revision {pin.revision} has another shape than declared"
        )
    return names


def one_label(value: Any, names: Sequence[str] | None) -> str | None:
    """The label of a row; None where it has none or several."""
    if isinstance(value, (list, tuple)):
        if len(value) != 1:
            return None
        value = value[0]
    if value is None:
        return None
    if names is not None and isinstance(value, int):
        return names[value] if 0 <= value < len(names) else None
    return str(value).strip() or None


def label_set(rows: Iterable[Row]) -> tuple[str, ...]:
    """The labels in their fixed order."""
    return in_order({row.label for row in rows})


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Labels alphabetical whatever the case, then by spelling."""
    return tuple(sorted(labels, key=lambda label: (label.casefold(), label)))


def share_of_texts(rows: Iterable[Row], share: float) -> set[str]:
    """A part of the distinct texts, chosen by their content alone."""
    texts = sorted({row.text for row in rows}, key=lambda text: (seed_of("test", text), text))
    return set(texts[: round(share * len(texts))])


def without_texts(rows: Iterable[Row], others: Iterable[Row]) -> list[Row]:
    """The rows whose text isn't among the others' texts."""
    texts = {row.text for row in others}
    return [row for row in rows if row.text not in texts]


def dev_slice(rows: Sequence[Row], share: float, most: int) -> list[Row]:
    """A part of each label's rows, chosen by content; at least one where a label has two."""
    by_label: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_label[row.label].append(row)
    chosen: set[str] = set()
    for own in by_label.values():
        size = min(max(round(share * len(own)), 1), most, len(own) - 1)
        ranked = sorted(own, key=lambda row: (seed_of("dev", row.text), row.id))
        chosen.update(row.id for row in ranked[:size])
    seen: set[str] = set()
    kept = []
    for row in rows:
        if row.id in chosen and row.text not in seen:
            seen.add(row.text)
            kept.append(row)
    return kept


def splits_of(
    test: Sequence[Row], train: Sequence[Row], dev: Sequence[Row], choices: tuple[str, ...]
) -> Splits:
    """The splits over one label set; the pool is the training inputs without their labels."""
    return Splits(
        test=[row.sample(choices) for row in test],
        train=LazySamples(train, lambda _, row: row.sample(choices)),
        pool=[row.question(choices) for row in train],
        dev=[row.sample(choices) for row in dev],
    )
