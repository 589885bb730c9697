"""`dialogues/custom` as typed: agent, simulator and judge behind one real server on a loopback port."""

import json
import time

import pytest

FAST = ("--model-arg", "timeout=1", "--max-retries", "0")

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}


def said(text, *calls):
    made = {"role": "assistant", "content": text}
    if calls:
        made["tool_calls"] = [
            {
                "id": f"call_{n}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for n, (name, arguments) in enumerate(calls)
        ]
    return made


def item(name, weight, focus="assistant.content.user_visible_reply", **more):
    return {
        "id": name,
        "evidence": [],
        "focus_on": focus,
        "question": f"Is {name} met?",
        "pass_condition": "The reply says so.",
        "failure_examples": [],
        "required_for_next_turn": False,
        "dependence": [],
        "weight": weight,
        **more,
    }


def dialogue(uuid="d1", **changes):
    """Two turns, one recorded call."""
    point = {"turn": 0, "step": 3, "from": "assistant.content.user_visible_reply", "snippet": "grey"}
    last = {"turn": 1, "step": 1, "from": "assistant.content.user_visible_reply", "snippet": "welcome"}
    return {
        "uuid": uuid,
        "messages": [
            {"role": "system", "content": "You know the weather."},
            {"role": "user", "content": f"Oslo, please ({uuid})."},
            said("", ("weather", {"city": "Oslo"})),
            {"role": "tool", "tool_call_id": "call_0", "content": '{"sky": "grey"}'},
            said("It is grey."),
            {"role": "user", "content": "Thanks."},
            said("You are welcome."),
        ],
        "tools": [TOOL],
        "checklists": [
            [
                [
                    item("C0", 0.75, evidence=[point], required_for_next_turn=True),
                    item("C1", 0.25, evidence=[point]),
                ],
                [item("C0", 1.0, evidence=[last])],
            ]
        ],
        **changes,
    }


ONE = [dialogue()]


class Office:
    """Who answers what: an agent by its script, for all dialogues or one for each; judge and simulator."""

    def __init__(self, endpoint, *actions, **by_dialogue):
        self.actions, self.by_dialogue, self.asked = actions, by_dialogue, []
        self.judge = lambda text: True
        self.simulator = lambda text: json.dumps({"analysis": "hidden", "result": {"sky": "red"}})
        endpoint.reply = self

    def __call__(self, body):
        who, text = body["model"], body["messages"][-1]["content"]
        if body.get("max_tokens") == 1:  # the probe
            return said("Hi.")
        self.asked.append((who, body))
        if who == "judge":
            verdict = self.judge(text)
            return verdict if not isinstance(verdict, bool) else judgement(verdict)
        if who == "simulator":
            return self.simulator(text)
        opening = next(each["content"] for each in body["messages"] if each["role"] == "user")
        actions = self.by_dialogue.get(opening.partition("(")[2].rstrip(")."), self.actions)
        done = sum(message["role"] == "assistant" for message in body["messages"])
        return actions[done] if done < len(actions) else said("Done.")

    def of(self, who):
        return [body for name, body in self.asked if name == who]


def judgement(verdict):
    from harness.checklist.judge_prompt import FIELDS

    return json.dumps({**dict.fromkeys(FIELDS, "so"), "answer": verdict})


@pytest.fixture
def measure(command, endpoint, tmp_path, monkeypatch):
    """Runs the task on dialogues, gives the process's outcome and the one attempt's line."""
    monkeypatch.setenv("LOCAL_API_KEY", "none")
    monkeypatch.setenv("LOCAL_BASE_URL", endpoint.address)

    def run(*more, rows=ONE, without=()):
        (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        roles = [
            part
            for role in ("judge", "simulator")
            if role not in without
            for part in ("--role", f"{role}=openai-api/local/{role}")
        ]
        done = command(
            *("eval", "--task", "dialogues/custom", "-T", "data=d.jsonl", "-T", "test_share=1"),
            *("--method", "direct", "--model", "openai-api/local/agent", *roles, *FAST, *more, "--json"),
        )
        return done, attempts(tmp_path) if done.code in (0, 1) and done.out else None

    return run


def attempts(folder):
    """The attempts of the newest run."""
    from pyarrow import parquet

    newest = max(folder.glob("results/**/samples.parquet"), key=lambda path: path.stat().st_mtime_ns)
    rows = parquet.read_table(newest).to_pylist()
    for row in rows:
        for name in ("answer", "trace"):
            row[name] = json.loads(row[name]) if row[name] else None
    return rows


LOOK = said("", ("weather", {"city": "Oslo"}))
UNSEEN = ("weather", {"city": "Rome"})


def test_a_dialogue_by_the_record_is_judged_item_by_item(measure, endpoint):
    office = Office(endpoint, LOOK, said("It is grey."), said("Bye."))
    office.judge = lambda text: "Is C1 met?" not in text
    done, (row,) = measure()
    assert (done.code, row["status"], row["completed"]) == (0, "ok", 1.0)
    assert row["reward"] == pytest.approx((0.75 + 1.0) / 2)
    assert len(office.of("judge")) == 2 * 2 + 1 and office.of("simulator") == []
    shown = office.of("agent")[-1]["messages"]
    assert [message["role"] for message in shown] == ["system", "user", "assistant", "tool"] + [
        "assistant",
        "user",
    ]
    assert shown[3]["content"] == '{"sky": "grey"}' and shown[-1]["content"] == "Thanks."
    assert row["answer"]["tools"] == {"replayed": 1}
    assert "Is C0 met?" not in json.dumps(office.of("agent"))  # a checklist is not the agent's to see


def test_an_early_end_costs_the_turns_not_reached(measure, endpoint):
    Office(endpoint, LOOK, LOOK)
    _, (row,) = measure("-T", "steps=2")
    assert (row["stop_reason"], row["reward"], row["completed"]) == ("step_limit", 0.5, 0.0)
    _, (row,) = measure("-T", "steps=2", "-T", "broken_turn=zero_credit")
    assert row["reward"] == 0.0


@pytest.mark.parametrize(("switch", "calls", "same"), [("true", 1, True), ("false", 2, False)])
def test_two_identical_unseen_calls(measure, endpoint, tmp_path, switch, calls, same):
    office = Office(endpoint, said("", UNSEEN), said("", UNSEEN), said("Red."), said("Bye."))
    answers = iter(("red", "pink"))
    office.simulator = lambda text: json.dumps({"analysis": "hidden", "result": {"sky": next(answers)}})
    _, (row,) = measure("-T", f"simulator_cache={switch}")
    assert len(office.of("simulator")) == calls and row["status"] == "ok"
    results = [each["content"] for each in row["trace"]["messages"] if each["role"] == "tool"]
    assert (results[0] == results[1]) is same and "hidden" not in json.dumps(row["trace"])
    (body, *_) = office.of("simulator")
    assert body["response_format"]["type"] == "json_schema" and body["temperature"] == 0.6
    (run,) = tmp_path.glob("results/**/run.json")
    usage = json.loads(run.read_text())["usage"]["by_purpose"]
    spent = {name: each["calls"] for name, each in usage.items()}
    assert spent == {"answer": 4, "judge": 2 * 3 + 1, "simulator": calls}


UNREADABLE = said("", ("weather", {}))
UNREADABLE["tool_calls"][0]["function"]["arguments"] = "{not JSON"
WRONG = {
    "unknown": said("", ("fly", {})),
    "schema": said("", ("weather", {"town": "Rome"})),
    "format": UNREADABLE,
    "many": said("", *[("weather", {"city": "Oslo"})] * 21),
}


def test_an_episode_played_again_asks_nobody_again(measure, endpoint):
    office = Office(endpoint, said("", UNSEEN), said("", UNSEEN), said("Red."), said("Bye."))
    office.simulator = lambda text: json.dumps({"analysis": "", "result": {"call": len(office.asked)}})
    _, (first,) = measure("-T", "simulator_cache=false")
    asked = len(office.asked)
    _, (again,) = measure("-T", "simulator_cache=false", "--overwrite")
    assert len(office.asked) == asked and again["trace"] == first["trace"]


@pytest.mark.parametrize(("limit", "stop", "actions"), [(1, "error_limit", 1), (10, "stop", 3)])
def test_errors_are_hard_stops_by_a_switch(measure, endpoint, limit, stop, actions):
    scripts = {name: (action, said("Sorry."), said("Bye.")) for name, action in WRONG.items()}
    office = Office(endpoint, **scripts)
    _, rows = measure("-T", f"errors={limit}", rows=[dialogue(name) for name in WRONG])
    assert {row["sample_id"] for row in rows} == {*WRONG}
    for row in rows:
        assert (row["status"], row["stop_reason"], row["trace"]["steps"]) == ("ok", stop, actions)
        assert row["completed"] == float(stop == "stop") and row["trace"]["tool_errors"] == 1
    assert len(office.of("agent")) == 4 * actions and office.of("simulator") == []
    (result,) = [
        message
        for row in rows
        if row["sample_id"] == "schema"
        for message in row["trace"]["messages"]
        if message["role"] == "tool"
    ]
    wrong = {"required": ["city"], "unexpected": ["town"]}
    assert result["failed"] and json.loads(result["content"]) == {
        "tool_error": {"code": "SCHEMA_VALIDATION_FAILED", **wrong}
    }


#: what a simulator says, by the city that it is asked for, and how often it is asked again
BROKEN = {
    "Bonn": "nonsense",
    "Bern": '{"result": "a text"}',
    "Baku": '{"sky": "red"}',
    "Brno": (500, "broken"),
    "Bari": "late",
}


def test_a_simulator_that_fails_is_an_error_and_never_the_agent_s(measure, endpoint):
    scripts = {city: (said("", ("weather", {"city": city})), said("Red."), said("Bye.")) for city in BROKEN}
    scripts["again"] = (said("", ("weather", {"city": "Pisa"})), said("Red."), said("Bye."))
    office, tries = Office(endpoint, **scripts), []

    def simulate(text):
        city = json.loads(text.partition("The call:\n")[2].partition("\n")[0])["arguments"]["city"]
        tries.append(city)
        if city == "Pisa":  # the second time it does better
            return '{"analysis": "", "result": {}}' if tries.count(city) > 1 else "nonsense"
        if city == "Bari":
            time.sleep(1.3)  # longer than the client waits
        return BROKEN[city]

    office.simulator = simulate
    _, rows = measure("-T", "simulator_tries=2", rows=[dialogue(name) for name in scripts])
    found = {row["sample_id"]: row for row in rows}
    assert found.pop("again")["reward"] == 1.0 and tries.count("Pisa") == 2
    for city, row in found.items():
        assert (row["status"], row["stop_reason"], row["reward"]) == ("error", "world_failed", None)
        assert row["reason"].startswith("tool simulator: ")
        assert tries.count(city) == (1 if city in ("Brno", "Bari") else 2)


def test_a_judge_that_fails_leaves_the_attempt_unscored(measure, endpoint):
    office = Office(endpoint, LOOK, said("It is grey."), said("Bye."))
    office.judge = lambda text: "maybe" if "Is C1 met?" in text else True
    _, (row,) = measure()
    assert (row["status"], row["reward"]) == ("unscored", None)
    assert row["reason"].startswith("judge: ") and "undecided" in row["reason"]


def test_strictness_stops_before_the_next_turn_and_asks_no_item_twice(measure, endpoint):
    office = Office(endpoint, LOOK, said("It is grey."), said("Bye."))
    office.judge = lambda text: "Is C0 met?" not in text
    _, (row,) = measure("-T", "strict=true")
    assert (row["answer"]["stop"], row["completed"], row["reward"]) == ("strict", 0.0, 0.125)
    assert len(office.of("agent")) == 2 and len(office.of("judge")) == 4
    office = Office(endpoint, LOOK, said("It is grey."), said("Bye."))
    _, (row,) = measure("-T", "strict=true", "-T", "judging=turn", rows=[dialogue("other")])
    assert (row["answer"]["stop"], row["reward"]) == ("", 1.0)
    assert len(office.of("judge")) == 3


def test_a_strict_judge_that_fails_ends_the_episode_unscored(measure, endpoint):
    office = Office(endpoint, LOOK, said("It is grey."), said("Bye."))
    office.judge = lambda text: "maybe"
    _, (row,) = measure("-T", "strict=true")
    assert (row["status"], row["stop_reason"]) == ("unscored", "judge_failed")
    assert "no verdict on a required item of turn 0" in row["reason"]


def test_a_dialogue_longer_than_the_context_says_so(measure, endpoint):
    Office(endpoint, LOOK, said("It is grey."), (400, "context_length_exceeded"))
    _, (row,) = measure()
    assert (row["status"], row["stop_reason"], row["completed"]) == ("ok", "model_length", 0.0)
    assert row["reward"] == 0.5


def test_an_unseen_call_may_fail_instead_of_being_simulated(measure, endpoint):
    Office(endpoint, said("", UNSEEN), said("Red."), said("Bye."))
    _, (row,) = measure("-T", "unseen=error", without=["simulator"])
    assert row["answer"]["tools"] == {"UNSEEN_CALL": 1} and row["trace"]["tool_errors"] == 1


def test_the_judge_s_model_simulates_where_no_simulator_is_named(measure, endpoint, tmp_path):
    """And the record says so: it is the measurement of one who named that model for both."""
    office = Office(endpoint, said("", UNSEEN), said("Red."), said("Bye."))
    office.judge = lambda text: office.simulator(text) if "The call:\n" in text else True
    done, (row,) = measure(without=["simulator"])
    assert row["answer"]["tools"] == {"simulated": 1} and row["status"] == "ok"
    assert "openai-api/local/judge, given as judge, is the simulator too" in done.err
    _, (again,) = measure("--role", "simulator=openai-api/local/judge", without=["simulator"])
    (run,) = tmp_path.glob("results/**/run.json")
    record = json.loads(run.read_text())
    assert record["usage"]["by_purpose"]["simulator"]["calls"] == 1
    roles = record["comparability"]["roles"]
    assert {name: role["model"] for name, role in roles.items()} == dict.fromkeys(
        ("judge", "simulator"), "openai-api/local/judge"
    )


def test_it_needs_a_judge_beforehand(measure, endpoint):
    office = Office(endpoint)
    done, _ = measure(without=["judge"])
    assert done.code == 2 and "needs --role judge=MODEL" in done.err and office.asked == []
