"""`job.data`: the splits that a method declared. Test targets are never among them. What is handed out is the
method's own copy: whatever it does to it in place (sorts, shuffles, removes) reaches no grader, other method
or other run."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Sized
from typing import TYPE_CHECKING, Any, TypeVar

from harness.base.errors import DataError, UsageError
from harness.job.access import Access
from harness.sample import LazySamples, Question, Sample, Splits

if TYPE_CHECKING:
    from harness.data.interactions import Interactions
    from harness.model.embed import Embedder

S = TypeVar("S", bound=Sized)
T = TypeVar("T")


class JobData:
    """Declared data. What a method reads is counted, and stands in its record.

    Every member that needs a declaration raises AccessError where it is missing.
    """

    def __init__(
        self, splits: Splits, access: Access, n_questions: int, embedder: Embedder | None = None
    ) -> None:
        self._splits, self._access, self._embedder = splits, access, embedder
        self._n_questions = n_questions
        self._held: dict[str, Any] = {}

    @property
    def n_questions(self) -> int:
        """How many questions this run asks, epochs counted: over them the cost of `fit` is shared."""
        return self._n_questions

    @property
    def train(self) -> Sequence[Sample]:
        """Labelled samples; needs `labelled`."""
        return self._hand("labelled", "labels_seen", self._splits.train)

    @property
    def dev(self) -> Sequence[Sample]:
        """Labelled samples to choose settings on; needs `dev`."""
        return self._hand("dev", "dev_labels_seen", self._splits.dev)

    @property
    def pool(self) -> Sequence[Question]:
        """Unlabelled questions; needs `pool`."""
        return self._hand("pool", "pool_size", self._splits.pool)

    @property
    def test_inputs(self) -> Sequence[Question]:
        """Every test question at once, for transductive methods; needs `test_inputs`."""
        self._read("test_inputs", "test_inputs_seen", self._splits.test)
        return self._once("test_inputs", lambda: [sample.question.own() for sample in self._splits.test])

    @property
    def interactions(self) -> Interactions:
        """What is known of all users before the test; needs `interactions`."""
        known = self._splits.interactions
        self._read("interactions", "interactions_seen", known if known is not None else ())
        assert known is not None  # checked before the method was loaded
        return self._once("interactions", known.own)

    @property
    def item_texts(self) -> Sequence[str]:
        """One text an item of `interactions`, "" where it has none; needs `item_texts`."""
        known = self._splits.interactions
        texts = self._read("item_texts", "item_texts_seen", known.item_texts if known else ())
        return self._once("item_texts", lambda: list(texts))

    def item_vectors(self) -> tuple[Any, int]:
        """One unit-length vector an item of `interactions`, float32 (items, D), and how many items have
        no text: these get the mean of the others. Needs `item_texts` and an embedder.

        Raises:
            UsageError: there is no embedder, or it gives sparse vectors.
            DataError: a vector isn't finite, or there are more or fewer of them than items.
        """
        import numpy as np

        texts, embedder = self.item_texts, self._embedder
        if embedder is None:
            raise UsageError(f"method {self._access.method.name!r} needs --embedder NAME")
        own = np.array([bool(text) for text in texts])
        if embedder.by_row:
            own[:] = True
        rows = embedder.embed([text for text, has in zip(texts, own, strict=True) if has])
        if not isinstance(rows, np.ndarray):
            raise UsageError("items need dense vectors, which --embedder tfidf doesn't give; try lsa")
        check_vectors(rows, int(own.sum()), embedder.name)
        vectors = np.empty((len(texts), rows.shape[1]), np.float32)
        vectors[own], vectors[~own] = rows, rows.mean(axis=0)
        return vectors, int((~own).sum())

    def _hand(self, need: str, counted: str, split: Sequence[Any]) -> Sequence[Any]:
        self._read(need, counted, split)
        return self._once(need, lambda: _own(split))

    def _once(self, name: str, make: Callable[[], T]) -> T:
        if name not in self._held:
            self._held[name] = make()
        held: T = self._held[name]
        return held

    def _read(self, need: str, counted: str, split: S) -> S:
        self._access.check(need)
        self._access.seen.read(counted, len(split))
        return split


def _own(split: Sequence[Any]) -> Sequence[Any]:
    """Copies of samples or questions: at once, or each when it is looked at where the split makes them so."""
    if isinstance(split, list | tuple):
        return [each.own() for each in split]
    return LazySamples(split, lambda _, each: each.own())


def check_vectors(rows: Any, texts: int, embedder: str) -> None:
    """Whether an embedder gave a finite vector for every text; as an array or a sparse matrix.

    Raises:
        DataError: it didn't; says how many are wrong.
    """
    import numpy as np

    if rows.shape[0] != texts:
        raise DataError(f"embedder {embedder} gave {rows.shape[0]} vectors for {texts} texts")
    sound = np.isfinite(rows.data if hasattr(rows, "tocsr") else rows)
    if not sound.all():
        broken = "some" if sound.ndim == 1 else int((~sound.all(axis=1)).sum())
        raise DataError(
            f"embedder {embedder}: the vectors of {broken} of {texts} texts hold NaN or infinity; embed them "
            "again"
        )
