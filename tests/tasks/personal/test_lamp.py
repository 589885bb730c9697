"""LaMP by made-up files of the official shape: official scores, splits, and files that are something else."""

import json

import pytest

from harness.base.errors import DataError, UsageError
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.sample import Outcome
from harness.testing import check_task

MOVIES = ("comedy", "classic", "sci-fi", "romance", "action")


def movie(n, size=3):
    profile = [
        {
            "id": f"{n}{i}",
            "description": f"film {i} of {n}",
            "tag": MOVIES[i % 5],
            "date": f"2020-01-{9 - i:02}",
        }
        for i in range(size)
    ]
    return {"id": n, "input": f"Which tag? description: film of {n}", "profile": profile}


def rated(n):
    profile = [{"id": f"{n}{i}", "text": f"review {i}", "score": str(1 + i % 5)} for i in range(4)]
    return {"id": n, "input": f"What is the score of the review? review: {n}", "profile": profile}


def download(folder, questions, golds, where="", task="LaMP_2", split="dev"):
    root = folder / where
    root.mkdir(parents=True, exist_ok=True)
    (root / f"{split}_questions.json").write_text(json.dumps(questions))
    outputs = {"task": task, "golds": [{"id": n, "output": gold} for n, gold in golds.items()]}
    (root / f"{split}_outputs.json").write_text(json.dumps(outputs))
    return str(folder)


def task(name, folder, **args):
    spec = registry().task(name)
    return load_task(spec, spec.arguments({"data": folder, **args}))


def movies(folder, where="", **more):
    ids = [str(100 + n) for n in range(6)]
    golds = {own: MOVIES[n % 5] for n, own in enumerate(ids)}
    return download(folder, [movie(own, **more) for own in ids], golds, where)


@pytest.mark.parametrize("where", ["", "dev", "LaMP_2/dev", "LaMP_2M", "lamp_2"])
def test_the_download_is_found_wherever_it_stands(tmp_path, where):
    splits = task("lamp-2m", movies(tmp_path, where)).load(Data())
    first = splits.test[0]
    assert (first.id, first.target, first.group) == ("100", "comedy", "100")
    assert [each.response for each in splits.history.before("100")] == [
        "sci-fi",
        "classic",
        "comedy",
    ]  # by date


def test_the_time_based_split_is_another_folder(tmp_path):
    movies(tmp_path, "LaMP_2/dev")
    later = movies(tmp_path, "time/LaMP_2/dev", size=1)
    by = {by: task("lamp-2m", later, by=by).load(Data()) for by in ("user", "time")}
    assert {name: len(splits.history) for name, splits in by.items()} == {"user": 18, "time": 6}


def test_sound_tasks(tmp_path):
    check_task("lamp-2m", None, data=movies(tmp_path / "2"))
    reviews = download(
        tmp_path / "3", [rated(str(n)) for n in range(6)], {str(n): n % 5 + 1 for n in range(6)}
    )
    check_task("lamp-3", None, data=reviews)


def test_a_question_is_asked_as_lamp_words_it_and_the_past_in_ours(tmp_path):
    made = task("lamp-2m", movies(tmp_path))
    splits = made.load(Data())
    assert made.turn(splits.test[0].question) == "Which tag? description: film of 100"
    event = splits.history.before("100")[0]
    assert (event.query, event.response) == ("description: film 2 of 100", "sci-fi")


def test_official_scores_of_labels(tmp_path):
    made = task("lamp-2m", movies(tmp_path))
    samples = list(made.load(Data()).test)

    def outcome(sample, text):
        return Outcome(sample.id, text=text, answer=made.parse(text, sample.question))

    scores = [dict(made.score(samples[2], outcome(samples[2], text)).metrics) for text in
              (" sci-fi\n", "Sci-Fi", "sci-fi.", "comedy")]  # fmt: skip
    assert scores == [
        {"accuracy": 1.0, "read_accuracy": 1.0},
        {"accuracy": 0.0, "read_accuracy": 1.0},
        {"accuracy": 0.0, "read_accuracy": 1.0},
        {"accuracy": 0.0, "read_accuracy": 0.0},
    ]
    voted = Outcome(samples[2].id, text="many words", answer="sci-fi")
    assert made.score(samples[2], voted).metrics["accuracy"] == 1.0
    found = made.measure_set(None, samples[:2], [outcome(s, s.target) for s in samples[:2]])
    assert found["lamp_macro_f1"] == pytest.approx(2 / 15) and found["labels_seen"] == 2
    assert found["user_accuracy"].value == 1.0 and found["user_accuracy"].n_clusters == 2


def test_official_scores_of_ratings(tmp_path):
    golds = dict(zip("abcd", (5, 3, 1, 4), strict=True))
    made = task("lamp-3", download(tmp_path, [rated(own) for own in golds], golds))
    samples = list(made.load(Data()).test)
    outcomes = [
        Outcome(s.id, text=text, answer=made.parse(text, s.question))
        for s, text in zip(samples, ("5", "4", "n/a", "2"), strict=True)
    ]
    found = made.measure_set(None, samples, outcomes)
    assert found["user_mae"].value == 1.75 and found["rmse"] == pytest.approx(2.2913, abs=1e-4)
    off = Outcome("a", text="7", answer=made.parse("7", samples[0].question))
    assert made.score(samples[0], off).metrics == {"mae": 2.0, "read_mae": 0.0, "accuracy": 0.0}
    worded = Outcome("a", text="4 stars", answer=made.parse("4 stars", samples[0].question))
    assert made.score(samples[0], worded).metrics == {"mae": 4.0, "read_mae": 1.0, "accuracy": 0.0}


def test_fewer_users_and_shorter_pasts(tmp_path):
    ids = [str(n) for n in range(4)]
    folder = download(tmp_path, [movie(own, 1 + int(own)) for own in ids], dict.fromkeys(ids, "comedy"))
    splits = task("lamp-2m", folder, users=2, history=2).load(Data())
    assert [s.id for s in splits.test] == ["2", "3"] and len(splits.history) == 4


def test_a_question_without_a_profile_is_left_out(tmp_path, caplog):
    folder = download(tmp_path, [movie("1"), movie("2", 0)], {"1": "comedy", "2": "comedy"})
    assert len(task("lamp-2m", folder).load(Data()).test) == 1
    assert "1 of 2 questions have no profile and are left out" in caplog.text


def with_profile(*entries):
    return [{**movie("1"), "profile": [{"description": "x", "tag": "comedy", **entry} for entry in entries]}]


def test_an_entry_without_a_response_is_left_out(tmp_path, caplog):
    questions = with_profile({"tag": None}, {"tag": " "}, {"description": None})
    splits = task("lamp-2m", download(tmp_path, questions, {"1": "comedy"})).load(Data())
    past = splits.history.before("1")
    assert [(each.query, each.response) for each in past] == [("description: ", "comedy")]
    assert "2 entries of profiles have no tag and are left out" in caplog.text


def test_dates_are_put_in_order_as_dates(tmp_path):
    numbers = with_profile({"date": 1000, "tag": "action"}, {"date": 999})
    splits = task("lamp-2m", download(tmp_path, numbers, {"1": "comedy"})).load(Data())
    assert [each.response for each in splits.history.before("1")] == ["comedy", "action"]


@pytest.mark.parametrize(
    "dates",
    [("2013-10-02", "2013-9-1"), ("2013-10-02", None), ("2013-10-02", 2013), ("06 21, 2013", "05 1, 2013")],
)
def test_dates_that_have_no_order_are_one_line(tmp_path, dates):
    folder = download(tmp_path, with_profile(*({"date": date} for date in dates)), {"1": "comedy"})
    with pytest.raises(DataError, match="the profile of question '1' has no order"):
        task("lamp-2m", folder).load(Data())


def test_no_other_split_stands_in_for_the_time_based_one(tmp_path):
    with pytest.raises(DataError, match="no dev_questions.json in time"):
        task("lamp-2m", movies(tmp_path / "user"), by="time").load(Data())
    assert task("lamp-2m", movies(tmp_path / "LaMP_time"), by="time").load(Data()).test


@pytest.mark.parametrize(
    ("name", "questions", "golds", "said"),
    [
        ("lamp-2m", [movie("1")], {"1": "politics"}, "the gold output 'politics' is none of its labels"),
        (
            "lamp-2n",
            [movie("1")],
            {"1": "politics"},
            "has id, description, tag, date, not category, text, title",
        ),
        ("lamp-2m", [movie("1")], {"2": "comedy"}, "don't have the same ids: '1'"),
        ("lamp-2m", [{"id": "1", "text": "x"}], {"1": "comedy"}, "no list of {id, input, profile}"),
        ("lamp-2m", {"1": "x"}, {"1": "comedy"}, "no list of {id, input, profile}"),
    ],
)
def test_files_of_another_version_are_one_line(tmp_path, name, questions, golds, said):
    folder = download(tmp_path, questions, golds)
    with pytest.raises(DataError) as caught:
        task(name, folder).load(Data())
    assert said in str(caught.value) and "another task or version of LaMP" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_output_that_stands_twice_is_one_line(tmp_path):
    folder = download(tmp_path, [movie("1")], {"1": "comedy"})
    outputs = {"golds": [{"id": 1, "output": "comedy"}, {"id": "1", "output": "action"}]}
    (tmp_path / "dev_outputs.json").write_text(json.dumps(outputs))
    with pytest.raises(DataError, match="its outputs have the id '1' twice"):
        task("lamp-2m", folder).load(Data())


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere is no folder"):
        task("lamp-2m", str(tmp_path / "nowhere")).load(Data())
    with pytest.raises(DataError, match="no dev_questions.json in "):
        task("lamp-2m", str(tmp_path)).load(Data())
    with pytest.raises(UsageError, match="needs -T data=DIR"):
        task("lamp-1", "")
    (tmp_path / "dev_outputs.json").write_text("{")
    (tmp_path / "dev_questions.json").write_text("[]")
    with pytest.raises(DataError, match="dev_outputs.json is no JSON .*fetch it again"):
        task("lamp-2m", str(tmp_path)).load(Data())
