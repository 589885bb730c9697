"""Files by content: what a record says of them, and how they are found again."""

import pytest

from harness.base.digest import file_digest
from harness.base.errors import UsageError
from harness.base.known_files import located, named_by_content, remember, without_folders
from harness.results.migrations import without_paths


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("harness score --responses ../data/x/r.jsonl.gz", "harness score --responses r.jsonl.gz"),
        ("-T data=/home/u/a.csv -T train=sub/b.csv", "-T data=a.csv -T train=b.csv"),
        ("model='recorded//home/u/r.jsonl', store='~/s'", "model='recorded/r.jsonl', store='s'"),
        ("--embedder file:/home/u/v.npy", "--embedder file:v.npy"),
        ("--model openai/gpt-4.1 --task rec/ml-100k", "--model openai/gpt-4.1 --task rec/ml-100k"),
        ("base_url=https://example.org/v1/a.json", "base_url=https://example.org/v1/a.json"),
    ],
)
def test_commands_name_files_without_folders(command, shown):
    assert without_folders(command) == shown


def test_a_file_is_named_and_found_by_its_content(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "far" / "a.csv"
    path.parent.mkdir()
    path.write_text("x")
    digest = file_digest(path)
    args = named_by_content({"data": str(path), "text": "t"}, {"data": {"digest": digest}, "text": "t"})
    assert args == {"data": {"file": "a.csv", "digest": digest}, "text": "t"}
    with pytest.raises(UsageError, match="-T data was the file a.csv"):
        located(args, "-T")
    remember(path, digest)
    assert located(args, "-T") == {"data": str(path), "text": "t"}
    path.write_text("changed")
    with pytest.raises(UsageError, match="copy it into the working folder"):
        located(args, "-T")
    (tmp_path / "a.csv").write_text("x")
    monkeypatch.chdir(tmp_path)
    assert located(args, "-T")["data"] == "a.csv"


def test_records_of_before_lose_their_paths_and_keep_their_keys():
    record = {
        "task": {"name": "t", "args": {"data": "/home/u/a.csv", "label": "/b"}},
        "method": {"name": "m", "args": {}},
        "comparability": {"task_args": {"data": {"digest": "d"}, "label": "/b"}},
        "comparability_key": "c",
        "subject": {"method_args": {}},
        "subject_key": "s",
        "command": "harness eval -T data=/home/u/a.csv",
    }
    new = without_paths(record)
    assert new["task"]["args"] == {"data": {"file": "a.csv", "digest": "d"}, "label": "/b"}
    assert (new["comparability_key"], new["subject_key"]) == ("c", "s")
    assert new["command"] == "harness eval -T data=a.csv"
