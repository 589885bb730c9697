"""Bad input: one line that names the mistake and the cure, and nothing is lost."""

import json

import pytest

COLUMNS = {"question": "2 + 2?", "answer": "#### 4"}


def mirror(root, splits=("train", "test"), columns=COLUMNS, ids=("openai/gsm8k",)):
    """A mirror of small data sets in the shape of the Hub's."""
    for name in ids:
        folder = root / "mirror" / name
        folder.mkdir(parents=True)
        files = "".join(f"  - split: {split}\n    path: {split}.jsonl\n" for split in splits)
        (folder / "README.md").write_text(f"---\nconfigs:\n- config_name: main\n  data_files:\n{files}---\n")
        for split in splits:
            rows = [{key: f"{value} {split} {n}" for key, value in columns.items()} for n in range(3)]
            (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(root / "mirror")


@pytest.fixture
def fails(command, tmp_path):
    """Runs a command that must end with one line of error and leave no record; gives that line."""

    def run(*arguments, code=2):
        done = command(*arguments)
        assert (done.code, done.out.strip(), len(done.errors)) == (code, "", 1), done.err
        assert "Traceback" not in done.err and not list(tmp_path.glob("results/v1/**/run.json"))
        return done.errors[0]

    return run


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--task", "gsm8l"], "unknown task 'gsm8l'; did you mean 'gsm8k'"),
        (["--task", "gsm8k", "--method", "dierct"], "unknown method 'dierct'; did you mean 'direct'"),
        (["--task", "arc1d", "--model", "pocket/gird"], "unknown model 'pocket/gird'; did you mean 'pocket/"),
        (["--task", "arc1d", "--model", "opnai/gpt-4o"], "can't open the model 'opnai/gpt-4o'"),
        (["--task", "arc1d", "--model", "grid"], "a model is written provider/name"),
        (["--task", "nothing*"], "no task matches 'nothing*'"),
    ],
)
def test_unknown_names(fails, arguments, says):
    assert says in fails("eval", *arguments)


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--budget-usd", "nan"], "--budget-usd must be at least 0, not nan"),
        (["--budget-calls", "-1"], "--budget-calls must be at least 0, not -1"),
        (["--max-tokens", "0"], "max_tokens must be at least 1, not 0"),
        (["-G", "max_tokens=-5"], "max_tokens must be at least 1, not -5"),
        (["--temperature", "-1"], "temperature must be at least 0, not -1"),
        (["-G", "frequency_penalty=nan"], "frequency_penalty must be from -2 to 2, not nan"),
        (["--top-p", "1.5"], "top_p must be from 0 to 1, not 1.5"),
        (["-G", "stop_seqs=a,b"], "several are written [a, b]"),
        (["--model", ""], "no model given"),
        (["--model", ","], "no model given"),
        (
            ["--seeds", "2", "countdown"],
            "unexpected 'countdown'; names follow an option, as --task NAME,NAME",
        ),
        (["-T", "level=1", "-T", "level=2"], "-T level is given twice: '1' and '2'"),
    ],
)
def test_values_that_would_be_dropped_or_run_nothing(fails, arguments, says):
    assert says in fails("eval", "--task", "arc1d", "--limit", "1", *arguments)


def test_a_key_that_is_there_twice(fails, tmp_path):
    (tmp_path / "run.yaml").write_text("task: arc1d\nT: {level: 1,\n    level: 2}\n")
    line = fails("eval", "--config", "run.yaml")
    assert "--config run.yaml, line 3: broken YAML: the key 'level' is there twice" in line
    (tmp_path / "checks.yaml").write_text("margin: 0.1\nmargin: 0.2\n")
    assert "the key 'margin' is there twice" in fails("check", "--config", "checks.yaml")


def test_a_mirror_with_a_missing_split(fails, tmp_path):
    place = mirror(tmp_path, splits=("train",))
    line = fails("eval", "--task", "gsm8k", "--model", "echo/4", "--mirror", place)
    assert "openai/gsm8k (main) has no split 'test'; it has: train" in line


def test_a_mirror_with_a_wrong_column(fails, tmp_path):
    place = mirror(tmp_path, columns={"query": "2 + 2?", "answer": "#### 4"})
    line = fails("eval", "--task", "gsm8k", "--model", "echo/4", "--mirror", place)
    assert "openai/gsm8k (test) has no column 'question'; it has: query, answer" in line


def test_a_mirror_without_the_data_set_or_the_config(fails, tmp_path):
    place = mirror(tmp_path)
    card = tmp_path / "mirror/openai/gsm8k/README.md"
    card.write_text(card.read_text().replace("main", "socratic"))
    ask = ["eval", "--model", "echo/4", "--offline", "--mirror", place, "--task"]
    assert "openai/gsm8k (main) has no config 'main'" in fails(*ask, "gsm8k")
    assert "HuggingFaceH4/MATH-500 is not in the mirror" in fails(*ask, "math500")
    assert "is not a folder" in fails("eval", "--task", "gsm8k", "--mirror", str(tmp_path / "none"))


def test_a_mirror_with_rows_of_another_kind(fails, tmp_path):
    place = mirror(tmp_path, columns={"question": "2 + 2?", "answer": "no number"})
    assert "gsm8k" in fails("eval", "--task", "gsm8k", "--model", "echo/4", "--mirror", place)


@pytest.mark.parametrize(
    "lines, says",
    [
        (['{"sample_id": "countdown-9-9", "completion": ""}'], "line 1: unknown sample_id 'countdown-9-9'"),
        (
            ['{"index": 0, "completion": "a"}', '{"index": 0, "completion": "b"}'],
            "line 2: index 0, epoch 0 stands already in line 1",
        ),
        (['{"index": 0, "completion": "a"}', '{"index": 1, "compl'], "line 2: broken JSON"),
        (["\x00\x01"], "is not text: a zero byte in line 1"),
        ([], "is empty"),
        (["null"], "line 1: not an object"),
    ],
)
def test_responses_that_cannot_be_scored(fails, tmp_path, lines, says):
    (tmp_path / "r.jsonl").write_text("\n".join(lines))
    line = fails("score", "--task", "countdown", "--responses", "r.jsonl")
    assert says in line
    assert not list((tmp_path / "results").rglob("samples.jsonl"))


def test_empty_completions_are_wrong_and_counted(command, tmp_path):
    (tmp_path / "r.jsonl").write_text('{"index": 0, "completion": ""}\n{"index": 1, "completion": null}\n')
    done = command("score", "--task", "countdown", "--responses", "r.jsonl", "--json")
    (run,) = json.loads(done.out)["runs"]
    assert done.code == 0 and run["metrics"]["accuracy"]["value"] == 0.0
    assert (run["counts"]["ok"], run["counts"]["no_answer"], run["counts"]["error"]) == (2, 2, 0)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:200],
        lambda text: "",
        lambda text: "[]",
        lambda text: "\x00" * 50,
        lambda text: text.replace('"seed": 0', '"seed": 5'),
        lambda text: text.replace('"kind"', '"sort"'),
        lambda text: text.replace('"ok": 3', '"ok": 2'),
        lambda text: text.replace('"schema": 4', '"schema": 99'),
    ],
)
def test_a_corrupted_record_is_refused_everywhere_and_left_alone(command, tmp_path, damage):
    ask = ["eval", "--task", "countdown", "-T", "level=1", "--model", "echo/1", "--json"]
    command(*ask, "--limit", "3")
    command(*ask, "--limit", "2")
    records = sorted(tmp_path.glob("results/v1/**/run.json"))
    path = next(record for record in records if '"n_items": 3' in record.read_text())
    path.write_text(damage(path.read_text()))
    kept = path.read_bytes()
    again = command(*ask, "--limit", "3")
    assert again.code == 1 and len(again.errors) == 1 and str(path.relative_to(tmp_path)) in again.errors[0]
    assert json.loads(command(*ask, "--limit", "2").out)["runs"][0]["reused"]
    verified = command("results", "verify")
    assert verified.code == 1 and "1 sound, 1 broken" in verified.out
    for arguments in (["results", "list"], ["results", "show", path.parent.name]):
        done = command(*arguments)
        assert "Traceback" not in done.err and str(path.relative_to(tmp_path)) in done.err + done.out
    listed = json.loads(command("results", "list", "--json").out)
    assert [run["n_items"] for run in listed["runs"]] == [2] and len(listed["invalid"]) == 1
    repeated = json.loads(command(*ask, "--limit", "3", "--overwrite").out)["runs"][0]
    assert repeated["status"] == "complete" and repeated["record"] != str(path.relative_to(tmp_path))
    assert path.read_bytes() == kept


@pytest.mark.parametrize("arguments", ["results export --format parquet --out", "leaderboard build --out"])
def test_where_nothing_can_be_written(command, tmp_path, arguments):
    command("eval", "--task", "arc1d", "-T", "level=1", "--limit", "1")
    (tmp_path / "file").write_text("")
    done = command(*arguments.split(), "file/deeper")
    assert done.code == 2 and len(done.errors) == 1 and "file" in done.errors[0]
