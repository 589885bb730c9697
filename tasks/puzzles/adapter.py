"""ARC-1D, Countdown and Zebra as tasks; the sets are embedded, so nothing is downloaded."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from harness.answers import Reading, read_arithmetic, read_cells
from harness.base.errors import DataError
from harness.data.hub import Data
from harness.sample import Question, Sample, Splits
from harness.task import Task
from harness.tasks.puzzles import check, generate, prompts

Item = dict[str, Any]

#: generated sets lie apart from the committed ones and from what the pocket policies were trained on
LEVEL_SEED = 1_000_000_000
GENERATED_SEEDS = {"train": 0, "dev": 500_000_000}


class Puzzle(Task):
    """An embedded puzzle set: 200 items a level for test and train (which lacks level 4), 25 for dev.

    A level chooses items of all sets; level 4 is trained on levels 1 to 3. With `bank=N` the train set, and
    with `dev=N` the dev set, is N items a level, made on the spot with reasoning-gym; no item is in two sets.
    """

    def load(self, data: Data) -> Splits:
        name = self.spec.settings["puzzle"]
        test = self._embedded(name, "test", data)
        train = self._set(name, "train", self.args["bank"], data)
        dev = self._set(name, "dev", self.args["dev"], data, apart=train)
        return Splits(test=self._samples(test), dev=self._samples(dev), train=self._samples(train))

    def _embedded(self, name: str, split: str, data: Data) -> list[Item]:
        data.read.append(
            {
                "id": f"embedded/{name}",
                "config": None,
                "split": split,
                "revision": "reasoning-gym 0.1.25",
                "pinned": True,
            }
        )
        return generate.read(name, split)

    def _set(self, name: str, split: str, size: int, data: Data, apart: Sequence[Item] = ()) -> list[Item]:
        """The embedded set, or with a size so many items a level, made on the spot."""
        if not size:
            return self._embedded(name, split, data)
        try:
            import reasoning_gym
        except ImportError:
            raise DataError(
                "bank and dev make items with reasoning-gym, which is not installed: pip install "
                "'harness[train]', or leave them at 0 for the embedded sets"
            ) from None
        argument = "bank" if split == "train" else split
        data.read.append(
            {
                "id": f"generated/{name}",
                "config": f"{argument}={size}",
                "split": split,
                "revision": f"reasoning-gym {reasoning_gym.__version__}",
                "pinned": True,
            }
        )
        levels = generate.SETS[split][1]
        chosen = [level for level in levels if self.args["level"] == str(level)]
        return [
            {"id": f"{name}-{argument}-{level}-{number}", **item}
            for level in chosen or levels
            for number, item in enumerate(
                generate.new_items(name, level, size, LEVEL_SEED * level + GENERATED_SEEDS[split], apart)
            )
        ]

    def _samples(self, items: list[dict[str, Any]]) -> list[Sample]:
        chosen = [item for item in items if self.args["level"] == str(item["level"])]
        return [self.sample(item["id"], item) for item in chosen or items]

    def sample(self, sample_id: str, item: Mapping[str, Any]) -> Sample:
        """One item; its target stays out of the question."""
        raise NotImplementedError

    @property
    def compact(self) -> bool:
        """Whether questions are put in the notation of small policies."""
        return self.args.get("style") == "compact"


class Arc1D(Puzzle):
    """One row of colours becomes another by a hidden rule shown in three examples; exact match."""

    instruction = "Find the rule that turns each input row into its output row and apply it."

    def sample(self, sample_id: str, item: Mapping[str, Any]) -> Sample:
        digits = "".join(map(str, item["target"]))
        if self.compact:
            text, shot = prompts.compact_arc(item["examples"], item["query"]), digits
        else:
            text, shot = prompts.neutral_arc(item), "output: " + " ".join(digits)
        question = Question(sample_id, text, metadata={"level": item["level"]})
        return Sample(question, digits, shot=shot)

    def read(self, text: str, question: Question) -> Reading:
        return read_cells(text)

    def wrong(self, sample: Sample, rng: random.Random) -> str:
        """The cells of the right row in another order, which tells less of it than a slip would; where they
        are all of one colour, of another."""
        row = str(sample.target)
        if len(set(row)) == 1:
            return rng.choice([colour for colour in "0123456789" if colour != row[0]]) * len(row)
        mixed = row
        while mixed == row:
            mixed = "".join(rng.sample(row, len(row)))
        return mixed


class Countdown(Puzzle):
    """An expression over given numbers, each used once, with a given value; checked exactly."""

    instruction = "Write an arithmetic expression that uses each number once and has the wanted value."

    def sample(self, sample_id: str, item: Mapping[str, Any]) -> Sample:
        shot = item["solution"]
        if self.compact:
            text = prompts.compact_countdown(item["numbers"], item["target"])
        else:
            text, shot = prompts.neutral_countdown(item), f"Answer: {shot}"
        question = Question(sample_id, text, metadata={"level": item["level"]})
        target = {"numbers": item["numbers"], "target": item["target"]}
        return Sample(question, target, shot=shot)

    def read(self, text: str, question: Question) -> Reading:
        return read_arithmetic(text)

    def correct(self, answer: str, sample: Sample) -> bool:
        return check.solves(answer, sample.target["numbers"], sample.target["target"])


class Zebra(Puzzle):
    """A logic puzzle about houses in a row; the answer is a name."""

    instruction = "Solve the logic puzzle."

    def sample(self, sample_id: str, item: Mapping[str, Any]) -> Sample:
        question = Question(sample_id, prompts.neutral_zebra(item), metadata={"level": item["level"]})
        name = item["target"].strip()
        return Sample(question, name.casefold(), shot=f"Answer: {name.capitalize()}")

    def read(self, text: str, question: Question) -> Reading:
        return check.read_name(text, question.input)

    def wrong(self, sample: Sample, rng: random.Random) -> str | None:
        """Another of the names."""
        others = [name for name in check.names(sample.question.input) if name != sample.target]
        return rng.choice(others) if others else None


class Arc1DOriginal(Arc1D):
    """The 901 published 1D-ARC puzzles (Xu et al., arXiv 2305.18354), 18 kinds of rule."""

    def load(self, data: Data) -> Splits:
        pin = self.spec.data["test"]
        samples = []
        for row in data.rows(pin, ["id", "task_type", "train", "test"]):
            if len(row["test"]) != 1:
                raise DataError(f"{pin.id}: puzzle {row['id']} has {len(row['test'])} tests, not 1")
            item = {
                "level": row["task_type"],
                "examples": [[pair["input"][0], pair["output"][0]] for pair in row["train"]],
                "query": row["test"][0]["input"][0],
                "target": row["test"][0]["output"][0],
            }
            samples.append(self.sample(str(row["id"]), item))
        return Splits(test=samples)
