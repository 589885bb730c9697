"""Recorded responses: how a row finds its sample, every format, and every kind of damage."""

import asyncio
import gzip
import json

import pytest

from harness.base.errors import DataError, ModelCallError
from harness.data.responses import Shape, check_columns, read_responses
from harness.model.factory import open_model
from harness.model.provider import Call
from harness.sample import Question, Sample, Splits

TEST = [
    Sample(Question("s1", "What is 1+1?", metadata={"aliases": ["old-1", 17]}), "2"),
    Sample(Question("s2", " What is 2+2? "), "4"),
    Sample(Question("007", "What is 3+3?"), "6"),
]


def write(path, rows):
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def opened(path, pool=(), **args):
    provider = open_model(f"recorded/{path}", args)
    provider.prepare(Splits(test=TEST, pool=list(pool)))
    return provider


def answer(provider, position=0, epoch=0):
    question = TEST[position].question.again(epoch)
    return asyncio.run(provider.generate(Call(question, [])))


def fault(path, **settings):
    with pytest.raises(DataError) as caught:
        opened(path, **settings)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "name",
    [
        {"sample_id": "s1"},
        {"sample_id": "old-1"},
        {"sample_id": 17},
        {"index": 0},
        {"input": "What is 1+1?"},
        {"input": "\n What is 1+1? "},
    ],
)
def test_a_row_names_its_sample(tmp_path, name):
    provider = opened(write(tmp_path / "r.jsonl", [{**name, "completion": "two"}]))
    assert answer(provider).completion == "two"
    with pytest.raises(ModelCallError, match="no response recorded for sample 's2', epoch 0"):
        answer(provider, 1)
    with pytest.raises(ModelCallError, match="epoch 1"):
        answer(provider, 0, epoch=1)


def test_texts_that_stand_twice_have_an_answer_each(tmp_path):
    twice = [Sample(Question(str(n), text), "x") for n, text in enumerate(["same", "other", "same\r\n"])]

    def completions(*said):
        rows = [{"input": text, "completion": completion} for text, completion in said]
        provider = open_model(f"recorded/{write(tmp_path / 'r.jsonl', rows)}", {})
        provider.prepare(Splits(test=twice))
        return {id: response.completion for (id, _), response in provider.found.items()}

    assert completions(("same", "a"), ("other", "b"), ("same", "c")) == {"0": "a", "1": "b", "2": "c"}
    assert completions(("same", "a"), ("other", "b")) == {"0": "a", "1": "b", "2": "a"}
    assert completions(("same", "a"), ("same", "a"), ("same", "a")) == {"0": "a", "2": "a"}
    with pytest.raises(
        DataError, match="line 2: input 'same' is that of 2 samples and has 3 responses; name"
    ):
        completions(("same", "a"), ("same", "b"), ("same", "a"))


def test_names_of_samples_are_one_in_every_unicode_form(tmp_path):
    named = [Sample(Question("caf\u00e9", "Qu\u00e9?\nOui?"), "x"), Sample(Question("2", "two"), "x")]
    for name in ({"sample_id": "cafe\u0301 "}, {"input": "Que\u0301?\r\nOui?"}):
        provider = open_model(f"recorded/{write(tmp_path / 'r.jsonl', [{**name, 'completion': 'a'}])}", {})
        provider.prepare(Splits(test=named))
        assert list(provider.found) == [("caf\u00e9", 0)]


def test_epochs_confidence_and_usage(tmp_path):
    rows = [
        {
            "sample_id": "s1",
            "epoch": epoch,
            "completion": str(epoch),
            "confidence": epoch / 4,
            "usage": {"prompt_tokens": 5, "completion_tokens": epoch},
        }
        for epoch in range(3)
    ]
    provider = opened(write(tmp_path / "r.jsonl", rows))
    outputs = [answer(provider, 0, epoch) for epoch in range(3)]
    assert [output.completion for output in outputs] == ["0", "1", "2"]
    assert [output.metadata["confidence"] for output in outputs] == [0.0, 0.25, 0.5]
    assert [(o.usage.input_tokens, o.usage.output_tokens) for o in outputs] == [(5, 0), (5, 1), (5, 2)]


@pytest.mark.parametrize(
    "usage",
    [None, {}, {"prompt_tokens": 5}, {"output_tokens": 5}, {"input_tokens": None, "output_tokens": "5"}],
)
def test_a_file_that_does_not_say_the_tokens_leaves_them_unknown(tmp_path, usage):
    row = {"sample_id": "s1", "completion": "two", "usage": usage}
    assert answer(opened(write(tmp_path / "r.jsonl", [row]))).usage is None


def test_zero_tokens_are_a_number_where_a_file_says_so(tmp_path):
    usage = {"input_tokens": 0, "prompt_tokens": 9, "completion_tokens": 2.0, "reasoning_tokens": 1}
    row = {"sample_id": "s1", "completion": "two", "usage": usage}
    found = answer(opened(write(tmp_path / "r.jsonl", [row]))).usage
    assert (found.input_tokens, found.output_tokens, found.reasoning_tokens) == (0, 2, 1)


def test_empty_completions_are_answers(tmp_path):
    rows = [{"sample_id": "s1", "completion": ""}, {"sample_id": "s2", "completion": None}]
    provider = opened(write(tmp_path / "r.jsonl", rows))
    assert answer(provider, 0).completion == answer(provider, 1).completion == ""
    assert answer(provider, 0).metadata is None


@pytest.mark.parametrize(
    "rows, expected",
    [
        ([{"sample_id": "nobody", "completion": ""}], "line 1: unknown sample_id 'nobody'"),
        ([{"index": 3, "completion": ""}], "line 1: unknown index 3"),
        ([{"index": -1, "completion": ""}], "line 1: unknown index -1"),
        ([{"input": "other", "completion": ""}], "line 1: unknown input 'other'"),
        ([{"index": "1_0", "completion": "a"}], "'index' is not a whole number: '1_0'"),
        (
            [{"sample_id": "s1", "completion": "a"}, {"index": 0, "completion": "b"}],
            "line 2: index 0, epoch 0 stands already in line 1",
        ),
        (['{"sample_id": "s1", "compl'], "line 1: broken JSON"),
        (["[" * 100_000], "line 1: broken JSON"),
        (["[1]"], "line 1: not an object"),
        ([{"sample_id": "s1"}], "no column 'completion'"),
        ([{"sample_id": "s1"}, {"sample_id": "s2", "completion": "a"}], "line 1: no 'completion'"),
        ([{"sample_id": "s1", "completion": {"role": "a"}}], "holds an object with role"),
        ([{"sample_id": "s1", "completion": ["4", "5"]}], "'completion' is not text"),
        ([{"completion": "a"}], "no 'sample_id', 'index' or 'input'"),
        ([{"input": 5, "completion": "a"}], "line 1: unknown input '5'"),
        ([{"index": "x", "completion": "a"}], "is not a whole number: 'x'"),
        (['{"index": Infinity, "completion": "a"}'], "is not a whole number"),
        (['{"index": 0, "completion": "a", "confidence": Infinity}'], "'confidence' is not a number"),
        ([""], "is empty"),
        ([{"index": "x", "completion": ""}] * 9, "line 3: 'index' is not a whole number: 'x' and 6 more"),
    ],
)
def test_faulty_files_say_where(tmp_path, rows, expected):
    assert expected in fault(write(tmp_path / "r.jsonl", rows))


def test_an_index_names_a_row_of_the_test_split_only(tmp_path):
    path = write(tmp_path / "r.jsonl", [{"index": 3, "completion": ""}])
    assert "unknown index 3" in fault(path, pool=[Question("p", "in the pool")])


def test_strict_off_passes_foreign_rows_over(tmp_path):
    rows = [
        {"sample_id": "nobody", "completion": ""},
        {"sample_id": "s1", "completion": "first"},
        {"sample_id": "s1", "completion": "second"},
    ]
    assert answer(opened(write(tmp_path / "r.jsonl", rows), strict="false")).completion == "first"


def test_gz_csv_tsv_and_parquet_hold_the_same(tmp_path):
    import pandas

    rows = [
        {"sample_id": "s1", "completion": "line\nof, text", "confidence": 0.5},
        {"sample_id": "007", "completion": "42", "confidence": None},
    ]
    frame = pandas.DataFrame(rows)
    frame.to_csv(tmp_path / "r.csv", index=False)
    frame.to_csv(tmp_path / "r.csv.gz", index=False)
    frame.to_csv(tmp_path / "r.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "r.parquet")
    write(tmp_path / "r.jsonl.gz", rows)
    for name in ("r.csv", "r.csv.gz", "r.tsv", "r.jsonl.gz", "r.parquet"):
        provider = opened(tmp_path / name)
        assert answer(provider, 0).completion == "line\nof, text", name
        assert answer(provider, 0).metadata == {"confidence": 0.5}, name
        assert answer(provider, 2).completion == "42", name


def test_cells_of_a_csv_stay_text(tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("\ufeffsample_id,completion,epoch\n007,042,\n007,,1\n", encoding="utf-8")
    provider = opened(path)
    assert answer(provider, 2).completion == "042"
    assert answer(provider, 2, 1).completion == ""


@pytest.mark.parametrize("name", ["r.jsonl.gz", "r.parquet", "r.csv.gz", "r.txt", "r.csv"])
def test_files_of_another_kind_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"no\n")
    assert name in fault(tmp_path / name)


def test_a_damaged_archive_is_refused(tmp_path):
    raw = bytearray(gzip.compress(b'{"sample_id": "s1", "completion": "a"}\n' * 999))
    raw[20:40] = b"\xff" * 20
    (tmp_path / "r.jsonl.gz").write_bytes(raw)
    assert "can't read" in fault(tmp_path / "r.jsonl.gz")
    (tmp_path / "r.jsonl.gz").write_bytes(gzip.compress(b"x" * 999)[:-9])
    assert "can't read" in fault(tmp_path / "r.jsonl.gz")


def test_a_missing_file_is_named(tmp_path):
    assert "no responses file" in fault(tmp_path / "absent.jsonl")


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_files_with_other_names_are_read_whatever_their_kind(tmp_path, kind):
    import pandas as pd

    frame = pd.DataFrame({"problem": ["60", "61"], "output": ["one", "two"]})
    path = tmp_path / f"answers.{kind}"
    {
        "csv": lambda: frame.to_csv(path, index=False),
        "parquet": lambda: frame.to_parquet(path),
        "jsonl": lambda: frame.to_json(path, orient="records", lines=True),
    }[kind]()
    shape = Shape.of({"sample_id": "problem", "completion": "output"}, {})
    check_columns(path, shape)
    found = [(r.sample_id, r.completion) for r in read_responses(path, shape)]
    assert found == [("60", "one"), ("61", "two")]
    with pytest.raises(DataError, match="completion"):
        check_columns(path, Shape.of({"sample_id": "problem"}, {}))


def test_a_row_that_names_no_sample_is_answered_with_the_columns_there_are(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text('{"item": "60", "completion": "x"}\n')
    with pytest.raises(DataError, match="columns are item, completion; --column sample_id=NAME"):
        check_columns(path, Shape())


def test_a_file_that_counts_from_one_is_told(tmp_path, caplog):
    rows = [{"index": n, "completion": "a"} for n in (1, 2)]
    opened(write(tmp_path / "r.jsonl", rows))
    assert "rows count from 0, so subtract 1 if the file counts from 1" in caplog.text
    rows.append({"index": 3, "completion": "a"})
    assert "line 3: unknown index 3 (rows count from 0)" in fault(write(tmp_path / "s.jsonl", rows))
