"""The only door a method has to the outside."""

from __future__ import annotations

import copy
import fcntl
import logging
import random
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from harness.base import paths
from harness.base.digest import digest, seed_of
from harness.base.errors import AccessError, DataError, UsageError
from harness.external.services import Services
from harness.model.gateway import Model
from harness.model.ledger import Budget, Ledger, Usage
from harness.sample import Outcome, Question, Sample, Splits
from harness.spec import MethodSpec
from harness.task import Task

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput

    from harness.data.interactions import Interactions
    from harness.model.embed import Embedder
    from harness.world import World

S = TypeVar("S", bound=Sized)


@dataclass
class Artifact:
    """A folder that `fit` fills once. `exists` says that it is filled already and must not change;
    else `path` is an empty folder to fill."""

    path: Path
    exists: bool


class Job:
    """Models, declared data, budget, files, progress and randomness of one run."""

    def __init__(
        self,
        *,
        task: Task,
        method: MethodSpec,
        splits: Splits,
        model: Model,
        roles: Mapping[str, Model],
        budget: Budget,
        seed: int,
        embedder: Embedder | None = None,
        concurrency: int = 16,
        n_questions: int | None = None,
        ledger: Ledger | None = None,
        with_weights: Callable[[Path], Model] | None = None,
        open_task: Callable[[str], tuple[Task, Splits]] | None = None,
        services: Services | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> None:
        #: whether the task's items are worlds to act in; recorded answers are final as they are
        self.interactive = "world" in task.spec.offers and "answers" not in model.abilities
        self._services = services or Services()
        task = task.for_run(self._services) if self.interactive else task
        self.model, self.budget, self.seed, self.concurrency = model, budget, seed, concurrency
        self.instruction = task.instruction
        self.log = logging.getLogger(f"harness.{method.name}")
        self.access: dict[str, int] = {}
        self._ask, self._parse, self._world = task.ask, task.parse, task.world
        self._method, self._splits, self._roles = method, splits, dict(roles)
        self._embedder, self._progress = embedder, progress
        self._ledger = Ledger() if ledger is None else ledger
        self._with_weights, self._open_task, self._task = with_weights, open_task, task
        self.embedder = embedder.name if embedder else None
        self._n_questions = len(splits.test) if n_questions is None else n_questions
        self._dir: Path | None = None
        self._samples: dict[str, Sample] | None = None
        #: the weights that the method last answered with in place of the model's own
        self.trained: Path | None = None
        #: the learning curve that the method told
        self.learning_curve: list[dict[str, Any]] = []

    # -- the task's face --------------------------------------------------------------------------

    def ask(self, question: Question, shots: Sequence[Sample] = ()) -> list[ChatMessage]:
        """The task's neutral prompt."""
        return self._ask(question, shots)

    def parse(self, text: str, question: Question) -> Any | None:
        """The canonical answer in a completion, None if there is none."""
        return self._parse(text, question)

    def world(self, question: Question) -> World:
        """The question's world, fresh; for interactive tasks, played by `harness.episode.play`."""
        if self._samples is None:
            self._samples = {sample.id: sample for sample in self._splits.test}
        return self._world(replace(self._samples[question.id], question=question), self.role)

    def outcome(self, question: Question, output: ModelOutput, **fields: Any) -> Outcome:
        """The outcome that one completion is."""
        confidence = (output.metadata or {}).get("confidence")
        return Outcome(
            question.id,
            question.epoch,
            output.completion,
            **{"confidence": confidence, "stop_reason": output.stop_reason, **fields},
        )

    def reward(self, sample: Sample, text: str) -> float:
        """What the task's own grader makes of a completion for a sample that the method holds with its
        target: the primary metric over its largest value, in [0, 1].

        Raises:
            Exception: whatever a broken grader raises.
        """
        outcome = Outcome(sample.id, sample.question.epoch, text, self.parse(text, sample.question))
        spec = self._task.spec
        return self._task.score(sample, outcome).metrics[spec.primary] / spec.metrics[spec.primary]

    @property
    def task_name(self) -> str:
        return self._task.spec.name

    @property
    def task_args(self) -> Mapping[str, Any]:
        """The task's arguments, for methods that have its grader run elsewhere."""
        return self._task.args

    # -- data that the method declared ------------------------------------------------------------

    @property
    def train(self) -> Sequence[Sample]:
        """Labelled samples; needs `labelled`."""
        return self._reach("labelled", "labels_seen", self._splits.train)

    @property
    def dev(self) -> Sequence[Sample]:
        """Labelled samples to choose settings on; needs `dev`."""
        return self._reach("dev", "dev_labels_seen", self._splits.dev)

    @property
    def pool(self) -> Sequence[Question]:
        """Unlabelled questions; needs `pool`."""
        return self._reach("pool", "pool_size", self._splits.pool)

    @property
    def interactions(self) -> Interactions:
        """What is known of all users before the test; needs `interactions`."""
        known = self._splits.interactions
        self._reach("interactions", "interactions_seen", known if known is not None else ())
        assert known is not None  # checked before the method was loaded
        return known

    @property
    def item_texts(self) -> Sequence[str]:
        """One text an item of `interactions`, "" where it has none; needs `item_texts`."""
        known = self._splits.interactions
        return self._reach("item_texts", "item_texts_seen", known.item_texts if known else ())

    @property
    def test_inputs(self) -> Sequence[Question]:
        """Every test question at once, for transductive methods; needs `test_inputs`."""
        questions = [sample.question for sample in self._splits.test]
        return self._reach("test_inputs", "test_inputs_seen", questions)

    @property
    def n_questions(self) -> int:
        """How many questions this run asks, epochs counted: over them the cost of `fit` is shared."""
        return self._n_questions

    def training_task(self, name: str) -> Job:
        """The same run's door to another task, for a method that learns on one task and is measured on this
        one: its train and dev splits, its prompts, its grader. Never its test split. What is read there is
        noted in this run's `access`.

        Raises:
            UsageError: no such task.
            AccessError: the method didn't declare `labelled`.
        """
        self._needs("labelled")
        if self._open_task is None:
            raise UsageError(f"no other task than {self._task.spec.name!r} is at hand")
        task, splits = self._open_task(name)
        other = copy.copy(self)
        other._task, other._ask, other._parse, other._world = task, task.ask, task.parse, task.world
        other._samples = None
        other.instruction = task.instruction
        other._splits = Splits(test=(), train=splits.train, dev=splits.dev)
        return other

    def _reach(self, need: str, noted: str, split: S) -> S:
        self._needs(need)
        self.access[noted] = len(split)
        return split

    def _needs(self, need: str) -> None:
        if need not in self._method.needs + self._method.may_use:
            raise AccessError(
                f"method {self._method.name!r} reached for {need!r} without declaring "
                "it in its needs or may_use"
            )

    # -- models -----------------------------------------------------------------------------------

    def role(self, name: str) -> Model:
        """The model that plays a role, which the method declares in its needs or may_use.

        Raises:
            UsageError: no model was given for it.
        """
        if name not in self._roles:
            raise UsageError(f"method {self._method.name!r} needs --role {name}=MODEL")
        return self._roles[name]

    @property
    def policy(self) -> Path:
        """The folder of the run's model's weights, as transformers loads it; needs `trainable`.

        Raises:
            UsageError: the model can't be trained, or its weights can't be had.
        """
        self._needs("trainable")
        if self._with_weights is None or "trainable" not in self.model.provider.abilities:
            raise UsageError(
                f"method {self._method.name!r} needs a model whose weights can be trained, and "
                f"{self.model.name} is none; pocket/NAME, hf/ID and vllm/ID are"
            )
        return self.model.provider.weights()

    def with_policy(self, folder: Path) -> Model:
        """The run's model with the weights in `folder`, behind the same gateway: cached under their own
        digest, metered, budgeted; needs `trainable`.

        Raises:
            UsageError: the folder doesn't hold weights of that architecture.
        """
        self._needs("trainable")
        if self._with_weights is None:
            raise UsageError(f"{self.model.name} can't be served from other weights")
        model = self._with_weights(folder)
        self.trained = folder
        return model

    def charge(self, purpose: str, usage: Usage) -> None:
        """Books what was spent past the gateway, such as rollouts and forward passes of training.

        Raises:
            BudgetSpent: a limit of the run is reached; what was spent is booked.
        """
        self._ledger.charge(purpose, usage, "", 0)
        self.budget.check(self._ledger.total)

    def curve(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """The learning curve of `fit`, one row a step in the order of steps: `step` (0 is before training)
        and what is known of `rollouts`, `tokens`, `flops`, `wall_s` (all from the start), `reward`, `dev`
        (a score on the validation split, never on test), `difficulty` and `entropy`. It is sealed beside
        the record; a second call replaces the first.

        Raises:
            UsageError: a row has another shape, a number isn't finite, or a count falls.
        """
        from harness.results.curve import checked

        try:
            self.learning_curve = checked(rows)
        except ValueError as error:
            raise UsageError(f"the learning curve of method {self._method.name!r}: {error}") from None

    def embed(self, texts: Sequence[str]) -> Any:
        """Unit-length vectors, one row a text: a float32 array, or a sparse matrix of a lexical
        embedder. The first call fixes the vocabulary of a lexical embedder."""
        if self._embedder is None:
            raise UsageError(f"method {self._method.name!r} needs --embedder NAME")
        return self._embedder.embed(texts)

    def item_vectors(self) -> tuple[Any, int]:
        """One unit-length vector an item of `interactions`, float32 (items, D), and how many items have
        no text: these get the mean of the others. Needs `item_texts` and an embedder.

        Raises:
            UsageError: the embedder gives sparse vectors.
            DataError: a vector isn't finite, or there are more or fewer of them than items.
        """
        import numpy as np

        texts = self.item_texts
        own = np.array([bool(text) for text in texts])
        if self._embedder is not None and self._embedder.by_row:
            own[:] = True
        rows = self.embed([text for text, has in zip(texts, own, strict=True) if has])
        if not isinstance(rows, np.ndarray):
            raise UsageError("items need dense vectors, which --embedder tfidf doesn't give; try lsa")
        if len(rows) != own.sum():
            raise DataError(f"the embedder gave {len(rows)} vectors for {own.sum()} items with a text")
        broken = int((~np.isfinite(rows).all(axis=1)).sum())
        if broken:
            raise DataError(
                f"the vectors of {broken} of {len(rows)} items hold NaN or infinity; embed them anew"
            )
        vectors = np.empty((len(texts), rows.shape[1]), np.float32)
        vectors[own], vectors[~own] = rows, rows.mean(axis=0)
        return vectors, int((~own).sum())

    # -- files, progress, randomness --------------------------------------------------------------

    @property
    def dir(self) -> Path:
        """A folder for this run's own files; it goes when the run is sealed."""
        if self._dir is None:
            self._dir = Path(tempfile.mkdtemp(prefix="harness-"))
        return self._dir

    @contextmanager
    def artifact(self, key: Any) -> Iterator[Artifact]:
        """The folder of what `fit` makes from the inputs `key` (anything with a JSON form).

            with job.artifact([self.args, job.seed]) as made:
                if not made.exists:
                    train(made.path)
            load(made.path)

        A folder gets its final name, which `made.path` is after the block, in one step when the block
        ends without an exception; what a killed or failed `fit` leaves is never taken for finished.
        """
        name = digest([self._method.name, self._method.comparability_version, key])
        final = paths.cache_dir() / "artifacts" / name
        if final.is_dir():
            yield Artifact(final, True)
            return
        final.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f"{name[:12]}-", suffix=".part", dir=final.parent))
        made = Artifact(part, False)
        try:
            yield made
            try:
                part.rename(final)
            except OSError:
                if not final.is_dir():  # else another process was faster with the same
                    raise
            made.path = final
        finally:
            shutil.rmtree(part, ignore_errors=True)

    @contextmanager
    def workspace(self, key: Any) -> Iterator[Path]:
        """A folder for the checkpoints of a long `fit` from the inputs `key`. Unlike an artefact it is there
        again after a kill or a failure; it goes when the block ends without an exception.

        Raises:
            UsageError: another process works in it.
        """
        name = digest([self._method.name, self._method.comparability_version, key])
        path = paths.cache_dir() / "workspaces" / name
        path.mkdir(parents=True, exist_ok=True)
        with open(path.with_suffix(".lock"), "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UsageError(
                    f"another process fits {self._method.name!r} with the same inputs; wait for "
                    "it, its result will be found"
                ) from None
            yield path
            shutil.rmtree(path, ignore_errors=True)

    def progress(self, what: str, done: int, total: int) -> None:
        """Shows how far a long step is."""
        if self._progress is not None:
            self._progress(what, done, total)

    def rng(self, *name: Any) -> random.Random:
        """A random generator that depends on the run's seed and the name alone."""
        return random.Random(seed_of(self.seed, *name))

    def close(self) -> None:
        """Removes the run's folder, lets go of what it reached outside."""
        self._services.close()
        if self._dir is not None:
            shutil.rmtree(self._dir, ignore_errors=True)
