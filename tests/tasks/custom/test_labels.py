"""Several labels a row, a label for what is out of scope, and what users are told of their labels."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.preprocessing import MultiLabelBinarizer

import harness
from harness.base.errors import DataError, UsageError
from harness.data.hub import Data
from harness.registry import load_task, registry
from harness.tasks.custom.label_checks import doubts
from harness.tasks.custom.lists import cell_labels
from harness.tasks.custom.multilabel import read_labels, written

LABELS = ("card", "card lost", "Fees", "a, b", "x; y", "R and D", "none yet")


def load(**args):
    spec = registry().tasks["classify/custom"]
    task = load_task(spec, spec.arguments(args))
    return task, task.load(Data(offline=True))


CLOTHES = (
    "{lines}",
    "Labels:\n{bullets}",
    "I thought about fees.\n\n{semicolons}",
    "**Labels:** {semicolons}",
    "The labels are {semicolons}.",
    "{json}",
    '{{"labels": {json}}}',
    "```json\n{json}\n```",
    "Answer: {json}",
    "<think>card; Fees</think>\n{semicolons}",
    "Labels: {semicolons}\n\nThis text speaks of both.",
    "Labels:\n{bullets}\n\nI hope this helps.",
    "{numbered}",
    "Here are the labels:\n\n{apart}",
    "{apart}",
    "<answer>{semicolons}</answer>",
    "It speaks of both, so \\boxed{{\\text{{{semicolons}}}}}.",
    "Labels: {semicolons}\nText: another one\nLabels: a, b",
    "{semicolons}\n\nText: another one\nLabels: a, b",
)


@given(st.sets(st.sampled_from(LABELS), min_size=1), st.sampled_from(CLOTHES))
def test_what_was_written_is_read(labels, clothing):
    given_ = sorted(labels)
    text = clothing.format(
        lines="\n".join(given_),
        bullets="\n".join(f"- {label}" for label in given_),
        numbered="\n".join(f"{n}. `{label}`" for n, label in enumerate(given_, 1)),
        apart="\n\n".join(f"- {label}" for label in given_),
        semicolons="; ".join(given_),
        json=json.dumps(given_),
    )
    assert read_labels(text, LABELS).answer == written(labels)


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("card, fees", ["card", "Fees"]),
        ("card lost and Fees", ["card lost", "Fees"]),
        ("card, a, b, and fees", ["card", "a, b", "Fees"]),
        ("CARD | R and D", ["card", "R and D"]),
        ("card、Fees", ["card", "Fees"]),
        ("card / Fees", ["card", "Fees"]),
        ("card\n\nFees", ["card", "Fees"]),
        ("card\n\nWait, it is\n\nFees", ["Fees"]),
        ("[]", []),
        ("Labels: none", []),
        ("None of the labels.", []),
        ('["card", "refund"]', ["card", "refund"]),
        ("['card', 'Fees']", ["card", "Fees"]),
        ('{"answer": "card; Fees"}', ["card", "Fees"]),
        ("card, refund", None),
        ("card or Fees", None),
        ("not card", None),
        ("It could be many things.", None),
        ("<think>card", None),
        ("", None),
    ],
)
def test_what_is_a_list_of_labels(text, labels):
    reading = read_labels(text, LABELS)
    assert reading.answer == (None if labels is None else written(labels))
    assert (reading.reason is None) == (labels is not None)


@given(st.text(max_size=200))
def test_no_completion_raises(text):
    read_labels(text, LABELS)


def test_labels_that_differ_in_case_need_their_case():
    choices = ("Card", "card", "fees")
    assert read_labels("Card; fees", choices).answer == written(["Card", "fees"])
    assert read_labels("CARD; fees", choices).answer is None


@pytest.mark.parametrize(
    ("cell", "separator", "labels"),
    [
        (["x", "z", "x"], "", ["x", "z"]),
        ("card; lost", ";", ["card", "lost"]),
        ("", ";", []),
        ('["01", "1"]', "", ["01", "1"]),
        ("['card', 'lost']", "", ["card", "lost"]),
        (None, "", []),
        ("card", "", None),
        ("[card", "", None),
        ("['card','lost']", ",", ["card", "lost"]),
        ("['card' 'lost']", "", ["card", "lost"]),
        ("['card'\n 'lost']", "", ["card", "lost"]),
        ("[1 20 -3.]", "", ["1", "20", "-3."]),
        ('[1.50, 1e5, "1.50", true]', "", ["1.50", "1e5", "true"]),
        ("[-1.50, 1e5, True, None]", "", ["-1.50", "1e5", "true"]),
        ("[card, lost]", "", None),
        ("[card, lost]", ",", ["[card", "lost]"]),
        ("['a'] + ['b']", "", None),
        ("['a' 1]", "", None),
        ("['a', 'b'", "", None),
    ],
)
def test_cells_of_several_labels(cell, separator, labels):
    assert cell_labels(cell, separator) == labels


ROWS = [
    {"text": f"t{n}", "tags": sorted({"a", "b", "c", "d"} - set("abcd"[n % 4 : n % 4 + 1 + n % 3]))}
    for n in range(24)
]


def test_several_labels_from_file_to_scores(tmp_path):
    data, answers = tmp_path / "several.csv", tmp_path / "answers.jsonl"
    data.write_text("text,tags\n" + "".join(f"{r['text']},{'|'.join(r['tags'])}\n" for r in ROWS))
    said = ["a; b" if n % 2 else "; ".join(r["tags"]) or "none" for n, r in enumerate(ROWS)]
    said[3] = "no idea"
    lines = [json.dumps({"index": n, "completion": text}) + "\n" for n, text in enumerate(said)]
    answers.write_text("".join(lines))
    args = {"data": str(data), "labels": "tags", "label_separator": "|"}
    (run,) = harness.score(
        "classify/custom", answers, task_args=args, store=tmp_path / "results", progress=False
    )
    frame = run.samples
    wanted, given_ = (frame[name].fillna("[]").map(json.loads) for name in ("target", "answer"))
    both = MultiLabelBinarizer().fit([*wanted, *given_])
    target, answer = both.transform(wanted), both.transform(given_)
    assert wanted.tolist() == [r["tags"] for r in ROWS]
    assert run.value == pytest.approx(metrics.accuracy_score(target, answer))
    for name in ("micro", "macro", "samples"):
        score = metrics.f1_score(target, answer, average=name, zero_division=0)
        assert run.metrics[f"{name}_f1"]["value"] == pytest.approx(score)
        assert run.metrics[f"{name}_f1"]["ci"] is not None
    report = run.class_report()
    assert [each.label for each in report.averages] == ["macro", "weighted", "micro"]
    assert not report.matrix and {kind for _, kind, _ in report.confused} <= {"missed", "given"}


def test_a_list_column_and_what_is_refused(tmp_path):
    path = tmp_path / "several.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    task, splits = load(data=str(path), labels="tags")
    assert splits.test[0].question.choices == ("a", "b", "c", "d") and not splits.pool
    assert task.parse("c\nb", splits.test[0].question) == '["b", "c"]'
    assert "semicolons" in task.render(splits.test[0].question)
    with pytest.raises(UsageError, match="one label a row"):
        load(data=str(path), labels="tags", oos="a")
    with pytest.raises(UsageError, match="one label a row"):
        load(data=str(path), labels="tags", pool=str(path))
    with pytest.raises(UsageError, match="needs labels=COLUMN"):
        load(data=str(path), label_separator=";")
    with pytest.raises(DataError, match="-T labels=tags"):
        load(data=str(path), label="tags")
    flat = tmp_path / "flat.csv"
    flat.write_text("text,label\na,x;y\n")
    with pytest.raises(UsageError, match="-T label_separator=';'"):
        load(data=str(flat), labels="label")
    with pytest.raises(harness.HarnessError, match="needs pool"):
        run = harness.evaluate(
            "classify/custom",
            "testnuc",
            "echo/a",
            task_args={"data": str(path), "labels": "tags"},
            embedder="tfidf",
            store=tmp_path / "results",
            progress=False,
        )[0]
        raise run.error


def test_out_of_scope_of_own_data(tmp_path):
    path, answers = tmp_path / "mine.csv", tmp_path / "answers.jsonl"
    labels = ["card", "fees", "else"] * 10
    path.write_text("text,label\n" + "".join(f"t{n},{label}\n" for n, label in enumerate(labels)))
    said = ["else" if n % 5 == 0 else label for n, label in enumerate(labels)]
    said[2] = "card"
    rows = [{"index": n, "completion": text, "confidence": 0.5 + n / 100} for n, text in enumerate(said)]
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (run,) = harness.score(
        "classify/custom",
        answers,
        task_args={"data": str(path), "oos": "else"},
        store=tmp_path / "results",
        progress=False,
    )
    scope = [label != "else" for label in labels]
    right = [given_ == label for given_, label in zip(said, labels, strict=True)]
    inside = [r for r, s in zip(right, scope, strict=True) if s]
    assert run.metrics["in_scope_accuracy"]["value"] == pytest.approx(sum(inside) / len(inside))
    assert run.metrics["oos_recall"]["value"] == pytest.approx(0.9)
    assert run.metrics["oos_precision"]["value"] == pytest.approx(9 / said.count("else"))
    strange = [(1 + r["confidence"]) if r["completion"] == "else" else 1 - r["confidence"] for r in rows]
    area = metrics.roc_auc_score([not s for s in scope], strange)
    assert run.metrics["oos_auroc"]["value"] == pytest.approx(area)
    task, splits = load(data=str(path), oos="else")
    assert "else" in splits.test[0].question.choices
    assert "The label else means out of scope" in task.render(splits.test[0].question)
    with pytest.raises(UsageError, match="oos='other' is no label of the data, which has: card, else, fees"):
        load(data=str(path), oos="other")


@pytest.mark.parametrize(
    ("test", "train", "said"),
    [
        ([("t", "card"), ("u", "card")], [], "every label is 'card'"),
        ([("t", "card"), ("u", "Card")], [], r"in case only \('Card', 'card'\)"),
        (
            [("t", "['card']"), ("u", "fees")],
            [],
            r"the label \"\['card'\]\" looks like a list and counts as one",
        ),
        ([("t", "card"), ("t", "fees")], [], "1 text stands with different labels, such as 't' with 'card'"),
        (
            [("t", "card"), ("u", "fees")],
            [("v", "card")],
            "'fees' is in the test rows and in no training row",
        ),
        *(
            ([("t", label), ("u", "fees")], [], f"'{label}' may stand for a missing value, and 1 row has it")
            for label in ("nan", "NaN", "None", "null", "NA", "N/A")
        ),
    ],
)
def test_a_line_for_each_doubt(test, train, said):
    import re

    rows = [[(text, (label,)) for text, label in part] for part in (test, train)]
    (line,) = doubts(*rows)
    assert re.search(said, line) and "\n" not in line


def test_sound_labels_raise_no_doubt_and_others_are_told_at_load(tmp_path, caplog):
    good = [("t", ("card",)), ("u", ("fees",)), ("t", ("card",))]
    assert not list(doubts(good, [("v", ("fees",)), ("w", ("card",))]))
    path = tmp_path / "mine.csv"
    path.write_text("text,label\na,Card\na,card\n")
    with caplog.at_level(logging.WARNING, "harness.tasks.custom"):
        load(data=str(path))
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["classify/custom"] * 2
