"""What an index of generated passages takes in time of one core and memory, and what queries take.

python -m benchmarks.search_index [--passages 100000] [--words 100] [--queries 1000]
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time
from itertools import accumulate

from harness.search import Corpus, Document, Search

VOCABULARY = 50_000


def passages(number: int, words: int, rng: random.Random) -> list[Document]:
    """Texts whose words are as frequent as those of a language (Zipf)."""
    names = [f"w{n:x}" for n in range(VOCABULARY)]
    weights = list(accumulate(1 / (n + 1) for n in range(VOCABULARY)))
    return [
        Document(f"p{n:06d}", f"Passage {n}", " ".join(rng.choices(names, cum_weights=weights, k=words)))
        for n in range(number)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=100)
    parser.add_argument("--queries", type=int, default=1_000)
    given = parser.parse_args()
    rng = random.Random(0)
    documents = passages(given.passages, given.words, rng)
    queries = [
        " ".join(rng.sample(documents[rng.randrange(len(documents))].text.split(), min(8, given.words)))
        for _ in range(given.queries)
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clock = time.process_time  # of this process alone: other work on the machine makes no difference
    started = clock()
    search = Search(Corpus(documents))
    search.search("w0", 5)
    indexed = clock() - started
    started = clock()
    for query in queries:
        search.search(query, 5)
    asked = clock() - started
    started = clock()
    for query in queries:
        search.search(query, 5)
    again = clock() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1024 if sys.platform == "linux" else 1024**2
    print(f"index of {given.passages} passages of {given.words} words: {indexed:.1f} s of one core")
    print(f"memory at most {peak / unit:.0f} MiB, of it {before / unit:.0f} MiB before the index")
    print(f"{given.queries} queries: {asked:.2f} s; the same again: {again:.3f} s")


if __name__ == "__main__":
    main()
