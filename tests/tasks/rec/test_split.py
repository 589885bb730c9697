"""Logs and splits: what is held out, what stays, and that nothing leaks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.base.errors import DataError, UsageError
from harness.tasks.rec.log import Events, joined, make_log
from harness.tasks.rec.split import DROPPED, TEST, TRAIN, VALIDATION, roles

PLAIN = dict(share=0.2, validation=0.1, keep=1.0, cold_keep=1, seed=0)


def events(pairs, **extra):
    user, item = np.array(pairs).T
    return Events(user, item, **{name: np.array(value) for name, value in extra.items()})


def named(log, chosen):
    return {(log.users[u], log.items[i]) for u, i in zip(log.user[chosen], log.item[chosen], strict=True)}


def test_order_is_time_then_item_and_ids_are_numeric():
    raw = events([(10, 9), (9, 100), (10, 20), (10, 8)], time=[5, 1, 5, 7])
    log = make_log(raw, "x")
    assert log.users == ["9", "10"] and log.items == ["8", "9", "20", "100"]
    assert [log.items[i] for i in log.item] == ["100", "9", "20", "8"]
    role = roles(log, "last", **PLAIN)
    assert role.tolist() == [TRAIN, TRAIN, VALIDATION, TEST]


def test_text_ids_and_digits_as_text():
    assert make_log(events([("b", "10"), ("a", "9")]), "x").items == ["9", "10"]
    assert make_log(events([("b", "10"), ("a", "09")]), "x").items == ["09", "10"]
    huge = np.array([2**64 - 1, 2**64 - 2], np.uint64)
    assert make_log(Events(huge, np.array([1, 2])), "x").users == [str(2**64 - 2), str(2**64 - 1)]


def test_duplicates_keep_the_first_in_time(caplog):
    raw = events([(1, 1), (1, 2), (1, 1), (2, 1)], time=[3, 2, 1, 1])
    log = make_log(raw, "mine")
    assert [log.items[i] for i in log.item] == ["1", "2", "1"]
    assert "mine: 1 repeated interactions" in caplog.text


def test_a_pair_on_both_sides_of_an_official_split_is_training(caplog):
    log = make_log(joined(events([(1, 1), (1, 2)]), events([(1, 2), (1, 3)])), "x")
    role = roles(log, "official", **{**PLAIN, "validation": 0.0})
    assert named(log, role == TEST) == {("1", "3")}
    assert "1 test interactions also stand in train and are left out of the test" in caplog.text
    assert "repeated" not in caplog.text


def test_k_core_and_ratings():
    pairs = [(u, i) for u in range(4) for i in range(3)] + [(9, 0), (9, 1), (0, 7)]
    raw = events(pairs, rating=[5.0] * 12 + [5, 5, 5])
    log = make_log(raw, "x", core=3)
    assert log.users == ["0", "1", "2", "3"] and log.items == ["0", "1", "2"]
    with pytest.raises(DataError, match="no interactions left"):
        make_log(raw, "x", min_rating=6)
    with pytest.raises(DataError, match="no ratings to filter by"):
        make_log(events(pairs), "x", min_rating=4)
    with pytest.raises(DataError, match="the rating is not a number everywhere"):
        make_log(events(pairs[:2], rating=["good", "bad"]), "x", min_rating=4)


def test_ratings_of_0_and_missing_ones_are_told(caplog):
    raw = events([(1, 1), (1, 2), (1, 3)], rating=[0.0, np.nan, 3])
    assert len(make_log(raw, "x")) == 3 and "1 of 3 interactions are rated 0 or less" in caplog.text
    assert len(make_log(raw, "x", min_rating=1)) == 1 and "1 interactions without a rating" in caplog.text


def test_a_test_part_without_times_comes_after_what_is_known():
    log = make_log(joined(events([(1, 1), (1, 2)], time=[9, 8]), events([(1, 3)])), "x")
    assert [log.items[i] for i in log.item] == ["2", "1", "3"]


@pytest.mark.parametrize(
    ("user", "item", "says"),
    [
        (np.array([1.0, np.nan]), np.array([1, 2]), "lacks its user"),
        (np.array(["a", None], object), np.array([1, 2]), "lacks its user"),
        (np.array([1, 2]), np.array(["a", ""]), "lacks its user"),
        (np.array([1, 2]), np.array(["a", "b\tc"]), "tab or a line break"),
        (np.array([1.0, 2.0**53 + 2]), np.array([1, 2]), "too large to be exact"),
    ],
)
def test_broken_ids_are_named(user, item, says):
    with pytest.raises(DataError, match=says):
        make_log(Events(user, item), "x")


logs = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 12)), min_size=12, max_size=80, unique=True)


@settings(deadline=None)
@given(logs, st.sampled_from(["last", "random", "ratio", "cold-items", "cold-users"]), st.integers(0, 9))
def test_every_interaction_has_one_role(pairs, how, seed):
    log = make_log(events(pairs), "x")
    settings = {**PLAIN, "seed": seed}
    role = roles(log, how, **settings)
    assert (role == roles(log, how, **settings)).all()
    test = role == TEST
    users = np.unique(log.user[test])
    sizes = np.bincount(log.user, minlength=len(log.users))
    if how in ("last", "random"):
        assert set(users) == set(np.flatnonzero(sizes >= 2))
        assert (np.bincount(log.user[test])[users] == 1).all()
        assert (np.bincount(log.user[role == VALIDATION], minlength=len(sizes)) == (sizes >= 3)).all()
    if how == "ratio":
        assert (np.bincount(log.user[test], minlength=len(sizes)) < sizes).all()
    if how == "cold-items":
        assert not set(log.item[test]) & set(log.item[~test])
    if how == "cold-users":
        left = np.bincount(log.user[~test], minlength=len(sizes))[users]
        assert (left == 1).all()


@settings(deadline=None)
@given(logs, st.floats(0.1, 0.9))
def test_sparsity_takes_from_training_alone(pairs, keep):
    log = make_log(events(pairs), "x")
    full, thin = (roles(log, "last", **{**PLAIN, "keep": share}) for share in (1.0, keep))
    assert ((full == thin) | ((full == TRAIN) & (thin == DROPPED))).all()
    assert (thin == TRAIN).sum() == (full == TRAIN).sum() - round((1 - keep) * (full == TRAIN).sum())


def test_shares_out_of_range_and_no_official_split():
    log = make_log(events([(1, 1), (1, 2)]), "x")
    with pytest.raises(UsageError, match="test_share=1.5 is not a share"):
        roles(log, "ratio", **{**PLAIN, "share": 1.5})
    with pytest.raises(UsageError, match="keep=0 is not a share"):
        roles(log, "last", **{**PLAIN, "keep": 0.0})
    with pytest.raises(UsageError, match="split of their own"):
        roles(log, "official", **PLAIN)
