"""`harness show RUN --human FILE`: a run's verdicts beside labels of people."""

import csv
import json
from pathlib import Path

import pytest
from sklearn.metrics import cohen_kappa_score

N = 40


@pytest.fixture
def graded(command, tmp_path):
    """A run of 40 questions, of which every fourth is answered wrong and the last not at all; and what
    `show --human` says of labels."""
    rows = [{"question": f"{n}?", "answer": "yes"} for n in range(N)]
    said = [{"sample_id": str(n), "completion": "no" if n % 4 == 0 else "yes"} for n in range(N)]
    said[-1]["completion"] = " "
    for name, part in (("qa", rows), ("said", said)):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, part)))
    done = command(
        *("score", "--task", "qa/custom", "-T", "data=qa.jsonl"), "--responses", "said.jsonl", "--json"
    )
    run = json.loads(done.out)["runs"][0]["run_id"][:12]

    def agree(labels, *more, name="labels.csv", columns=("sample_id", "label")):
        with open(name, "w", newline="") as file:
            csv.writer(file).writerows([columns, *labels])
        return command("show", run, "--human", name, *more)

    return agree


def test_agreement_is_that_of_the_verdicts(graded):
    people = ["Wrong" if n % 5 == 0 else "correct" for n in range(N)]
    labels = [(n, people[n]) for n in range(2, N)] + [("elsewhere", "correct"), (1, "")]
    done = graded(labels, "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    known = range(2, N - 1)
    kappa = cohen_kappa_score([n % 5 == 0 for n in known], [n % 4 == 0 for n in known])
    assert found["agreement"]["kappa"] == pytest.approx(kappa) and found["agreement"]["n"] == len(known)
    low, high = found["agreement"]["kappa_ci"]
    assert low < kappa < high < 1
    assert (found["no_answer"], found["unlabelled"], found["unknown"]) == (1, 2, 1)
    assert {sample for sample, _, _ in found["differing"]} == {
        str(n) for n in known if (n % 5 == 0) != (n % 4 == 0)
    }
    text = graded(labels).out
    assert f"Cohen's kappa {kappa:.3f} [" in text and "people say incorrect: the run says" in text
    assert (
        "1 labels belong to no attempt of this run" in text and "1 labelled attempts held no answer" in text
    )


def test_labels_by_the_question_and_as_truth_values(graded):
    Path("truth.jsonl").write_text(
        "\n".join(json.dumps({"sample_id": n, "label": n % 4 != 0}) for n in range(N - 1))
    )
    assert "kappa 1.000 [0." in graded([], "--human", "truth.jsonl").out
    done = graded([(f"{n}?", "1" if n % 4 else "0") for n in range(N - 1)], columns=("input", "label"))
    assert "raw agreement 1.000 [" in done.out and "kappa 1.000 [0." in done.out


@pytest.mark.parametrize(
    ("labels", "columns", "said"),
    [
        ([(1, "perhaps")], ("sample_id", "label"), "'perhaps' is no label"),
        ([(1, "correct"), (1, "wrong")], ("sample_id", "label"), "has two labels; leave one"),
        ([("x", "correct")], ("sample_id", "label"), "no label belongs to a verdict"),
        ([(1, "correct")], ("sample_id", "grade"), "label"),
        ([("correct",)], ("label",), "neither 'sample_id' nor 'input'"),
    ],
)
def test_what_is_no_label_is_said_in_one_line(graded, labels, columns, said):
    done = graded(labels, columns=columns)
    (line,) = done.errors
    assert done.code == 2 and said in line


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"sample_id,label\n1,\xe9\n", b'sample_id,label\n1,"x\n'])
def test_a_cure_is_one_that_show_has(graded, content):
    Path("hand.csv").write_bytes(content)
    (line,) = graded([], "--human", "hand.csv").errors
    assert "hand.csv" in line and "save it as a table in UTF-8; wanted is one label a row" in line
    assert "-T" not in line and "\0" not in line


def test_a_file_that_is_not_there_and_a_task(command, graded):
    run = graded([(1, "correct")], "--json")
    assert json.loads(run.out)["agreement"]["kappa"] is None
    Path("labels.csv").unlink()
    assert "--human is of a run" in command("show", "qa/custom", "--human", "labels.csv").errors[0]
