"""Naive-SemiICL and IterPSD (Gu et al., arXiv 2503.03062).

Both label a pool with k_gt gold demonstrations, keep what the model is confident of, and answer with a
prompt of gold demonstrations followed by an even draw of the kept ones. IterPSD labels the pool in chunks
and shows each chunk what was kept of those before it.

Algorithm and constants are those of the authors' code as far as it is known. Reconstruction: the order
`nearest` (`sampler.py`), the number of self-consistency samples, chunks of at most a fifth of the pool,
gold inputs and repeated texts are taken out of the pool, labels outside the label set are dropped before
selection, shuffles are seeded, and fewer kept annotations than wanted are all taken, with the shortfall
recorded. The prompts are ours (`prompts.py`).

Every call is kept in the cache under its text, so a killed run annotates on from the call it had reached
and comes to the same demonstrations.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from harness.base.digest import digest
from harness.base.errors import UsageError
from harness.job import Job
from harness.method import Method
from harness.methods.semi_icl.annotator import Annotation, Annotator
from harness.methods.semi_icl.prompts import ANSWER, Prompt, Shot, fit, size, tokens
from harness.methods.semi_icl.sampler import Sampler
from harness.methods.semi_icl.select import draw, threshold
from harness.sample import Outcome, Question, SplitSizes


class SemiICL(Method):
    """What both methods share: gold demonstrations, the pool, the final prompt and the report on it."""

    annotator: Annotator
    prompt: Prompt
    room: float
    report: dict[str, Any]
    _nearest: Nearest | None

    def calls(self, n_questions: int, splits: SplitSizes) -> int:
        """Every pool text is annotated once; fewer where texts repeat each other or a gold demonstration."""
        a = self.args
        pool = min(a["pool_size"] or splits.pool, splits.pool) if a["k"] > a["k_gt"] else 0
        each = {"self-consistency": a["samples"], "back-translation": 2}.get(a["confidence"], 1)
        return n_questions + int(pool * each)

    def drawing(self) -> str:
        """Gold demonstrations are drawn with the seed, and the model labels the pool with it: all items share
        both, but where no demonstration is shown at all."""
        return "run" if self.args["k"] or self.args["k_gt"] else "none"

    async def fit(self, job: Job) -> None:
        self._check()
        self.annotator = Annotator(job, self.args["confidence"], self.args["samples"])
        self.report = {"truncated": 0}
        gold = self._gold(job)
        pool = self._pool(job, gold)
        self.room = self._room(job, gold, pool)
        wanted = max(self.args["k"] - self.args["k_gt"], 0)
        kept = []
        if wanted:
            job.drew(pool)
            kept = await self._annotated(job, gold, pool)
        self._nearest = None
        pseudo: list[Shot] = []
        if self.args["choose"] == "nearest" and kept:
            self._nearest = Nearest(kept, job)
        else:
            pseudo = fit(wanted, self.room - size(gold), lambda k: self._drawn(kept, k, job, "pseudo"))
        if self._nearest is None:
            cut = min(wanted, len(kept)) - len(pseudo)
            self.report["truncated"] = max(self.report["truncated"], cut)
        self.report |= {
            "gold": len(gold),
            "pseudo": len(pseudo),
            "kept": len(kept),
            "shortfall": max(wanted - len(kept), 0) if wanted else 0,
        }
        if wanted:
            self.report |= {
                "annotated": self.annotator.done,
                **{kind.replace(" ", "_"): count for kind, count in self.annotator.faults.items()},
            }
        shots = [*shuffled(gold, job, "gold order"), *shuffled(pseudo, job, "pseudo order")]
        choices = pool[0].choices
        self.report["labels_shown"] = len({shot.label for shot in shots})
        self.report["labels"] = len(choices) or None
        self.report["demonstrations"] = self._store(job, gold, shots[len(gold) :])
        self._tell(job, wanted, choices, shots)
        self.prompt = Prompt(job, shots)

    async def answer(self, question: Question, job: Job) -> Outcome:
        prompt, report, near = self.prompt, self.report, self._nearest
        if near is not None:
            wanted = self.args["k"] - self.args["k_gt"]
            shots = fit(wanted, self.room - size(prompt.shots), lambda k: near.to(question, k))
            prompt = Prompt(job, [*prompt.shots, *shots])
            report = {**report, "pseudo": len(shots), "shots": [shot.id for shot in shots]}
        output = await job.model.generate(question, prompt.messages(question))
        return job.outcome(question, output, trace=report)

    async def _annotated(self, job: Job, gold: list[Shot], pool: list[Question]) -> list[Annotation]:
        """Annotates the pool; the annotations that may be demonstrations."""
        raise NotImplementedError

    # -- the parts --------------------------------------------------------------------------------

    def _check(self) -> None:
        a, name = self.args, self.spec.name
        for key, least in (("k", 0), ("k_gt", 0), ("samples", 1), ("pool_size", 0), ("context", 0)):
            if a[key] < least:
                raise UsageError(f"{name}: {key}={a[key]} is less than {least}")
        for key in ("quantile", "epsilon"):
            if key in a and not 0 <= a[key] <= 1:
                raise UsageError(f"{name}: {key}={a[key]:g} is not between 0 and 1")

    def _gold(self, job: Job) -> list[Shot]:
        """k_gt labelled samples, even over labels: the same for both methods and one seed."""
        wanted = self.args["k_gt"]
        if not wanted:
            return []
        train = list(job.data.train)
        if not train:
            raise UsageError(
                f"{self.spec.name}: k_gt={wanted} needs labelled samples, which the task has "
                "not; -M k_gt=0 annotates without"
            )
        if len(train) < wanted:
            job.log.warning(
                "%s: %d labelled samples, fewer than k_gt=%d; all are shown",
                self.spec.name,
                len(train),
                wanted,
            )
        chosen = draw(train, wanted, lambda sample: str(sample.target), job.rng("gold"))
        job.drew(chosen)
        return [Shot(s.id, s.question.input, str(s.target), s.demonstration) for s in chosen]

    def _pool(self, job: Job, gold: Sequence[Shot]) -> list[Question]:
        """The unlabelled inputs: each text once, and none that is a gold demonstration."""
        questions, wanted = list(job.data.pool), self.args["pool_size"]
        if 0 < wanted < len(questions):
            rows = sorted(job.rng("pool").sample(range(len(questions)), wanted))
            questions = [questions[row] for row in rows]
        ids, seen = {shot.id for shot in gold}, {shot.text.strip() for shot in gold}
        pool = []
        for question in questions:
            text = question.input.strip()
            if question.id not in ids and text not in seen:
                seen.add(text)
                pool.append(question)
        if not pool:
            raise UsageError(
                f"{self.spec.name}: the pool is empty once the {len(gold)} gold "
                "demonstrations are taken out; give the task a larger pool"
            )
        return pool

    def _room(self, job: Job, gold: Sequence[Shot], pool: Sequence[Question]) -> float:
        """The tokens that demonstrations may take; without limit where the model's context is unknown.

        Raises:
            UsageError: not even the gold demonstrations fit.
        """
        context = self.args["context"] or job.model.provider.context
        self.report["context"] = context
        if not context:
            return float("inf")
        longest = max(pool, key=lambda question: len(question.input))
        forms = (self.annotator.prompt([]), Prompt(job, []))
        asked = max(sum(tokens(m.text) for m in form.bare(longest)) for form in forms)
        room = context - asked - int(job.model.decoding.get("max_tokens") or ANSWER)
        if size(gold) > room or room <= 0:
            raise UsageError(
                f"{self.spec.name}: {len(gold)} gold demonstrations, the longest question and its answer "
                f"take about {size(gold) + context - room} tokens, more than the {context} of "
                f"{job.model.name}; lower k_gt, or correct -M context=TOKENS"
            )
        return room

    def _drawn(self, kept: Sequence[Annotation], k: int, job: Job, *name: Any) -> list[Shot]:
        if not kept or k <= 0:
            return []
        rows = draw(kept, k, lambda a: str(a.label), job.rng(*name), self.args["choose"] != "uniform")
        return [annotation.shot for annotation in rows]

    def _store(self, job: Job, gold: Sequence[Shot], pseudo: Sequence[Shot]) -> str:
        """Freezes the demonstrations, in the order of the prompt, and every annotation; the digest of
        that. There is no gold label of the pool in it: how precise it is, only the runner's side knows.
        """
        content = {
            "gold": [[shot.id, shot.label] for shot in gold],
            "pseudo": [[shot.id, shot.label] for shot in pseudo],
            "report": dict(self.report),
            "annotations": [
                [each.question.id, each.label, rounded(each.confidence)] for each in self.annotator.found
            ],
        }
        name = digest(content)
        with job.files.artifact(["demonstrations", name]) as made:
            if not made.exists:
                text = json.dumps(content, ensure_ascii=False)
                (made.path / "demonstrations.json").write_text(text, "utf-8", "surrogatepass")
        return name

    def _tell(self, job: Job, wanted: int, choices: Sequence[str], shots: Sequence[Shot]) -> None:
        """One line for each thing that fell short."""
        name, report = self.spec.name, self.report
        for kind, count in sorted(self.annotator.faults.items()):
            job.log.warning("%s: %d of %d annotations: %s", name, count, self.annotator.done, kind)
        if report["shortfall"]:
            job.log.warning(
                "%s: %d annotations are confident enough, %d fewer than the %d wanted; all are shown",
                name,
                report["kept"],
                report["shortfall"],
                wanted,
            )
        if report["truncated"] > 0:
            job.log.warning(
                "%s: %d demonstrations are left out, as the context of %s tokens holds no more",
                name,
                report["truncated"],
                report["context"],
            )
        unseen = set(choices) - {shot.label for shot in shots}
        if choices and shots and unseen and len(shots) >= len(choices):
            job.log.warning(
                "%s: %d of %d labels have no demonstration, among them %s",
                name,
                len(unseen),
                len(choices),
                ", ".join(sorted(unseen)[:3]),
            )


class Nearest:
    """The kept annotations around a question: KNN-ICL with pseudo-labels (TestNUC's KNN-ICL-P)."""

    def __init__(self, kept: Sequence[Annotation], job: Job) -> None:
        self._kept, self._job = kept, job
        self._vectors = job.embed([annotation.question.input for annotation in kept])

    def to(self, question: Question, k: int) -> list[Shot]:
        """The k nearest, the closest last, without the question itself."""
        from harness.model.embed import nearest

        text = question.input.strip()
        rows, _ = nearest(self._vectors, self._job.embed([question.input]), k + 1)
        near = [self._kept[row] for row in rows[0] if self._kept[row].question.input.strip() != text]
        return [annotation.shot for annotation in near[:k]][::-1]


class NaiveSemiICL(SemiICL):
    """Annotates the whole pool once with the gold demonstrations."""

    async def _annotated(self, job: Job, gold: list[Shot], pool: list[Question]) -> list[Annotation]:
        a = self.args
        prompt = self.annotator.prompt(shuffled(gold, job, "gold order"))
        found = await self.annotator.annotate(pool, prompt, len(pool))
        usable = [annotation for annotation in found if annotation.label is not None]
        tau = threshold(
            [annotation.confidence for annotation in usable],
            a["rule"],
            quantile=a["quantile"],
            fixed=a["threshold"],
            k=a["k"] - a["k_gt"],
        )
        self.report["threshold"] = tau if tau > float("-inf") else None
        return [annotation for annotation in usable if annotation.confidence >= tau]


class IterPSD(SemiICL):
    """Annotates in chunks, each with the confident annotations of those before it."""

    def _check(self) -> None:
        super()._check()
        for key in ("chunk", "cap"):
            if self.args[key] < 1:
                raise UsageError(f"{self.spec.name}: {key}={self.args[key]} is less than 1")
        if self.args["cap"] <= self.args["k_gt"]:
            raise UsageError(
                f"{self.spec.name}: cap={self.args['cap']} leaves no room beside "
                f"k_gt={self.args['k_gt']} gold demonstrations"
            )

    async def _annotated(self, job: Job, gold: list[Shot], pool: list[Question]) -> list[Annotation]:
        a, first = self.args, shuffled(gold, job, "gold order")
        chunk = min(a["chunk"], -(-len(pool) // 5))
        texts = [question.input for question in pool]
        sampler = Sampler(
            len(pool), chunk, a["epsilon"], a["order"], lambda: job.embed(texts), job.rng("chunks")
        )
        kept: list[Annotation] = []
        rounds: list[list[int]] = []
        while rows := sampler.next():
            shown = self._shown(kept, job, gold, len(rounds))
            prompt = self.annotator.prompt([*first, *shown])
            found = await self.annotator.annotate([pool[row] for row in rows], prompt, len(pool))
            sure = list(self._confident(found))
            kept += sure
            rounds.append([len(shown), len(sure)])
            confident = {annotation.question.id for annotation in sure}
            sampler.refer(
                rows if a["reference"] == "annotated" else [row for row in rows if pool[row].id in confident]
            )
        self.report |= {"rounds": rounds, "order": a["order"]}
        return kept

    def _confident(self, found: Sequence[Annotation]) -> Iterator[Annotation]:
        """A stated confidence is above the threshold; other measures keep the chunk's top quarter."""
        usable = [annotation for annotation in found if annotation.label is not None]
        if self.args["confidence"] == "verbalised":
            return (each for each in usable if each.confidence > self.args["threshold"])
        tau = threshold([each.confidence for each in usable], "quantile", quantile=0.75)
        return (each for each in usable if each.confidence >= tau)

    def _shown(self, kept: list[Annotation], job: Job, gold: Sequence[Shot], round: int) -> list[Shot]:
        """All that was kept, or an even draw once it is more than the cap; in a shuffled order."""
        most = self.args["cap"]
        candidates = kept
        if len(kept) > most:
            most -= self.args["k_gt"]
            tau = threshold([each.confidence for each in kept], "topk", k=most)
            candidates = [each for each in kept if each.confidence >= tau]
        most = min(most, len(candidates))
        shots = fit(most, self.room - size(gold), lambda k: self._drawn(candidates, k, job, "shown", round))
        self.report["truncated"] = max(self.report["truncated"], most - len(shots))
        return shuffled(shots, job, "shown order", round)


def rounded(confidence: float) -> float | None:
    """A confidence as it is stored; None where the model gave no log-probabilities."""
    return round(confidence, 6) if math.isfinite(confidence) else None


def shuffled(shots: Sequence[Shot], job: Job, *name: Any) -> list[Shot]:
    """The shots in an order that the run's seed gives."""
    order = list(shots)
    if len(order) > 1:
        job.rng(*name).shuffle(order)
    return order
