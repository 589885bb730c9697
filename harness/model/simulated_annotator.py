"""`sim/annotator`: a simulated labeller with known truth. It is no language model, and says so.

It knows the gold label of every text and errs at a known rate, so that what a method does to a pool of
its own annotations can be tested: does iteration help, when does it collapse. It proves a method's loop,
and nothing about how well a real model would do.

For a text x of class l after demonstrations D (a reconstruction: no source has such a model),

    p = clip(a(l) + d(x) + coverage * cov(x, D) + precision * (prec(D) - accuracy), .05, .98)

is the probability of the right label: a(l) = accuracy + class_sd * z is the class's own, d(x) = item_sd * z
the text's, cov is 1 if D shows the class, prec(D) the share of right labels in D; the last two terms are 0
without demonstrations. D is what a system message shows, or turns before the question. A wrong label comes
from the class's fixed row of three confusable classes. The stated confidence is clip(q + noise * z, 0, 1)
with q = p in a share `calibration` of the answers, else the p of some other text, which says nothing
about this one.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from harness.annotate import read_demonstrations
from harness.base.digest import seed_of
from harness.base.errors import ModelCallError, UsageError, nearest
from harness.base.messages import completion
from harness.model.provider import Call, Provider, counted, last_user_text

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

    from harness.sample import Splits

SETTINGS: dict[str, float] = {
    "accuracy": 0.65,
    "class_sd": 0.1,
    "item_sd": 0.15,
    "coverage": 0.0,
    "precision": 0.0,
    "noise": 0.03,
    "calibration": 1.0,
    "seed": 0,
    "context": 0,
}
LOWEST, HIGHEST = 0.05, 0.98
CONFUSED = (0.6, 0.3, 0.1)  # how often each of a class's three confusable classes is named


class SimulatedAnnotator(Provider):
    """Labels texts of a closed set; every setting is a `--model-arg`."""

    name, revision = "sim/annotator", "2"
    cacheable = False
    connections = 64
    notice = "sim/annotator is a simulation with known truth: it tests methods, and measures no model"

    def __init__(self, args: Mapping[str, Any]) -> None:
        self._set = dict(SETTINGS)
        for key, value in args.items():
            if key not in SETTINGS:
                raise UsageError(f"sim/annotator has no argument {key!r}; {nearest(key, SETTINGS)}")
            try:
                self._set[key] = float(value)
            except (TypeError, ValueError):
                raise UsageError(f"sim/annotator: {key}={value!r} is not a number") from None
        self.context = int(self._set["context"]) or None
        self._gold: dict[str, str] = {}
        self._judged = lru_cache(maxsize=64)(self._judge)
        self._z = lru_cache(maxsize=65536)(self._normal)

    def prepare(self, splits: Splits) -> None:
        """Learns the gold labels.

        Raises:
            UsageError: some of the pool's texts stand in no labelled split, so their labels aren't known.
        """
        self._judged.cache_clear()
        self._gold = {
            sample.question.input.strip(): str(sample.target)
            for part in (splits.train, splits.dev, splits.test)
            for sample in part
        }
        unknown = sum(question.input.strip() not in self._gold for question in splits.pool)
        if unknown:
            raise UsageError(
                f"sim/annotator simulates from gold labels, and {unknown} of {len(splits.pool)} "
                "pool inputs stand in no labelled split; use a task whose pool is its "
                "training set without labels"
            )

    def accuracy(self, label: str) -> float:
        """The known accuracy of a class without demonstrations, before the text's own share."""
        s = self._set
        return s["accuracy"] + s["class_sd"] * self._z("class", label)

    def probability(self, text: str, shown: list[tuple[str, str]]) -> float:
        """The known probability that `text` gets its right label after the demonstrations."""
        return self._p(text, *self._quality(shown))

    def takes(self, setting: str) -> bool:
        return setting == "seed"

    async def generate(self, call: Call) -> ModelOutput:
        text, choices = call.question.input.strip(), call.question.choices
        gold = self._gold.get(text)
        if gold is None or not choices:
            raise ModelCallError("sim/annotator labels texts of a closed set whose gold label the task has")
        shown = next((m.text for m in call.messages if m.role == "system"), "")
        turns = tuple(m.text for m in call.messages[:-1] if m.role != "system")
        classes, share = self._judged(shown, turns) if shown or turns else (frozenset(), None)
        rng = random.Random(call.seed)
        p = self._p(text, classes, share)
        label = gold if rng.random() < p else self._confused(gold, choices, rng)
        asked = last_user_text(call.messages)
        said = label
        if '"confidence"' in asked:
            said = json.dumps([{"index": 1, "label": label, "confidence": self._states(p, rng)}])
        read = sum(len(message.text) for message in call.messages) // 4
        return completion(self.name, said, counted(read, len(said) // 4 + 1))

    def _p(self, text: str, classes: frozenset[str], share: float | None) -> float:
        s, gold = self._set, self._gold[text]
        p = self.accuracy(gold) + s["item_sd"] * self._z("item", text)
        if share is not None:
            p += s["coverage"] * (gold in classes) + s["precision"] * (share - s["accuracy"])
        return min(max(p, LOWEST), HIGHEST)

    def _states(self, p: float, rng: random.Random) -> float:
        s = self._set
        if rng.random() >= s["calibration"]:
            spread = (s["class_sd"] ** 2 + s["item_sd"] ** 2) ** 0.5
            p = min(max(s["accuracy"] + spread * rng.gauss(0, 1), LOWEST), HIGHEST)
        return round(min(max(p + s["noise"] * rng.gauss(0, 1), 0.0), 1.0), 4)

    def _confused(self, gold: str, choices: tuple[str, ...], rng: random.Random) -> str:
        others = [choice for choice in choices if choice != gold]
        if not others:
            return gold
        row = random.Random(seed_of(self._set["seed"], "row", gold)).sample(others, min(3, len(others)))
        return rng.choices(row, CONFUSED[: len(row)])[0]

    def _judge(self, shown: str, turns: tuple[str, ...]) -> tuple[frozenset[str], float | None]:
        in_turns = [
            (self._text_in(asked), said) for asked, said in zip(turns[::2], turns[1::2], strict=False)
        ]
        return self._quality([*read_demonstrations(shown), *in_turns])

    def _text_in(self, asked: str) -> str:
        """The text at the end of a turn's prompt: the longest that the task has a gold label of."""
        lines = asked.strip().split("\n")
        ends = ("\n".join(lines[at:]).strip() for at in range(len(lines)))
        return next((end for end in ends if end in self._gold), asked)

    def _quality(self, shown: list[tuple[str, str]]) -> tuple[frozenset[str], float | None]:
        """The classes that demonstrations name, and the share of them that is right; None for none."""
        if not shown:
            return frozenset(), None
        right = sum(self._gold.get(text.strip()) == label for text, label in shown)
        return frozenset(label for _, label in shown), right / len(shown)

    def _normal(self, *what: str) -> float:
        return random.Random(seed_of(self._set["seed"], *what)).gauss(0, 1)
