"""What a text is about, by the words of facts."""

import unicodedata

import pytest

from harness.human.brief import Fact, about, values_in

FACT = Fact("cité", "Zürich", (), ("Zürich", "Graz"))


@pytest.mark.parametrize(("of_fact", "of_text"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFD", "NFD")])
def test_accents_are_the_same_in_both_ways_of_writing_them(of_fact, of_text):
    fact = Fact(*(unicodedata.normalize(of_fact, text) for text in ("cité", "Zürich")))
    assert about([fact], unicodedata.normalize(of_text, "Which CITÉ?")) == (fact,)
    assert values_in(fact, unicodedata.normalize(of_text, "zürich, please")) == (fact.value,)


def test_apostrophes_are_the_same_in_both_ways_of_writing_them():
    fact = Fact("Ender's Game", "a novel")
    assert about([fact], "Who wrote Ender\u2019s Game?") == (fact,)


def test_a_part_of_a_word_is_not_the_word():
    assert about([FACT], "an incité") == () and values_in(FACT, "Grazie") == ()
