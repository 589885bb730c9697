"""`job.data`: the splits that a method declared. Test targets are never among them."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import TYPE_CHECKING, Any, TypeVar

from harness.base.errors import DataError, UsageError
from harness.job.access import Access
from harness.sample import Question, Sample, Splits

if TYPE_CHECKING:
    from harness.data.interactions import Interactions
    from harness.model.embed import Embedder

S = TypeVar("S", bound=Sized)


class JobData:
    """Declared data. What a method reads is counted, and stands in its record.

    Every member that needs a declaration raises AccessError where it is missing.
    """

    def __init__(
        self, splits: Splits, access: Access, n_questions: int, embedder: Embedder | None = None
    ) -> None:
        self._splits, self._access, self._embedder = splits, access, embedder
        self._n_questions = n_questions

    @property
    def n_questions(self) -> int:
        """How many questions this run asks, epochs counted: over them the cost of `fit` is shared."""
        return self._n_questions

    @property
    def train(self) -> Sequence[Sample]:
        """Labelled samples; needs `labelled`."""
        return self._read("labelled", "labels_seen", self._splits.train)

    @property
    def dev(self) -> Sequence[Sample]:
        """Labelled samples to choose settings on; needs `dev`."""
        return self._read("dev", "dev_labels_seen", self._splits.dev)

    @property
    def pool(self) -> Sequence[Question]:
        """Unlabelled questions; needs `pool`."""
        return self._read("pool", "pool_size", self._splits.pool)

    @property
    def test_inputs(self) -> Sequence[Question]:
        """Every test question at once, for transductive methods; needs `test_inputs`."""
        questions = [sample.question for sample in self._splits.test]
        return self._read("test_inputs", "test_inputs_seen", questions)

    @property
    def interactions(self) -> Interactions:
        """What is known of all users before the test; needs `interactions`."""
        known = self._splits.interactions
        self._read("interactions", "interactions_seen", known if known is not None else ())
        assert known is not None  # checked before the method was loaded
        return known

    @property
    def item_texts(self) -> Sequence[str]:
        """One text an item of `interactions`, "" where it has none; needs `item_texts`."""
        known = self._splits.interactions
        return self._read("item_texts", "item_texts_seen", known.item_texts if known else ())

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

    def _read(self, need: str, counted: str, split: S) -> S:
        self._access.check(need)
        self._access.seen.read(counted, len(split))
        return split


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
