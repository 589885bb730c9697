"""What the tasks of the family share: the world, the reading and the score of a final answer."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from harness.base import messages
from harness.base.errors import UsageError
from harness.external.services import Services
from harness.sample import Outcome, Question, Sample, Score, Splits
from harness.search import Search
from harness.search.lexical import check_library
from harness.search.measures import calibration_error, citations, duplicate_rate, evidence_recall
from harness.search.service import MOST_HITS
from harness.spec import TaskSpec
from harness.task import Task
from harness.tasks.custom import judging
from harness.tasks.custom.words import squad_form, word_overlap
from harness.tasks.research.final import POLICY, TOOLS, Final, read_final
from harness.tasks.research.rerank import PROMPT as RERANK_PROMPT
from harness.tasks.research.rerank import ByCrossEncoder, ByModel, Rerank, check_cross_encoder
from harness.tasks.research.world import ResearchWorld, Shelf, toolbox
from harness.world import Limits, World

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

    from harness.model.gateway import Model
    from harness.stats import Estimate


class Research(Task):
    """A target is `{"answers": [text, ...], "evidence": [id, ...]}`, perhaps with more, which
    a simulation knows.

    An episode that a limit ended scores 0 and stays in the denominator. What was found is the world's own
    record, not what a method says of itself.
    """

    instruction = "Answer the question from the documents of the collection."
    _search: Search | None = None

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        for name, most in (("k", MOST_HITS), ("snippet", 100_000), ("steps", 10_000), ("votes", 99)):
            if not 1 <= args[name] <= most:
                raise UsageError(f"{spec.name}: {name}={args[name]} is not from 1 to {most}")
        if args["match"] == "judge":
            self.roles = ("judge",)
            self.role_prompts = {"judge": judging.PROMPT}
        if args["rerank"] == "cross-encoder":
            check_cross_encoder(args["cross_encoder"])
        if args["rerank"] == "model":
            self.roles = (*self.roles, "reranker")
            self.role_prompts = {**self.role_prompts, "reranker": RERANK_PROMPT}

    # -- the world --------------------------------------------------------------------------------

    @property
    def embeds(self) -> bool:
        return bool(self.args["retriever"] != "bm25")

    def for_run(self, services: Services) -> Self:
        if self.args["retriever"] != "dense":
            check_library()
        mine = copy.copy(self)
        if services.corpus is not None:
            mine._search = Search(
                services.corpus, self.args["retriever"], services.embed, self.args["snippet"]
            )
        return mine

    def ask(self, question: Question, shots: Sequence[Sample] = ()) -> list[ChatMessage]:
        told = POLICY.format(tools=TOOLS[self.args["documents"]])
        return [messages.system(told), *super().ask(question, shots)]

    def world(self, sample: Sample, role: Callable[[str], Model]) -> World:
        if self._search is None:
            raise UsageError(f"{self.spec.name} is played in a run, which has its corpus")
        return ResearchWorld(
            self.ask(sample.question),
            Shelf(self._search, self.args["k"]),
            toolbox(self.args["documents"]),
            Limits(steps=self.args["steps"]),
            self._reranker(sample.question, role),
        )

    def _reranker(self, question: Question, role: Callable[[str], Model]) -> Rerank | None:
        if self.args["rerank"] == "model":
            return ByModel(role("reranker"), question)
        return ByCrossEncoder(self.args["cross_encoder"]) if self.args["rerank"] == "cross-encoder" else None

    def evidence(self, sample: Sample) -> Sequence[str]:
        return list(sample.target["evidence"])

    # -- answers ----------------------------------------------------------------------------------

    def parse(self, text: str, question: Question) -> dict[str, Any] | None:
        """A recorded episode in JSON, as `ResearchWorld.answer` gives it, or a final message."""
        if text.lstrip().startswith("{"):
            try:
                found = json.loads(text)
            except (ValueError, RecursionError):
                found = None
            if is_episode(found):
                return dict(found)
        return {"said": text, "queries": [], "found": [], "read": []} if text.strip() else None

    def canonical(self, answer: Any, question: Question) -> str:
        """The exact answer as it is compared, so that candidates can be counted."""
        return squad_form(_final(answer).answer or "")

    def gold(self, sample: Sample) -> str:
        return f"Exact answer: {sample.target['answers'][0]}"

    @property
    def judges(self) -> bool:
        return bool(self.args["match"] == "judge")

    def needs_judge(self, sample: Sample) -> bool:
        return self.judges

    async def judge(self, sample: Sample, outcome: Outcome, judge: Model) -> Any | None:
        """What was done and said, with a judge's votes on the exact answer; None where none was given, or it
        was judged before."""
        if not is_episode(outcome.answer) or "votes" in outcome.answer or outcome.stop_reason != "stop":
            return None
        said = _final(outcome.answer).answer
        if said is None:
            return None
        text = judging.asked(sample.question.input, sample.target["answers"], said, "")
        return {
            **outcome.answer,
            "votes": await judging.votes(judge, sample.question, text, self.args["votes"]),
        }

    def score(self, sample: Sample, outcome: Outcome) -> Score:
        done = outcome.answer if is_episode(outcome.answer) else None
        stopped = outcome.stop_reason != "stop"
        episode = done or {"said": None, "queries": [], "found": [], "read": []}
        final = _final(episode) if done and not stopped else Final(None, None, [])
        answers, evidence = sample.target["answers"], sample.target["evidence"]
        exact = final.answer is not None and squad_form(final.answer) in map(squad_form, answers)
        right: bool | None = exact
        if self.judges and final.answer is not None:
            verdicts = [vote["correct"] for vote in episode.get("votes", ())]
            right = judging.majority(verdicts) if verdicts else None
        seen = [*episode["found"], episode["read"]]
        metrics = {
            "exact_match": float(exact),
            "f1": max(word_overlap(final.answer, each) for each in answers) if final.answer else 0.0,
            "searches": float(len(episode["queries"])),
            "duplicate_queries": duplicate_rate(episode["queries"]),
        }
        if evidence:
            precision, recall, unseen = citations(final.cited, evidence, set().union(*seen))
            metrics |= {
                "evidence_recall": evidence_recall(evidence, seen) or 0.0,
                "citation_precision": precision,
                "citation_recall": recall,
                "cited_unseen": unseen / len(final.cited) if final.cited else 0.0,
            }
        if right is None:
            return Score(
                {}, "unscored", "the answer needs a judge: --role judge=MODEL, or no majority of votes"
            )
        why = None if final.answer or stopped else "no statement" if episode["said"] else "empty"
        return Score({"accuracy": float(right), **metrics}, reason=why)

    def measure_set(
        self, splits: Splits, samples: Sequence[Sample], outcomes: Sequence[Outcome]
    ) -> Mapping[str, float | Estimate]:
        """Calibration over the answers that state a confidence; nothing where none does."""
        confidences, right = [], []
        for sample, outcome in zip(samples, outcomes, strict=True):
            score = self.score(sample, outcome)
            stated = _final(outcome.answer).confidence if is_episode(outcome.answer) else None
            if stated is not None and "accuracy" in score.metrics:
                confidences.append(stated)
                right.append(score.metrics["accuracy"])
        found = calibration_error(confidences, right)
        if found is None:
            return {}
        released = calibration_error(confidences, right, released=True)
        return {"calibration_error": found, "calibration_error_released": released or 0.0}


def is_episode(found: Any) -> bool:
    """Whether a value has the form of `ResearchWorld.answer`."""
    return (
        isinstance(found, dict)
        and isinstance(found.get("said"), str | None)
        and all(isinstance(found.get(name), list) for name in ("queries", "found", "read"))
        and all(isinstance(each, str) for name in ("queries", "read") for each in found[name])
        and all(
            isinstance(ids, list) and all(isinstance(each, str) for each in ids) for ids in found["found"]
        )
    )


def _final(episode: Mapping[str, Any]) -> Final:
    """What an episode's last words say."""
    if not episode["said"]:
        return Final(None, None, [])
    return read_final(episode["said"], set().union(*episode["found"], episode["read"]))
