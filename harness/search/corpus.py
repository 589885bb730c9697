"""A fixed corpus: documents in the order of their ids, and the digest of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.base.digest import digest, set_digest
from harness.base.errors import DataError

#: longest id of a document, in characters: it stands in every citation
LONGEST_ID = 300


@dataclass(frozen=True, slots=True)
class Document:
    """One document; `title` may be empty, the text not."""

    id: str
    title: str
    text: str

    @property
    def whole(self) -> str:
        """Title and text, as they are indexed and read."""
        return f"{self.title}\n{self.text}" if self.title else self.text


class Corpus:
    """Documents by id, in the order of their ids, so that neither the order of a file nor that of a folder
    changes what is found.

    Raises:
        DataError: there is no document, two have one id, an id is empty, too long or holds a line break or a
            square bracket (citations are `[id]`), or a text is empty.
    """

    def __init__(self, documents: Iterable[Document], name: str = "the corpus") -> None:
        self.name = name
        self._documents: dict[str, Document] = {}
        for place, document in enumerate(documents):
            self._check(document, place)
            self._documents[document.id] = document
        if not self._documents:
            raise DataError(f"{name} holds no document")
        self.ids = sorted(self._documents)
        #: indices that were made of it, by what they depend on: cells of one task share them
        self.indices: dict[str, Any] = {}

    def _check(self, document: Document, place: int) -> None:
        known = document.id
        if not known or known != known.strip() or len(known) > LONGEST_ID or set(known) & set("[]\n\r"):
            raise DataError(
                f"{self.name}: document {place} (from 0) has the id {known[:40]!r}; an id is 1 to "
                f"{LONGEST_ID} characters without square brackets, line breaks and space around it"
            )
        if known in self._documents:
            raise DataError(f"{self.name} holds two documents with the id {known[:80]!r}; ids are unique")
        if not document.text.strip():
            raise DataError(f"{self.name}: document {known[:80]!r} is empty; leave it out, or give its text")

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Document]:
        return (self._documents[each] for each in self.ids)

    def __contains__(self, document_id: object) -> bool:
        return document_id in self._documents

    def __getitem__(self, document_id: str) -> Document:
        return self._documents[document_id]

    @cached_property
    def digest(self) -> str:
        """Of ids, titles and texts, whatever the order in which they came."""
        return set_digest(digest([each.id, each.title, each.text]) for each in self)
