"""`research/custom`: questions and a corpus of the user's own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.digest import path_digest
from harness.base.errors import DataError, UsageError
from harness.data.cells import cell_text, label_text
from harness.data.tables import FORMATS, read_table
from harness.sample import Question, Sample, Splits
from harness.search import Corpus
from harness.search.reading import read_corpus
from harness.tasks.research.adapter import Research

if TYPE_CHECKING:
    from harness.data.hub import Data


class CustomResearch(Research):
    """`corpus` is a folder of texts, of which every file is a document with its path as its id, or a table
    with the columns `id` (or `title`) and `text`; `data` a table with `question`, `answer` and perhaps
    `evidence`."""

    def load(self, data: Data) -> Splits:
        for name in ("data", "corpus"):
            if not self.args[name]:
                raise UsageError(
                    f"{self.spec.name} needs -T {name}={'FILE' if name == 'data' else 'FOLDER_OR_FILE'}"
                )
        corpus = read_corpus(self.args["corpus"])
        data.read.append(
            {
                "id": Path(self.args["corpus"]).name,
                "config": None,
                "split": "corpus",
                "revision": "file",
                "pinned": True,
                "digest": path_digest(Path(self.args["corpus"])),
            }
        )
        path = Path(self.args["data"])
        if not path.is_file():
            raise DataError(f"{self.spec.name}: no file {path}; questions are a table ({FORMATS})")
        rows = read_table(path, ["question", "answer"], optional=["id", "evidence", "group"])
        data.note_file(str(path))
        return Splits(test=list(_samples(rows, path.name, corpus)), corpus=corpus)


def _samples(rows: Any, where: str, corpus: Corpus) -> Iterator[Sample]:
    known = set[str]()
    for index, row in enumerate(rows):
        asked, answers = cell_text(row["question"]), several(row["answer"], whole=True)
        if not asked or not answers:
            raise DataError(f"{where}: row {index} (from 0) has no {'answer' if asked else 'question'}")
        name = label_text(row.get("id")) or str(index)
        if name in known:
            raise DataError(f"{where}: two rows have the id {name!r}")
        known.add(name)
        evidence = several(row.get("evidence"))
        for each in evidence:
            if each not in corpus:
                raise DataError(
                    f"{where}: row {index} (from 0) names the document {each[:80]!r}, which isn't in "
                    f"{corpus.name}"
                )
        group = label_text(row.get("group"))
        yield Sample(Question(name, asked), {"answers": answers, "evidence": evidence}, group or None)


def several(value: Any, whole: bool = False) -> list[str]:
    """The texts of a cell: a list, the text of a JSON list, or what semicolons part; with `whole` a text that
    is no list is one."""
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            pass
    if isinstance(value, str):
        value = [value] if whole else value.split(";")
    texts: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
    return [text for text in map(label_text, texts) if text]
