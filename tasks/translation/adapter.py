"""FLORES+ from English, table-driven: what differs between the directions is in `task.toml`.

Keys of `settings`: `language`, the target's English name; `tag`, its code in the data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from harness.answers import Reading, as_written
from harness.answers.markup import without_fences
from harness.base.errors import DataError, UsageError
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.spec import TaskSpec
from harness.task import Task

if TYPE_CHECKING:
    from harness.data.hub import Data

_QUOTES = {'"': '"', "“": "”", "«": "»", "„": "“"}


class Translation(Task):
    """One sentence a question; the target is its reference translation."""

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        self.language, tag = spec.settings["language"], spec.settings["tag"]
        self.instruction = f"Translate the English sentence into {self.language}."
        names = "|".join(map(re.escape, (self.language, tag)))
        self._tag = re.compile(
            rf"[*_#\s]*(?:(?:the )?(?:{names})(?: translation| sentence| text)?|translation)"
            r"[*_\s]*[:：][*_\s]*",
            re.IGNORECASE,
        )
        self._languages = {"source_language": "English", "target_language": self.language}
        self._metric: Any = None

    def load(self, data: Data) -> Splits:
        if find_spec("sacrebleu") is None:
            raise UsageError(
                f"{self.spec.name} is scored by sacrebleu, which is not installed: "
                "pip install 'method-harness[translate]'"
            )
        test = self._pairs(data, "test", "")
        asked = {sample.question.input for sample in test}
        train = [s for s in self._pairs(data, "dev", "dev-") if s.question.input not in asked]
        return Splits(test=test, train=train, pool=[sample.question for sample in train])

    def _pairs(self, data: Data, part: str, prefix: str) -> list[Sample]:
        """Sentences brought together by their id, in the order of the English file."""
        source, target = (
            data.rows(self.spec.data[f"{side}_{part}"], ["id", "text"]) for side in ("source", "target")
        )
        texts = {str(row["id"]): str(row["text"]).strip() for row in target}
        samples = []
        for row in source:
            id = str(row["id"])
            if not texts.get(id):
                pin = self.spec.data[f"target_{part}"]
                raise DataError(
                    f"{pin.id} ({pin.config}) has no sentence {id} in {pin.split}; is it another "
                    "revision than that of the English one?"
                )
            question = Question(prefix + id, str(row["text"]).strip(), metadata=self._languages)
            # FLORES takes runs of sentences from one article, the same in every language
            article = row.get("url")
            samples.append(Sample(question, texts[id], group=f"flores {article}" if article else None))
        return samples

    def render(self, question: Question) -> str:
        return f"{self.instruction} Reply with the translation alone.\n\n{question.input}"

    def read(self, text: str, question: Question) -> Reading:
        """The translation without thoughts, a language tag before it and quotes around it."""
        said, cut = as_written(text)
        said = without_fences(said).strip()
        while tag := self._tag.match(said):
            said = said[tag.end() :].strip()
        if len(said) > 1 and _QUOTES.get(said[0]) == said[-1] and said[0] not in said[1:-1]:
            said = said[1:-1].strip()
        translation = " ".join(said.split())
        return Reading(translation) if translation else Reading(None, "cut off" if cut else "no statement")

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        """Sentence-level chrF++ over 100; nothing is 0."""
        if self._metric is None:
            from sacrebleu.metrics.chrf import CHRF

            self._metric = CHRF(word_order=2)
        said = str(outcome.answer or "")
        return Score({"chrf": min(self._metric.sentence_score(said, [sample.target]).score / 100, 1.0)})

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_metric": None}
