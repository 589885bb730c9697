"""The pool with its predictions, and a query's neighbours in it (notes, section 2.7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.methods.testnuc.predict import Prediction
from harness.methods.testnuc.vote import Voter
from harness.model.embed import nearest
from harness.sample import Question


class Pool:
    """Unlabelled questions, their vectors and predictions. Holds no targets."""

    def __init__(
        self, questions: Sequence[Question], vectors: Any, predictions: Sequence[Prediction]
    ) -> None:
        self.questions, self.vectors, self.predictions = questions, vectors, predictions
        self._by_id: dict[str, list[int]] = {}
        self._by_text: dict[str, list[int]] = {}
        for row, question in enumerate(questions):
            self._by_id.setdefault(question.id, []).append(row)
            self._by_text.setdefault(question.input.strip(), []).append(row)

    def itself(self, question: Question) -> set[int]:
        """The rows that are the query: the same id or the same stripped text."""
        same = self._by_text.get(question.input.strip(), [])
        return {*self._by_id.get(question.id, []), *same}

    def around(
        self, question: Question, vector: Any, k: int, *, keep: bool = False, raw: bool = False
    ) -> list[Voter]:
        """The k nearest as voters, best first, without the query unless `keep`; `raw` lets answers
        outside the label set vote as classes of their own."""
        if k <= 0:
            return []
        banned = set() if keep else self.itself(question)
        rows, similarities = nearest(self.vectors, vector, k + len(banned))
        found = [
            self.predictions[row].voter(self.questions[row].id, float(similarity), raw)
            for row, similarity in zip(rows[0], similarities[0], strict=True)
            if int(row) not in banned
        ]
        return found[:k]
