"""Episodic memory: the nearest, in order, without what is hidden."""

import numpy as np
import pytest

from harness.data.history import Interaction
from harness.methods.personal.memory import Index, Words

EVENTS = [
    Interaction(f"e{n}", query, response, n)
    for n, (query, response) in enumerate(
        [
            ("a war film", "skip"),
            ("a funny film", "watch"),
            ("a war film", "skip"),
            ("bread", "war"),
            ("tea", "x"),
        ]
    )
]


def ids(found):
    return [each.id for each in found]


def test_the_nearest_come_in_time_order_and_the_later_of_equal_ones():
    index = Index(EVENTS)
    assert ids(index.nearest("war film", 1)) == ["e2"] and ids(index.nearest("war film", 2)) == ["e0", "e2"]
    assert ids(index.nearest("war film", 99)) == ["e0", "e1", "e2", "e3", "e4"]
    assert ids(index.nearest("words of nobody", 2)) == ["e3", "e4"]  # all alike: the latest


def test_a_simulated_interaction_is_not_found():
    assert ids(Index(EVENTS).nearest("war film", 2, ["e2"])) == ["e0", "e3"]
    assert ids(Index(EVENTS, query_only=True).nearest("war film", 2, ["e2"])) == ["e0", "e1"]


def test_the_cosine_is_that_of_tf_idf():
    words = Words(["war war film", "film", "tea"])
    idf = {"war": np.log(4 / 2) + 1, "film": np.log(4 / 3) + 1}
    one = np.array([(1 + np.log(2)) * idf["war"], idf["film"]])
    query = np.array([idf["war"], idf["film"]])
    found = words.likeness("film war unknown")
    assert found[0] == pytest.approx(one @ query / np.linalg.norm(one) / np.linalg.norm(query))
    assert found[2] == 0 and words.likeness("") == [0, 0, 0]


def test_old_likeness_decays():
    query = "war film bread"
    assert ids(Index(EVENTS, query_only=True, decay=0.5).nearest(query, 1)) == ["e3"]
    assert ids(Index(EVENTS[:3] + EVENTS[4:], query_only=True, decay=50).nearest(query, 1)) == ["e2"]
    assert ids(Index(EVENTS[:1] + EVENTS[3:4], query_only=True).nearest("a war film bread", 1)) == ["e0"]


def test_vectors_of_an_embedder_take_the_place_of_words():
    def embed(texts):
        return np.array([[1.0, 0.0] if "bread" in text else [0.0, 1.0] for text in texts])

    assert ids(Index(EVENTS, embed=embed).nearest("some bread", 1)) == ["e3"]
    assert Index([], embed=embed).nearest("x", 2) == [] and Index([]).nearest("x", 2) == []


def test_ten_thousand_characters_are_searched():
    assert len(Index(EVENTS).nearest("war " * 2500, 2)) == 2


def test_words_of_any_script_are_compared():
    films = [Interaction(str(n), query, "x", n) for n, query in enumerate(["戦争映画です", "Café", "tea"])]
    index = Index(films)
    assert ids(index.nearest("戦争", 1)) == ["0"] and ids(index.nearest("cafe", 1)) == ["1"]
