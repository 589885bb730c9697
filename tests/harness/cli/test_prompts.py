"""Prompts of the user's own, of task, method and system: from the file to the comparison."""

import json
from pathlib import Path

import pytest

TASK = 'Reply as {"label": "..."} to {not a field}.\nLabels:\n{labels}\n\nText: {input}'
ROWS = [("play the song", "music"), ("set {labels} an alarm", "alarm"), ("stop", "alarm")]


@pytest.fixture
def asked(command, endpoint, monkeypatch):
    """Runs `eval` on a server that answers `music`; the result, and the messages of its requests."""
    monkeypatch.setenv("LOCAL_API_KEY", "x")
    monkeypatch.setenv("LOCAL_BASE_URL", endpoint.address)
    lines = [json.dumps({"text": text, "label": label}) for text, label in ROWS]
    Path("rows.jsonl").write_text("\n".join(lines))
    Path("train.jsonl").write_text('{"text": "hush", "label": "alarm"}\n{"text": "sing", "label": "music"}\n')
    endpoint.reply = lambda body: "music"
    grid = ("eval", "--task", "classify/custom", "-T", "data=rows.jsonl", "--model", "openai-api/local/m")

    def run(*arguments):
        endpoint.requests.clear()
        done = command(*grid, *arguments, "--max-connections", "1", "--json")
        sent = [[(m["role"], m["content"]) for m in body["messages"]] for body in endpoint.requests]
        return done, sent

    return run


def records(done):
    assert done.code == 0, done.err
    return [{**run, **json.loads(Path(run["record"]).read_text())} for run in json.loads(done.out)["runs"]]


def test_a_prompt_of_the_task_is_filled_once_and_its_other_braces_stay(asked):
    Path("p.txt").write_text(TASK + "\n")
    done, sent = asked("-T", "prompt=@p.txt")
    (record,) = records(done)
    assert sorted(sent) == sorted(
        [[("user", TASK.replace("{labels}", "alarm\nmusic").replace("{input}", text))] for text, _ in ROWS]
    )
    assert record["task"]["args"]["prompt"] == TASK


def test_the_content_of_a_prompt_is_its_identity(asked):
    Path("p.txt").write_text(TASK)
    Path("other").mkdir()
    Path("other/q.txt").write_text(TASK + "\n")
    Path("r.txt").write_text(TASK + " Now.")
    (plain,) = records(asked()[0])
    (first,) = records(asked("-T", "prompt=@p.txt")[0])
    (second,) = records(asked("-T", "prompt=@other/q.txt")[0])
    (third,) = records(asked("-T", "prompt=@r.txt")[0])
    assert second["reused"] and second["run_id"] == first["run_id"]
    keys = {record["comparability_key"] for record in (plain, first, third)}
    assert len(keys) == 3 and plain["subject_key"] == first["subject_key"] == third["subject_key"]
    assert "prompt" not in plain["comparability"]["task_args"]


def test_two_prompts_of_a_method_and_a_system_message_compare(asked, command):
    Path("a.txt").write_text("Which label, please, fits best? {question} ({labels})")
    Path("b.txt").write_text("Which label, please, fits best?\n\n{prompt}\nThink first.")
    Path("s.txt").write_text("You sort requests.\n")
    _, plain = asked()
    _, first = asked("-M", "prompt=@a.txt")
    done, second = asked("-M", "prompt=@b.txt", "--system", "@s.txt")
    assert ("user", "Which label, please, fits best? stop (alarm\nmusic)") in [turns[0] for turns in first]
    own = [turns[0][1] for turns in plain]
    assert sorted(turns[1][1] for turns in second) == sorted(
        f"Which label, please, fits best?\n\n{text}\nThink first." for text in own
    )
    assert {turns[0] for turns in second} == {("system", "You sort requests.")}
    (record,) = records(done)
    assert record["subject"]["decoding"] == {"system_message": "You sort requests."}
    compared = command("compare", "--baseline", record["run_id"][:12], "--json")
    assert compared.code == 0, compared.err
    table = command("compare", "--baseline", record["run_id"][:12]).out
    assert table.count("prompt=Which label,") >= 2 and "system_message=You sort" in table
    found = command("results", "list", "-M", "prompt=@a.txt", "--json").out
    assert "(alarm" not in found and json.loads(found)["runs"][0]["method"] == "direct"


def test_demonstrations_stand_in_the_same_prompt(asked):
    Path("a.txt").write_text("{input} ->")
    train = ("--method", "few-shot", "-M", "k=2", "-T", "train=train.jsonl")
    for flag in ("-M", "-T"):
        _, sent = asked(*train, flag, "prompt=@a.txt")
        for turns in sent:
            assert [role for role, _ in turns] == ["user", "assistant"] * 2 + ["user"]
            assert all(text.endswith(" ->") for role, text in turns if role == "user")


@pytest.mark.parametrize(
    ("arguments", "content", "said"),
    [
        (["-T", "prompt=@p.txt"], b"no item {labels}", "prompt: the template has no {input}"),
        (["-M", "prompt=@p.txt"], b"no item", "prompt: the template has no {input}"),
        (["-T", "prompt=@p.txt"], b"\n \n", "can't read the file 'p.txt': it is empty"),
        (["-T", "prompt=@p.txt"], b"\xff{input}", "not text in UTF-8"),
        (["-T", "prompt=@nowhere"], b"", "'nowhere'"),
        (["--system", "@nowhere"], b"", "--system @nowhere: can't read the file"),
        (["--system", ""], b"", "--system: the text is empty"),
        (["--system", "a", "-G", "system_message=b"], b"", "contradict each other"),
        (["-T", "prompt=@p.txt"], b"{input} {prompt}", "only -M prompt= can hold it"),
    ],
)
def test_what_is_no_prompt_is_refused_in_one_line(asked, arguments, content, said):
    Path("p.txt").write_bytes(content)
    done, sent = asked(*arguments)
    (line,) = done.errors
    assert done.code == 2 and said in line and not sent


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("{{input}} {labels}", "fields stand in single braces, {input}; in {{input}} the others are sent"),
        ("{input}: {{ labels }}", "fields stand in single braces, {labels}; in {{ labels }}"),
        ("{input} {label}", "{label} is no field and is sent as it stands; did you mean {labels}?"),
        ("{input} { Labels }", "{ Labels } is no field and is sent as it stands; did you mean {labels}?"),
        ('{"a": {"b": {input}}} {label_of} {x} {} {{', None),
    ],
)
def test_what_only_looks_like_a_field_is_told(asked, command, prompt, told):
    done, sent = asked("-M", f"prompt={prompt}")
    hints = [line for line in done.err.splitlines() if "hint: -M prompt:" in line]
    assert done.code == 0 and len(sent) == 3
    assert len(hints) == bool(told) and (told is None or told in hints[0])
    own = ("eval", "--task", "classify/custom", "-T", "data=rows.jsonl", "-M", f"prompt={prompt}")
    planned = command(*own, "--model", "echo/a", "--dry-run")
    assert planned.code == 0 and ("hint: -M prompt:" in planned.err) == bool(told)


def test_a_field_that_the_task_cannot_fill_is_refused(command, tmp_path):
    (tmp_path / "qa.jsonl").write_text('{"question": "2+2?", "answer": "4"}\n')
    own = ("--task", "qa/custom", "-T", f"data={tmp_path / 'qa.jsonl'}", "--model", "echo/4")
    done = command("eval", *own, "-M", "prompt={input} {labels}")
    assert done.code == 2 and "qa/custom has no closed set of labels" in done.errors[0]
    world = command("eval", "--task", "toolworld/single", "--model", "echo/4", "-M", "prompt={input}")
    assert world.code == 2 and "is a world to act in" in world.errors[0]


def test_prompts_and_system_messages_are_gated(asked, command):
    """A method's prompt and the system message are what a gate may see change."""
    Path("a.txt").write_text("{input} ({labels})")
    assert asked("--seeds", "3")[0].code == 0 and command("baseline", "set", "main").code == 0
    asked("-M", "prompt=@a.txt", "--system", "You sort requests.", "--seeds", "3")
    checked = json.loads(command("check", "--baseline", "main", "--margin", "50%", "--json").out)["checks"]
    assert [check["verdict"] in ("ok", "inconclusive") for check in checked] == [True]  # else not comparable


def test_show_prints_what_was_sent(asked, command, monkeypatch):
    Path("a.txt").write_text("{input} ->")
    own = ("--method", "few-shot", "-M", "k=1", "-M", "prompt=@a.txt", "-T", "train=train.jsonl")
    done, sent = asked(*own, "--system", "You sort requests.")
    (record,) = records(done)
    turns = next(turns for turns in sent if turns[-1][1] == "play the song ->")
    shown = command("show", record["run_id"][:12])
    assert shown.code == 0 and "sent for the first item:" in shown.out
    place = -1
    for role, text in turns:
        place = shown.out.find(f"[{role}]\n  {text}\n", place + 1)
        assert place >= 0, (role, text)
    with monkeypatch.context() as other:
        other.setattr("harness.tasks.intent.adapter.Classification.closing", "Reply with a number.")
        assert "asks otherwise now than this run did" in command("show", record["run_id"][:12]).out
    Path("rows.jsonl").unlink()
    without = command("show", record["run_id"][:12])
    assert without.code == 0 and "prompts: no example, as the task can't be asked again here" in without.out
    assert "[system]\n  You sort requests." in without.out
    assert "[prompt of the method]\n  {input} ->" in without.out
