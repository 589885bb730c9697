"""Scores of classes are those of scikit-learn, from attempts as they come and as they were sealed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.preprocessing import MultiLabelBinarizer

from harness.results.classes import NO_ANSWER, ClassTable, class_metrics, class_report, item_influence
from harness.sample import Classes

CLASSES = st.sampled_from(["card", "Card", "lost", "01", "1", "nan"])
SINGLE = st.lists(st.tuples(CLASSES, st.none() | CLASSES | st.just("elsewhere")), min_size=1, max_size=40)
SETS = st.sets(CLASSES, max_size=4).map(sorted)
SEVERAL = st.lists(st.tuples(SETS, st.none() | SETS), min_size=1, max_size=30)


def table(pairs, **classes):
    found = ClassTable(Classes(**classes))
    for n, (target, answer) in enumerate(pairs):
        found.add(n, target, answer)
    return found


def values(found):
    return {name: metric["value"] for name, metric in class_metrics(found).items()}


@settings(max_examples=60)
@given(SINGLE)
def test_single_labels(pairs):
    found = table(pairs)
    target, answer = [t for t, _ in pairs], [a or NO_ANSWER for _, a in pairs]
    labels = sorted({*target, *answer} - {NO_ANSWER})
    same = {"labels": labels, "zero_division": 0}
    made = values(found)
    for name in ("macro", "weighted"):
        assert made[f"{name}_f1"] == pytest.approx(metrics.f1_score(target, answer, average=name, **same))
    report = class_report(found)
    own = {each.label: each for each in report.classes}
    wanted = metrics.precision_recall_fscore_support(target, answer, **same)
    for n, label in enumerate(labels):
        each = own[label]
        assert (each.precision, each.recall, each.f1) == pytest.approx([column[n] for column in wanted[:3]])
        assert each.support == wanted[3][n]
    whole = metrics.confusion_matrix(target, answer, labels=[*report.labels, NO_ANSWER])
    assert np.array_equal(report.matrix, whole[:-1])
    macro = metrics.precision_recall_fscore_support(target, answer, average="macro", **same)
    assert (report.averages[0].precision, report.averages[0].recall) == pytest.approx(macro[:2])


@settings(max_examples=40)
@given(SEVERAL)
def test_several_labels(pairs):
    found = table(pairs, several=True)
    target, answer = [t for t, _ in pairs], [a or [] for _, a in pairs]
    both = MultiLabelBinarizer().fit([*target, *answer])
    made = values(found)
    if len(both.classes_) < 2:  # not multi-label to scikit-learn
        return
    for name in ("macro", "weighted", "micro", "samples"):
        score = metrics.f1_score(
            both.transform(target), both.transform(answer), average=name, zero_division=0
        )
        assert made[f"{name}_f1"] == pytest.approx(score), name


def test_an_error_counts_as_no_answer_and_is_left_out_beside_it():
    found = ClassTable(Classes())
    for n, (target, answer, scored) in enumerate([("a", "a", True), ("b", "b", True), ("b", "b", False)]):
        found.add(n, target, answer, scored=scored)
    made = class_metrics(found)["macro_f1"]
    assert made["value"] == pytest.approx((1 + 2 / 3) / 2) and made["scored_only"] == 1.0
    assert class_report(found).confused == [("b", NO_ANSWER, 1)]


def test_repeated_attempts_are_one_item():
    once = table([("a", "a"), ("b", "a"), ("b", "b"), ("a", "b")] * 10)
    found = ClassTable(Classes())
    for n, each in enumerate(once.attempts):
        for _ in range(4):
            found.add(n, each.wanted[0], each.given[0])
    alone, again = class_metrics(once)["macro_f1"], class_metrics(found)["macro_f1"]
    assert again == alone and again["n_items"] == 40
    assert item_influence(found, "macro_f1").mean() == pytest.approx(alone["value"])


def test_out_of_scope():
    rng = np.random.default_rng(1)
    target = rng.choice(["a", "b", "oos"], 300)
    answer = np.where(rng.random(300) < 0.7, target, rng.choice(["a", "b", "oos"], 300))
    sure = rng.random(300)
    found = ClassTable(Classes(out_of_scope="oos"))
    for n in range(300):
        found.add(n, target[n], answer[n], confidence=sure[n])
    made = class_metrics(found)
    scope = target != "oos"
    assert made["in_scope_accuracy"]["value"] == pytest.approx((target == answer)[scope].mean())
    for name, score in (("recall", metrics.recall_score), ("precision", metrics.precision_score)):
        wanted = score(target == "oos", answer == "oos")
        assert made[f"oos_{name}"]["value"] == pytest.approx(wanted)
    strange = np.where(answer == "oos", 1 + sure, 1 - sure)
    assert made["oos_auroc"]["value"] == pytest.approx(metrics.roc_auc_score(~scope, strange))
    drawn = [
        metrics.roc_auc_score(~scope[rows], strange[rows]) for rows in rng.integers(300, size=(200, 300))
    ]
    assert made["oos_auroc"]["stderr"] == pytest.approx(np.std(drawn), rel=0.2)
    for name in ("in_scope_accuracy", "oos_recall", "oos_precision", "oos_auroc", "macro_f1"):
        assert item_influence(found, name).mean() == pytest.approx(made[name]["value"])
    without = table(zip(target, answer, strict=True), out_of_scope="oos")
    assert "oos_auroc" not in class_metrics(without) and "oos_recall" in class_metrics(without)
    assert "oos_recall" not in class_metrics(table([("a", "oos")], out_of_scope="oos"))
