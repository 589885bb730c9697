"""Corpora of the user's own: a folder of texts, or a table of documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.base.errors import DataError
from harness.data.cells import cell_text, label_text
from harness.data.content import Form, decode, read_bytes
from harness.data.tables import FORMATS, read_table
from harness.search.corpus import Corpus, Document

#: endings of the documents of a folder
TEXTS = (".txt", ".md")


def read_corpus(name: str) -> Corpus:
    """A folder of texts, or a table of documents.

    Raises:
        DataError: there is no such thing, or it holds no sound corpus (see `Corpus`).
    """
    path = Path(name)
    if path.is_dir():
        return Corpus(_of_folder(path), path.name)
    if not path.is_file():
        raise DataError(f"no corpus {name}: a folder of {' and '.join(TEXTS)} files, or a table ({FORMATS})")
    rows = read_table(path, ["text"], optional=["id", "docid", "title"])
    own = next((column for column in ("id", "docid", "title") if column in rows.column_names), None)
    if own is None:
        raise DataError(f"{path.name}: documents need a column 'id', or 'docid' or 'title' in its place")

    def document(row: Mapping[str, Any]) -> Document:
        return Document(label_text(row[own]), label_text(row.get("title")), cell_text(row["text"]))

    return Corpus(map(document, rows), path.name)


def _of_folder(folder: Path) -> Iterator[Document]:
    for file in sorted(folder.rglob("*")):
        inside = file.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if file.suffix.lower() in TEXTS and not hidden and file.is_file():
            text = decode(read_bytes(file)[0], file.name, Form())
            yield Document(inside.as_posix(), file.stem, text.strip())
