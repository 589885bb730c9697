"""Published sets: some whose paragraphs, pooled, are the corpus, and some over a corpus of the user's own.

Pooling the paragraphs of all questions into one corpus is ours (a closed set of paragraphs a question is what
the sets themselves define), so scores are not those of their leaderboards.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.digest import digest, path_digest
from harness.base.errors import DataError, UsageError
from harness.data.content import Form, decode, lines_of, read_bytes
from harness.sample import Question, Sample, Splits
from harness.search import Corpus, Document
from harness.search.reading import read_corpus
from harness.spec import DataPin
from harness.tasks.research.adapter import Research
from harness.tasks.research.custom import several

if TYPE_CHECKING:
    from harness.data.hub import Data, Rows

_BRACKETS = str.maketrans("[]\n\r", "()  ")


def document_id(title: str) -> str:
    """A title as an id: citations are `[id]`."""
    return " ".join(title.translate(_BRACKETS).split())


# -- paragraphs that come with the questions ----------------------------------------------------------


def hotpot_row(row: Mapping[str, Any]) -> tuple[list[Document], list[str], list[str]]:
    """Paragraphs, answers and evidence of a row of HotpotQA, or of 2WikiMultihopQA in this form: `context`
    with `title` and `sentences`, `supporting_facts` with `title`. A paragraph is known by its title."""
    context = row["context"]
    pairs = zip(context["title"], context["sentences"], strict=True)
    found = [Document(document_id(title), title, "".join(lines).strip()) for title, lines in pairs]
    evidence = list(dict.fromkeys(map(document_id, row["supporting_facts"]["title"])))
    return found, [row["answer"]], evidence


def musique_row(row: Mapping[str, Any]) -> tuple[list[Document], list[str], list[str]]:
    """The same of a row of MuSiQue: `paragraphs` with `title`, `paragraph_text` and `is_supporting`. Those of
    one title differ, so the id has six digits of the text's digest."""
    found, evidence = [], []
    for each in row["paragraphs"]:
        title, text = each["title"], each["paragraph_text"].strip()
        made = Document(f"{document_id(title)} #{digest(text)[:6]}", title, text)
        found.append(made)
        evidence += [made.id] if each["is_supporting"] else []
    return found, [row["answer"], *(row.get("answer_aliases") or ())], list(dict.fromkeys(evidence))


ROWS: Mapping[str, Callable[[Mapping[str, Any]], tuple[list[Document], list[str], list[str]]]] = {
    "hotpot": hotpot_row,
    "musique": musique_row,
}


class PooledResearch(Research):
    """Questions of the Hub, over the paragraphs of all of them."""

    def load(self, data: Data) -> Splits:
        rows = self._rows(data)
        read, pool = ROWS[self.spec.settings["rows"]], dict[str, Document]()
        test = []
        for index, row in enumerate(rows):
            try:
                found, answers, evidence = read(row)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise DataError(
                    f"{self.spec.name}: row {index} (from 0) has another form than declared "
                    f"({type(error).__name__}: {error})"
                ) from None
            for document in found:
                if document.text:
                    pool.setdefault(document.id, document)
            test.append(self._sample(row, answers, [each for each in evidence if each in pool]))
        return Splits(test=test, corpus=Corpus(pool.values(), self.spec.name))

    def _rows(self, data: Data) -> Rows:
        pin = self.spec.data["test"]
        wanted = self.args["split"]
        if not wanted:  # a copy may hold a part
            held = data.splits(pin)
            wanted = next((name for name in ("validation", "dev") if name in held), held[0])
        columns = self.spec.settings["columns"]
        return data.rows(DataPin(pin.id, pin.config, wanted, pin.revision), columns)

    def _sample(self, row: Mapping[str, Any], answers: list[str], evidence: list[str]) -> Sample:
        parts = tuple(f"{name}={row[name]}" for name in self.spec.settings.get("parts", ()) if row.get(name))
        question = Question(str(row[self.spec.settings["id"]]), row["question"])
        return Sample(question, {"answers": answers, "evidence": evidence}, categories=parts)


# -- a corpus of the user's own -----------------------------------------------------------------------


class OverCorpus(Research):
    """Questions of the Hub over `-T corpus=`; a document whose id is one of the row's sources is evidence."""

    def load(self, data: Data) -> Splits:
        corpus = self._corpus(data)
        columns = self.spec.settings
        rows = data.rows(self.spec.data["test"], [columns["question"], columns["answer"]])
        return Splits(test=list(self._samples(rows, corpus)), corpus=corpus)

    def _corpus(self, data: Data) -> Corpus:
        name = self.args["corpus"]
        if not name:
            raise UsageError(f"{self.spec.name} comes without documents; give -T corpus=FOLDER_OR_FILE")
        corpus = read_corpus(name)
        told = {"id": Path(name).name, "config": None, "split": "corpus", "revision": "file", "pinned": True}
        data.read.append({**told, "digest": path_digest(Path(name))})
        return corpus

    def _samples(self, rows: Iterable[Mapping[str, Any]], corpus: Corpus) -> Iterator[Sample]:
        columns = self.spec.settings
        for index, row in enumerate(rows):
            sources = several(row.get(columns["sources"]))
            target = {"answers": [str(row[columns["answer"]]).strip()], "evidence": _held(sources, corpus)}
            own = row.get(columns["id"])
            yield Sample(
                Question(str(index if own is None else own), row[columns["question"]].strip()), target
            )


class BrowseComp(OverCorpus):
    """BrowseComp-Plus: the questions as the user decrypted them, and the corpus as it is published. Neither
    question nor answer is written to a record (`private_questions`, `private_targets`)."""

    def load(self, data: Data) -> Splits:
        path = Path(self.args["data"])
        if not self.args["data"] or not path.is_file():
            raise UsageError(
                f"{self.spec.name} needs -T data=FILE: the questions, decrypted on your machine, as JSONL "
                "with query_id, query, answer, gold_docs and evidence_docs"
            )
        corpus = self._corpus(data)
        data.note_file(str(path))
        text = decode(read_bytes(path)[0], path.name, Form())
        return Splits(
            test=[self._question(line, number, corpus) for number, line in lines_of(text)], corpus=corpus
        )

    def _question(self, line: str, number: int, corpus: Corpus) -> Sample:
        where = f"{self.spec.name}: line {number}"
        try:
            row = json.loads(line)
            name, asked, answer = str(row["query_id"]), row["query"].strip(), row["answer"].strip()
            named = row.get("evidence_docs") or row.get("gold_docs") or []
            wanted = [str(each["docid"] if isinstance(each, dict) else each) for each in named]
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{where} is not a question with query_id, query and answer ({type(error).__name__})"
            ) from None
        if looks_encrypted(asked):
            raise DataError(f"{where} is still encrypted; decrypt the questions as their publisher says")
        return Sample(Question(name, asked), {"answers": [answer], "evidence": _held(wanted, corpus)})


def looks_encrypted(text: str) -> bool:
    """Whether a text is the published form of a question: base64 without a space."""
    return len(text) > 40 and not any(sign.isspace() for sign in text)


def _held(named: Iterable[str], corpus: Corpus) -> list[str]:
    return [each for each in dict.fromkeys(named) if each in corpus]
