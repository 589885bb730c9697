"""TestNUC in whole runs: what it asks, what it chooses and on which data, what it costs."""

import json
from collections import Counter

import numpy as np
import pytest

LABELS = ("left", "right")


def texts_of(call):
    """The texts that a call asks to label."""
    part = call.messages[-1].text.split("Texts to label:\n")[1].split("\n\nReply with")[0]
    return [line.partition(". ")[2] for line in part.splitlines()]


def says(answers):
    """A model that gives every text its (label, confidence), one record a text."""

    def say(call):
        return json.dumps(
            [
                {"index": n, "label": answers[text][0], "confidence": answers[text][1]}
                for n, text in enumerate(texts_of(call), 1)
            ]
        )

    return say


def other(label):
    return LABELS[1 - LABELS.index(label)]


def labelled(prefix, size):
    return [(f"{prefix} {n} {LABELS[n % 2]}", LABELS[n % 2]) for n in range(size)]


class Worlds:
    """Two separate regions, one around the dev samples and one around the test samples, each with as
    many pool texts; a text's nearest neighbours have its label and its region."""

    def __init__(self, lab):
        self.gold = dict([*labelled("test", 10), *labelled("train", 60), *labelled("near", 20)])
        of = {part: [t for t in self.gold if t.startswith(part)] for part in ("test", "train", "near")}
        lab.data(
            [(text, self.gold[text]) for text in of["test"]],
            train=[(text, self.gold[text]) for text in of["train"]],
            pool=of["near"],
        )
        self.dev = [sample.question.input for sample in lab.splits.dev]
        self.test, self.pool = of["test"], of["near"]
        self.at_dev, self.at_test = self.pool[:10], self.pool[10:]
        vectors = {}
        for text, label in self.gold.items():
            place = LABELS.index(label) + (2 if text in self.test or text in self.at_test else 0)
            vectors[text] = np.eye(4)[place]
        lab.data([(text, self.gold[text]) for text in self.test], vectors=vectors)

    def answers(self, wrong):
        return {text: (other(label) if text in wrong else label, 0.9) for text, label in self.gold.items()}


def chosen(ran):
    (setting,) = {(row["trace"]["k"], row["trace"]["vote"], row["trace"]["theta"]) for row in ran.rows}
    return setting


def test_settings_are_chosen_on_dev_even_where_test_would_choose_otherwise(lab):
    world = Worlds(lab)
    assert 4 <= len(world.dev) < 30
    # on dev only the own answer is right, on test only the neighbours' are
    say = says(world.answers({*world.at_dev, *world.test}))
    ran = lab.run("testnuc", say, choose_k=True, k=3)
    assert chosen(ran)[0] == 0 and ran.accuracy == 0
    assert lab.run("testnuc", say, k=3).accuracy == 1
    # and the other way round
    say = says(world.answers({*world.at_test, *world.dev}))
    ran = lab.run("testnuc", say, choose_k=True, k=0, out="out2")
    assert chosen(ran)[0] >= 2 and ran.accuracy == 0
    assert lab.run("testnuc", say, k=0, out="out2").accuracy == 1
    assert ran.record["data_access"] == {"pool_size": 20, "dev_labels_seen": len(world.dev)}
    assert ran.usage == {"annotate": 20 + len(world.dev), "answer": 10}


def test_the_choice_depends_on_no_test_label(lab):
    world = Worlds(lab)
    say = says(world.answers({*world.at_test, *world.dev}))
    ran = lab.run("testnuc", say, choose_k=True)
    lab.data([(text, other(world.gold[text])) for text in world.test])
    flipped = lab.run("testnuc", say, choose_k=True, out="flipped")
    assert flipped.accuracy == 1 - ran.accuracy
    assert [r["trace"] for r in flipped.rows] == [r["trace"] for r in ran.rows]
    assert [r["answer"] for r in flipped.rows] == [r["answer"] for r in ran.rows]


def test_a_task_without_dev_is_an_error(lab):
    lab.data(labelled("test", 4), pool=["near left"])
    grid, model, _ = lab.grid("testnuc", says({}), choose_k=True)
    assert "dev" in str(grid.results[0].error) and not model.calls


def test_the_method_runs_without_any_label_of_the_pool(lab):
    """Section 6.10: the pool's file has no column of labels, and no training set is at hand."""
    pool = [text for text, _ in labelled("near", 12)]
    lab.data(labelled("test", 4), pool=pool)
    assert not len(lab.splits.train) and not any(hasattr(q, "target") for q in lab.splits.pool)
    gold = dict([*labelled("test", 4), *labelled("near", 12)])
    ran = lab.run("testnuc", says({text: (label, 0.9) for text, label in gold.items()}), k=5)
    assert ran.accuracy == 1 and ran.record["data_access"] == {"pool_size": 12}
    labels = "\n".join(f"- {label}" for label in LABELS)
    for call in ran.calls:  # a label is named where all are, and where the text itself has it
        shown = call.messages[-1].text.replace(labels, "")
        assert Counter(shown.split())["left"] == sum("left" in text for text in texts_of(call))


@pytest.mark.parametrize(("share", "theta"), [(0.0, 0.8), (0.3, 0.8), (0.5, 0.6), (1.0, 0.1)])
def test_theta_as_a_share_of_the_pool(lab, share, theta):
    pool = [f"near {n} left" for n in range(1, 11)]
    lab.data([("test left", "left"), ("test right", "right")], pool=pool)
    answers = {text: ("left", n / 10) for n, text in enumerate(pool, 1)}
    answers |= {"test left": ("left", 0.0), "test right": ("left", 0.0)}
    ran = lab.run("testnuc", says(answers), k=10, theta_quantile=share)
    for row in ran.rows:
        assert row["trace"]["theta"] == pytest.approx(theta)
        kept = [v for v in row["trace"]["voters"][:-1] if v["weight"] > 0]
        assert {v["confidence"] for v in kept} <= {n / 10 for n in range(1, 11) if n / 10 >= theta}
        assert row["trace"]["voters"][-1]["weight"] == 1  # the own vote, whatever its confidence


def test_a_part_of_the_pool(lab):
    pool = [f"near {n} left" for n in range(40)]
    lab.data([("test left", "left"), ("test right", "right")], pool=pool)
    say = says({text: ("left", 0.9) for text in [*pool, "test left", "test right"]})

    def asked(**how):
        grid, model, _ = lab.grid("testnuc", say, pool_size=8, k=3, **how)
        assert grid.exit_code == 0
        return [texts_of(call)[0] for call in model.calls if "near" in call.messages[-1].text]

    seeds = asked(request={"seeds": 3}, out="seeds")
    drawn = [seeds[:8], seeds[8:16], seeds[16:]]
    assert all(len(set(part)) == 8 and set(part) <= set(pool) for part in drawn)
    assert len({frozenset(part) for part in drawn}) == 3  # another subsample for every seed
    assert asked(out="again") == drawn[0]
    assert asked(released=True, out="released") == pool[:8]


def test_released_ties_and_foreign_labels(lab):
    vectors = {"near one": (1, 0), "test left": (1, 0), "near two": (0, 1), "test right": (0, 1)}
    lab.data([("test left", "left"), ("test right", "right")], pool=["near one", "near two"], vectors=vectors)

    def answers(released, one, two, **how):
        say = says(
            {
                "near one": (one, 0.9),
                "near two": (two, 0.9),
                "test left": ("left", 0.9),
                "test right": ("right", 0.9),
            }
        )
        ran = lab.run("testnuc", say, released=released, vote="naive", out=f"{released}{one}", **how)
        return [row["answer"] for row in ran.rows], ran

    # one neighbour against the own answer: the own answer, or the smallest label
    assert answers(False, "right", "left", k=1)[0] == ["left", "right"]
    assert answers(True, "right", "left", k=1)[0] == ["left", "left"]
    # a label outside the set: no vote, or a class of its own, which is then no answer
    assert answers(False, "nowhere", "nowhere", k=2)[0] == ["left", "right"]
    outside, ran = answers(True, "nowhere", "nowhere", k=2)
    assert outside == ["nowhere", "nowhere"] and ran.accuracy == 0


def test_no_neighbours_is_the_direct_answer(lab):
    lab.data(labelled("test", 6), pool=["near left"])
    answers = {text: ("left", 0.4) for text, _ in labelled("test", 6)}
    ran = lab.run("testnuc", says(answers), k=0)
    assert ran.usage == {"answer": 6} and ran.accuracy == 0.5
    assert {row["confidence"] for row in ran.rows} == {0.4}


def test_self_consistency_inside(lab):
    pool = ["near one", "near two"]
    lab.data([("test left", "left"), ("test right", "right")], pool=pool)
    draws = {
        "near one": ["left", "right", "right"],
        "near two": ["right", "left", "right"],
        "test left": ["left", "left", "right"],
        "test right": ["left", "right", "right"],
    }
    left = {text: list(labels) for text, labels in draws.items()}

    def say(call):
        (text,) = texts_of(call)
        return says({text: (left[text].pop(0), 0.1)})(call)

    ran = lab.run("testnuc", say, k=2, vote="naive", inner="self-consistency", inner_samples=3, batch_size=10)
    assert ran.usage == {"annotate": 6, "answer": 6} and not any(left.values())
    assert [row["answer"] for row in ran.rows] == ["right", "right"]
    for row in ran.rows:
        assert [v["label"] for v in row["trace"]["voters"][:-1]] == ["right", "right"]
        # the share of the draws, not what the model says of itself
        assert {v["confidence"] for v in row["trace"]["voters"]} == {2 / 3}
        assert row["trace"]["calls_cold"] == 9 and row["trace"]["calls_amortised"] == 6
    assert all(call.decoding["temperature"] == 0.7 for call in ran.calls)


@pytest.mark.parametrize("batch_size", [1, 4])
def test_few_shot_inside(lab, batch_size):
    lab.data(labelled("test", 6), train=labelled("train", 40))
    gold = dict([*labelled("test", 6), *labelled("train", 40)])
    ran = lab.run(
        "testnuc",
        says({text: (label, 0.9) for text, label in gold.items()}),
        k=3,
        inner="few-shot",
        inner_samples=2,
        batch_size=batch_size,
    )
    train = {sample.question.input: sample.target for sample in lab.splits.train}
    assert ran.accuracy == 1 and ran.record["data_access"]["labels_seen"] == len(train)
    for call in ran.calls:
        asked = texts_of(call)
        part = call.messages[-1].text.split("Labelled examples:\n")[1].split("\n\nTexts to label")[0]
        lines = part.splitlines()
        shown = {
            lines[n].removeprefix("Text: "): lines[n + 1].removeprefix("Label: ")
            for n in range(0, len(lines), 2)
        }
        assert len(shown) == len(lines) // 2 == 2 * len(asked)  # none stands there twice
        assert all(train[text] == label for text, label in shown.items())
        assert not set(shown) & set(asked)  # none is to be labelled in the same call


def test_few_shot_inside_needs_labels(lab):
    grid, model, _ = lab.data(labelled("test", 4), pool=["near left"]).grid(
        "testnuc", says({}), inner="few-shot"
    )
    assert "labelled samples" in str(grid.results[0].error) and not model.calls


def test_cost_in_batches_and_on_a_warm_cache(lab):
    """Section 6.9: 10,000 texts in batches of 10 are 1,000 calls, 500 queries 50 more, and a second
    run asks nothing."""
    pool, test = [f"near {n}" for n in range(10_000)], labelled("test", 500)
    draw = np.random.default_rng(0)
    vectors = {text: draw.normal(size=4) for text in [*pool, *(text for text, _ in test)]}
    lab.data(test, pool=pool, vectors=vectors)
    answers = {text: (LABELS[n % 2], 0.9) for n, text in enumerate(pool)} | {t: (g, 0.9) for t, g in test}
    how = {"k": 5, "batch_size": 10, "vote": "naive"}
    cold = lab.run("testnuc", says(answers), cacheable=True, **how)
    assert cold.usage == {"annotate": 1000, "answer": 50} and len(cold.calls) == 1050
    assert cold.record["volatile"]["cache_hits"] == 0
    for row in cold.rows:  # nothing is misaligned
        for v in row["trace"]["voters"][:-1]:
            assert v["label"] == LABELS[int(v["id"].removeprefix("pool-")) % 2]
        assert row["trace"]["own"] == LABELS[int(row["sample_id"]) % 2]
        assert row["trace"]["calls_cold"] == 6
        assert row["trace"]["calls_amortised"] == pytest.approx(1050 / 500)
    warm = lab.run("testnuc", says({}), cacheable=True, out="warm", **how)
    assert not warm.calls and warm.record["volatile"]["cache_hits"] == 1050
    assert warm.usage == cold.usage  # what it costs is what it would cost on a cold cache
    assert warm.record["samples"]["digest"] == cold.record["samples"]["digest"]


def test_the_same_whatever_the_connections(lab):
    lab.data(labelled("test", 25), pool=[text for text, _ in labelled("near", 33)])
    gold = dict([*labelled("test", 25), *labelled("near", 33)])
    say = says({text: (label, 0.9) for text, label in gold.items()})
    made = [
        lab.run("testnuc", say, k=5, batch_size=4, out=f"out{n}", request={"max_connections": n, "epochs": 2})
        for n in (1, 3, 16)
    ]
    assert len({ran.record["result_digest"] for ran in made}) == 1
    assert made[0].usage == {"annotate": 9, "answer": 13}
    assert len(made[0].rows) == 50


BROKEN = {
    "nine": lambda records: records[:9],
    "eleven": lambda records: [*records, records[0]],
    "shuffled": lambda records: records[::-1],
    "one twice": lambda records: [records[0], *records[:9]],
    "from zero": lambda records: [{**r, "index": n} for n, r in enumerate(records)],
    "no label": lambda records: [{"index": r["index"]} for r in records],
    "not records": lambda records: ["left"] * 10,
    "nothing": lambda records: [],
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_batch_with_wrong_records_is_asked_again_in_halves(lab, fault):
    """Section 6.9: never misaligned, in the pool or among the queries."""
    lab.data(labelled("test", 10), pool=[text for text, _ in labelled("near", 10)])
    gold = dict([*labelled("test", 10), *labelled("near", 10)])
    right = says({text: (label, 0.9) for text, label in gold.items()})

    def say(call):
        records = json.loads(right(call))
        return json.dumps(BROKEN[fault](records) if len(records) == 10 else records)

    ran = lab.run("testnuc", say, k=3, batch_size=10)
    assert sorted(len(texts_of(call)) for call in ran.calls) == [5, 5, 5, 5, 10, 10]
    assert ran.usage == {"annotate": 3, "answer": 3} and ran.accuracy == 1
    for row in ran.rows:
        assert all(
            LABELS[int(v["id"].removeprefix("pool-")) % 2] == v["label"] for v in row["trace"]["voters"][:-1]
        )
        assert row["trace"]["own"] == LABELS[int(row["sample_id"]) % 2]


@pytest.mark.parametrize(
    ("confidence", "kept"),
    [
        (0.5, 0.5),
        ("0.7", 0.7),
        (2, 1.0),
        (-1, 0.0),
        (None, 0.0),
        ("high", 0.0),
        (float("nan"), 0.0),
        ([0.9], 0.0),
        (True, 1.0),
    ],
)
def test_confidences_are_clipped_and_missing_ones_are_zero(lab, confidence, kept):
    lab.data([("test left", "left"), ("test right", "right")], pool=["near left"])
    answers = {text: ("left", confidence) for text in ("near left", "test left", "test right")}
    ran = lab.run("testnuc", says(answers), k=1)
    assert ran.rows[0]["trace"]["voters"][0]["confidence"] == kept


@pytest.mark.parametrize(
    "args", [{"k": -1}, {"batch_size": 0}, {"theta_quantile": 1.5}, {"inner_samples": 0}]
)
def test_bad_arguments_are_one_line_and_cost_nothing(lab, args):
    lab.data(labelled("test", 4), pool=["near left"])
    grid, model, _ = lab.grid("testnuc", says({}), **args)
    assert "testnuc" in str(grid.results[0].error) and not model.calls
    assert grid.exit_code == 2


def test_a_budget_ends_the_annotation_cleanly_and_the_same_command_goes_on(lab):
    lab.data(labelled("test", 6), pool=[text for text, _ in labelled("near", 30)])
    gold = dict([*labelled("test", 6), *labelled("near", 30)])
    say = says({text: (label, 0.9) for text, label in gold.items()})
    grid, model, _ = lab.grid("testnuc", say, cacheable=True, request={"budget_calls": 10}, k=3)
    assert grid.exit_code == 3 and len(model.calls) == 10
    later = lab.run("testnuc", say, cacheable=True, k=3)
    assert later.accuracy == 1 and len(later.calls) == 26 and later.usage == {"annotate": 30, "answer": 6}


def demonstrations(call):
    """The pairs (text, label) that a call shows."""
    shown = call.messages[-1].text.split("Labelled examples:\n")[1]
    lines = shown.split("\n\nTexts to label")[0].splitlines()
    return [
        (lines[n].removeprefix("Text: "), lines[n + 1].removeprefix("Label: "))
        for n in range(0, len(lines), 2)
    ]


def test_pseudo_labelled_demonstrations_that_are_the_same_for_all(lab):
    """The most confident of each label in turn, the label being the model's, and never the query itself."""
    pool = [text for text, _ in labelled("near", 12)]
    lab.data(labelled("test", 4), pool=pool)
    gold = dict([*labelled("test", 4), *labelled("near", 12)])
    sure = {text: (label, 0.5 + 0.02 * n) for n, (text, label) in enumerate(gold.items())}
    mistaken = pool[-1]  # the surest of all, and wrong
    sure[mistaken] = (other(gold[mistaken]), 0.99)
    ran = lab.run("testnuc", says(sure), k=3, inner="pseudo-per-label", inner_samples=3)
    assert ran.usage == {"annotate": 24, "answer": 4} and ran.record["data_access"] == {"pool_size": 12}
    best = [(mistaken, sure[mistaken][0]), (pool[-3], gold[pool[-3]]), (pool[-2], gold[pool[-2]])]
    assert gold[pool[-3]] == gold[mistaken] != gold[pool[-2]]
    for call in ran.calls[12:]:
        shown, (asked,) = demonstrations(call), texts_of(call)
        assert len(shown) == 3 and asked not in {text for text, _ in shown}
        if asked in sure and asked not in {text for text, _ in best}:
            assert shown == best
    later = lab.run("testnuc", says(sure), k=3, inner="pseudo-per-label", inner_samples=3, out="again")
    assert [demonstrations(call) for call in later.calls[12:]] == [demonstrations(c) for c in ran.calls[12:]]


@pytest.mark.parametrize("inner", ["pseudo-few-shot", "pseudo-per-label"])
def test_pseudo_demonstrations_take_the_annotations_of_others_from_the_cache(lab, inner):
    lab.data(labelled("test", 4), pool=[text for text, _ in labelled("near", 30)])
    gold = dict([*labelled("test", 4), *labelled("near", 30)])
    say = says({text: (label, 0.95) for text, label in gold.items()})
    assert lab.run("naive-semi-icl", say, cacheable=True, k_gt=0, k=6).usage["annotate"] == 30
    ran = lab.run("testnuc", say, cacheable=True, k=3, inner=inner, inner_samples=2)
    assert ran.usage == {"annotate": 60, "answer": 4} and ran.accuracy == 1
    assert len(ran.calls) == 30 + 4 and all("Labelled examples" in c.messages[-1].text for c in ran.calls)


def test_pseudo_labelled_neighbours_inside(lab):
    """KNN-ICL-P: the pool is labelled once without demonstrations, then again after its own neighbours."""
    pool = [text for text, _ in labelled("near", 12)]
    lab.data(labelled("test", 4), pool=pool)
    gold = dict([*labelled("test", 4), *labelled("near", 12)])
    ran = lab.run(
        "testnuc",
        says({text: (label, 0.9) for text, label in gold.items()}),
        k=3,
        inner="pseudo-few-shot",
        inner_samples=2,
    )
    assert ran.usage == {"annotate": 24, "answer": 4} and ran.record["data_access"] == {"pool_size": 12}
    plain, shown = ran.calls[:12], ran.calls[12:]
    assert not any("Labelled examples" in call.messages[-1].text for call in plain)
    for call in shown:
        pairs = demonstrations(call)
        assert len(pairs) == 2 and all(gold[text] == label for text, label in pairs)
        assert not {text for text, _ in pairs} & set(texts_of(call))
