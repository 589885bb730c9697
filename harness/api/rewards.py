"""A task's own grader as a reward, for those who train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api.loading import load_task
from harness.base.errors import UsageError
from harness.sample import Outcome, Sample

if TYPE_CHECKING:
    from harness.api.requests import TaskLike
    from harness.task import Task

SPLITS = ("train", "dev", "test")


class Reward:
    """What a task's grader makes of completions, in [0, 1]; made by `harness.reward`.

    Attributes:
        task: the task, with its arguments.
        split: where ids are looked up.
    """

    def __init__(self, task: Task, split: str, mirror: str | None, offline: bool) -> None:
        self.task, self.split = task, split
        self._mirror, self._offline = mirror, offline
        #: TRL logs a reward under its function's name
        self.__name__ = f"{task.spec.name}_reward"

    def __call__(
        self,
        sample: Sample | str | None = None,
        completion: Any = None,
        *,
        completions: Sequence[Any] | None = None,
        sample_id: Sequence[str] | None = None,
        **columns: Any,
    ) -> Any:
        """The reward of a completion, or of a batch of them.

        One: `reward(sample_or_id, completion)` is a float. A batch, as TRL calls its reward functions:
        `reward(completions=[...], sample_id=[...])` is a list, with None (which TRL leaves out) where the
        grader could not do its work; further columns of the data set are taken and not looked at. A
        completion is a text or a list of chat messages, of which the last one counts.

        Raises:
            UsageError: no such sample in the split, the grader could not do its work (one alone), or the
                batch has no `sample_id`.
        """
        if completions is None:
            if sample is None or completion is None:
                raise UsageError("reward takes a sample or its id, and a completion")
            found, reason = self._graded(sample, completion)
            if found is None:
                raise UsageError(f"{self.task.spec.name} can't grade this completion: {reason}")
            return found
        if sample_id is None or len(sample_id) != len(completions):
            raise UsageError(
                "a batch needs the column sample_id, one a completion; reward.rows() makes such a data set"
            )
        return [self._graded(*pair)[0] for pair in zip(sample_id, completions, strict=True)]

    def rows(self, limit: int | None = None) -> list[dict[str, Any]]:
        """The questions of the split as a data set to train on: `prompt` (chat messages) and `sample_id`.

        Example:
            >>> datasets.Dataset.from_list(harness.reward("countdown").rows())
        """
        return [
            {
                "prompt": [
                    {"role": message.role, "content": message.text}
                    for message in self.task.ask(sample.question)
                ],
                "sample_id": sample.id,
            }
            for sample in self.samples[:limit]
        ]

    @cached_property
    def samples(self) -> Sequence[Sample]:
        """The samples of the split, loaded when they are first needed.

        Raises:
            DataError: the data can't be reached.
            UsageError: the split is empty.
        """
        from harness.data.hub import Data

        splits = self.task.load(Data.from_environment(self._mirror, self._offline))
        samples: Sequence[Sample] = getattr(splits, self.split)
        if not len(samples):
            able = [name for name in SPLITS if len(getattr(splits, name))]
            raise UsageError(
                f"task {self.task.spec.name!r} has no {self.split} split with these arguments; "
                f"it has: {', '.join(able)}"
            )
        return samples

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {sample.id: n for n, sample in enumerate(self.samples)}

    def _sample(self, which: Sample | str) -> Sample:
        if isinstance(which, Sample):
            return which
        if str(which) not in self._places:
            raise UsageError(
                f"{self.task.spec.name} has no sample {which!r} in its {self.split} split; "
                "harness.reward(..., split=...) names another"
            )
        return self.samples[self._places[str(which)]]

    def _graded(self, which: Sample | str, completion: Any) -> tuple[float | None, str | None]:
        """The reward, or None with the reason."""
        from harness.task import answer_in

        sample, text, spec = self._sample(which), _text(completion), self.task.spec
        try:
            answer = answer_in(self.task, text, sample.question)
            score = self.task.score(sample, Outcome(sample.id, sample.question.epoch, text, answer))
        except Exception as error:  # a broken grader is no wrong answer
            return None, f"{type(error).__name__}: {error}"
        if score.status != "ok" or spec.primary not in score.metrics:
            return None, score.reason or f"it gave no {spec.primary}"
        share = spec.metric_ranges[spec.primary].share(score.metrics[spec.primary])
        return min(1.0, max(0.0, share)), None


def reward(
    task: TaskLike,
    *,
    split: str = "train",
    mirror: str | Path | None = None,
    offline: bool = False,
    **args: Any,
) -> Reward:
    """A task's own grader as a reward function: the primary metric, 0 at its worst value and 1 at its best.

    Args:
        task: a name, "file.py:MyTask" or a class.
        split: where ids are looked up: `train`, `dev` or `test`. What is trained on `test` can't be measured
            there any more.
        mirror: folder of Hub data sets. `offline`: only the cache and local files.
        args: arguments of the task.

    Returns:
        `reward(sample_or_id, completion)`, a float in [0, 1]; and as TRL calls it, for a batch.

    Raises:
        UsageError: no such task or split, or one whose attempts can't be scored one by one from a completion
            alone (a world, a ranking, metrics of a whole set).

    Example:
        >>> reward = harness.reward("countdown")
        >>> reward(reward.samples[0], "<answer>(1 + 2) * 3</answer>")
        >>> rows = datasets.Dataset.from_list(reward.rows())
        >>> trl.GRPOTrainer("Qwen/Qwen2.5-0.5B-Instruct", reward_funcs=reward, train_dataset=rows)
    """
    from harness import registry
    from harness.data.hub import Data
    from harness.task import Task

    if split not in SPLITS:
        raise UsageError(f"a split is one of {', '.join(SPLITS)}, not {split!r}")
    loaded = load_task(task, **args)
    if loaded.spec.unsettled:
        data = Data.from_environment(str(mirror) if mirror else None, offline)
        loaded = registry.load_task(registry.settled(loaded.spec, loaded.args, data), loaded.args)
    spec, kind = loaded.spec, type(loaded)
    for lacks, why in (
        ("world" in spec.offers, "is a world to act in"),
        (spec.answer == "ranking", "is answered by a ranking"),
        (kind.score_all is not Task.score_all, "scores a set as a whole"),
        (spec.primary not in spec.metrics, "is measured on a set as a whole"),
    ):
        if lacks:
            raise UsageError(f"task {spec.name!r} {why}: a completion alone has no reward")
    return Reward(loaded, split, str(mirror) if mirror else None, offline)


def _text(completion: Any) -> str:
    """The text of a completion, which may be a list of chat messages."""
    if isinstance(completion, str):
        return completion
    if isinstance(completion, Sequence) and completion and isinstance(completion[-1], Mapping):
        return str(completion[-1].get("content") or "")
    raise UsageError(f"a completion is a text or a list of chat messages, not {completion!r:.80}")
