"""Corpora, indices and the search service. Expected scores are worked out by hand from the formula."""

import math
import random

import numpy as np
import pytest

from harness.base.errors import DataError, UsageError
from harness.search.corpus import Corpus, Document
from harness.search.dense import fused
from harness.search.lexical import Lexical
from harness.search.service import QueryError, Search, best
from harness.search.words import beginning, count_tokens, terms


def corpus(*texts, ids=None):
    return Corpus(Document(ids[n] if ids else f"d{n}", "", text) for n, text in enumerate(texts))


FOX = corpus("red fox jumps", "red red dog", "blue cat sleeps here")


@pytest.mark.parametrize("k1, b, wanted", [(0.9, 0.4, [1.4789, 0.6236, 0]), (1.5, 0.75, [1.5192, 0.6937, 0])])
def test_bm25_by_its_formula(k1, b, wanted):
    assert Lexical(FOX, k1, b).scores("red fox") == pytest.approx(wanted, abs=1e-4)


def test_bm25_agrees_with_a_plain_loop():
    rng = random.Random(3)
    words = [f"w{n}" for n in range(30)]
    texts = [" ".join(rng.choices(words, k=rng.randint(1, 20))) for _ in range(40)]
    made = corpus(*texts)
    rows = [terms(document.text) for document in made]
    mean = sum(map(len, rows)) / len(rows)
    query = ["w1", "w2", "w2", "w29"]

    def score(row):
        total = 0.0
        for term in query:
            df = sum(term in other for other in rows)
            tf = row.count(term)
            idf = math.log(1 + (len(rows) - df + 0.5) / (df + 0.5))
            total += idf * tf * 1.9 / (tf + 0.9 * (0.6 + 0.4 * len(row) / mean))
        return total

    assert Lexical(made).scores(" ".join(query)) == pytest.approx([score(row) for row in rows], abs=1e-4)


def test_equal_scores_are_in_the_order_of_ids_however_the_corpus_came():
    texts = ["same words", "same words", "same words", "other"]
    one = Search(corpus(*texts, ids=["c", "a", "b", "d"]))
    two = Search(corpus(*texts[::-1], ids=["d", "b", "a", "c"]))
    assert [hit.id for hit in one.search("same", 2)] == ["a", "b"]
    assert one.search("same", 3) == two.search("same", 3)
    assert one.corpus.digest == two.corpus.digest
    assert one.corpus.digest != corpus(*texts).digest


def test_only_what_shares_a_term_is_found():
    search = Search(FOX)
    assert [hit.id for hit in search.search("cat")] == ["d2"]
    assert search.search("giraffe") == []
    assert search.search("?!") == []


def test_a_repeated_query_comes_from_memory_and_can_not_be_spoilt():
    search = Search(FOX)
    first = search.search("Red fox")
    kept = list(first)
    first.clear()
    assert search.search("red, FOX!") == kept and search.repeated == 1


def test_a_hit_shows_the_beginning_of_its_document():
    made = Corpus([Document("x", "Title", "one two three four")])
    (hit,) = Search(made, snippet=2).search("three")
    assert hit.shown == "[x] Title\none two"


@pytest.mark.parametrize(
    "query, k, said",
    [
        ("a" * 10_000, 5, "at most 2,000 characters, and this one 10,000"),
        (" ", 5, "empty"),
        ("a", 0, "1 to 100"),
        ("a", 101, "1 to 100"),
    ],
)
def test_a_query_that_can_not_be_asked_is_one_line(query, k, said):
    with pytest.raises(QueryError, match=said) as raised:
        Search(FOX).search(query, k)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "documents, said",
    [
        ([], "no document"),
        ([Document("a", "", "x"), Document("a", "", "y")], "two documents with the id 'a'"),
        ([Document("a", "t", " \n")], "'a' is empty"),
        ([Document("", "", "x")], "document 0"),
        ([Document("a]", "", "x")], "square brackets"),
    ],
)
def test_a_corpus_is_checked_at_the_door(documents, said):
    with pytest.raises(DataError, match=said):
        Corpus(documents)


def test_retrievers_by_vectors():
    rows = {
        "red fox jumps": [1, 0],
        "red red dog": [0, 1],
        "blue cat sleeps here": [0.6, 0.8],
        "hound": [0, 1],
    }

    def embed(texts):
        return np.array([rows[text] for text in texts], np.float32)

    dense = Search(FOX, "dense", embed)
    assert [hit.id for hit in dense.search("hound", 2)] == ["d1", "d2"]
    with pytest.raises(UsageError, match="--embedder"):
        Search(FOX, "hybrid")
    with pytest.raises(UsageError, match="no retriever 'x'"):
        Search(FOX, "x")


def test_fusion_adds_reciprocal_ranks():
    first, second = np.array([3, 2, 0], np.float32), np.array([1, 3, 2], np.float32)
    wanted = [1 / 61 + 1 / 63, 1 / 62 + 1 / 61, 1 / 62]
    assert fused(first, second) == pytest.approx(wanted, abs=1e-6)


def test_best_is_what_sorting_all_gives():
    rng = np.random.default_rng(1)
    for _ in range(50):
        scores = rng.integers(0, 5, 20).astype(np.float32)
        everything = sorted(range(20), key=lambda n: (-scores[n], n))
        assert best(scores, 4) == [n for n in everything if scores[n] > 0][:4]


def test_terms_and_tokens():
    assert terms("Éa-B c_1 \ufb01n") == ["ea", "b", "c_1", "fin"]
    assert count_tokens("Hello, extraordinary") == 4
    assert beginning("one, two three", 3) == "one, two"
    assert beginning("one", 3) == "one"


@pytest.mark.parametrize(
    "text, query",
    [("国際標準化に関する動向", "標準"), ("ในหนังสือเล่มนี้", "หนังสือ"), ("日本語 and English", "ENGLISH")],
)
def test_scripts_without_spaces_are_found_by_a_part_of_a_sentence(text, query):
    search = Search(corpus(text, "something else"))
    assert [hit.id for hit in search.search(query)] == ["d0"]


def test_signs_of_scripts_without_spaces_are_terms_and_tokens():
    assert terms("東京 Tokyo") == ["東", "京", "tokyo"]
    assert count_tokens("東京都庁 Tokyo") == 5 and beginning("東京都庁", 2) == "東京"


def test_vowel_signs_part_no_word():
    assert terms("\u0939\u093f\u0928\u094d\u0926\u0940 \u0915\u093f\u0924\u093e\u092c\u0964") == [
        "\u0939\u093f\u0928\u0926\u0940",
        "\u0915\u093f\u0924\u093e\u092c",
    ]
    assert terms("\u0645\u064f\u062d\u064e\u0645\u064e\u062f") == terms("\u0645\u062d\u0645\u062f")


def test_a_corpus_of_one_document_and_one_without_a_word():
    assert [hit.id for hit in Search(corpus("only this")).search("this", 100)] == ["d0"]
    assert Search(corpus("!!!", "???")).search("this") == []
    assert [hit.id for hit in Search(corpus("!!!", "this")).search("this")] == ["d1"]
