"""What a run draws once for all its items, noted as it happens: for its record, and for pairing by seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from harness.base.digest import digest
from harness.base.errors import UsageError
from harness.sample import Question, Sample
from harness.spec import is_data


class Drawn:
    """The draws of one run that its items share.

    Args:
        method: its name, for messages.
        ids: of the run's questions; looked at when a generator is first asked for.
    """

    def __init__(self, method: str, ids: Callable[[], Iterable[str]]) -> None:
        self._method, self._ids = method, ids
        self._known: frozenset[str] | None = None
        self._told: list[str] = []
        self._digest: str | None = None
        self._closed = False
        #: whether the run's seed was used for something that no single question has to itself
        self.shared = False
        #: called when `shared` becomes true
        self.noticed: Callable[[], None] = lambda: None

    def note(self) -> None:
        """The seed is used for something that all items share."""
        if not self.shared:
            self.shared = True
            self.noticed()

    def names_a_question(self, name: Iterable[Any]) -> bool:
        """Whether a part of a generator's name is a question of the run, or the id of one."""
        if self._known is None:
            self._known = frozenset(self._ids())
        parts = (part.id if isinstance(part, Question | Sample) else part for part in name)
        # a number that looks like an id is none: rounds and folds are counted by numbers
        return any(isinstance(part, str) and part in self._known for part in parts)

    def tell(self, *what: Any) -> None:
        """Takes what was drawn, in order; see `Job.drew`.

        Raises:
            UsageError: something has no content to hash, or the questions are asked already.
        """
        if self._closed:
            raise UsageError(
                f"method {self._method!r} calls job.drew after its fit; what all items share is drawn in "
                "fit, and what a question has to itself isn't told"
            )
        told = [each for part in what for each in self._contents(part)]
        if told:
            self._told += told
            self.note()

    @property
    def digest(self) -> str | None:
        """SHA-256 of all that was told, in order; None where nothing was."""
        return digest(self._told) if self._told else self._digest

    def close(self) -> None:
        """From now on questions are asked, and nothing more is told."""
        self._closed = True

    def state(self) -> dict[str, Any]:
        """What a run that is killed from here on must not lose."""
        return {"shared": self.shared, "digest": self.digest}

    def restore(self, state: Mapping[str, Any], *, told: bool) -> None:
        """Takes over what an interrupted run noted; also what it told, where `fit` isn't run again."""
        self.shared = self.shared or bool(state.get("shared"))
        if told:
            self._digest = state.get("digest")

    def _contents(self, part: Any) -> Iterator[str]:
        """The digests of the content of one part; of a list, those of what is in it."""
        if isinstance(part, Sample):
            yield part.digest()
        elif isinstance(part, Question):
            yield digest([part.id, part.input])
        elif isinstance(part, bytes):
            yield hashlib.sha256(part).hexdigest()
        elif isinstance(part, list | tuple):
            for each in part:
                yield from self._contents(each)
        elif hasattr(part, "__array__"):
            yield self._of_array(part)
        elif is_data(part):
            yield digest(part)
        else:
            raise self._refusal(part)

    def _of_array(self, part: Any) -> str:
        import numpy as np

        array = np.asarray(part)
        if array.dtype.hasobject:
            raise self._refusal(part)
        content = hashlib.sha256(array.tobytes()).hexdigest()
        return digest([array.dtype.str, list(array.shape), content])

    def _refusal(self, part: Any) -> UsageError:
        return UsageError(
            f"method {self._method!r} tells job.drew a {type(part).__name__}; it takes samples, questions, "
            "texts, numbers, bytes, arrays, and lists of them"
        )
