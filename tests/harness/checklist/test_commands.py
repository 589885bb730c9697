"""`harness checklist` against a real server that annotates and judges: faults, kills, reruns, bad input."""

import json
import multiprocessing
import os
import signal
import time

import pytest
from click.testing import CliRunner

import harness
from harness.base.errors import DataError, HarnessError, UsageError
from harness.cli.checklist import command

from .conftest import judgement

REPLY = "assistant.content.user_visible_reply"
TOOLS = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}]


def dialogue(n=0, turns=2, **more):
    messages = [{"role": "system", "content": "the rules"}]
    for t in range(turns):
        call = {"id": "c", "type": "function", "function": {"name": "find", "arguments": '{"name": "Ada"}'}}
        messages += [
            {"role": "user", "content": f"dialogue {n}: where is Ada ({t})?"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "P8"},
            {"role": "assistant", "content": f"Ada is person 8 ({t})."},
        ]
    return {"uuid": f"d{n}", "messages": messages, "tools": TOOLS, **more}


def item(n=0, weight=0.5, **more):
    made = {"id": f"C{n}", "question": f"question {n}?", "pass_condition": "yes", "failure_examples": []}
    made |= {"focus_on": REPLY, "required_for_next_turn": False, "dependence": [], "weight": weight}
    return {**made, "evidence": [], **more}


def annotation(turns=2, weight=0.5):
    return json.dumps({"turns": [[item(0, weight), item(1)] for _ in range(turns)]})


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def asked(server):
    """How the server is named: keywords of the Python functions."""
    args = {"base_url": server.url, "api_key": "none", "timeout": 30}
    return {"model": "openai-api/local/m", "model_args": args, "max_retries": 0, "progress": False}


def written(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def rows_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


# --- annotate -----------------------------------------------------------------------------------


def test_a_faulty_checklist_is_sent_back_and_the_valid_one_is_written(server, asked, tmp_path):
    replies = iter(["not json", annotation(weight=0.4), annotation()])
    server.reply = lambda prompt: next(replies)
    file = written(tmp_path / "d.jsonl", [dialogue(extra_info={"mine": 1})])
    made = harness.annotate_checklists(file, out=tmp_path / "c.jsonl", **asked)
    assert (made.written, made.kept, list(made.failed), made.exit_code) == (1, 0, [], 0)
    (row,) = rows_of(tmp_path / "c.jsonl")
    assert row["checklists"] == [json.loads(annotation())["turns"]] and row["extra_info"]["mine"] == 1
    note = row["extra_info"]["annotation"]
    assert note["attempts"] == [3] and note["settings"]["annotator"] == "openai-api/local/m"
    assert (note["usage"]["annotator"]["calls"], note["usage"]["annotator"]["output_tokens"]) == (3, 60)
    assert "one JSON object" in server.prompts[1] and "weight" in server.prompts[2].lower()
    third = [message["role"] for message in server.requests[2]["messages"]]
    assert third == ["user", "assistant", "user"]
    first = server.prompts[0]
    for part in ('"find"', "dialogue 0: where is Ada (1)?", "[turn 1, step 2, tool]\nP8", "step 0"):
        assert part in first
    assert not harness.validate_checklists(tmp_path / "c.jsonl").faults


def test_three_faulty_ones_are_a_failure_that_the_others_survive(server, asked, tmp_path):
    server.reply = lambda prompt: (
        500 if "dialogue 1" in prompt else "{}" if "dialogue 2" in prompt else annotation()
    )
    file = written(tmp_path / "d.jsonl", [dialogue(n) for n in range(3)])
    made = harness.annotate_checklists(file, out=tmp_path / "c.jsonl", **asked)
    assert (made.written, made.exit_code) == (1, 1)
    reasons = {each["uuid"]: each["reason"] for each in made.failed}
    assert "no valid checklist in 3 attempts" in reasons["d2"] and "local/m" in reasons["d1"]
    assert [row["uuid"] for row in rows_of(tmp_path / "c.jsonl")] == ["d0"]
    server.reply, before = (lambda prompt: annotation()), len(server.requests)
    made = harness.annotate_checklists(file, out=tmp_path / "c.jsonl", **asked)
    assert (made.written, made.kept) == (1, 1) and len(server.requests) == before + 1


def test_from_the_request_alone_nothing_of_the_agent_is_shown(server, asked, tmp_path):
    server.reply = lambda prompt: annotation(turns=1)
    file = written(tmp_path / "d.jsonl", [dialogue()])
    made = harness.annotate_checklists(file, out=tmp_path / "c.jsonl", source="request", **asked)
    assert made.written == 1
    (prompt,) = server.prompts
    assert "the rules" in prompt and "where is Ada (1)?" in prompt
    assert "P8" not in prompt and "person 8" not in prompt
    server.reply = lambda prompt: judgement(True)
    found = harness.judge_trajectories(
        file, out=tmp_path / "v.jsonl", checklists=tmp_path / "c.jsonl", mode="episode", **asked
    )
    assert found.summary()["mean_reward"] == 1.0 and found.summary()["calls"] == 2
    with pytest.raises(DataError, match="--mode episode"):
        harness.judge_trajectories(file, out=tmp_path / "w.jsonl", checklists=tmp_path / "c.jsonl", **asked)


def test_evidence_that_is_made_up_is_a_fault(server, asked, tmp_path):
    pointer = {"turn": 0, "step": 2, "from": "tool.content", "snippet": "P8"}
    good = {"turns": [[item(0, 1.0, evidence=[pointer])], [item(0, 1.0)]]}
    bad = json.loads(json.dumps(good).replace('"P8"', '"P9"'))
    replies = iter([json.dumps(bad), json.dumps(good)])
    server.reply = lambda prompt: next(replies)
    file = written(tmp_path / "d.jsonl", [dialogue()])
    assert harness.annotate_checklists(file, out=tmp_path / "c.jsonl", **asked).written == 1
    assert "P9" in server.prompts[1]


# --- judge --------------------------------------------------------------------------------------


@pytest.fixture
def annotated(tmp_path):
    lists = [[[item(0), item(1)], [item(0), item(1)]]]
    return written(tmp_path / "c.jsonl", [dialogue(n, checklists=lists) for n in range(3)])


def test_rollouts_are_judged_and_rewarded_and_nothing_is_asked_twice(server, asked, annotated, tmp_path):
    server.reply = lambda prompt: judgement("question 1" in prompt)
    file = written(tmp_path / "t.jsonl", [dialogue(0), dialogue(0, turns=1), dialogue(1)])
    judge = {"checklists": annotated, **asked}
    made = harness.judge_trajectories(file, out=tmp_path / "v.jsonl", **judge)
    rewards = {(row["uuid"], row["rollout"]): row["reward"]["R"] for row in made.rows}
    # the second rollout reached one turn of two
    assert rewards == {("d0", 0): 0.5, ("d0", 1): 0.25, ("d1", 0): 0.5}
    assert made.summary()["calls"] == (2 + 1 + 2) * 2 * 2 and made.exit_code == 0
    asked_for = len(server.requests)
    again = harness.judge_trajectories(file, out=tmp_path / "v.jsonl", **judge)
    assert (again.written, again.kept) == (0, 3) and again.to_json()["mean_reward"] == pytest.approx(1.25 / 3)
    (tmp_path / "v.jsonl").unlink()
    harness.judge_trajectories(file, out=tmp_path / "v.jsonl", gate="strict", **judge)
    assert len(server.requests) == asked_for
    with pytest.raises(UsageError, match=r"other settings \(votes"):
        harness.judge_trajectories(file, out=tmp_path / "v.jsonl", gate="strict", votes=3, **judge)
    longer = [dialogue(0), dialogue(0, turns=2), dialogue(1)]
    with pytest.raises(UsageError, match="before its content changed"):
        harness.judge_trajectories(written(file, longer), out=tmp_path / "v.jsonl", gate="strict", **judge)


def test_a_judge_that_gives_no_verdict_leaves_no_reward_and_one_that_fails_no_row(
    server, asked, annotated, tmp_path
):
    def reply(prompt):
        if "dialogue 1" in prompt:
            return 500
        return judgement("true") if "dialogue 0" in prompt and "question 1" in prompt else judgement(True)

    server.reply = reply
    file = written(tmp_path / "t.jsonl", [dialogue(n) for n in range(3)])
    made = harness.judge_trajectories(file, out=tmp_path / "v.jsonl", checklists=annotated, **asked)
    rewards = {row["uuid"]: row["reward"]["R"] for row in made.rows}
    assert rewards == {"d0": None, "d2": 1.0} and made.exit_code == 1
    summary = made.summary()
    assert (summary["mean_reward"], summary["with_reward"], summary["undecided"]) == (1.0, 1, 4)
    assert [each["uuid"] for each in made.failed] == ["d1"]
    server.reply = lambda prompt: judgement(True)
    made = harness.judge_trajectories(file, out=tmp_path / "v.jsonl", checklists=annotated, **asked)
    assert (made.written, made.kept, made.exit_code) == (1, 2, 0)


def test_a_spent_budget_keeps_what_was_judged(server, asked, annotated, tmp_path):
    file = written(tmp_path / "t.jsonl", [dialogue(n) for n in range(3)])
    made = harness.judge_trajectories(
        file, out=tmp_path / "v.jsonl", checklists=annotated, budget_calls=9, **asked
    )
    assert made.exit_code == 3 and "--budget-calls" in made.interrupted
    before = len(server.requests)
    assert before == 9
    harness.judge_trajectories(file, out=tmp_path / "v.jsonl", checklists=annotated, **asked)
    assert len(server.requests) == 24


def test_a_killed_judge_goes_on_and_asks_nothing_twice(server, asked, annotated, tmp_path):
    file = written(tmp_path / "t.jsonl", [dialogue(n) for n in range(3)])
    more = {"out": tmp_path / "v.jsonl", "checklists": annotated, "max_connections": 2, **asked}

    def slow(prompt):
        time.sleep(0.03)
        return judgement(True)

    server.reply = slow
    child = multiprocessing.get_context("spawn").Process(
        target=harness.judge_trajectories, args=(file,), kwargs=more
    )
    child.start()
    deadline = time.monotonic() + 60
    while len(server.requests) < 12 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert len(set(server.prompts)) < 24
    server.reply = lambda prompt: judgement(True)
    summary = harness.judge_trajectories(file, **more).summary()
    assert (summary["judged"], summary["mean_reward"], summary["calls"]) == (3, 1.0, 24)
    # what was under way at the kill, at most as many calls as are made at once, is asked again
    assert len(set(server.prompts)) == 24 and len(server.prompts) <= 24 + 2


def test_a_row_that_a_kill_cut_off_is_made_again(server, asked, annotated, tmp_path):
    file, out = written(tmp_path / "t.jsonl", [dialogue(n) for n in range(3)]), tmp_path / "v.jsonl"
    harness.judge_trajectories(file, out=out, checklists=annotated, **asked)
    whole = out.read_bytes()
    out.write_bytes(whole[:-30])
    made = harness.judge_trajectories(file, out=out, checklists=annotated, **asked)
    assert (made.written, made.kept) == (1, 2) and sorted(out.read_bytes()) == sorted(whole)


def test_a_kill_between_the_variants_of_a_trajectory_loses_none_of_them(server, asked, tmp_path):
    lists = [[[item(0, 1.0)], [item(0, 1.0)]], [[item(1, 1.0)], [item(1, 1.0)]]]
    file = written(tmp_path / "c.jsonl", [dialogue(0, checklists=lists), dialogue(1, checklists=lists[:1])])
    server.reply = lambda prompt: judgement("question 1" in prompt or "dialogue 1" in prompt)
    out = tmp_path / "v.jsonl"
    made = harness.judge_trajectories(file, out=out, **asked)
    # a dialogue counts once, whatever the number of its checklists
    assert (made.summary()["mean_reward"], made.summary()["judged"]) == (pytest.approx((0.5 + 1) / 2), 2)
    out.write_text("".join(f"{json.dumps(row)}\n" for row in rows_of(out) if row["variant"] == 0))
    again = harness.judge_trajectories(file, out=out, **asked)
    assert (again.written, again.kept) == (1, 1)
    assert sorted((row["uuid"], row["variant"]) for row in rows_of(out)) == [("d0", 0), ("d0", 1), ("d1", 0)]
    assert again.summary()["mean_reward"] == made.summary()["mean_reward"]


def test_the_json_of_judge_names_rows_that_failed_and_counts_what_is_undecided(server, asked, tmp_path):
    file = written(tmp_path / "c.jsonl", [dialogue(n, checklists=[[[item(0, 1.0)]] * 2]) for n in range(2)])
    server.reply = lambda prompt: 500 if "dialogue 1" in prompt else "perhaps"
    found = harness.judge_trajectories(file, out=tmp_path / "v.jsonl", mode="turn", **asked).to_json()
    assert [each["uuid"] for each in found["failed"]] == ["d1"]
    assert (found["undecided"], found["malformed"], found["with_reward"], found["judged"]) == (2, 6, 0, 1)


def test_dialogues_without_uuid_are_judged_by_the_checklists_beside_them(server, asked, tmp_path):
    row = dialogue(0, checklists=[[[item(0, 1.0)]] * 2])
    del row["uuid"]
    made = harness.judge_trajectories(written(tmp_path / "c.jsonl", [row]), out=tmp_path / "v.jsonl", **asked)
    assert made.summary()["mean_reward"] == 1.0


# --- agree --------------------------------------------------------------------------------------


@pytest.fixture
def verdicts(server, asked, annotated, tmp_path):
    server.reply = lambda prompt: judgement("question 1" in prompt)
    file = written(tmp_path / "t.jsonl", [dialogue(n) for n in range(3)])
    harness.judge_trajectories(file, out=tmp_path / "v.jsonl", checklists=annotated, mode="turn", **asked)
    return tmp_path / "v.jsonl"


def test_agreement_with_people_has_an_interval_and_names_the_differences(verdicts, tmp_path):
    lines = ["uuid,turn,item,verdict"]
    for n in range(3):
        for t in range(2):
            lines += [
                f"d{n},{t},C0,{'yes' if (n, t) == (2, 1) else 'no'}",
                f"d{n},{t},C1,{'' if t else 'yes'}",
            ]
    (tmp_path / "people.csv").write_text("\n".join(lines))
    found = harness.checklist_agreement(verdicts, tmp_path / "people.csv")
    # 9 pairs: 5 no/no, 1 no/yes, 3 yes/yes; chance (6*5 + 3*4) / 81
    assert (found.overall.n, found.left_out) == (9, 3)
    assert found.overall.raw == pytest.approx(8 / 9)
    assert found.overall.kappa == pytest.approx((8 / 9 - 42 / 81) / (1 - 42 / 81))
    low, high = found.overall.kappa_ci
    assert low < found.overall.kappa < high
    assert set(found.by_focus) == {REPLY}
    (differ,) = found.disagreements
    assert differ == {
        **{"uuid": "d2", "rollout": 0, "turn": 1, "item": "C0", "question": "question 0?"},
        **{"first": False, "second": True},
    }
    shown = CliRunner().invoke(command, ["agree", str(verdicts), "people.csv", "--json"])
    assert json.loads(shown.output)["overall"]["n"] == 9
    assert "Cohen's kappa" in CliRunner().invoke(command, ["agree", str(verdicts), "people.csv"]).output


def test_verdicts_that_can_not_be_compared_are_refused(verdicts, tmp_path):
    rows = rows_of(verdicts)
    other = json.loads(json.dumps(rows).replace("question 0?", "quite another?"))
    with pytest.raises(UsageError, match="is another question"):
        harness.checklist_agreement(verdicts, written(tmp_path / "w.jsonl", other))
    with pytest.raises(DataError, match="line 4: judged in line 1"):
        harness.checklist_agreement(written(tmp_path / "w.jsonl", [*rows, rows[0]]), verdicts)
    for wrong in ("yes", 1, "false"):
        rows[0]["verdicts"][1][0][0] = wrong
        with pytest.raises(DataError, match="line 1: no verdicts"):
            harness.checklist_agreement(written(tmp_path / "w.jsonl", rows), verdicts)


@pytest.mark.parametrize("turn", ["0", "0.0", 0, 0.0])
@pytest.mark.parametrize("said", [False, "No ", 0])
def test_people_write_tables_in_many_ways(verdicts, tmp_path, turn, said):
    table = written(tmp_path / "p.jsonl", [{"uuid": "d0", "turn": turn, "item": "C0", "verdict": said}])
    assert harness.checklist_agreement(verdicts, table).overall.raw == 1.0


def test_votes_of_one_judge_are_compared_with_each_other(server, asked, annotated, tmp_path):
    seen = {}

    def contradict(prompt):
        seen[prompt] = seen.get(prompt, 0) + 1
        return judgement("question 1" in prompt or seen[prompt] > 1)

    server.reply = contradict
    file = written(tmp_path / "t.jsonl", [dialogue(0)])
    made = harness.judge_trajectories(
        file, out=tmp_path / "v.jsonl", checklists=annotated, mode="turn", votes=3, **asked
    )
    assert made.summary()["mean_reward"] == 1.0
    found = harness.checklist_agreement(tmp_path / "v.jsonl")
    (votes,) = found.votes.values()
    # of three votes yes, yes, no one pair in three is equal
    assert votes.questions == 4 and votes.pairwise == pytest.approx((1 + 1 / 3) / 2)
    assert "Fleiss" in repr(found)


def test_the_commands_from_dialogues_to_a_table(server, tmp_path):
    server.reply = lambda prompt: annotation() if "You write checklists" in prompt else judgement(True)
    written(tmp_path / "d.jsonl", [dialogue(n) for n in range(2)])
    model = ["--role-arg", f"base_url={server.url}", "--role-arg", "api_key=none", "-G", "temperature=0.1"]

    def run(*arguments):
        done = CliRunner().invoke(command, [*arguments])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stdout

    to_annotator = ["--role", "annotator=openai-api/local/m", "--out", "c.jsonl", "--json"]
    made = json.loads(run("annotate", "d.jsonl", *to_annotator, *model))
    assert (made["written"], made["failed"], made["usage"]["calls"]) == (2, [], 2)
    to_judge = ["--checklists", "c.jsonl", "--role", "judge=openai-api/local/m", "--out", "v.jsonl"]
    shown = run("judge", "d.jsonl", *to_judge, "--votes", "3", "--mode", "turn", *model)
    for part in ("d0", "d1", "mean reward 1.000 over 2 of 2", "Fleiss' kappa unknown", "24 calls"):
        assert part in shown
    assert {body["temperature"] for body in server.requests} == {0.1}
    assert "24 calls" not in run("judge", "d.jsonl", *to_judge, "--votes", "3", "--mode", "turn", *model)


# --- bad input ----------------------------------------------------------------------------------


def line(error):
    assert "\n" not in str(error) and len(str(error)) > 10
    return str(error)


def test_every_fault_of_a_file_is_named_with_its_line_and_exit_code_one(tmp_path):
    good = dialogue(0, checklists=[[[item(0), item(1)], [item(0, 1.0)]]])
    bad = dialogue(1, checklists=[[[item(0, 0.9), item(0)]]])
    (tmp_path / "c.jsonl").write_text(
        "\n".join([json.dumps(good), "{broken", json.dumps(bad), json.dumps(dialogue(2))])
    )
    found = harness.validate_checklists(tmp_path / "c.jsonl")
    assert found.rows == 4 and {fault.line for fault in found.faults} == {2, 3, 4}
    third = {fault.rule for fault in found.faults if fault.line == 3}
    assert {"weight_sum", "unique_ids", "block_count"} <= third
    done = CliRunner().invoke(command, ["validate", "c.jsonl"])
    assert done.exit_code == 1 and "weight_sum" in done.output
    (tmp_path / "good.jsonl").write_text(json.dumps(good))
    done = CliRunner().invoke(command, ["validate", "good.jsonl", "--json"])
    assert done.exit_code == 0 and json.loads(done.output)["faults"] == []


JUDGE = ["judge", "e.jsonl", "--role", "judge=echo/x", "--out", "o"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["annotate", "no.jsonl", "--role", "annotator=echo/x", "--out", "o"], "no file"),
        (["annotate", "d.jsonl", "--out", "o"], "--role annotator=MODEL"),
        (["annotate", "d.jsonl", "--role", "judge=echo/x", "--out", "o"], "annotator=MODEL alone"),
        (["annotate", "d.jsonl", "--role", "annotator=echo/x"], "--out FILE"),
        (["annotate", "d.jsonl", "--role", "annotator=echo", "--out", "o"], "provider/name"),
        (["annotate", "d.jsonl", "--role", "annotator=echo/x", "--out", "."], "is a folder"),
        (["annotate", "d.jsonl", "--role", "annotator=echo/x", "--out", "o", "--by-turn"], "by_turn"),
        (["annotate", "d.jsonl", "--role", "annotator=echo/x", "--out", "o", "--limit", "0"], "--limit"),
        (["annotate", "d.jsonl", "--role", "annotator=echo/x", "--out", "d.jsonl", "--overwrite"], "is read"),
        (["annotate", "broken.jsonl", "--role", "annotator=echo/x", "--out", "o"], "line 1"),
        (["annotate", "list.jsonl", "--role", "annotator=echo/x", "--out", "o"], "line 1"),
        (["judge", "d.jsonl", "--role", "judge=echo/x", "--out", "o"], "no checklists"),
        (["judge", "d.jsonl", "--checklists", "e.jsonl", "--role", "judge=echo/x", "--out", "o"], "'d0'"),
        (["judge", "roll.jsonl", "--role", "judge=echo/x", "--out", "o"], "rollout"),
        (["judge", "nan.jsonl", "--checklists", "e.jsonl", "--role", "judge=echo/x", "--out", "o"], "NaN"),
        (["judge", "empty.jsonl", "--role", "judge=echo/x", "--out", "o"], "empty"),
        (["judge", "d.jsonl", "--role", "judge=echo/x", "--out", "o", "-G", "temperatur=1"], "temperatur"),
        ([*JUDGE, "--mode", "turn", "--gate", "sticky"], "take mode=step"),
        ([*JUDGE, "--mode", "episode", "--gate", "strict"], "take mode=step"),
        (["agree", "d.jsonl"], "no verdicts"),
        (["agree", "d.jsonl", "e.jsonl", "d.jsonl"], "two files"),
    ],
)
def test_bad_input_is_one_line_and_loses_nothing(tmp_path, arguments, says):
    written(tmp_path / "d.jsonl", [dialogue(0)])
    written(tmp_path / "e.jsonl", [dialogue(1, checklists=[[[item(0, 1.0)], [item(0, 1.0)]]])])
    written(tmp_path / "roll.jsonl", [dialogue(0, rollout="first")])
    (tmp_path / "broken.jsonl").write_text('{"uuid": ')
    (tmp_path / "list.jsonl").write_text("[1, 2]")
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "nan.jsonl").write_text('{"uuid": "d1", "messages": [{"role": "user", "content": NaN}]}')
    before = (tmp_path / "d.jsonl").read_bytes()
    done = CliRunner().invoke(command, arguments)
    assert isinstance(done.exception, HarnessError), done.output
    assert says in line(done.exception)
    assert (tmp_path / "d.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("uuid,turn,item,verdict\nd0,0,C0,perhaps", "row 1"),
        ("uuid,turn,item,verdict\nd0,first,C0,yes", "row 1"),
        ("uuid,turn,item,verdict\nd0,0,C0,yes\nd0,0,C0,no", "second verdict"),
        ("uuid,turn,item\nd0,0,C0", "verdict"),
        ("uuid,turn,item,verdict\nx,0,C0,yes", "share no verdict"),
        ("uuid,turn,item,verdict\nd0,0,C0,", "no decided verdict"),
    ],
)
def test_a_faulty_table_of_people_is_one_line(verdicts, tmp_path, text, says):
    (tmp_path / "people.csv").write_text(text)
    with pytest.raises(HarnessError) as caught:
        harness.checklist_agreement(verdicts, tmp_path / "people.csv")
    assert says in line(caught.value)
