"""From texts to unit vectors: by the run's embedder of sentences, or by words where that is a lexical one."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.job import Job
    from harness.methods.agents.topology import Vectors

#: numbers of a vector of words: as many as all-MiniLM-L6-v2 has, the encoder of the presumed code
WIDTH = 384
#: embedders whose vocabulary is fixed by the first texts; a conversation has none before it begins
LEXICAL = (None, "tfidf", "lsa")
_WORD = re.compile(r"\w+")
NOTICE = (
    "agents' texts are compared by their words alone, which weakens what is learned from them (--embedder "
    "minilm compares sentences, as the source does)"
)


class Encoder:
    """Texts to unit rows of one width.

    Args:
        width: that of vectors which the model gives of its own texts (a simulation), else 0: the
            embedder's.
    """

    def __init__(self, job: Job, width: int = 0) -> None:
        self._job = job
        self.lexical = width > 0 or job.embedder in LEXICAL
        #: a line for people where vectors are of words alone; else empty
        self.notice = NOTICE if self.lexical and not width else ""
        self.width = width or (WIDTH if self.lexical else int(job.embed(["a text"]).shape[1]))

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """(n, width) unit rows; a row of zeros for a text without a word."""
        import numpy as np

        rows = np.zeros((len(texts), self.width), np.float32)
        filled = [n for n, text in enumerate(texts) if text.strip()]
        if self.lexical:
            for n in filled:
                _hash(texts[n], rows[n])
        elif filled:
            rows[filled] = self._job.embed([texts[n] for n in filled])
        return rows


def _hash(text: str, row: Vectors) -> None:
    """Adds a text's words to a row of zeros: each at a place and with a sign of its own, by the logarithm of
    how often it stands there; then of length one."""
    for word, count in Counter(_WORD.findall(text.lower())).items():
        code = zlib.crc32(word.encode("utf-8", "replace"))
        row[code % len(row)] += (1 if code >> 31 else -1) * (1 + math.log(count))
    length = float((row @ row) ** 0.5)
    if length > 0:
        row /= length
