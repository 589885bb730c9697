"""The same curricula behind verl: a sampler for its trainer, a reward function, and the files of a launch.

verl (0.7 and later, the interface as of January 2026) takes a sampler by `data.sampler.class_path` and calls
its `update` after every step. Utilities also need log-probabilities under the updated policy, which its batch
doesn't hold; importing this module teaches verl's trainer that one extra pass. Nothing here was run on a
cluster: what is tested is the sampler against batches of verl's shape.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np

from harness.base.errors import UsageError
from harness.methods.curator.curricula import make
from harness.methods.curator.curriculum import Curriculum, Round
from harness.methods.curator.plan import Plan
from harness.methods.curator.sampling import Selection
from harness.methods.curator.signals import Floats, Indices
from harness.methods.curator.training_tasks import ProblemSet
from harness.registry import load_task, registry
from harness.sample import Outcome, Question, Sample

try:
    from verl.experimental.dataset.sampler import AbstractCurriculumSampler as _Base
except ImportError:  # where files are written, verl isn't installed
    _Base = object

#: where the extra pass leaves its log-probabilities
AFTER = "log_probs_after"
#: curricula that only choose; those that roll out first would need verl's rollout workers
CHOOSERS = ("uniform", "sec", "pcl", "adarft", "mopps", "curator", "curator-released", "osmd")


class CurriculumSampler(_Base):  # type: ignore[misc, valid-type]
    """Row numbers of the data set, chosen lazily: the next step's only after `update` saw the last one."""

    def __init__(self, data_source: Any, data_config: Any) -> None:
        settings = data_config["curriculum"]
        rows = [data_source.dataframe[number] for number in range(len(data_source))]
        facts = [row["extra_info"] for row in rows]
        names = sorted({str(fact["category"]) for fact in facts})
        number = {name: place for place, name in enumerate(names)}
        difficulty = [fact.get("difficulty") for fact in facts]
        self.bank = ProblemSet(
            [],
            [row["prompt"][-1]["content"] for row in rows],
            np.array([number[str(fact["category"])] for fact in facts]),
            names,
            None if None in difficulty else np.array(difficulty, float),
            "level labels",
        )
        options = {key: value for key, value in dict(settings).items() if key not in ("name", "seed")}
        self.curriculum: Curriculum = make(settings["name"], self.bank, seed=settings["seed"], **options)
        self.seed, self.size = int(settings["seed"]), int(data_config["train_batch_size"])
        self.step = 0
        #: verl's `index` of every row; they differ from row numbers where it left out long prompts
        self.index = np.array([fact["index"] for fact in facts], np.int64)
        self._selection: Selection | None = None
        if self.curriculum.extra_pass:
            _teach_extra_pass()

    def __len__(self) -> int:
        return len(self.bank) // self.size * self.size

    def __iter__(self) -> Iterator[int]:
        for _ in range(len(self.bank) // self.size):
            rng = np.random.default_rng([self.seed, self.step])
            self._selection = self.curriculum.select(self.size, rng, _no_probe)
            yield from self._selection.indices.tolist()

    def update(self, batch: Any) -> None:
        """Shows the curriculum what a step did."""
        assert self._selection is not None
        chosen = self._selection
        self.curriculum.observe(
            round_of(batch, chosen, self.index[chosen.indices], self.curriculum.extra_pass)
        )
        self.curriculum.update()
        self.step += 1

    def state_dict(self) -> dict[str, Any]:
        """Kept by verl's data loader in its checkpoints."""
        return {"step": self.step, "curriculum": json.dumps(self.curriculum.state())}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.step = state["step"]
        self.curriculum.restore(json.loads(state["curriculum"]))


def _no_probe(rows: Any) -> Floats:
    raise UsageError("this curriculum rolls problems out before it selects, which verl's sampler can't")


def round_of(batch: Any, selection: Selection, wanted: Indices, extra_pass: bool) -> Round:
    """What a verl batch says of the selected problems, `wanted` being their indices in verl's sense.

    Rows of the batch are rollouts in any order (verl balances them between workers); those of one place of
    the selection share a `uid`.
    """
    scores = np.asarray(batch.batch["token_level_scores"], np.float64).sum(-1)
    index = np.asarray(batch.non_tensor_batch["index"]).astype(np.int64)
    members: dict[Any, list[int]] = {}
    for row, uid in enumerate(batch.non_tensor_batch["uid"]):
        members.setdefault(uid, []).append(row)
    waiting: dict[int, list[list[int]]] = {}
    for rows in members.values():
        waiting.setdefault(int(index[rows[0]]), []).append(rows)
    groups = np.array([waiting[int(problem)].pop() for problem in wanted])
    seen = Round(selection, scores[groups])
    if extra_pass:
        mask = np.asarray(batch.batch["response_mask"], np.float64)

        def sums(name: str) -> Floats:
            return np.asarray((np.asarray(batch.batch[name], np.float64) * mask).sum(-1)[groups])

        seen.before, seen.after = sums("old_log_probs"), sums(AFTER)
        seen.lengths = mask.sum(-1)[groups]
    return seen


@cache
def _teach_extra_pass() -> None:
    """Lets verl's trainer score the rollouts once more right after it has updated the policy."""
    from verl.trainer.ppo.ray_trainer import RayPPOTrainer

    plain = RayPPOTrainer._update_actor

    def with_extra_pass(self: Any, batch: Any) -> Any:
        output = plain(self, batch)
        after, _ = self._compute_old_log_prob(batch)
        batch.batch[AFTER] = after.batch["old_log_probs"]
        return output

    RayPPOTrainer._update_actor = with_extra_pass


def compute_score(
    data_source: str, solution_str: str, ground_truth: str, extra_info: Any = None, **_: Any
) -> float:
    """verl's reward function: the task's own grader. `data_source` is `harness/TASK`."""
    kept = json.loads(ground_truth)
    spec = registry().task(data_source.partition("/")[2])
    task = load_task(spec, kept["task_args"])
    question = Question(kept["id"], kept["input"], metadata=kept["metadata"])
    answer = task.parse(solution_str, question)
    score = task.score(Sample(question, kept["target"]), Outcome(kept["id"], 0, solution_str, answer))
    return spec.metric_ranges[spec.primary].share(score.metrics[spec.primary])


def launch(
    *,
    task: str,
    task_args: Mapping[str, Any],
    bank: ProblemSet,
    conversations: Sequence[list[dict[str, str]]],
    plan: Plan,
    curriculum: str,
    loss: str,
    model: str,
    seed: int,
) -> dict[str, str]:
    """The files of a launch: the problems as verl reads them, the settings, and the line that starts it.

    Raises:
        UsageError: the curriculum can't run behind verl's sampler.
    """
    if curriculum not in CHOOSERS:
        raise UsageError(
            f"{curriculum} rolls problems out before it selects, which verl's sampler can't; "
            "for DAPO, verl has algorithm.filter_groups of its own"
        )
    rows = []
    for number, (sample, turns) in enumerate(zip(bank.samples, conversations, strict=True)):
        truth = {
            "id": sample.id,
            "input": sample.question.input,
            "target": sample.target,
            "metadata": dict(sample.question.metadata),
            "task_args": dict(task_args),
        }
        info: dict[str, Any] = {"index": number, "category": bank.names[bank.categories[number]]}
        if bank.difficulty is not None:
            info["difficulty"] = float(bank.difficulty[number])
        rows.append(
            json.dumps(
                {
                    "data_source": f"harness/{task}",
                    "prompt": turns,
                    "ability": task,
                    "extra_info": info,
                    "reward_model": {"style": "rule", "ground_truth": json.dumps(truth)},
                }
            )
        )
    settings = {
        "data.train_files": "train.json",
        "data.val_files": "train.json",
        "data.dataloader_num_workers": 0,
        "data.train_batch_size": plan.prompts,
        "data.max_response_length": plan.max_tokens,
        "data.sampler.class_path": "pkg://harness.methods.curator.verl",
        "data.sampler.class_name": "CurriculumSampler",
        "+data.curriculum.name": curriculum,
        "+data.curriculum.seed": seed,
        "+data.curriculum.candidates": plan.candidates,
        "+data.curriculum.dormant": plan.dormant,
        "+data.curriculum.warm_up": plan.warm_up,
        "+data.curriculum.rounds": plan.steps,
        "algorithm.adv_estimator": "grpo",
        "algorithm.use_kl_in_reward": False,
        "actor_rollout_ref.model.path": model,
        "actor_rollout_ref.actor.optim.lr": plan.rate,
        "actor_rollout_ref.actor.optim.weight_decay": 0.1,
        "actor_rollout_ref.actor.use_kl_loss": False,
        "actor_rollout_ref.actor.ppo_mini_batch_size": plan.prompts // plan.minibatches,
        "actor_rollout_ref.actor.policy_loss.loss_mode": "gspo" if loss == "gspo" else "vanilla",
        "actor_rollout_ref.actor.clip_ratio_low": 3e-4 if loss == "gspo" else 0.2,
        "actor_rollout_ref.actor.clip_ratio_high": 4e-4 if loss == "gspo" else 0.28,
        "actor_rollout_ref.actor.loss_agg_mode": "seq-mean-token-mean",
        "actor_rollout_ref.rollout.name": "vllm",
        "actor_rollout_ref.rollout.n": plan.rollouts,
        "actor_rollout_ref.rollout.temperature": plan.temperature,
        "custom_reward_function.path": "pkg://harness.methods.curator.verl",
        "custom_reward_function.name": "compute_score",
        "trainer.total_training_steps": plan.steps,
        "trainer.save_freq": plan.save_every,
        "trainer.val_before_train": False,
        "trainer.test_freq": -1,
        "trainer.n_gpus_per_node": 2,
    }
    lines = " \\\n    ".join(
        f"{name}={str(value).lower() if isinstance(value, bool) else value}"
        for name, value in settings.items()
    )
    return {
        "launch.sh": "#!/bin/sh\n# In an environment with verl and this package; set n_gpus_per_node.\n"
        f"python -m verl.trainer.main_ppo \\\n    {lines}\n",
        "plan.json": json.dumps(
            {"curriculum": curriculum, "loss": loss, "seed": seed, **asdict(plan)}, indent=1
        )
        + "\n",
        "train.json": "\n".join(rows) + "\n",
    }
