"""A plain torch loop around a course: for small policies, whose steps a trainer's own work would dominate.

The loss, the order of sequences, the optimiser and the rates are those of `trl.py`; the tests compare both.
Sequences go through the policy sorted by length, those without any advantage without a backward pass, and
long prompts once for all that follow them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.base.errors import UsageError
from harness.engine import checkpoints
from harness.engine.course import Course, Diverged, Rollout
from harness.engine.divergence import Growth
from harness.engine.loss import Batch, advantages, logprobs, own_tokens, token_losses, worth_sharing

NAME = "plain"
OPTIMIZER = "optimizer.pt"


def train(
    course: Course,
    folder: Path,
    *,
    resumed: Callable[[], None] = lambda: None,
    keep_peak: bool = False,
) -> None:
    """See `harness.engine.train`."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    mover = Mover(course)
    found = checkpoints.last(folder)
    if found is not None:
        checkpoints.read_state(course, NAME, found)
        mover.load(found)
        resumed()
    goes_on = True
    while goes_on and course.step < course.update.steps:
        torch.manual_seed(course.seed * 1_000_003 + course.step)  # a resumed run shuffles as a whole one
        numbers = mover.move(course.choose())
        goes_on = course.finish_step()
        course.curve[-1] |= numbers
        if keep_peak:
            checkpoints.keep(course.model, course, folder)
        if not goes_on or course.step % course.update.save_every == 0 or course.step == course.update.steps:
            _save(course, mover, folder)


def _save(course: Course, mover: Mover, folder: Path) -> None:
    part = folder / "checkpoint.part"
    shutil.rmtree(part, ignore_errors=True)
    mover.save(part)
    checkpoints.write_state(course, NAME, part)
    whole = folder / f"checkpoint-{course.step}"
    shutil.rmtree(whole, ignore_errors=True)
    part.rename(whole)
    checkpoints.drop_old(folder)
    checkpoints.drop_old_peaks(course, folder)


class Mover:
    """A policy's weights and the optimiser that moves them."""

    def __init__(self, course: Course) -> None:
        import torch

        self.model, self.update, self._updates = course.model, course.update, 0
        update = course.update
        if update.rollouts % update.minibatches:
            raise UsageError(
                f"{update.minibatches} updates a step don't divide its {update.rollouts} rollouts"
            )
        self._weights = [p for p in course.model.parameters() if p.requires_grad]
        self._growth = Growth(self._weights)
        for weight in self._weights:  # a step in which nothing differs moves them too, by what came before
            weight.grad = torch.zeros_like(weight)
        matrices = [p for p in self._weights if p.ndim > 1]  # norms and biases don't decay, as in TRL
        vectors = [p for p in self._weights if p.ndim < 2]
        groups = [
            {"params": matrices, "weight_decay": update.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(
            [group for group in groups if group["params"]], lr=update.rate, betas=update.betas, fused=True
        )

    @property
    def rate(self) -> float:
        """Of the next update: a linear rise from 0, then constant."""
        warm_up = self.update.warm_up
        return self.update.rate * (self._updates / warm_up if self._updates < warm_up else 1.0)

    def save(self, folder: Path) -> None:
        import torch

        self.model.save_pretrained(folder)
        kept = {"optimizer": self.optimizer.state_dict(), "updates": self._updates}
        torch.save(kept, folder / OPTIMIZER)

    def load(self, folder: Path) -> None:
        import torch

        kept = torch.load(folder / OPTIMIZER, map_location=self.model.device, weights_only=True)
        weights = type(self.model).from_pretrained(folder, dtype=self.model.dtype).state_dict()
        self.model.load_state_dict(weights)
        self.optimizer.load_state_dict(kept["optimizer"])
        self._updates = kept["updates"]

    def move(self, rollouts: Sequence[Rollout]) -> dict[str, float]:
        """Moves the weights by a step's rollouts, in `minibatches` updates; those missing to
        `update.rollouts` count as without effect.

        Returns:
            loss (mean of the updates), grad_norm (of the last, before clipping), policy_entropy (nats, mean
            over own tokens), rate (of the last update).

        Raises:
            Diverged: the loss, its gradient or a weight is not finite (no such gradient reached the weights),
                or the weights have exploded.
        """
        import torch

        update = self.update
        if len(rollouts) > update.rollouts:
            raise UsageError(f"a step of {update.rollouts} rollouts was given {len(rollouts)}")
        learned = [own_tokens(rollout) for rollout in rollouts]
        share = update.rollouts // update.minibatches
        tokens = max(1.0, sum(map(len, learned)) / update.minibatches)
        shared = worth_sharing(rollouts)
        self.model.train()
        order = torch.randperm(update.rollouts).tolist()
        parts = [order[start : start + share] for start in range(0, update.rollouts, share)]
        before: dict[int, Any] = {}
        batches = []
        for part in parts:
            wanted = [n for n in part if n < len(rollouts) and len(learned[n])]
            moving = [n for n in wanted if np.any(advantages(rollouts[n], learned[n]))]
            still = [n for n in wanted if n not in set(moving)]
            batches.append([(b, True) for b in self._cut(rollouts, moving, shared)])
            batches[-1] += [(b, False) for b in self._cut(rollouts, still, shared)]
        if update.minibatches > 1:  # the first update leaves the others' rollouts off-policy
            with torch.no_grad():
                for batch, moves in (pair for part in batches for pair in part):
                    if moves:
                        before[id(batch)] = logprobs(self.model, batch, update.temperature)[0]
        entropy, counted, losses, norm, rate = 0.0, 0, [], 0.0, self.rate
        for part in batches:
            self.optimizer.zero_grad(set_to_none=False)
            total = 0.0
            for batch, moves in part:
                with torch.set_grad_enabled(moves):
                    now, nats = logprobs(self.model, batch, update.temperature)
                entropy, counted = entropy + float(nats.sum()), counted + len(nats)
                if not moves:
                    continue
                lost = token_losses(now, before.get(id(batch), now.detach()), batch, update)
                if update.aggregate == "sequence":
                    loss = (lost / batch.own.index_select(0, batch.row)).sum() / share
                else:
                    loss = lost.sum() / tokens
                loss.backward()
                total += float(loss.detach())
            losses.append(total)
            rate = self.rate
            norm = self._step(rate)
        return {
            "loss": float(np.mean(losses)),
            "grad_norm": norm,
            "policy_entropy": entropy / max(1, counted),
            "rate": rate,
        }

    def _cut(self, rollouts: Sequence[Rollout], numbers: Sequence[int], shared: bool) -> list[Batch]:
        """Forward passes of `micro_batch` sequences of like lengths, or of the same prompts."""

        def place(n: int) -> Any:
            prompt, ids = rollouts[n].prompt, rollouts[n].ids
            return (len(prompt), prompt, len(ids)) if shared else len(prompt) + len(ids)

        ordered = sorted(numbers, key=place)
        size = self.update.micro_batch
        cuts = [ordered[start : start + size] for start in range(0, len(ordered), size)]
        return [Batch.of([rollouts[n] for n in cut], self.model.device, shared) for cut in cuts]

    def _step(self, rate: float) -> float:
        """One update; the gradient's norm before it was clipped."""
        import torch

        norm = float(torch.nn.utils.clip_grad_norm_(self._weights, self.update.clip))
        if not np.isfinite(norm):
            raise Diverged("the loss or its gradient is not finite")
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self._updates += 1
        self._growth.check()
        return norm
