"""Translation tasks on a made-up repository of FLORES+'s shape."""

import pickle

import pytest

from harness.base.errors import DataError, UsageError
from harness.registry import registry
from harness.sample import Outcome
from harness.testing import check_task

pytest.importorskip("sacrebleu")
ID = "openlanguagedata/flores_plus"
NAMES = {
    "bem": "bem_Latn",
    "fij": "fij_Latn",
    "fao": "fao_Latn",
    "tyv": "tyv_Cyrl",
    "vec": "vec_Latn",
    "srd": "srd_Latn",
}


def rows(language, n, start=0, word="word"):
    return [
        {"id": start + i, "iso_639_3": language[:3], "text": f"{word} {start + i} of {language} ."}
        for i in range(n)
    ]


@pytest.fixture
def flores(hub):
    splits = {}
    for language in ("eng_Latn", *NAMES.values()):
        splits[language, "devtest"] = rows(language, 12)
        splits[language, "dev"] = rows(language, 20, 100)
    splits["vec_Latn", "devtest"] = splits["vec_Latn", "devtest"][::-1]  # brought together by id
    return hub.add(ID, splits)


@pytest.mark.parametrize("name", NAMES)
def test_contract(flores, name):
    assert {n for n in registry().tasks if n.startswith("flores-")} == {f"flores-{each}" for each in NAMES}
    check_task(f"flores-{name}", flores.data)


def test_sentences_of_one_article_are_a_group_in_every_language(hub):
    splits = {}
    for language in ("eng_Latn", "vec_Latn", "fao_Latn"):
        made = rows(language, 12)
        splits[language, "devtest"] = [{**row, "url": f"https://w/{n // 3}"} for n, row in enumerate(made)]
        splits[language, "dev"] = rows(language, 20, 100)
    mirror = hub.add(ID, splits)
    groups = [[s.group for s in mirror.load(name)[1].test] for name in ("flores-vec", "flores-fao")]
    assert groups[0] == groups[1] == [f"flores https://w/{n // 3}" for n in range(12)]


def test_pairs_and_prompt(flores):
    task, splits = flores.load("flores-vec")
    assert (len(splits.test), len(splits.train), len(splits.pool)) == (12, 20, 20)
    for sample in [*splits.test, *splits.train]:
        assert sample.target == sample.question.input.replace("eng_Latn", "vec_Latn")
        assert sample.question.metadata == {"source_language": "English", "target_language": "Venetian"}
    assert "into Venetian. Reply with the translation alone." in task.render(splits.test[0].question)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Un gato.", "Un gato."),
        ("Venetian: Un gato.", "Un gato."),
        ("vec_Latn: vec_Latn: Un gato.", "Un gato."),
        ('**Translation:** "Un gato."', "Un gato."),
        ("<think>x</think>\nUn\n gato.", "Un gato."),
        ("<think>never closed", None),
        ("“Un gato.”", "Un gato."),
        ('"Un" e "do".', '"Un" e "do".'),
        ("  ", None),
        ("Nota: un gato.", "Nota: un gato."),
    ],
)
def test_tags_and_quotes_go(flores, said, kept):
    task, splits = flores.load("flores-vec")
    assert task.parse(said, splits.test[0].question) == kept


def test_chrf_is_sacrebleus(flores):
    from sacrebleu.metrics import CHRF

    task, splits = flores.load("flores-vec")
    sample = splits.test[0]

    def chrf(answer):
        return task.score(sample, Outcome(sample.id, text="", answer=answer)).metrics["chrf"]

    assert chrf(sample.target) == 1 and chrf(None) == 0
    near = sample.target.replace("word", "sword")
    assert chrf(near) == CHRF(word_order=2).sentence_score(near, [sample.target]).score / 100
    assert chrf(near) != CHRF().sentence_score(near, [sample.target]).score / 100  # word order 2, not 0
    assert pickle.loads(pickle.dumps(task)).language == "Venetian"


def test_a_sentence_without_its_pair_is_an_error(hub):
    hub.add(
        ID,
        {
            ("eng_Latn", "devtest"): rows("eng_Latn", 3),
            ("eng_Latn", "dev"): rows("eng_Latn", 3),
            ("vec_Latn", "devtest"): rows("vec_Latn", 2),
            ("vec_Latn", "dev"): rows("vec_Latn", 3),
        },
    )
    with pytest.raises(DataError, match="has no sentence 2 in devtest"):
        hub.load("flores-vec")


def test_without_sacrebleu_the_extra_is_named(flores, monkeypatch):
    monkeypatch.setattr("harness.tasks.translation.adapter.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"harness\[translate\]"):
        flores.load("flores-vec")


def test_a_mirror_without_it_names_the_cure(hub):
    hub.add("some/other", {("default", "train"): [{"a": 1}]})
    with pytest.raises(DataError, match="openlanguagedata/flores_plus is not in the mirror"):
        hub.load("flores-vec")
