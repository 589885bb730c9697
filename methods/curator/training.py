"""One training run as a course: the curriculum chooses, the policy is rolled out, the curriculum learns.

What moves the policy between `choose` and `finish_step` is the engine's business (`harness/engine/`).
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.base.errors import BudgetSpent, UsageError
from harness.engine.course import Rollout
from harness.engine.rollouts import Decoder, Ids, Sampler
from harness.methods.curator.cost import Cost
from harness.methods.curator.curriculum import Curriculum, Round
from harness.methods.curator.language_model_scorer import LanguageScorer
from harness.methods.curator.plan import Plan
from harness.methods.curator.sampling import Selection
from harness.methods.curator.signals import TRL_EPSILON, Floats, Indices, advantages, mixed
from harness.methods.curator.training_tasks import ProblemSet


@dataclass
class Group:
    """The responses (n) to one problem: token ids, end-of-sequence included where there was one; rewards in
    [0, 1]; summed log-probabilities under the policy that drew them, where they were asked for; those of
    single tokens by the engine that drew them, where it was another than the policy itself."""

    problem: int
    prompt: Ids
    responses: list[Ids]
    rewards: Floats
    before: Floats = field(default_factory=lambda: np.empty(0))
    drawn: list[list[float]] | None = None

    @property
    def lengths(self) -> Floats:
        return np.array([len(ids) for ids in self.responses], np.float64)

    @property
    def tokens(self) -> tuple[int, int]:
        """Of the prompt, once a response; and of the responses."""
        return len(self.prompt) * len(self.responses), sum(map(len, self.responses))

    def rollouts(self) -> list[Rollout]:
        """With GRPO's advantages, as TRL makes them of rewards."""
        shares = advantages(self.rewards, epsilon=TRL_EPSILON)
        drawn: list[list[float] | None] = [*self.drawn] if self.drawn else [None] * len(self.responses)
        return [
            Rollout(self.prompt, ids, float(share), logprobs=logprobs)
            for ids, share, logprobs in zip(self.responses, shares, drawn, strict=True)
        ]


@dataclass
class Dev:
    """Problems to measure on, neither trained nor tested on: prompts, and what grades a response to each."""

    prompts: Sequence[Ids] = ()
    grade: Callable[[int, str], float] = field(default=lambda number, text: 0.0)


class Training:
    """One run: a `DrawnCourse` of the engines."""

    def __init__(
        self,
        *,
        model: Any,
        tokenizer: Any,
        bank: ProblemSet,
        prompts: Sequence[Ids],
        curriculum: Curriculum,
        verify: Callable[[int, str], float],
        plan: Plan,
        loss: str = "gspo",
        seed: int = 0,
        dev: Dev | None = None,
        max_rollouts: int = 0,
        max_flops: float = 0.0,
        lean: bool = False,
        after_step: Callable[[dict[str, Any], Cost], None] = lambda row, cost: None,
    ) -> None:
        """
        Args:
            prompts: token ids of every problem.
            loss: `gspo` or `grpo`, see `Plan.update`.
            verify: the reward in [0, 1] of a response to a problem, by its number.
            max_rollouts, max_flops: the run ends at the first step at which so much is spent, discarded
                rollouts included; 0 is no limit. For comparisons at equal compute.
            lean: the extra passes leave out groups of equal rewards: their utility is 0 whatever became
                of their responses, which then count as unchanged. The other groups' sums may differ in
                their last bits from those of whole batches.
            after_step: sees every row of the learning curve and what the step cost; may raise BudgetSpent,
                which ends the run with a checkpoint.
        """
        if len(bank) < plan.prompts:
            raise UsageError(
                f"there are {len(bank)} training problems, and a step takes {plan.prompts}; "
                f"-M prompts={len(bank)} is the most"
            )
        self.model, self.tokenizer, self.bank, self.prompts = model, tokenizer, bank, prompts
        self.curriculum, self.verify, self.plan, self.seed = curriculum, verify, plan, seed
        self.dev, self.after_step, self.update = dev or Dev(), after_step, plan.update(loss)
        self.longest = max(map(len, [*prompts, *self.dev.prompts])) + plan.max_tokens
        self.max_rollouts, self.max_flops, self.lean = max_rollouts, max_flops, lean
        self.parameters = sum(p.numel() for p in model.parameters())
        config = model.generation_config
        end = config.eos_token_id if config.eos_token_id is not None else tokenizer.eos_token_id
        self.decoder = Decoder(
            model,
            end=end if isinstance(end, list) else [end],
            pad=tokenizer.pad_token_id,
            max_tokens=plan.max_tokens,
            temperature=plan.temperature,
        )
        #: what draws rollouts; an engine may put vLLM in the decoder's place
        self.sampler: Sampler = self.decoder
        self.curve: list[dict[str, Any]] = []
        self.total, self.cost = Cost(), Cost()
        self.spent: BudgetSpent | None = None
        self._ready: dict[int, list[Group]] = defaultdict(list)
        self._groups: list[Group] = []
        self._selection = Selection(np.empty(0, np.int64))
        self._draws = 0
        self._started = time.perf_counter()

    @property
    def step(self) -> int:
        """Steps that are done."""
        return len(self.curve)

    @property
    def peak(self) -> int | None:
        """The first step with the best accuracy on dev; None where nothing was measured."""
        measured = [row for row in self.curve if row.get("dev") is not None]
        return max(measured, key=lambda row: row["dev"])["step"] if measured else None

    # -- one step ---------------------------------------------------------------------------------

    def choose(self) -> list[Rollout]:
        """The rollouts of the next step: the curriculum's choice."""
        self.cost, self._draws = Cost(), 0
        self._started = started = time.perf_counter()
        self._ready.clear()
        rng = np.random.default_rng([self.seed, self.step])
        selection = self.curriculum.select(self.plan.prompts, rng, self._probe)
        if len(selection.indices) != self.plan.prompts:
            raise UsageError(
                f"the curriculum found {len(selection.indices)} problems for a step of "
                f"{self.plan.prompts}; take more training problems or fewer -M prompts"
            )
        self.cost.select_s = time.perf_counter() - started - self.cost.rollout_s - self.cost.verify_s
        wanted = selection.indices.tolist()
        missing = [
            problem
            for problem in dict.fromkeys(wanted)
            for _ in range(wanted.count(problem) - len(self._ready[problem]))
        ]
        self._roll(missing)
        self._groups = [self._ready[problem].pop(0) for problem in wanted]
        self._selection = selection
        for left in self._ready.values():
            for group in left:
                prompt, response = group.tokens
                self.cost.discarded += len(group.responses)
                self.cost.discarded_prompt_tokens += prompt
                self.cost.discarded_response_tokens += response
        for group in self._groups:
            prompt, response = group.tokens
            self.cost.trained += len(group.responses)
            self.cost.prompt_tokens += prompt
            self.cost.response_tokens += response
        if self.curriculum.extra_pass:
            self._score("before")
        return [rollout for group in self._groups for rollout in group.rollouts()]

    def _probe(self, problems: Indices) -> Floats:
        wanted = problems.tolist()
        before = {problem: len(self._ready[problem]) for problem in wanted}
        self._roll(wanted)
        rewards = []
        for problem in wanted:
            rewards.append(self._ready[problem][before[problem]].rewards)
            before[problem] += 1
        return np.array(rewards)

    def _roll(self, problems: Sequence[int]) -> None:
        if not problems:
            return
        started = time.perf_counter()
        prompts = [self.prompts[problem] for problem in problems]
        mixed_seed = np.random.SeedSequence([self.seed, self.step, self._draws]).generate_state(1)[0]
        self._draws += 1
        answers = self.sampler.draw(prompts, self.plan.rollouts, int(mixed_seed))
        rolled = time.perf_counter()
        for problem, prompt, drawn in zip(problems, prompts, answers, strict=True):
            responses = [response.ids for response in drawn]
            texts = self.tokenizer.batch_decode(responses, skip_special_tokens=True)
            rewards = np.array([self._grade(problem, text) for text in texts])
            logprobs = [response.logprobs for response in drawn if response.logprobs is not None]
            group = Group(problem, prompt, responses, rewards, drawn=logprobs or None)
            self._ready[problem].append(group)
        self.cost.rollout_s += rolled - started
        self.cost.verify_s += time.perf_counter() - rolled

    def _grade(self, problem: int, text: str) -> float:
        try:
            return self.verify(problem, text)
        except Exception as error:
            name = self.bank.samples[problem].id if self.bank.samples else str(problem)
            raise UsageError(
                f"the task's verifier fails on {name!r}: {type(error).__name__}: "
                f"{str(error)[:200]}; the last checkpoint is kept"
            ) from error

    def _score(self, when: str) -> Floats:
        started = time.perf_counter()
        wanted = np.array([not self.lean or bool(mixed(group.rewards)) for group in self._groups])
        groups = [group for group, want in zip(self._groups, wanted, strict=True) if want]
        found = np.zeros((len(self._groups), self.plan.rollouts))
        if groups:
            found[wanted] = self.decoder.logprobs(
                [group.prompt for group in groups], [group.responses for group in groups]
            )
        if when == "before":
            for group, sums in zip(self._groups, found, strict=True):
                group.before = sums
        self.cost.extra_tokens += sum(sum(group.tokens) for group in groups)
        self.cost.extra_s += time.perf_counter() - started
        return found

    def learn(self) -> dict[str, Any]:
        """Shows the curriculum what the step did, and gives a row of the learning curve."""
        groups = self._groups
        rewards = np.array([group.rewards for group in groups])
        seen = Round(self._selection, rewards)
        if self.curriculum.extra_pass:
            seen.after = self._score("after")
            seen.before = np.array([group.before for group in groups])
            seen.lengths = np.array([group.lengths for group in groups])
        started = time.perf_counter()
        self.curriculum.observe(seen)
        numbers = self.curriculum.update()
        self.cost.curator_s = time.perf_counter() - started
        chosen = self._selection.indices
        counts = np.bincount(self.bank.categories[chosen], minlength=len(self.bank.names))
        row: dict[str, Any] = {
            "step": self.step + 1,
            "reward": float(rewards.mean()),
            "mixed": float(mixed(rewards).mean()),
            **{f"chosen {name}": int(count) for name, count in zip(self.bank.names, counts, strict=True)},
        }
        if self.bank.difficulty is not None:
            row["difficulty"] = float(self.bank.difficulty[chosen].mean())
        if seen.after is not None:
            # how far the update moved responses: what utilities are made of
            moved = np.abs(seen.ratios - 1)[mixed(rewards) if self.lean else slice(None)]
            row["ratio_spread"] = float(moved.mean()) if moved.size else 0.0
        return {**row, **numbers}

    def measure(self) -> float | None:
        """Greedy accuracy on the dev problems."""
        if not self.dev.prompts:
            return None
        started = time.perf_counter()
        drawn = self.sampler.draw(self.dev.prompts, 1, 0, greedy=True)
        answers = [responses[0].ids for responses in drawn]
        texts = self.tokenizer.batch_decode(answers, skip_special_tokens=True)
        found = [self.dev.grade(number, text) for number, text in enumerate(texts)]
        self.cost.dev_calls += len(texts)
        self.cost.dev_prompt_tokens += sum(map(len, self.dev.prompts))
        self.cost.dev_response_tokens += sum(map(len, answers))
        self.cost.dev_s += time.perf_counter() - started
        return float(np.mean(found))

    def finish_step(self) -> bool:
        """Closes a step after the policy's update; whether the run goes on."""
        row = self.learn()
        last = row["step"] == self.plan.steps or self._spends_the_rest()
        if last or self._measures():
            row["dev"] = self.measure()
        self.cost.step_s = time.perf_counter() - self._started
        row["cost"] = asdict(self.cost)
        self.curve.append(row)
        self.total.add(self.cost)
        try:
            self.after_step(row, self.cost)
        except BudgetSpent as spent:
            self.spent = spent
            return False
        return not last

    def _spends_the_rest(self) -> bool:
        """Whether the present step brings the run to one of its limits."""
        rollouts = self.total.rollouts + self.cost.rollouts
        flops = self.total.flops(self.parameters) + self.cost.flops(self.parameters)
        return bool(0 < self.max_rollouts <= rollouts or 0 < self.max_flops <= flops)

    def _measures(self) -> bool:
        """Whether the present step completes another `measure_every` steps' worth of rollouts: curricula that
        discard many are measured as often, for what they spend, as those that discard none."""
        every = self.plan.measure_every * self.plan.prompts * self.plan.rollouts
        drawn = self.total.rollouts
        return bool(every) and (drawn + self.cost.rollouts) // every > drawn // every

    def state(self) -> dict[str, Any]:
        return {"curve": self.curve, "total": asdict(self.total), "curriculum": self.curriculum.state()}

    def restore(self, state: dict[str, Any]) -> None:
        self.curve, self.total = state["curve"], Cost(**state["total"])
        self.curriculum.restore(state["curriculum"])

    def save(self, folder: Path) -> None:
        if isinstance(scorer := getattr(self.curriculum, "scorer", None), LanguageScorer):
            scorer.save(folder)

    def load(self, folder: Path) -> None:
        if isinstance(scorer := getattr(self.curriculum, "scorer", None), LanguageScorer):
            scorer.load(folder)
