"""Generated users: what theory says of them, and that they are what it speaks of."""

from collections import Counter, defaultdict

import pytest

from harness.base.errors import UsageError
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.tasks.personal import expected
from harness.testing import check_task


def load(name="personal/synthetic", **args):
    spec = registry().task(name)
    return load_task(spec, spec.arguments(args)).load(Data())


def topic(query):
    return query.splitlines()[-1]


def test_what_theory_says():
    assert expected.knows(0.1) == pytest.approx(0.9)
    assert [round(expected.of_plurality(k, 3, 0.1), 3) for k in (1, 2, 3, 5)] == [0.815, 0.815, 0.88, 0.895]
    assert expected.of_majority(4, 3, 0.1) == pytest.approx(0.554, abs=1e-3)
    assert expected.chance(3) == pytest.approx(1 / 3)
    assert expected.rating_errors(0.2) == (
        pytest.approx(0.2 * 8 / 9),
        pytest.approx(8 / 9 + 0.2 * (3 / 9 - 1 / 9)),
    )


def test_sound_tasks():
    check_task("personal/synthetic", None, users=8)
    check_task("personal/synthetic-ratings", None, users=8)


def test_rounds_noise_and_tables():
    splits = load(users=300, history=40, test=4)
    hits = 0
    for user, stream in splits.history.streams.items():
        assert Counter(topic(each.query) for each in stream) == dict.fromkeys(
            [f"Kind: {kind}" for kind in ("crime", "comedy", "space", "romance")], 10
        )
        table = plurality(stream)
        mine = [sample for sample in splits.test if sample.group == user]
        assert [sample.id for sample in mine] == [f"{user}-test{n}" for n in range(4)]
        hits += sum(sample.target == table[topic(sample.question.input)] for sample in mine)
    assert hits / 1200 == pytest.approx(0.9, abs=0.03)  # standard error .009


def plurality(stream):
    seen = defaultdict(Counter)
    for each in stream:
        seen[topic(each.query)][each.response] += 1
    return {key: counts.most_common(1)[0][0] for key, counts in seen.items()}


def test_the_test_does_not_depend_on_the_past():
    short, long = load(users=3, history=4), load(users=3, history=80)
    assert [s.digest() for s in short.test] == [s.digest() for s in long.test]
    assert [s.digest() for s in load(users=3, data_seed=1).test] != [s.digest() for s in short.test]


def test_tables_change_at_the_drift_and_not_before():
    before, after = load(users=200, history=60, noise=0.0), load(users=200, history=60, noise=0.0, drift=40)
    kept, same = 0, 0
    for user, stream in after.history.streams.items():
        assert stream[:40] == before.history.streams[user][:40]
        old, new = plurality(stream[:40]), plurality(stream[40:])
        same += sum(old[key] == new[key] for key in new)
        kept += len(new)
        mine = [sample for sample in after.test if sample.group == user]
        assert all(sample.target == new[topic(sample.question.input)] for sample in mine)
    assert same / kept == pytest.approx(1 / 3, abs=0.06)


def test_ratings_follow_two_tastes():
    splits = load("personal/synthetic-ratings", users=100, noise=0.0, history=12)
    assert {s.target for s in splits.test} == {"1", "2", "3", "4", "5"}
    table = plurality(splits.history.streams["user0"])
    mine = [sample for sample in splits.test if sample.group == "user0"]
    assert all(sample.target == table[topic(sample.question.input)] for sample in mine)


def test_revealed_answers_are_known_to_later_questions_only():
    splits = load(users=1, history=4, test=3, reveal=True)
    ids = [sample.id for sample in splits.test]
    assert [each.id for each in splits.history.before(ids[2])][4:] == ids[:2]
    assert [each.id for each in splits.history.before(ids[0])] == [f"user0-past{n}" for n in range(4)]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"noise": 0.7}, "noise=0.7 is not from 0 to 0.5"),
        ({"drift": 40}, "after the last"),
        ({"users": 0}, "users=0"),
    ],
)
def test_arguments_out_of_range(args, said):
    with pytest.raises(UsageError, match=said):
        load(**args)
