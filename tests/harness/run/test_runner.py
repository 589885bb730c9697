"""The runner: resume, isolation, budgets, statuses."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyarrow import parquet

from harness.base.secrets import redacted, without_secrets
from harness.display.records import print_records
from harness.external.known_broken import known_broken
from harness.model.echo import Echo
from harness.registry import registry
from harness.results import load_samples
from harness.results.environment import command_line
from harness.results.store import Store
from harness.results.verify import verify_store
from harness.run.code import Code
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session

NAMES = ("red", "green", "blue")
HARNESS = Path(sys.executable).with_name("harness")
EVAL = "eval --task colours --method slow --model echo/red --max-connections 2".split()


def go(out, task="colours", method="slow", **more):
    cells = plan(Request(task=task, method=method, model="echo/red", **more))
    return run_grid(cells, Session(Store(Path(out))))


def only(grid):
    (result,) = grid.results
    assert result.record, result.error
    return result.record


@pytest.fixture
def start(warm, tmp_path):
    """The command, with `seconds` for each answer but the first `quick`."""

    def start(out, seconds, note, quick=0):
        environment = {
            **os.environ,
            "THIRDPARTY_SECONDS": str(seconds),
            "THIRDPARTY_NOTE": str(note),
            "THIRDPARTY_QUICK": str(quick),
        }
        return warm.start([HARNESS, *EVAL, "--store", out], tmp_path, environment)

    return start


def wait_for(note, lines):
    end = time.monotonic() + 30
    while not (note.exists() and len(note.read_text().split()) >= lines):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_a_judge_says_is_scored_charged_and_kept(plugin, tmp_path):
    record = only(go(tmp_path, task="colours-judged", roles={"judge": "echo/green"}))
    assert record["counts"]["unscored"] == 1  # the first item, which the judge says nothing of
    assert record["metrics"]["accuracy"]["value"] == pytest.approx(7 / 12)  # 3 of 4 red, 4 of 4 green
    assert record["usage"]["by_purpose"]["judge"]["calls"] == 12
    attempts = load_samples(record["run_id"], str(tmp_path))
    assert attempts["calls"].sum() == record["usage"]["calls"] == 24
    assert set(attempts["answer"][1:]) == {"red, says green"}
    without = only(go(tmp_path, task="colours-judged"))
    assert without["counts"]["unscored"] == 12 and "judge" not in without["usage"]["by_purpose"]


def test_a_judge_that_fails_makes_attempts_unscored(plugin, tmp_path):
    class Gone(Echo):
        async def generate(self, call):
            raise ValueError("gone")

    (cell,) = plan(Request("colours-judged", "direct", "echo/red", roles={"judge": "echo/gone"}))
    session = Session(Store(tmp_path))
    judge = Gone("gone")
    judge.name = "echo/gone"
    session.use(judge)
    record = only(run_grid([cell], session))
    assert record["counts"]["unscored"] == 12 and record["counts"]["error"] == 0
    attempts = load_samples(record["run_id"], str(tmp_path))
    assert set(attempts["reason"]) == {"judge: echo/gone: gone"}
    assert record["usage"]["by_purpose"]["judge"]["calls"] == 12


class Dying(Echo):
    """Answers `most` calls, then fails until it is set to live."""

    most, alive = 0, False

    async def generate(self, call):
        self.most -= 1
        if self.most < 0 and not self.alive:
            raise ValueError("gone")
        return await super().generate(call)


@pytest.mark.parametrize(("most", "code"), [(0, 1), (5, 0)])
def test_errors_are_no_results_the_same_command_tries_them_again(plugin, tmp_path, capsys, most, code):
    cells = plan(Request("colours", "direct", "echo/red"))

    def run():
        session = Session(Store(tmp_path))
        session.use(model)
        grid = run_grid(cells, session)
        return grid.exit_code, only(grid), session.notices

    model = Dying("red")
    model.most, model.name = most, "echo/red"
    first, record, _ = run()
    assert first == code and record["counts"]["error"] == 12 - most
    print_records([record])
    shown = capsys.readouterr().out
    assert f"{12 - most} of 12 attempts ended in errors and count as 0" in " ".join(shown.split())
    assert ("scored only" in shown) == bool(most)
    model.alive = True
    again, second, (notice,) = run()
    assert again == 0 and second["counts"]["error"] == 0 and second["run_id"] == record["run_id"]
    assert not second.get("reused") and f"{12 - most} attempts" in notice and "made again" in notice
    _, third, notices = run()
    assert third["reused"] and not notices


def test_secrets_are_used_and_written_nowhere(plugin, tmp_path, monkeypatch):
    typed = (
        "harness eval --model-arg api_key=sk-1 --model-arg=api_key=sk-2 --role-arg auth_token=sk-3 "
        "--budget-tokens 5 -M a=b"
    )
    monkeypatch.setattr("sys.argv", typed.split())
    session = Session(Store(tmp_path), command=command_line())
    request = Request(
        "colours",
        "direct",
        "openai-api/made/up",
        model_args={"api_key": "sk-1", "base_url": "http://127.0.0.1:9/v1"},
        max_retries=0,
        limit=1,
    )
    record = only(run_grid(plan(request), session))
    assert record["subject"]["model_args"] == {}
    assert record["command"] == (
        "harness eval --model-arg api_key=... --model-arg=api_key=... "
        "--role-arg auth_token=... --budget-tokens 5 -M a=b"
    )
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"sk-" not in kept


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "apikey",
        "API_KEYS",
        "key",
        "hf_token",
        "token",
        "access-token",
        "password",
        "passwd",
        "client_secret",
        "authorization",
        "credentials",
    ],
)
def test_names_of_secrets(name):
    assert without_secrets({name: "x", "extra": {name: 1, "a": [{name: 2}]}}) == {"extra": {"a": [{}]}}
    assert redacted(["-M", f"{name}=x", f"-M{name}=x", f"--model-arg={name}=x"]) == [
        "-M",
        f"{name}=...",
        f"-M{name}=...",
        f"--model-arg={name}=...",
    ]


@pytest.mark.parametrize("name", ["max_tokens", "pad_token", "stop_token", "keyword", "monkey", "tokenizer"])
def test_names_of_no_secrets(name):
    assert without_secrets({name: 1}) == {name: 1} and redacted([f"{name}=1"]) == [f"{name}=1"]


def test_a_login_in_a_url_is_a_secret():
    assert without_secrets({"base_url": "https://me:pw@a.example/v1"}) == {
        "base_url": "https://...@a.example/v1"
    }


def test_broken_items_are_measured_and_left_out_beside_it(plugin, tmp_path, capsys):
    record = only(go(tmp_path, task="colours-some-broken", method="direct", epochs=4))
    assert record["known_broken"] == ["1", "2"]
    value = {name: metric["value"] for name, metric in record["metrics"].items()}
    assert value["accuracy"] == value["pass^4"] == pytest.approx(4 / 12)
    assert value["accuracy[without known-broken]"] == pytest.approx(4 / 10)
    assert {f"pass^{k}[without known-broken]" for k in (1, 2, 3, 4)} <= set(value)
    assert "known_broken" not in only(go(tmp_path, limit=1, task="colours-some-broken"))
    print_records([record])
    shown = capsys.readouterr().out
    assert "without known-broken (2 of 12 items): accuracy 0.400" in shown and "pass^4 0.333" in shown
    assert known_broken(registry().task("colours-some-broken"))["2"].source == "https://example.org/issues/1"


def test_a_list_of_broken_items_needs_reasons(plugin, tmp_path):
    path = Path(registry().task("colours-some-broken").folder) / "known_broken.toml"
    sound = path.read_text()
    try:
        path.write_text(sound.replace("reason", "cause"))
        (result,) = go(tmp_path, task="colours-some-broken").results
    finally:
        path.write_text(sound)
    assert "KeyError: 'reason'" in str(result.error) and "tasks, ids, reason and source" in str(result.error)


def test_kill_and_resume(plugin, start, tmp_path):
    note = tmp_path / "note"
    process = start(tmp_path / "a", 600, note, quick=4)
    wait_for(note, 4)
    process.kill()
    process.communicate()
    (journal,) = (tmp_path / "a" / ".running").glob("*/samples.jsonl")
    kept = [json.loads(line)["sample_id"] for line in journal.read_bytes().split(b"\n")[:-1]]
    asked = note.read_text().split()
    assert len(set(asked) - set(kept)) <= 2
    with open(journal, "ab") as lines:
        lines.write(b'{"n": 5, "epo')
    note.write_text("")
    resumed, whole = (start(tmp_path / out, 0, note) for out in ("a", "b"))
    for finished in (resumed, whole):
        assert finished.wait(60) == 0, finished.communicate()[1]
    records = [next(Store(tmp_path / out).records()) for out in ("a", "b")]
    assert len({record["samples"]["digest"] for record in records}) == 1
    assert len({record["run_id"] for record in records}) == 1
    assert len(note.read_text().split()) == 12 + 12 - len(kept)


def test_interrupt(plugin, start, tmp_path):
    process = start(tmp_path / "a", 0.3, tmp_path / "note")
    wait_for(tmp_path / "note", 2)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130 and "run the same command to go on" in error
    assert "Traceback" not in error
    (journal,) = (tmp_path / "a" / ".running").glob("*/samples.jsonl")
    kept = journal.read_bytes().count(b"\n")
    asked = len((tmp_path / "note").read_text().split())
    assert asked - 2 <= kept <= asked < 12
    assert start(tmp_path / "a", 0, tmp_path / "later").wait(60) == 0
    assert len((tmp_path / "later").read_text().split()) == 12 - kept


def test_the_same_whatever_the_connections(plugin, tmp_path):
    records = [only(go(tmp_path / str(n), max_connections=n)) for n in (1, 3, 64)]
    assert len({(r["run_id"], r["samples"]["digest"], r["result_digest"]) for r in records}) == 1


def test_a_fault_ends_its_own_cell(plugin, tmp_path):
    grid = go(tmp_path, method="raises,slow")
    failed, sound = grid.results
    assert grid.exit_code == 1 and sound.status == "complete"
    assert "method.py:" in str(failed.error) and "harness-thirdparty" in str(failed.error)
    assert go(tmp_path, method="raises").exit_code == 1
    grid = go(tmp_path, task="colours-broken-load,colours")
    assert [r.status for r in grid.results] == ["failed", "complete"] and grid.exit_code == 1
    assert "task.py:" in str(grid.results[0].error)


def test_budget_then_more_of_it(plugin, tmp_path):
    grid = go(tmp_path, budget_calls=5, max_connections=1)
    assert grid.exit_code == 3 and only(grid)["status"] == "stopped"
    later = only(go(tmp_path))
    assert later["status"] == "complete" and later["attempt"] == 2 and later["counts"]["ok"] == 12
    assert only(go(tmp_path))["reused"]
    assert only(go(tmp_path, overwrite=True))["attempt"] == 3


@pytest.mark.parametrize(
    "owner, name",
    [
        (os, "pwrite"),
        (os, "fsync"),
        (parquet.ParquetWriter, "write_table"),
        (Path, "rename"),
        (Path, "mkdir"),
        (Path, "write_bytes"),
    ],
)
def test_disk_full(plugin, tmp_path, monkeypatch, owner, name):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, full)
        grid = go(tmp_path)
    assert not list(tmp_path.rglob("run.json")) and not list(tmp_path.glob(".running/seal-*"))
    assert grid.exit_code == 1 and "No space left" in str(grid.results[0].error)
    assert only(go(tmp_path))["counts"]["ok"] == 12


def test_a_disk_that_fills_up_for_real(plugin, warm, tmp_path):
    """No file may grow beyond 2,500 bytes: the journal's write fails in the kernel, in mid-run."""
    command = [
        HARNESS,
        "eval",
        "--task",
        "colours",
        "--method",
        "direct",
        "--model",
        "echo/red",
        "--json",
        "--store",
        tmp_path / "out",
    ]
    limit = (2500, resource.RLIM_INFINITY)
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert done.returncode == 1 and "samples.jsonl" in line and "nothing finished is lost" in line
    (journal,) = (tmp_path / "out").glob(".running/*/samples.jsonl")
    kept = [json.loads(attempt) for attempt in journal.read_bytes().splitlines()]
    assert 0 < len(kept) < 12
    whole = warm.run(command, tmp_path, os.environ)
    (run,) = json.loads(whole.stdout)["runs"]
    assert whole.returncode == 0 and run["counts"]["ok"] == 12


def test_what_failed_attempts_spent_is_not_forgotten(plugin, tmp_path, monkeypatch):
    """A run is stopped after some calls failed for good; going on asks them again and counts both."""

    class Flaky(Echo):
        sound = False

        async def generate(self, call):
            if not self.sound and int(call.question.id) % 2:
                raise ValueError("gone")
            return await super().generate(call)

    provider = Flaky("red")
    monkeypatch.setattr("harness.run.session.open_model", lambda *_: provider)
    records = [only(go(tmp_path, method="direct", budget_calls=6, max_connections=1))]
    provider.sound = True
    records.append(only(go(tmp_path, method="direct")))
    assert [record["status"] for record in records] == ["stopped", "complete"]
    assert (records[0]["counts"]["ok"], records[0]["counts"]["error"]) == (3, 3)
    assert [record["usage"]["calls"] for record in records] == [6, 15]
    assert records[1]["counts"]["ok"] == 12


def test_many_seal_the_same_run_at_once(tmp_path):
    store, folder = Store(tmp_path), tmp_path / "v1/t/1/m/x/0123456789ab"

    def seal(_):
        with store.sealing() as made:
            return store.seal(folder, made, lambda attempt: b"%d" % attempt)

    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(seal, range(24)))
    assert len(set(sealed)) == 24 and store.attempts(folder) == sorted(sealed, key=number)
    assert all(int((place / "run.json").read_bytes()) == number(place) for place in sealed)


def number(place):
    return int(place.name.partition("-")[2] or 1)


def test_statuses(plugin, tmp_path):
    assert only(go(tmp_path, task="colours-whole"))["metrics"]["accuracy"]["value"] == pytest.approx(1 / 3)
    for task in ("colours-broken-grader", "colours-broken-whole"):
        assert only(go(tmp_path, task=task))["counts"]["unscored"] == 12
    counts = only(go(tmp_path, method="unreachable"))["counts"]
    assert (counts["ok"], counts["error"]) == (6, 6)


def test_scores_without_transcripts(plugin, tmp_path):
    kept, bare = (only(go(tmp_path / name, transcripts=name == "kept")) for name in ("kept", "bare"))
    full = load_samples(kept["run_id"], str(tmp_path / "kept"))
    thin = load_samples(bare["run_id"], str(tmp_path / "bare"))
    assert list(full["input"][:2]) == ["red 0", "green 1"] and thin["input"].isna().all()
    assert full["completion"].notna().all() and thin["completion"].isna().all() and thin["trace"].isna().all()
    assert kept["run_id"] == bare["run_id"] and kept["metrics"] == bare["metrics"]
    assert list(full["answer"]) == list(thin["answer"])
    assert verify_store(tmp_path / "bare") == ([], 1)


def test_a_run_killed_before_its_seal_keeps_what_fit_spent(plugin, tmp_path, monkeypatch):
    for name, first in (("test", 0), ("pool", 50)):
        rows = [
            json.dumps({"text": f"the {NAMES[n % 3]} thing {n}", "label": NAMES[n % 3]})
            for n in range(first, first + 12)
        ]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(rows))

    def vote(out):
        files = {"data": str(tmp_path / "test.jsonl"), "pool": str(tmp_path / "pool.jsonl")}
        return go(tmp_path / out, "classify/custom", "testnuc", task_args=files, embedder="tfidf")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "seal", full)
        (result,) = vote("a").results
        assert "every attempt is kept" in str(result.error)
    sealed, whole = only(vote("a")), only(vote("b"))
    assert whole["usage"]["by_purpose"]["annotate"]["calls"] == 12
    assert whole["data_access"]["pool_size"] == 12
    for key in ("usage", "data_access", "samples"):
        assert sealed[key] == whole[key], key


def test_an_argument_that_was_added_later_leaves_old_rows_where_they_are(plugin, tmp_path, monkeypatch):
    """At its default it is in no hash; at another value it is, and without the mark it always is."""
    from dataclasses import replace

    from harness.run import keys
    from harness.spec import Param

    def added(later):
        for specs, name in ((registry().tasks, "colours"), (registry().methods, "slow")):
            spec = before[name]
            param = Param("extra", 0, later=later)
            monkeypatch.setitem(specs._built, name, replace(spec, params={**spec.params, "extra": param}))

    before = {"colours": registry().task("colours"), "slow": registry().method("slow")}
    old = only(go(tmp_path))
    added(later=True)
    same = only(go(tmp_path))
    assert same["reused"] and same["run_id"] == old["run_id"]
    again = only(go(tmp_path, overwrite=True))
    assert again["run_id"] == old["run_id"] and again["method"]["args"]["extra"] == 0
    for more in ({"task_args": {"extra": 1}}, {"method_args": {"extra": 1}}):
        assert only(go(tmp_path, **more))["run_id"] != old["run_id"]
    (cell,) = plan(Request(task="colours", method="slow", model="echo/red", method_args={"extra": 1}))
    assert keys.subject(cell, Echo("red"), {}, None, Code("", False))["method_args"]["extra"] == 1
    added(later=False)
    assert only(go(tmp_path))["run_id"] != old["run_id"]
