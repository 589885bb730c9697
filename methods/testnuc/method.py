"""TestNUC (Zou et al., ACL 2025, arXiv 2502.19163): Algorithm 1 with the three votes of the paper and
the released code's soft vote. theta, the query's unfiltered own vote, ties and the removal of the query
from the pool are reconstruction; `released=true` takes the released code's ties, keeps answers outside
the label set as classes, and keeps the query in the pool.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from harness.base.concurrent import in_order
from harness.base.errors import ModelCallError, UsageError
from harness.job import Job
from harness.method import Method, outcomes
from harness.methods.testnuc.neighbours import Pool
from harness.methods.testnuc.predict import Prediction, Predictor
from harness.methods.testnuc.vote import RULES, Voter, margin, totals, weight, winner
from harness.sample import Outcome, Question, SplitSizes

GRID = (0, 1, 3, 5, 10, 20, 30, 40, 50, 60, 80, 100)
THETAS = (0.0, 0.7, 0.8, 0.85, 0.9)
#: inner predictors whose demonstrations are the pool's own predictions
PSEUDO = ("pseudo-few-shot", "pseudo-per-label")


class TestNUC(Method):
    """Labels the pool once, then lets a query's neighbours vote with it."""

    __test__ = False
    pool: Pool
    predictor: Predictor
    fit_calls: int

    def calls(self, n_questions: int, splits: SplitSizes) -> int:
        """The pool is labelled once, twice where its own predictions are the demonstrations. More where a
        reply to a batch can't be read, as that is asked again in halves."""
        a = self.args
        draws = a["inner_samples"] if a["inner"] == "self-consistency" else 1
        at_once = a["batch_size"] if splits.choices and a["inner"] != "self-consistency" else 1

        def asked(texts: int) -> int:
            return -(-texts // at_once) * draws

        pool = min(a["pool_size"] or splits.pool, splits.pool)
        fit = asked(splits.dev) if a["choose_k"] else 0
        if self._uses_pool:
            fit += asked(pool) * (2 if a["inner"] in PSEUDO else 1)
        return int(fit + asked(n_questions))

    @property
    def _uses_pool(self) -> bool:
        a = self.args
        return bool(a["k"] or a["choose_k"] or a["inner"] in PSEUDO)

    def drawing(self) -> str:
        """Whatever the pool, the model labels it with the run's seed, and all items share the labels."""
        return "run" if self._uses_pool else "none"

    async def fit(self, job: Job) -> None:
        a = self.args
        if a["k"] < 0 or a["batch_size"] < 1 or not 0 <= a["theta_quantile"] <= 1:
            raise UsageError("testnuc: k is at least 0, batch_size at least 1, theta_quantile in [0, 1]")
        if a["inner_samples"] < 1:
            raise UsageError("testnuc: inner_samples is at least 1")
        if a["choose_k"] and not len(job.data.dev):
            raise UsageError("testnuc: choose_k=true needs a dev split; the task has none")
        self.k, self.vote, self.theta = a["k"], a["vote"], a["theta"]
        self.predictor = Predictor(job, inner=a["inner"], size=a["inner_samples"])
        if self._uses_pool:
            await self._index(job)
        else:
            self.pool = Pool([], None, [])
            self.predictor.ready()
        if a["choose_k"]:
            await self._choose(job)
        self.fit_calls = self.predictor.calls

    async def _index(self, job: Job) -> None:
        """Embeds and labels the pool."""
        questions, share = self._drawn(job), self.args["theta_quantile"]
        job.drew(questions)
        if job.embedder in ("tfidf", "lsa"):
            job.log.warning(
                "testnuc: neighbours by words alone (embedder %s) gained about nothing where "
                "it was measured; --embedder minilm is a neural one",
                job.embedder,
            )
        vectors = job.embed([question.input for question in questions])
        self.predictor.ready()
        predictions = await self._annotate(questions, job)
        if self.args["inner"] in PSEUDO:
            self.predictor.show(questions, predictions, vectors)
            predictions = await self._annotate(questions, job)
        self.pool = Pool(questions, vectors, predictions)
        if share:
            ranked = sorted((found.confidence for found in self.pool.predictions), reverse=True)
            self.theta = ranked[max(0, round(share * len(ranked)) - 1)]

    def _drawn(self, job: Job) -> list[Question]:
        """The pool, or `pool_size` of it: drawn with the run's seed, or the first (`released`)."""
        questions, size = list(job.data.pool), self.args["pool_size"]
        if not questions:
            raise UsageError("testnuc: the task's pool is empty")
        if not 0 < size < len(questions):
            return questions
        if self.args["released"]:
            return questions[:size]
        return [questions[row] for row in sorted(job.rng("pool").sample(range(len(questions)), size))]

    async def _annotate(self, questions: list[Question], job: Job) -> list[Prediction]:
        """A prediction for every question; an empty one where the model failed for good, unless it
        failed for all."""
        failures: list[ModelCallError] = []
        done = 0

        async def label(batch: Sequence[Question]) -> list[Prediction]:
            nonlocal done
            try:
                return await self.predictor.batch(batch, "annotate")
            except ModelCallError as error:
                failures.extend([error] * len(batch))
                return [Prediction(None, 0.0)] * len(batch)
            finally:
                done += len(batch)
                job.progress("annotate", done, len(questions))

        batches = list(batched(questions, self.args["batch_size"]))
        found = await in_order(label, batches, lambda: job.concurrency)
        if len(failures) == len(questions):
            raise failures[-1]
        if failures:
            job.log.warning(
                "testnuc: %d of %d texts have no answer: %s", len(failures), len(questions), failures[-1]
            )
        return [prediction for batch in found for prediction in batch]

    async def _choose(self, job: Job) -> None:
        """K, vote and theta by accuracy on dev; ties to the given setting, then to the first."""
        dev = list(job.data.dev)
        own = await self._annotate([sample.question for sample in dev], job)
        given = (self.k, self.vote, self.theta)
        settings = [given] + [
            (k, vote, theta)
            for k in GRID
            if k <= len(self.pool.questions)
            for vote in RULES
            for theta in (THETAS if vote == "filtered" else (self.theta,))
        ]
        right = [0] * len(settings)
        most = max(k for k, _, _ in settings)
        for sample, mine in zip(dev, own, strict=True):
            near, me = self._voters(sample.question, mine, most, job)
            gold = {str(sample.target), str(job.parse(str(sample.target), sample.question))}
            for at, (k, vote, theta) in enumerate(settings):
                label, _ = self._decide([*near[:k], me], vote, theta, sample.question)
                right[at] += label in gold
        self.k, self.vote, self.theta = settings[right.index(max(right))]
        job.log.info("testnuc: chosen on dev: k=%d vote=%s theta=%g", self.k, self.vote, self.theta)

    def _voters(self, question: Question, mine: Prediction, k: int, job: Job) -> tuple[list[Voter], Voter]:
        released = self.args["released"]
        me = mine.voter(question.id, 1.0, released, own=True)
        if k <= 0:
            return [], me
        vector = job.embed([question.input])
        return self.pool.around(question, vector, k, keep=released, raw=released), me

    def _decide(
        self, voters: list[Voter], vote: str, theta: float, question: Question
    ) -> tuple[str | None, dict[str, float]]:
        sums = totals(voters, vote, theta)
        order = {label: at for at, label in enumerate(question.choices)}
        return winner(sums, voters[-1].label, order, self.args["released"]), sums

    async def answer(self, question: Question, job: Job) -> Outcome:
        return self._outcome(question, await self.predictor.predict(question, "answer"), job)

    def answer_all(self, questions: Iterable[Question], job: Job) -> AsyncIterator[Outcome]:
        """As many queries in one call as pool texts."""
        size = self.args["batch_size"]
        if size == 1:
            return super().answer_all(questions, job)
        own: dict[tuple[str, int], tuple[asyncio.Task[list[Prediction]], int]] = {}

        def in_batches() -> Iterator[Question]:
            for batch in batched(questions, size):
                asked = asyncio.ensure_future(self.predictor.batch(batch, "answer"))
                for at, question in enumerate(batch):
                    own[question.id, question.epoch] = asked, at
                    yield question

        async def answer(question: Question) -> Outcome:
            asked, at = own.pop((question.id, question.epoch))
            return self._outcome(question, (await asyncio.shield(asked))[at], job)

        return outcomes(answer, in_batches(), lambda: job.concurrency * size, job.clock.seconds)

    def _outcome(self, question: Question, mine: Prediction, job: Job) -> Outcome:
        near, me = self._voters(question, mine, self.k, job)
        label, sums = self._decide([*near, me], self.vote, self.theta, question)
        whole, calls = sum(sums.values()), self.predictor.calls_each
        at_once = self.args["batch_size"] if self.predictor.batches(question) else 1
        trace: dict[str, Any] = {
            "voters": [
                {
                    "id": v.id,
                    "label": v.label,
                    "similarity": round(v.similarity, 6),
                    "weight": round(weight(v, self.vote, self.theta), 6),
                    "confidence": v.confidence,
                }
                for v in (*near, me)
            ],
            "margin": margin(sums),
            "k": self.k,
            "vote": self.vote,
            "theta": self.theta,
            "own": mine.label,
            "pool": len(self.pool.questions),
            # for one query alone, which would have to ask for each neighbour; and with the pool shared
            "calls_cold": calls * (1 + len(near)),
            "calls_amortised": calls / at_once + self.fit_calls / job.data.n_questions,
        }
        share = sums.get(label, 0.0) / whole if label is not None and whole > 0 else 0.0
        return Outcome(
            question.id,
            question.epoch,
            mine.raw if label is None else label,
            answer=label,
            confidence=share if self.k else mine.confidence,
            trace=trace,
        )


def batched(questions: Iterable[Question], size: int) -> Iterator[list[Question]]:
    """Lists of `size` in turn; the last may be shorter."""
    stream = iter(questions)
    while batch := list(islice(stream, size)):
        yield batch
