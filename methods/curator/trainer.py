"""GRPO and GSPO through TRL's trainer, on the problems that a curriculum chooses.

TRL reads its prompts from a data set in advance, and a curriculum can't choose before it has seen the step
before. So the data set holds nothing but places, and the rollout hook, which TRL calls once a generation
batch, chooses the problems and answers with their rollouts. TRL keeps the loss, the clipping, the optimiser,
accumulation, checkpoints and their resumption.
"""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from harness.base.errors import UsageError
from harness.methods.curator.language_model_scorer import LanguageScorer
from harness.methods.curator.rollouts import Diverged
from harness.methods.curator.training import Training
from harness.methods.curator.vllm_rollouts import TORCH, VLLM, Engine

#: what a checkpoint of ours has beside TRL's files; written last, so that a checkpoint with it is whole
STATE = "curriculum.json"
#: token-level clip ranges of GRPO with DAPO's higher ceiling, and the sequence-level ones of GSPO
LOSSES = {"gspo": ("sequence", 3e-4, 4e-4), "grpo": ("token", 0.2, 0.28)}
#: what is copied from a policy's folder beside the weights
BESIDE = (
    "tokenizer*",
    "special_tokens_map.json",
    "vocab*",
    "merges.txt",
    "generation_config.json",
    "chat_template*",
)


def train(
    training: Training,
    folder: Path,
    loss: str = "gspo",
    resumed: Callable[[], None] = lambda: None,
    keep_peak: bool = False,
    generation: str = TORCH,
) -> None:
    """Runs a training from the last whole checkpoint in `folder`, or from the start, to its end or to the end
    of its budget (`training.spent`). `resumed` is called once a checkpoint is read. With `keep_peak` the
    weights of the step with the best accuracy on dev stay in `peak(folder, training.peak)`. `generation` says
    what draws rollouts, `torch` or `vllm`.

    Raises:
        Diverged: a loss, gradient or probability is not finite; checkpoints stay.
        UsageError: the training problems, their verifier or the curriculum can't go on; checkpoints stay.
    """
    checkpoint = last_checkpoint(folder)
    if checkpoint is not None:
        training.restore(json.loads((checkpoint / STATE).read_text("utf-8")))
        if isinstance(scorer := getattr(training.curriculum, "scorer", None), LanguageScorer):
            scorer.load(checkpoint)
        resumed()
    trainer = _trainer(training, folder, loss, keep_peak, generation)
    try:
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    finally:
        if isinstance(training.sampler, Engine):
            training.sampler.close()


def peak(folder: Path, step: int) -> Path:
    """Where the weights of a step with the best accuracy on dev so far are kept."""
    return folder / f"peak-{step}"


def save(training: Training, folder: Path, source: Path, weights: Path | None = None) -> None:
    """Writes a policy that transformers and vLLM load, with the model's weights or those kept in `weights`;
    the tokenizer is that of `source`."""
    folder.mkdir(parents=True, exist_ok=True)
    if weights is None:
        training.model.save_pretrained(folder)
    else:
        shutil.copytree(weights, folder, dirs_exist_ok=True)
    for pattern in BESIDE:
        for file in source.glob(pattern):
            shutil.copyfile(file, folder / file.name)


def _trainer(training: Training, folder: Path, loss: str, keep_peak: bool, generation: str) -> Any:
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    import datasets
    import torch
    import transformers
    from trl import GRPOConfig, GRPOTrainer  # type: ignore[attr-defined]  # exported lazily

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(
            "training through TRL uses one process here; on several, take verl: "
            "harness train --backend verl --print"
        )
    plan, sequences = training.plan, training.plan.prompts * training.plan.rollouts
    accelerated = torch.cuda.is_available()
    micro = plan.micro_batch
    level, low, high = LOSSES[loss]
    updates = plan.steps * plan.minibatches
    longest = max(map(len, [*training.prompts, *training.dev.prompts]))
    config = GRPOConfig(
        output_dir=str(folder),
        max_steps=updates,
        seed=training.seed,
        data_seed=training.seed,
        per_device_train_batch_size=micro,
        steps_per_generation=sequences // micro,
        gradient_accumulation_steps=sequences // plan.minibatches // micro,
        num_generations=plan.rollouts,
        max_completion_length=plan.max_tokens,
        temperature=plan.temperature,
        loss_type="grpo",
        importance_sampling_level=level,
        epsilon=low,
        epsilon_high=high,
        beta=0.0,
        scale_rewards="group",
        learning_rate=plan.rate,
        weight_decay=0.1,
        max_grad_norm=1.0,
        lr_scheduler_type="constant_with_warmup",
        warmup_steps=math.ceil(updates / 20),
        use_cpu=not accelerated,
        bf16=accelerated,
        logging_steps=plan.minibatches,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=plan.save_every * plan.minibatches,
        save_total_limit=2,
        ignore_data_skip=True,
        report_to=[],
        disable_tqdm=True,
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        use_vllm=generation == VLLM,
        vllm_mode="colocate",
        vllm_max_model_length=longest + plan.max_tokens,
    )

    def rollouts(prompts: list[Any], trainer: Any) -> dict[str, Any]:
        """The prompts that TRL gives are places; the problems are the curriculum's."""
        torch.manual_seed(training.seed * 1_000_003 + training.step)  # a resumed run shuffles as a whole one
        if isinstance(training.sampler, Engine):
            training.sampler.loaded()
        flat = [(group, n) for group in training.choose() for n in range(len(group.responses))]
        return {
            "prompt_ids": [group.prompt for group, _ in flat],
            "completion_ids": [group.responses[n] for group, n in flat],
            "logprobs": [group.drawn[n] for group, n in flat if group.drawn is not None] or None,
            "earned": [float(group.rewards[n]) for group, n in flat],
        }

    places = datasets.Dataset.from_dict({"prompt": ["place"] * plan.prompts * 64})
    try:
        trainer = GRPOTrainer(
            model=training.model,
            reward_funcs=[_rewards],
            args=config,
            train_dataset=places,
            processing_class=training.tokenizer,
            rollout_func=rollouts,
            callbacks=[_callback(training, folder, keep_peak)],
        )
    except Exception as error:  # an engine has many ways not to start
        if generation != VLLM:
            raise
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise UsageError(
            f"vLLM can't draw from this policy here: {reason}; -M generation=torch draws without it"
        ) from error
    if generation == VLLM:
        training.sampler = Engine(
            trainer, end=training.decoder.end, max_tokens=plan.max_tokens, temperature=plan.temperature
        )
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


def _rewards(prompts: list[Any], completions: list[Any], earned: list[float], **_: Any) -> list[float | None]:
    return [*earned]


def _callback(training: Training, folder: Path, keep_peak: bool) -> Any:
    """What TRL's trainer calls between its own work."""
    import torch
    from transformers import TrainerCallback

    def check(tensors: Iterable[Any], message: str) -> None:
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors):
            raise Diverged(message)

    class Follow(TrainerCallback):
        def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            gradients = (p.grad for p in given["model"].parameters() if p.grad is not None)
            check(gradients, "the loss or its gradient is not finite")

        def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            check(given["model"].parameters(), "a weight of the policy is not finite")
            if state.global_step % training.plan.minibatches:
                return
            goes_on = training.finish_step()
            if keep_peak and training.peak == training.step:
                part = folder / "peak.part"
                shutil.rmtree(part, ignore_errors=True)
                given["model"].save_pretrained(part)
                shutil.rmtree(peak(folder, training.step), ignore_errors=True)
                part.rename(peak(folder, training.step))
            if not goes_on:
                control.should_save = control.should_training_stop = True

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **given: Any) -> None:
            if training.curve and logs and "loss" in logs:
                kept = {
                    "loss": "loss",
                    "grad_norm": "grad_norm",
                    "entropy": "policy_entropy",
                    "learning_rate": "rate",
                }
                training.curve[-1] |= {ours: float(logs[name]) for name, ours in kept.items() if name in logs}

        def on_save(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            place = Path(args.output_dir) / f"checkpoint-{state.global_step}" / STATE
            if isinstance(scorer := getattr(training.curriculum, "scorer", None), LanguageScorer):
                scorer.save(place.parent)
            part = place.with_suffix(".part")
            part.write_text(json.dumps(training.state()), "utf-8")
            part.rename(place)
            for old in folder.glob("peak-*"):  # a run that goes on from here never asks for another again
                if training.peak is not None and old != peak(folder, training.peak):
                    shutil.rmtree(old, ignore_errors=True)

    return Follow()


def last_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint; what a kill left half-written is removed."""
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    whole = [path for path in found if (path / STATE).is_file()]
    for path in found:
        if path not in whole:
            shutil.rmtree(path, ignore_errors=True)
    return whole[-1] if whole else None


def quiet() -> None:
    """Keeps transformers' bars and notices off the terminal."""
    import transformers

    # transformers' logging has no types
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("accelerate").setLevel(logging.ERROR)
