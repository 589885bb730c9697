"""Curricula with a model of the problems: PCL, Actor-Curator, its released form, and OSMD over a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.methods.curator import mirror_descent, sampling
from harness.methods.curator.curricula.plain import WithoutReplacement, nearest
from harness.methods.curator.curriculum import Curriculum, Probe, Round
from harness.methods.curator.sampling import Selection
from harness.methods.curator.scorers import LightScorer, Scorer
from harness.methods.curator.signals import Floats, Indices, Window, utility
from harness.methods.curator.training_tasks import ProblemSet


class PCL(WithoutReplacement):
    """Prompt Curriculum Learning (arXiv 2510.01135): of `factor` times the batch, the problems whose
    predicted success rate is nearest to `wanted`; the predictor is regressed on the rollouts that were made
    anyway. The factor and the predictor's form are reconstruction."""

    factor = 4
    wanted = 0.5
    passes = 4
    scorer: Scorer | None = None  # None: a LightScorer over the problems' features

    def __init__(self, bank: ProblemSet, *, seed: int = 0, **settings: Any) -> None:
        super().__init__(bank, seed=seed, **settings)
        self._scorer: Scorer = self.scorer or LightScorer(bank.features, seed=seed)
        self._seen: Round | None = None

    def predict(self, rows: Indices) -> Floats:
        """Expected rewards in (0, 1)."""
        return np.asarray(1 / (1 + np.exp(-self._scorer.logits(rows))))

    def score(self, candidates: Indices) -> Floats:
        return -np.abs(self.predict(candidates) - self.wanted)

    def select(self, k: int, rng: np.random.Generator, probe: Probe) -> Selection:
        drawn = self.draw(self.factor * k)
        return Selection(drawn[nearest(-self.score(drawn), k, rng)])

    def observe(self, seen: Round) -> None:
        self._seen = seen

    def update(self) -> dict[str, float]:
        assert self._seen is not None
        rows, rewards = self._seen.selection.indices, self._seen.rewards.mean(-1)
        error = float(((self.predict(rows) - rewards) ** 2).mean())
        for _ in range(self.passes):
            found = self.predict(rows)
            self._scorer.descend(rows, 2 * (found - rewards) * found * (1 - found) / len(rows))
        return {"value_error": error}

    def state(self) -> dict[str, Any]:
        return {**super().state(), "scorer": self._scorer.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self._scorer.restore(state["scorer"])


class ActorCurator(WithoutReplacement):
    """Actor-Curator (arXiv 2602.20532): problems by how much training on them improved the policy.

    Two stages: `candidates` problems drawn uniformly, then the curator's choice among them. The curator
    learns by the proximal mirror-descent loss; both of its softmaxes are over the same candidates
    (reconstruction). Steps count from 1. The curator scores at every step, is trained from step `dormant` on
    (the released test lets the last dormant step train already), and chooses after `dormant` + `warm_up`.

    Settings:
        rule: `nucleus` (the authors'), `replacement` or `gumbel`; the latter two weigh honestly, and mix in
            the uniform distribution with the share `floor`.
        scale: `batch` divides utilities by their mean absolute value (for plain gradient steps, where the
            scale matters); a number multiplies them (1000 in the released code).
        window: values of a problem that its utility is averaged over.
        std: how advantages are normalised, see `advantages`.
        passes: steps on a round's loss.
        through: what the loss's gradient goes through: all `candidates`, or the problems `drawn` alone
            (`mirror_descent.drawn_gradient`), which is for one pass and for scorers that cost much.

    Where the last two aren't given, a scorer may say what is worth its cost.
    """

    extra_pass = True
    candidates = 2048
    dormant = 20
    warm_up = 5
    temperature = 1.0
    top_p = 0.9
    rule = "nucleus"
    floor = 0.0
    with_repeats = False
    rho = 0.2
    window = 10
    scale: str | float = "batch"
    std = "sample"
    passes = 4
    through = "candidates"
    scorer: Scorer | None = None  # None: a LightScorer over the problems' features

    def __init__(self, bank: ProblemSet, *, seed: int = 0, **settings: Any) -> None:
        super().__init__(bank, seed=seed, **settings)
        self._scorer: Scorer = self.scorer or LightScorer(bank.features, seed=seed)
        for name in {"passes", "through"} - set(settings):
            setattr(self, name, getattr(self._scorer, name, getattr(self, name)))
        if self.through not in ("candidates", "drawn") or (self.through == "drawn" and self.passes > 1):
            raise ValueError(
                f"through is candidates, or drawn with one pass, not {self.through!r} with {self.passes}"
            )
        self.values = Window(self.window)
        self.step = 0
        self._candidates: Indices = np.empty(0, np.int64)
        self._scores: Floats = np.empty(0)
        self._frozen: Floats = np.empty(0)
        self._chosen: Indices = np.empty(0, np.int64)
        self._seen: Round | None = None

    @property
    def leads(self) -> bool:
        """Whether the curator chooses at the present step."""
        return self.step > self.dormant + self.warm_up

    def score(self, candidates: Indices) -> Floats:
        return self._scorer.logits(candidates)

    def select(self, k: int, rng: np.random.Generator, probe: Probe) -> Selection:
        self.step += 1
        self._candidates = self.draw(max(self.candidates, k))
        k = min(k, len(self._candidates)) if not self.with_repeats else k
        self._scores = scores = self.score(self._candidates)
        self._frozen = mirror_descent.softmax(scores, self.temperature)
        if not self.leads:
            size = len(self._candidates)
            places = rng.choice(size, k, replace=k > size)
            chosen = Selection(places, np.full(k, 1 / size), self._frozen[places] * size)
        elif self.rule == "nucleus":
            chosen = sampling.nucleus(
                scores, k, rng, temperature=self.temperature, top_p=self.top_p, replacement=self.with_repeats
            )
        elif self.rule in ("replacement", "gumbel"):
            draw = sampling.gumbel if self.rule == "gumbel" else sampling.replacement
            chosen = draw(scores, k, rng, temperature=self.temperature, floor=self.floor)
        else:
            raise ValueError(f"rule is nucleus, replacement or gumbel, not {self.rule!r}")
        self._chosen = chosen.indices
        return Selection(self._candidates[chosen.indices], chosen.probability, chosen.weight)

    def target(self, seen: Round) -> Floats:
        """What the curator learns to predict, of each selected problem (B,)."""
        return utility(seen.rewards, seen.ratios, self.std)

    def observe(self, seen: Round) -> None:
        self._seen = seen
        means = self.values.add(seen.selection.indices, self.target(seen))
        if self.scale == "batch":
            size = np.abs(means).mean()
            self._utility = means / size if size > 0 else means
        else:
            self._utility = float(self.scale) * means

    def update(self) -> dict[str, float]:
        assert self._seen is not None
        numbers = {"entropy": mirror_descent.entropy(self._frozen), "leads": float(self.leads)}
        if self.step < self.dormant:
            return numbers
        return {**numbers, "curator_loss": self.learn(self._seen.selection)}

    def learn(self, selection: Selection) -> float:
        """Some steps on the proximal loss; the loss before them."""
        if self.through == "drawn":
            loss, gradient = mirror_descent.drawn_gradient(self._utility, selection.weight, self.temperature)
            self._scorer.descend(self._candidates[self._chosen], gradient)
            return loss
        losses = []
        for number in range(self.passes):
            scores = self.score_again() if number else self._scores  # nothing has moved since the choice
            loss, gradient = mirror_descent.proximal_gradient(
                scores,
                self._frozen,
                self._chosen,
                self._utility,
                selection.weight,
                rho=self.rho,
                temperature=self.temperature,
            )
            losses.append(loss)
            self._scorer.descend(self._candidates, gradient)
        return losses[0]

    def score_again(self) -> Floats:
        """The candidates' scores by the curator as it now is."""
        return self._scorer.logits(self._candidates)

    def state(self) -> dict[str, Any]:
        return {
            **super().state(),
            "step": self.step,
            "values": self.values.state(),
            "scorer": self._scorer.state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.step = state["step"]
        self.values.restore(state["values"])
        self._scorer.restore(state["scorer"])


class AsReleased(ActorCurator):
    """The curator as the released code seems to train it (read, never run), for an ablation.

    Its defects: the loss divides a log-probability by a probability (`mirror_descent.released_loss`), so that
    nothing is ever clipped and negative utilities have no gradient; the softmax runs over the micro-batch,
    so that the loss depends on its size; the field with the measured improvement is dropped on the
    way, so that the target is min(c, n - c) of c right among n, a learnability that is never negative.
    """

    extra_pass = False
    scale = 1.0
    micro_batch = 64

    def target(self, seen: Round) -> Floats:
        right = seen.rewards.sum(-1)
        return np.asarray(np.minimum(right, seen.rewards.shape[1] - right))

    def learn(self, selection: Selection) -> float:
        losses = []
        for start in range(0, len(selection.indices), self.micro_batch):
            part = slice(start, start + self.micro_batch)
            rows = selection.indices[part]
            loss, gradient = mirror_descent.released_gradient(
                self._scorer.logits(rows), selection.probability[part], self._utility[part], self.rho
            )
            losses.append(loss)
            self._scorer.descend(rows, gradient)
        return float(np.mean(losses))


class TabularOSMD(Curriculum):
    """Mirror descent over all problems with one probability each, on the truncated simplex: for small
    problem sets, and the form for which regret bounds are known. Draws are with replacement, and the
    estimate is weighed by the probability of the draw. Default rate and floor are from a third party (see
    `mirror_descent`)."""

    extra_pass = True
    rounds = 200
    eta = 0.0
    alpha = 0.0
    scale: str | float = "batch"
    std = "sample"

    def __init__(self, bank: ProblemSet, *, seed: int = 0, **settings: Any) -> None:
        super().__init__(bank, seed=seed, **settings)
        self.probability = np.full(len(bank), 1 / len(bank))
        self._estimate = np.zeros(len(bank))

    def score(self, candidates: Indices) -> Floats:
        return np.asarray(np.log(self.probability[candidates]))

    def select(self, k: int, rng: np.random.Generator, probe: Probe) -> Selection:
        indices = rng.choice(len(self.bank), k, p=self.probability)
        return Selection(indices, self.probability[indices])

    def observe(self, seen: Round) -> None:
        gains = utility(seen.rewards, seen.ratios, self.std)
        if self.scale != "batch":
            gains = float(self.scale) * gains
        elif (size := np.abs(gains).mean()) > 0:
            gains = gains / size
        self.learn(seen.selection, gains)

    def learn(self, selection: Selection, gains: Floats) -> None:
        """The importance-weighted estimate of every problem's gain, from the k that were drawn."""
        self._estimate = np.zeros(len(self.bank))
        np.add.at(self._estimate, selection.indices, gains / selection.probability / len(gains))
        self._plays = len(gains)

    def update(self) -> dict[str, float]:
        size = len(self.bank)
        eta = self.eta or mirror_descent.default_rate(size, self._plays, self.rounds)
        alpha = self.alpha or mirror_descent.default_floor(size, self._plays, self.rounds)
        self.probability = mirror_descent.project(
            mirror_descent.mirror_step(self.probability, self._estimate, eta), alpha
        )
        return {"entropy": mirror_descent.entropy(self.probability)}

    def state(self) -> dict[str, Any]:
        return {"probability": self.probability.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.probability = np.array(state["probability"])
