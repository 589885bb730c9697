"""CM2 on a cluster: the files with which verl trains a policy on a task's worlds by their checklists.

Numbers are the paper's (arXiv 2602.12268) or those of the authors' example script, which are far apart; what
neither states is ours and marked so. The advantage is verl's GRPO without the group's standard deviation, at
trajectory level, the paper's final choice. Nothing here was run on a cluster.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError
from harness.base.secrets import without_secrets
from harness.checklist.rule import RewardRule
from harness.methods.cm2.plan import PRESETS
from harness.methods.cm2.verl_loop import sample_as_text
from harness.sample import Sample

if TYPE_CHECKING:
    from harness.job import Job

#: the name under which verl finds the loop
LOOP = "harness_world"
_PLAN = PRESETS["paper"]
#: sizes of the paper. Certain: group size (it compares 24 and 48), mini-batch, rate, KL coefficient, 64 GPUs;
#: its context is 10k tokens, and the split into prompt and response is the script's. Ours: prompts of a step
#: (one update a step), steps, checkpoints, temperature. What training here has too is that of its plan.
PAPER: dict[str, Any] = {
    "prompts": _PLAN.prompts,
    "mini_batch": _PLAN.prompts,
    "rollouts": _PLAN.rollouts,
    "rate": _PLAN.rate,
    "kl": 1e-3,
    "prompt_tokens": 4000,
    "response_tokens": 8000,
    "temperature": _PLAN.temperature,
    "importance": 0.0,
    "steps": _PLAN.steps,
    "save_every": _PLAN.save_every,
    "nodes": 8,
    "gpus": 8,
}
#: sizes of the authors' example script, named for 48 rollouts and scaled down; importance is the threshold of
#: its truncated token-level weights (its veto at 1e-4 is left out, as verl's name for it has changed)
SCRIPT: dict[str, Any] = {
    **PAPER,
    "prompts": 4,
    "mini_batch": 4,
    "rollouts": 4,
    "rate": 1e-6,
    "kl": 1e-4,
    "importance": 2.0,
    "nodes": 1,
}
SIZES = {"paper": PAPER, "script": SCRIPT}


def launch_of(args: Mapping[str, Any], job: Job, judged: bool) -> dict[str, str]:
    """The launch of a method's arguments: sizes that were given over the paper's.

    Args:
        judged: whether the role `judge` decides, and not the task's own rules.

    Raises:
        UsageError: as `launch`, or an argument that is for experiments here.
    """
    for name in ("flip", "blind", "std"):
        if args.get(name):
            raise UsageError(f"-M {name}={args[name]} is for training here; leave it out of a launch by verl")
    home = job.training.task(args["bank"]) if args.get("bank") else job
    folder = job.model.name.startswith("pocket/")
    return launch(
        task=home.task_name,
        task_args=home.task_args,
        samples=list(home.data.train),
        plan={name: args[name] for name in PAPER if args.get(name)},
        seed=job.seed,
        model=str(job.training.policy) if folder else job.model.name.partition("/")[2],
        roles=job.roles,
        settings={
            "judged": judged,
            "rule": {name: args[name] for name in ("gate", "broken_turn", "level") if name in args},
            "judge_mode": args.get("judge_mode", "step"),
            "votes": args.get("votes", 1),
        },
    )


def launch(
    *,
    task: str,
    task_args: Mapping[str, Any],
    samples: Sequence[Sample],
    plan: Mapping[str, Any],
    seed: int,
    model: str,
    roles: Mapping[str, str],
    settings: Mapping[str, Any],
) -> dict[str, str]:
    """The files of a launch by name: the samples as verl reads them, the agent loop, the settings, the line
    that starts it.

    Args:
        task: whose worlds are played; one with checklists.
        task_args: all of its arguments.
        samples: the train split.
        plan: any of the sizes of `PAPER`, over those of the preset; others are ignored. No step has more
            prompts than there are samples.
        seed: of the roles' models and of the order of the data.
        model: a Hub id or a folder, as verl loads it.
        roles: models by role.
        settings: `preset` (`paper` or `script`), `rule` (fields of `RewardRule`), `judged` (by the role
            `judge`, the default where there is one, or by the task's own rules), `judge_mode`, `votes`,
            `role_args` (secrets in them are left out), `validation` (samples of the dev split); each may be
            missing.

    Raises:
        UsageError: no samples, no such preset, or a level other than trajectory.
    """
    if not samples:
        raise UsageError(
            f"{task} has no training samples with these arguments; dialogues of your own: -T train=FILE, or "
            "-T test_share below 1"
        )
    preset = settings.get("preset", "paper")
    if preset not in SIZES:
        raise UsageError(f"verl's preset is one of {', '.join(SIZES)}, not {preset!r}")
    sizes = {**SIZES[preset], **{name: value for name, value in plan.items() if name in PAPER}}
    sizes["prompts"] = min(sizes["prompts"], len(samples))  # verl refuses a batch larger than its data
    rule = RewardRule(**settings.get("rule", {}))
    if rule.level != "trajectory" or rule.std:
        raise UsageError(
            "verl's GRPO gives one advantage a trajectory, here without std; --backend trl has other levels"
        )
    loop = {
        "task": task,
        "task_args": dict(task_args),
        "roles": dict(roles),
        "role_args": without_secrets(dict(settings.get("role_args", {}))),
        "judged": settings.get("judged", "judge" in roles),
        "judge_mode": settings.get("judge_mode", "step"),
        "votes": settings.get("votes", 1),
        "rule": asdict(rule),
        "seed": seed,
    }
    entry = {
        "name": LOOP,
        "_target_": "harness.methods.cm2.verl_loop.WorldLoop",
        "settings": json.dumps(loop),
    }
    validation = settings.get("validation") or samples
    return {
        "launch.sh": _script(model, sizes, seed, roles, bool(settings.get("validation"))),
        "agent_loop.yaml": json.dumps([entry], indent=1) + "\n",  # JSON is YAML
        "plan.json": json.dumps({"model": model, "preset": preset, **sizes, **loop}, indent=1) + "\n",
        "train.json": _rows(task, samples),
        "validation.json": _rows(task, validation),
    }


def _rows(task: str, samples: Sequence[Sample]) -> str:
    """One row a line. The prompt serves verl's check of lengths alone; the loop asks what the world says."""
    rows = (
        {
            "data_source": f"harness/{task}",
            "agent_name": LOOP,
            "prompt": [{"role": "user", "content": sample.question.input}],
            "ability": task,
            "extra_info": {"index": number, "sample": sample_as_text(sample)},
            "reward_model": {"style": "rule", "ground_truth": ""},
        }
        for number, sample in enumerate(samples)
    )
    return "".join(json.dumps(row) + "\n" for row in rows)


def _script(model: str, sizes: Mapping[str, Any], seed: int, roles: Mapping[str, str], tested: bool) -> str:
    values: dict[str, Any] = {
        "data.train_files": "$here/train.json",
        "data.val_files": "$here/validation.json",
        "data.return_raw_chat": True,
        "data.seed": seed,
        "data.train_batch_size": sizes["prompts"],
        "data.max_prompt_length": sizes["prompt_tokens"],
        "data.max_response_length": sizes["response_tokens"],
        "algorithm.adv_estimator": "grpo",
        "algorithm.norm_adv_by_std_in_grpo": False,
        "algorithm.use_kl_in_reward": False,
        "actor_rollout_ref.model.path": model,
        "actor_rollout_ref.actor.optim.lr": sizes["rate"],
        "actor_rollout_ref.actor.ppo_mini_batch_size": min(sizes["mini_batch"], sizes["prompts"]),
        "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu": 1,
        "actor_rollout_ref.actor.use_kl_loss": sizes["kl"] > 0,
        "actor_rollout_ref.actor.kl_loss_coef": sizes["kl"],
        "actor_rollout_ref.actor.kl_loss_type": "low_var_kl",
        "actor_rollout_ref.actor.entropy_coeff": 0,
        "actor_rollout_ref.actor.loss_agg_mode": "token-mean",
        "actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu": 1,
        "actor_rollout_ref.rollout.name": "vllm",
        "actor_rollout_ref.rollout.mode": "async",
        "actor_rollout_ref.rollout.n": sizes["rollouts"],
        "actor_rollout_ref.rollout.temperature": sizes["temperature"],
        "actor_rollout_ref.rollout.prompt_length": sizes["prompt_tokens"],
        "actor_rollout_ref.rollout.response_length": sizes["response_tokens"],
        "actor_rollout_ref.rollout.max_model_len": sizes["prompt_tokens"] + sizes["response_tokens"],
        "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu": 1,
        "actor_rollout_ref.rollout.calculate_log_probs": sizes["importance"] > 0,
        "actor_rollout_ref.rollout.agent.default_agent_loop": LOOP,
        "actor_rollout_ref.rollout.agent.agent_loop_config_path": "$here/agent_loop.yaml",
        "actor_rollout_ref.rollout.val_kwargs.n": 4,
        "actor_rollout_ref.rollout.val_kwargs.temperature": 1.0,
        "actor_rollout_ref.rollout.val_kwargs.do_sample": True,
        "trainer.total_training_steps": sizes["steps"],
        "trainer.save_freq": sizes["save_every"],
        "trainer.test_freq": sizes["save_every"] if tested else -1,
        "trainer.val_before_train": tested,
        "trainer.nnodes": sizes["nodes"],
        "trainer.n_gpus_per_node": sizes["gpus"],
    }
    if sizes["importance"] > 0:
        values["algorithm.rollout_correction.rollout_is"] = "token"
        values["algorithm.rollout_correction.rollout_is_threshold"] = sizes["importance"]
    lines = " \\\n    ".join(f"{name}={_word(value)}" for name, value in values.items())
    asked = "".join(f"# {role}: {name}\n" for role, name in sorted(roles.items()))
    if asked:
        asked = (
            "# Models that are asked meanwhile; their keys and addresses are those of the environment:\n"
            + asked
        )
    return (
        "#!/bin/sh\n"
        "# In an environment with verl 0.7 and this package on every node; set nnodes and n_gpus_per_node.\n"
        f"{asked}"
        'here=$(cd "$(dirname "$0")" && pwd)\n'
        f"python -m verl.trainer.main_ppo \\\n    {lines}\n"
    )


def _word(value: Any) -> str:
    """A value as a word of the shell; a path below the script's folder as it stands."""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return f'"{text}"' if text.startswith("$here/") else shlex.quote(text)
