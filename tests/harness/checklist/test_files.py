import gzip
import json
from dataclasses import replace

import pytest

from harness.base.errors import DataError
from harness.checklist.files import examine, line_of, of_record, read, turns_as_json, write
from harness.checklist.validate import parse

from .test_validate import fixture

MESSAGES = [
    {"role": "user", "content": "How much is there?"},
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"id": "1", "function": {"name": "balance", "arguments": '{"account": "a1"}'}}],
    },
    {"role": "tool", "tool_call_id": "1", "content": '{"balance": 40}'},
    {"role": "assistant", "content": "There are 40 euros.\u2028"},
    {"role": "user", "content": "Thanks"},
    {"role": "assistant", "content": "You are welcome."},
]
TOOLS = [{"type": "function", "function": {"name": "balance"}}]


def record(uuid="a", **more):
    variants = [turns_as_json(parse(fixture()))] * 2
    return {
        "uuid": uuid,
        "messages": MESSAGES,
        "tools": TOOLS,
        "checklists": json.loads(json.dumps(variants)),
        "extra_info": {"price": 0.13348, "tokens": 17793},
        **more,
    }


def saved(path, *records, start=""):
    path.write_text(start + "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in records), "utf-8")
    return path


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
def test_round_trip(tmp_path, name):
    mine = record("b", note={"of": ["others", 1e-7]})
    mine["checklists"][1][0][0]["difficulty"] = "low"
    given = [record(), mine]
    path = saved(tmp_path / "in.jsonl", *given)
    samples = read(path)
    assert [len(each.checklists) for each in samples] == [2, 2] and [each.line for each in samples] == [1, 2]
    write(tmp_path / name, samples)
    raw = (tmp_path / name).read_bytes()
    text = gzip.decompress(raw).decode() if name.endswith(".gz") else raw.decode()
    assert [json.loads(line) for line in text.split("\n") if line] == given
    assert text == path.read_text("utf-8")
    assert [replace(each, record={}) for each in read(tmp_path / name)] == [
        replace(each, record={}) for each in samples
    ]


def test_our_rule_stays_at_home(tmp_path):
    mine = record()
    mine["checklists"][0][0][0]["rule"] = {"said": 40}
    sample, found = of_record(mine)
    assert not found and sample.checklists[0].turns[0][0].rule == {"said": 40}
    assert "rule" not in line_of(sample)
    assert json.loads(line_of(sample)) == record()
    assert json.loads(line_of(sample.annotated(sample.checklists)))["checklists"] == record()["checklists"]


def test_an_annotation_joins_the_record(tmp_path):
    bare = {key: value for key, value in record().items() if key not in ("checklists", "uuid")}
    sample = read(saved(tmp_path / "in.jsonl", bare))[0]
    assert sample.checklists == () and len(sample.uuid) == 16
    done = sample.annotated([parse(fixture())], {"price": 0.2})
    write(tmp_path / "out.jsonl", [done])
    again = read(tmp_path / "out.jsonl")[0]
    assert (again.uuid, again.checklists) == (sample.uuid, done.checklists)
    assert again.record["extra_info"] == {"price": 0.2, "tokens": 17793}


def test_fields_that_are_json_in_a_text(tmp_path):
    texts = {key: json.dumps(record()[key]) for key in ("messages", "tools", "checklists")}
    sample = read(saved(tmp_path / "in.jsonl", record() | texts))[0]
    assert len(sample.dialogue.turns) == 2 and len(sample.checklists) == 2
    assert json.loads(line_of(sample)) == record() | texts


def test_marks_and_empty_lines(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("\ufeff\n" + json.dumps(record()) + "\r\n\n", "utf-8")
    assert [each.line for each in read(path)] == [2]


def broken(**change):
    made = record(**change)
    return json.dumps(made)


def of_second_variant():
    made = record()
    made["checklists"][1][1][0]["weight"] = 0.7
    return json.dumps(made)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "broken JSON"),
        ("[1]", "must be an object"),
        ('{"uuid": "b", "uuid": "c"}', "names 'uuid' twice; leave one out"),
        ('{"uuid": NaN}', "NaN is no number of JSON"),
        ("[" * 100_000, "broken JSON"),
        ('{"a": 1' + "0" * 5000 + "}", "broken JSON"),
        (broken(uuid="b", messages=3), "messages must be a list"),
        (broken(uuid="b", messages="[{"), "messages is a text that is no JSON"),
        (broken(uuid="b", tools={}), "tools must be a list"),
        (broken(uuid=5), "uuid must be a text, got 5"),
        (broken(), "the uuid 'a' is that of line 1; give every dialogue its own"),
        (broken(uuid="b", checklists={}), "checklists must be a list of variants"),
        (broken(uuid="b", checklists=[[]]), "0 blocks for 2 messages of the user"),
        (of_second_variant().replace('"a"', '"b"', 1), "variant 1, turn 1: the weights sum to 1.1"),
    ],
)
def test_errors_name_file_line_mistake_and_cure(tmp_path, line, words):
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps(record()) + "\n\n" + line + "\n")
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value).startswith("in.jsonl line 3: ") and words in str(caught.value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 1000


def test_files_without_dialogues(tmp_path):
    with pytest.raises(DataError, match="no file"):
        read(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n")
    with pytest.raises(DataError, match="holds no lines"):
        read(tmp_path / "empty.jsonl")
    (tmp_path / "broken.jsonl").write_text("{\n")
    ((line, _, found),) = examine(tmp_path / "broken.jsonl")
    assert line == 1 and "broken JSON" in str(found[0])


def test_half_a_surrogate_pair_survives(tmp_path):
    path = saved(tmp_path / "in.jsonl", json.loads(json.dumps(record())))
    path.write_text(path.read_text("utf-8").replace("Thanks", "Thanks \\ud83d é"), "utf-8")
    write(tmp_path / "out.jsonl", read(path))
    assert read(tmp_path / "out.jsonl")[0].dialogue == read(path)[0].dialogue
