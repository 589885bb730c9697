"""A course through TRL's GRPO trainer: for models whose arithmetic outweighs a trainer's own work.

TRL reads its prompts from a data set in advance, and a course can't choose before it has seen the step
before. So the data set holds nothing but places, and the rollout hook, which TRL calls once a generation
batch, answers with the course's rollouts. Advantages are the course's too. TRL keeps the loss, the clipping,
the optimiser, accumulation, checkpoints and their resumption.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.base.errors import UsageError, reason_of
from harness.engine import checkpoints
from harness.engine.course import Course, Diverged, Rollout, Update
from harness.engine.divergence import Growth
from harness.engine.vllm import TORCH, VLLM, VllmSampler

NAME = "trl"
#: TRL's word for how token losses are summed
LOSSES = {"sequence": "grpo", "token": "dapo"}
#: TRL's word for what it logs, and the curve's
LOGGED = {"loss": "loss", "grad_norm": "grad_norm", "entropy": "policy_entropy", "learning_rate": "rate"}


def train(
    course: Course,
    folder: Path,
    *,
    resumed: Callable[[], None] = lambda: None,
    keep_peak: bool = False,
    generation: str = TORCH,
) -> None:
    """See `harness.engine.train`."""
    found = checkpoints.last(folder)
    if found is not None:
        checkpoints.read_state(course, NAME, found)
        resumed()
    trainer = make_trainer(course, folder, keep_peak, generation)
    try:
        trainer.train(resume_from_checkpoint=None if found is None else str(found))
    finally:
        if isinstance(sampler := getattr(course, "sampler", None), VllmSampler):
            sampler.close()


def make_trainer(course: Course, folder: Path, keep_peak: bool = False, generation: str = TORCH) -> Any:
    """TRL's trainer around a course.

    Raises:
        UsageError: TRL is not installed, several processes were started, the sizes don't fit each other, or
            vLLM can't start.
    """
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    try:
        import datasets
        import torch
        import transformers
        from trl import GRPOTrainer  # type: ignore[attr-defined]  # exported lazily
    except ImportError:
        raise UsageError(
            "the engine trl needs TRL, which is not installed: pip install -c constraints.txt "
            "'harness[train]'"
        ) from None
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(
            "training through TRL uses one process here; on several, take verl: "
            "harness train --backend verl --print"
        )
    update = course.update
    config = _config(course, folder, generation)

    class Trainer(GRPOTrainer):  # type: ignore[misc]  # TRL's class has no types
        """With the course's advantages in place of those that TRL makes of rewards."""

        rolled: Sequence[Rollout] = ()

        def _generate_and_score_completions(self, inputs: list[Any]) -> dict[str, Any]:
            output: dict[str, Any] = super()._generate_and_score_completions(inputs)
            output["advantages"] = _advantages(self.rolled, output["completion_ids"])
            return output

    def rollouts(prompts: list[Any], trainer: Any) -> dict[str, Any]:
        """The prompts that TRL gives are places; the rollouts are the course's."""
        torch.manual_seed(course.seed * 1_000_003 + course.step)  # a resumed run shuffles as a whole one
        if isinstance(sampler := getattr(course, "sampler", None), VllmSampler):
            sampler.loaded()
        trainer.rolled = rolled = _filled(course.choose(), update)
        masks = [rollout.own or [True] * len(rollout.ids) for rollout in rolled]
        logprobs = [rollout.logprobs for rollout in rolled if rollout.logprobs is not None]
        return {
            "prompt_ids": [rollout.prompt for rollout in rolled],
            "completion_ids": [rollout.ids for rollout in rolled],
            "logprobs": logprobs or None,
            "env_mask": [[int(own) for own in mask] for mask in masks],
        }

    places = datasets.Dataset.from_dict({"prompt": ["place"] * update.rollouts * 8})
    try:
        trainer = Trainer(
            model=course.model,
            reward_funcs=[_no_rewards],
            args=config,
            train_dataset=places,
            processing_class=course.tokenizer,
            rollout_func=rollouts,
            callbacks=[_callback(course, folder, keep_peak)],
        )
    except Exception as error:  # an engine has many ways not to start
        if generation != VLLM:
            raise
        reason = reason_of(error)[:200]
        raise UsageError(
            f"vLLM can't draw from this policy here: {reason}; -M generation=torch draws without it"
        ) from error
    if generation == VLLM:
        drawn: Any = course
        drawn.sampler = VllmSampler(trainer, drawn.decoder)
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


def _config(course: Course, folder: Path, generation: str) -> Any:
    import torch
    from trl import GRPOConfig  # type: ignore[attr-defined]  # exported lazily

    update, accelerated = course.update, torch.cuda.is_available()
    share, rest = divmod(update.rollouts, update.minibatches)
    if rest or share % update.micro_batch or update.rollouts < 2:
        raise UsageError(
            f"a step of {update.rollouts} rollouts doesn't fall into {update.minibatches} updates of forward "
            f"passes of {update.micro_batch}"
        )
    drawing: Any = course
    vllm = {"vllm_mode": "colocate", "vllm_max_model_length": drawing.longest} if generation == VLLM else {}
    return GRPOConfig(
        output_dir=str(folder),
        max_steps=update.steps * update.minibatches,
        seed=course.seed,
        data_seed=course.seed,
        per_device_train_batch_size=update.micro_batch,
        steps_per_generation=update.rollouts // update.micro_batch,
        gradient_accumulation_steps=share // update.micro_batch,
        # for TRL's own statistics of rewards alone, which nothing reads
        num_generations=next(n for n in range(2, update.rollouts + 1) if update.rollouts % n == 0),
        temperature=update.temperature,
        loss_type=LOSSES[update.aggregate],
        importance_sampling_level=update.level,
        epsilon=update.low,
        epsilon_high=update.high,
        beta=0.0,
        scale_rewards="none",
        learning_rate=update.rate,
        adam_beta1=update.betas[0],
        adam_beta2=update.betas[1],
        weight_decay=update.weight_decay,
        max_grad_norm=update.clip,
        lr_scheduler_type="constant_with_warmup",
        warmup_steps=update.warm_up,
        use_cpu=not accelerated,
        bf16=accelerated,
        logging_steps=update.minibatches,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=update.save_every * update.minibatches,
        save_total_limit=checkpoints.KEPT,
        ignore_data_skip=True,
        report_to=[],
        disable_tqdm=True,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        use_vllm=generation == VLLM,
        **vllm,
    )


def _filled(rollouts: Sequence[Rollout], update: Update) -> list[Rollout]:
    """As many rollouts as TRL wants; those missing have no token of the policy's own, and no effect."""
    if not rollouts or len(rollouts) > update.rollouts:
        raise UsageError(f"a step of {update.rollouts} rollouts was given {len(rollouts)}")
    first = rollouts[0]
    known = None if first.logprobs is None else [0.0]
    empty = Rollout(first.prompt, first.ids[:1], 0.0, [False], known)
    return [*rollouts, *[empty] * (update.rollouts - len(rollouts))]


def _advantages(rollouts: Sequence[Rollout], completions: Any) -> Any:
    """(B, T) the course's advantages of tokens, as TRL pads them."""
    found = completions.new_zeros(completions.shape).float()
    for number, rollout in enumerate(rollouts):
        found[number, : len(rollout.ids)] = found.new_tensor(rollout.advantage)
    return found


def _no_rewards(completions: list[Any], **_: Any) -> list[float | None]:
    return [0.0] * len(completions)


def _callback(course: Course, folder: Path, keep_peak: bool) -> Any:
    """What TRL's trainer calls between its own work."""
    import torch
    from transformers import TrainerCallback

    growth = Growth(course.model.parameters())

    class Follow(TrainerCallback):
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            gradients = [p.grad for p in given["model"].parameters() if p.grad is not None]
            if not all(bool(torch.isfinite(each).all()) for each in gradients):
                raise Diverged("the loss or its gradient is not finite")

        def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            growth.check()
            if state.global_step % course.update.minibatches:
                return
            goes_on = course.finish_step()
            if keep_peak:
                checkpoints.keep(given["model"], course, folder)
            if not goes_on:
                control.should_save = control.should_training_stop = True

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **given: Any) -> None:
            if course.curve and logs and "loss" in logs:
                course.curve[-1] |= {ours: float(logs[name]) for name, ours in LOGGED.items() if name in logs}

        def on_save(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            place = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            checkpoints.write_state(course, NAME, place)
            checkpoints.drop_old_peaks(course, folder)

    return Follow()
