"""LaMP (Salemi et al., arXiv 2304.11406): four tasks of a local download in the official layout.

Questions are a list of {id, input, profile}, gold outputs {task, golds: [{id, output}]}; the profile's fields
differ by task. The data are CC BY-NC-SA 4.0: not for commercial use, and no part of this project. The lists
of labels are second-hand. Reconstruction: what a past event asks. The benchmark says no more than its
fields, so a method that asks one again asks for the field that the task is about (LaMP-1: the abstract of a
title).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.answers import Reading
from harness.base.documents import load_json
from harness.base.errors import DataError, UsageError
from harness.base.plain import named
from harness.data.cells import cell_text, label_text
from harness.data.content import read_bytes
from harness.sample import Classes, Outcome, Question, Sample, Score, Splits
from harness.spec import TaskSpec
from harness.tasks.intent.labels import read_label
from harness.tasks.personal.adapter import Event, Personal, Rated, User, check_latest, rating, splits_of
from harness.tasks.personal.metrics import (
    exact_label,
    macro_f1,
    official_rating,
    root_mean_square,
    user_mean,
)
from harness.tasks.personal.times import time_of

if TYPE_CHECKING:
    from harness.data.hub import Data
    from harness.stats import Estimate

LOG = logging.getLogger("harness.tasks.personal")


class Lamp(Personal):
    """A task of `task.toml`. Its keys under `settings`: `folders`, what its folder may be called; `query` and
    `response`, the fields of a profile's entry; `labels`, the official list."""

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        self.instruction = spec.settings["instruction"]
        self.labels = tuple(spec.settings["labels"])
        if not args["data"]:
            raise UsageError(
                f"{spec.name} needs -T data=DIR, a folder with LaMP's {args['split']}_questions.json and "
                f"{args['split']}_outputs.json; the data come from LaMP's own download page"
            )
        check_latest(spec.name, args["history"])

    def load(self, data: Data) -> Splits:
        rows, golds = self._read(data, "questions"), self._golds(data)
        if not isinstance(rows, list) or not rows or not all(map(_is_question, rows)):
            raise self._other_version("its questions are no list of {id, input, profile}")
        asked = [str(row["id"]) for row in rows]
        if sorted(asked) != sorted(golds):
            alone = [*sorted(set(asked) ^ set(golds)), *(own for own, n in Counter(asked).items() if n > 1)]
            raise self._other_version(f"questions and outputs don't have the same ids: {named(alone[0])}")
        pasts = {str(row["id"]): self._past(row["profile"], str(row["id"])) for row in rows}
        empty = sum(len(row["profile"]) - len(pasts[str(row["id"])]) for row in rows)
        if empty:
            response = self.spec.settings["response"]
            LOG.warning(
                "%s: %d entries of profiles have no %s and are left out", self.spec.name, empty, response
            )
        kept = [row for row in rows if pasts[str(row["id"])]]
        if len(kept) < len(rows):
            LOG.warning(
                "%s: %d of %d questions have no profile and are left out",
                self.spec.name,
                len(rows) - len(kept),
                len(rows),
            )
        if self.args["users"]:
            longest = sorted(kept, key=lambda row: -len(row["profile"]))[: self.args["users"]]
            chosen = {str(row["id"]) for row in longest}
            kept = [row for row in kept if str(row["id"]) in chosen]
        owners = Counter(str(row.get("user_id", row["id"])) for row in kept)
        users = self._users(kept, pasts, golds, owners)
        return splits_of(users, self.choices, latest=self.args["history"])

    @property
    def choices(self) -> tuple[str, ...]:
        """The closed set that a question has for methods."""
        return self.labels

    def _users(
        self,
        rows: Sequence[Mapping[str, Any]],
        pasts: Mapping[str, Sequence[Event]],
        golds: Mapping[str, str],
        owners: Counter[str],
    ) -> Iterator[User]:
        for row in rows:
            own = str(row["id"])
            user = str(row.get("user_id", own))
            # profiles are of questions: where a user has several, each is a stream of its own
            name = user if owners[user] == 1 else f"{user}/{own}"
            held = Event(own, row["input"], golds[own], {"official": True})
            yield User(name, pasts[own], [held])

    def _past(self, profile: Sequence[Any], own: str) -> list[Event]:
        """The entries of a profile in the order of their dates, where they have some; without those that hold
        no response."""
        query, response = self.spec.settings["query"], self.spec.settings["response"]
        entries = list(profile)
        wanted = {*query, response}
        for entry in entries:
            if not isinstance(entry, Mapping) or not wanted <= entry.keys():
                has = ", ".join(map(str, entry)) if isinstance(entry, Mapping) else named(entry)
                raise self._other_version(
                    f"an entry of the profile of question {named(own)} has {has:.80}, not "
                    f"{', '.join(sorted(wanted))}"
                )
        if any("date" in entry for entry in entries):
            found = [time_of(label_text(entry.get("date"))) for entry in entries]
            if None in found or len({each[1] for each in found if each}) > 1:
                raise DataError(
                    f"{self.spec.name}: the profile of question {named(own)} has no order: its dates are not "
                    "all numbers, or all ISO dates such as 2013-05-21"
                )
            order = sorted(range(len(entries)), key=lambda n: found[n] or (0.0, ""))
            entries = [entries[n] for n in order]
        return [
            Event(
                f"{own}/{number}", "\n".join(f"{field}: {cell_text(entry[field])}" for field in query), said
            )
            for number, entry in enumerate(entries)
            if (said := label_text(entry[response]))
        ]

    def _golds(self, data: Data) -> dict[str, str]:
        found = self._read(data, "outputs")
        golds = found.get("golds") if isinstance(found, Mapping) else None
        if not isinstance(golds, list) or not all(
            isinstance(gold, Mapping) and {"id", "output"} <= gold.keys() for gold in golds
        ):
            raise self._other_version("its outputs are no {task, golds: [{id, output}]}")
        if twice := [own for own, n in Counter(str(gold["id"]) for gold in golds).items() if n > 1]:
            raise self._other_version(f"its outputs have the id {named(twice[0])} twice")
        outputs = {str(gold["id"]): str(gold["output"]).strip() for gold in golds}
        strange = next((output for output in outputs.values() if output not in self.labels), None)
        if strange is not None:
            raise self._other_version(
                f"the gold output {named(strange)} is none of its labels ({', '.join(self.labels[:3])}, ...)"
            )
        return outputs

    def _other_version(self, fault: str) -> DataError:
        folder = Path(self.args["data"]).name
        return DataError(
            f"{self.spec.name}: {folder} holds another task or version of LaMP: {fault} "
            f"({self.spec.settings['versions']})"
        )

    def _read(self, data: Data, what: str) -> Any:
        path = self._file(what)
        data.note_file(str(path))
        try:
            return load_json(read_bytes(path)[0])
        except ValueError as error:
            raise DataError(
                f"{self.spec.name}: {path.name} is no JSON ({error}); fetch it again if it is not whole"
            ) from None

    def _file(self, what: str) -> Path:
        """A file of the download, wherever in the folder it stands.

        Raises:
            DataError: it isn't there.
        """
        split, root = str(self.args["split"]), Path(self.args["data"])
        if not root.is_dir():
            raise DataError(f"{self.spec.name}: {self.args['data']} is no folder")
        if self.args["by"] == "time" and ((root / "time").is_dir() or "time" not in root.name.lower()):
            root = (
                root / "time"
            )  # its files have the names of the other split's, which must not stand in for it
        folders: list[str] = self.spec.settings["folders"]
        names = ["", *(name for folder in folders for name in (folder, folder.lower()))]
        for name in names:
            for inner in ("", split):
                path = root / name / inner / f"{split}_{what}.json"
                if path.is_file():
                    return path
        raise DataError(
            f"{self.spec.name}: no {split}_{what}.json in {root.name} or its folders "
            f"{', '.join(folders)}; LaMP's test split has no public outputs"
        )

    def render(self, question: Question) -> str:
        """A question of the test as LaMP words it; of the past, in our words."""
        if question.metadata.get("official"):
            return question.input
        return f"{self.instruction}\n\n{question.input}"


class LampLabels(Lamp):
    """LaMP-1, LaMP-2M and LaMP-2N: one label, which counts officially letter by letter."""

    @property
    def classes(self) -> Classes:
        return Classes()

    def read(self, text: str, question: Question) -> Reading:
        return read_label(text, self.labels)

    def official(self, outcome: Outcome, question: Question) -> str | None:
        """The label that the official scorer sees: the text itself, or the answer where that came another
        way."""
        said = outcome.text if self.parse(outcome.text, question) == outcome.answer else str(outcome.answer)
        return exact_label(said, self.labels)

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        official = self.official(outcome, sample.question) == sample.target
        return Score({"accuracy": float(official), "read_accuracy": float(outcome.answer == sample.target)})

    def measure_set(
        self, splits: Splits, samples: Sequence[Sample], outcomes: Sequence[Outcome]
    ) -> dict[str, float | Estimate]:
        found = super().measure_set(splits, samples, outcomes)
        gold = [sample.target for sample in samples]
        given = [self.official(o, s.question) for s, o in zip(samples, outcomes, strict=True)]
        if not gold:
            return found
        return found | {
            "lamp_macro_f1": macro_f1(gold, given, self.labels),
            "labels_seen": float(len(set(gold))),
        }


class LampRatings(Lamp, Rated):
    """LaMP-3: a rating from 1 to 5. The official error takes the text as a number, and the farther end
    where it is none; `read_mae` is of the number that is read, on the scale."""

    @property
    def choices(self) -> tuple[str, ...]:
        return ()

    def render(self, question: Question) -> str:
        return Lamp.render(self, question)

    def official(self, sample: Sample, outcome: Outcome) -> float:
        """How far the official scorer has the answer from the gold rating."""
        said = outcome.text
        if self.parse(said, sample.question) != outcome.answer:
            said = str(outcome.answer)
        gold = float(sample.target)
        return abs(official_rating(said, gold) - gold)

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        gold, official = float(sample.target), self.official(sample, outcome)
        read = abs(rating(outcome.answer, gold) - gold)
        return Score({"mae": official, "read_mae": read, "accuracy": float(official == 0)})

    def measure_set(
        self, splits: Splits, samples: Sequence[Sample], outcomes: Sequence[Outcome]
    ) -> dict[str, float | Estimate]:
        errors = [self.official(*pair) for pair in zip(samples, outcomes, strict=True)]
        found = user_mean(samples, errors)
        if found is None:
            return {}
        return {"user_mae": found, "rmse": root_mean_square(errors)}


def _is_question(row: Any) -> bool:
    return (
        isinstance(row, Mapping)
        and isinstance(row.get("id"), str | int)
        and isinstance(row.get("input"), str)
        and isinstance(row.get("profile"), list)
    )
