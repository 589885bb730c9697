import pytest

from harness.base.errors import DataError
from harness.checklist.agreement import auc, majority, pairwise, self_agreement, with_people
from harness.stats import pass_at_k, pass_hat_k


def votes(text):
    return [None if each == "?" else each == "1" for each in text]


def test_pairwise_agreement():
    assert pairwise(votes("11110")) == pytest.approx(0.6)
    assert pairwise(votes("11100")) == pytest.approx(0.4)
    assert pairwise(votes("1")) is None and pairwise(votes("1??")) is None
    assert pairwise(votes("11?10")) == pairwise(votes("1110"))


def test_fleiss_kappa():
    found = self_agreement([votes(each) for each in ("11111", "11110", "00000", "11000")])
    assert (found.pairwise, found.yes, found.chance) == pytest.approx((0.75, 0.55, 0.505))
    assert found.kappa == pytest.approx(0.4949, abs=5e-5)
    assert (found.questions, found.votes, found.unscored) == (4, 20, 0)


def test_what_has_no_agreement_says_so():
    assert self_agreement([]).kappa is None and self_agreement([]).pairwise is None
    all_yes = self_agreement([votes("111"), votes("111")])
    assert (all_yes.pairwise, all_yes.kappa) == (1, None)
    one = self_agreement([votes("110")])
    assert one.pairwise == pytest.approx(1 / 3) and one.kappa == pytest.approx((1 / 3 - 5 / 9) / (4 / 9))
    failed = self_agreement([votes("1??"), votes("1?1")])
    assert (failed.questions, failed.votes, failed.unscored, failed.kappa) == (1, 2, 3, None)


def test_votes_in_unequal_numbers():
    found = self_agreement([votes("11"), votes("1100")])
    assert found.pairwise == pytest.approx((1 + 1 / 3) / 2) and found.yes == pytest.approx(4 / 6)


def test_majority():
    assert [majority(votes(each)) for each in ("110", "10", "?1", "??", "100")] == [
        True,
        None,
        True,
        None,
        False,
    ]


def test_kappa_with_people():
    judge, human = votes("1111000011?1"), votes("110100101111")
    found, left_out = with_people(judge, human, list("aaabbbcccddd"))
    assert found is not None and (found.n, left_out) == (11, 1)
    both = [(a, b) for a, b in zip(judge, human, strict=True) if a is not None]
    raw = sum(a == b for a, b in both) / 11
    yes = [sum(pair[n] for pair in both) / 11 for n in (0, 1)]
    chance = yes[0] * yes[1] + (1 - yes[0]) * (1 - yes[1])
    assert found.kappa == pytest.approx((raw - chance) / (1 - chance))
    assert found.kappa_ci is not None and found.kappa_ci[0] < found.kappa < found.kappa_ci[1]
    same, _ = with_people(votes("111"), votes("111"))
    assert same is not None and same.kappa is None and same.raw == 1
    assert with_people(votes("??"), votes("11")) == (None, 2)
    with pytest.raises(DataError, match="pair them by item"):
        with_people(votes("1"), votes("11"))


def test_items_of_few_dialogues_make_a_wider_interval():
    judge, human = votes("1100" * 30), votes("1101" * 10 + "1100" * 20)
    apart, _ = with_people(judge, human)
    together, _ = with_people(judge, human, [n // 40 for n in range(120)])
    assert apart is not None and together is not None and apart.kappa_ci and together.kappa_ci
    assert together.kappa_ci[1] - together.kappa_ci[0] > apart.kappa_ci[1] - apart.kappa_ci[0]


def test_auc_with_ties():
    gold = [True, True, False, False]
    assert auc([0.9, 0.7, 0.7, 0.2], gold) == pytest.approx(0.875)
    assert auc([0.5] * 4, gold) == 0.5
    assert auc([None, 0.7, None, 0.2], gold) == 1
    assert auc([0.9, 0.7], [True, True]) is None and auc([None, 0.7], [True, False]) is None
    with pytest.raises(DataError):
        auc([0.9], gold)


def test_pass_at_k_and_pass_hat_k():
    assert [float(pass_hat_k([4], [3], k)[0]) for k in (1, 2, 3, 4)] == pytest.approx([0.75, 0.5, 0.25, 0])
    # of recorded attempts, without bias: 3 of 10 right
    assert float(pass_at_k([10], [3], 1)[0]) == pytest.approx(0.3)
