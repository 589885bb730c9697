"""What every shipped method says of the draws that all items of its run share, and what its runs record."""

import pytest

from harness.registry import load_method, registry

LABELS = ("red", "green", "blue")
TRAIN = [(f"train {n} of {LABELS[n % 3]}", LABELS[n % 3]) for n in range(30)]
TEST = [(f"test {n}", LABELS[n % 3]) for n in range(4)]
POOL = [f"pool {n} of {LABELS[n % 3]}" for n in range(12)]
NONE = {"best-of-n", "cot", "direct", "ease", "item-knn", "most-popular", "prompted-tools", "react"}
NONE |= {"self-consistency", "cm2-best-of-n"}
# what is asked of each user's own past alone
NONE |= {"in-context-personal", "label-prior", "rag-personal", "react-personal"}
# nothing but what the model says and the search finds
NONE |= {"no-search", "rag", "react-search", "ircot", "plan-search-write", "parallel-verify"}
NONE |= {"oracle-documents"}
# policies of when a human is asked, who is part of each question's world
NONE |= {"autonomous", "confirm-irreversible", "ask-when-uncertain", "plan-approval", "suggest-then-execute"}
NONE |= {"human-driven", "random-gate", "more-tokens", "oracle-gate"}
# graphs that are the same whatever is drawn
NONE |= {"independent", "fully-connected", "chain", "star", "tree", "mesh", "debate", "oracle-mute"}


def test_shipped_methods_declare_their_draws():
    known = registry().methods.plain
    said = {name: found["draws"] for name, found in known.items() if found["package"] == "harness.methods"}
    assert {name for name, draws in said.items() if draws == "none"} == NONE
    assert set(said.values()) == {"run", "none"}


@pytest.mark.parametrize(
    ("method", "args", "draws"),
    [
        ("few-shot", {}, "run"),
        ("few-shot", {"choose": "per-label"}, "run"),
        ("few-shot", {"choose": "nearest"}, "none"),
        ("few-shot", {"k": 0}, "none"),
        ("naive-semi-icl", {"k_gt": 3, "k": 3}, "run"),
        ("naive-semi-icl", {"k_gt": 0, "k": 4}, "run"),
        ("naive-semi-icl", {"k_gt": 0, "k": 0}, "none"),
        ("iterpsd", {"k_gt": 3, "k": 6, "epsilon": 1.0}, "run"),
        ("iterpsd", {"k_gt": 0, "k": 0}, "none"),
        ("testnuc", {"k": 2}, "run"),
        ("testnuc", {"k": 2, "pool_size": 6}, "run"),
        ("testnuc", {"k": 0}, "none"),
        ("testnuc", {"k": 0, "inner": "few-shot"}, "none"),
        ("testnuc", {"k": 0, "inner": "pseudo-per-label"}, "run"),
        ("self-consistency", {}, "none"),
    ],
)
def test_an_argument_may_decide_and_the_run_agrees(lab, method, args, draws):
    lab.data(TEST, train=TRAIN, pool=POOL)
    spec = registry().method(method)
    assert load_method(spec, spec.arguments(args)).drawing() == draws
    record = lab.run(method, lambda call: "red", **args).record
    assert (record["draws"], record["draw_digest"] is not None) == (draws, draws == "run")


def test_a_policy_trained_before_draws_nothing():
    spec = registry().method("curriculum-uniform")
    for policy, draws in (("", "run"), ("folder", "none")):
        assert load_method(spec, spec.arguments({"policy": policy})).drawing() == draws


def test_the_same_draws_have_the_same_digest_whatever_is_done_with_them(lab):
    lab.data(TEST, train=TRAIN, pool=POOL)

    def told(method, seed=0, **args):
        grid, *_ = lab.grid(
            method, lambda call: "red", out=f"{method}{args}", request={"seeds": seed + 1}, **args
        )
        return [result.record["draw_digest"] for result in grid.results][seed]

    gold = {"k_gt": 3, "k": 6, "pool_size": 8}
    naive = told("naive-semi-icl", **gold)
    assert naive == told("iterpsd", **gold, epsilon=1.0) == told("naive-semi-icl", **gold, rule="all")
    assert naive != told("naive-semi-icl", 1, **gold)
    assert told("few-shot") == told("few-shot", prompt="{input} is of which colour?")
    assert len({told("few-shot"), told("few-shot", 1), told("few-shot", k=4)}) == 3
    assert told("testnuc", k=2, pool_size=6) == told("testnuc", k=3, pool_size=6, vote="naive")
    assert told("testnuc", k=2, pool_size=6) != told("testnuc", 1, k=2, pool_size=6)
