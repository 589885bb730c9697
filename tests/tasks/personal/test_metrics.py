"""LaMP's official scores, with the numbers worked out by hand."""

import pytest

from harness.sample import Question, Sample
from harness.tasks.personal.adapter import rating
from harness.tasks.personal.metrics import (
    exact_label,
    farther,
    macro_f1,
    official_rating,
    root_mean_square,
    user_mean,
)


def test_an_unreadable_rating_is_the_farther_end_and_a_large_one_is_kept():
    pairs = zip((5, 3, 1, 4), ("5", "4", "n/a", "2"), strict=True)
    errors = [abs(official_rating(said, gold) - gold) for gold, said in pairs]
    assert errors == [0, 1, 4, 2] and sum(errors) / 4 == 1.75
    assert root_mean_square(errors) == pytest.approx(2.2913, abs=1e-4)
    assert abs(official_rating("none", 3) - 3) == 2
    assert abs(official_rating("7", 5) - 5) == 2
    assert official_rating("4 stars", 5) == 1 and official_rating("nan", 5) == 1
    assert [farther(gold) for gold in (1, 2, 3, 4, 5)] == [5, 5, 5, 1, 1]


def test_a_rating_of_ours_stays_on_the_scale():
    assert [rating(said, 5) for said in ("7", "1/2", None, "4.5")] == [5, 1, 1, 4.5]


def test_macro_f1_is_over_the_whole_list():
    labels = ("[1]", "[2]")
    assert macro_f1(["[1]", "[1]", "[2]", "[2]"], ["[1]", "[2]", "[2]", "[2]"], labels) == pytest.approx(
        (2 / 3 + 0.8) / 2
    )
    fifteen = [f"tag {n}" for n in range(15)]
    assert macro_f1(fifteen[:2], fifteen[:2], fifteen) == pytest.approx(2 / 15)


def test_a_label_counts_letter_by_letter():
    assert [exact_label(said, ["sci-fi"]) for said in (" sci-fi\n", "Sci-Fi", "sci-fi.")] == [
        "sci-fi",
        None,
        None,
    ]


def asked(users):
    return [Sample(Question(str(n), "?"), "", group=user) for n, user in enumerate(users)]


def test_users_weigh_alike_whatever_they_were_asked():
    found = user_mean(asked("aaab"), [1, 1, 1, 0])
    assert (found.value, found.n_items, found.n_clusters) == (0.5, 4, 2)
    assert user_mean(asked("ab"), [1, 1]).ci is None  # an error has no end at 1
    assert user_mean(asked("ab"), [1, 1], 0, 1).ci is not None
    assert user_mean([], []) is None


def test_an_item_that_is_asked_twice_is_one_item():
    found = user_mean(asked("ab") * 2, [1, 0, 0, 0], 0, 1)
    assert (found.value, found.n_items, found.n_clusters) == (0.25, 2, 2)
