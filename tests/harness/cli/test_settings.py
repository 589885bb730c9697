"""Settings from the command line, run.yaml and Python, as they arrive at a server that counts."""

import json
import os
import time

import pytest
import yaml

import harness
from harness.registry import registry

ASK = ["eval", "--task", "arc1d", "-T", "level=1", "--limit", "2", "--json"]
EVERY = {
    "temperature=0.5": ("temperature", 0.5),
    "top_p=0.9": ("top_p", 0.9),
    "top_k=40": ("top_k", 40),
    "max_tokens=70": ("max_tokens", 70),
    "stop=[a, 12, true]": ("stop", ["a", "12", "true"]),
    "frequency_penalty=0.5": ("frequency_penalty", 0.5),
    "presence_penalty=-1": ("presence_penalty", -1),
    "logit_bias={42: -100}": ("logit_bias", {"42": -100}),
    "reasoning_effort=none": ("reasoning_effort", "none"),
    "extra_body=@body.yaml": ("chat_template_kwargs", {"enable_thinking": False}),
}


@pytest.fixture
def served(endpoint, monkeypatch):
    """The local server as any service that inspect-ai asks through OpenAI's protocol."""
    for service in ("OWN", "OPENAI", "VLLM", "OLLAMA"):
        monkeypatch.setenv(f"{service}_BASE_URL", endpoint.address)
        monkeypatch.setenv(f"{service}_API_KEY", "k-own-1234567890")
    return endpoint


@pytest.fixture
def ask(command, served):
    """Runs two items on a model; gives the requests, the record and what was said."""

    def run(*more, model="openai-api/own/m", code=0):
        served.requests.clear()
        done = command(*ASK, "--model", model, "--no-probe", *more)
        assert done.code == code, done.err
        runs = json.loads(done.out)["runs"] if done.out else []
        if not runs:
            return list(served.requests), None, done.err
        with open(runs[0]["record"]) as file:
            return list(served.requests), json.load(file), done.err

    return run


def refusing(field, sentence):
    return lambda body: (400, sentence) if field in body else "1+1"


def test_every_setting_arrives_and_is_in_the_record(ask):
    with open("body.yaml", "w") as file:
        file.write("chat_template_kwargs:\n  enable_thinking: false\n")
    requests, record, said = ask(*(word for each in EVERY for word in ("-G", each)))
    assert len(requests) == 2 and "takes no" not in said
    for field, value in EVERY.values():
        assert all(body[field] == value for body in requests), field
    assert len(record["subject"]["decoding"]) == len(EVERY)


def test_line_file_and_python_are_one_run_with_none_sent(ask, command, served):
    given = {"stop": "END", "temperature": None, "reasoning_effort": "low", "seed": 7}
    typed = ("stop=END", "temperature=none", "reasoning_effort=low", "seed=7")
    words = [word for each in typed for word in ("-G", each)]
    requests, record, _ = ask("--method", "self-consistency", "-M", "samples=2", *words)
    assert len(requests) == 4 and not any("temperature" in body for body in requests)
    assert len({body["seed"] for body in requests}) == 4
    asked = {"task": "arc1d", "method": "self-consistency", "model": "openai-api/own/m", "limit": 2}
    with open("run.yaml", "w") as file:
        yaml.safe_dump({**asked, "T": {"level": 1}, "M": {"samples": 2}, "G": given}, file)
    (again,) = json.loads(command("eval", "--config", "run.yaml", "--json").out)["runs"]
    assert again["run_id"] == record["run_id"] and again["reused"]
    registry.cache_clear()
    args = {"task_args": {"level": 1}, "method_args": {"samples": 2}, "generation": given}
    runs = harness.evaluate(asked.pop("task"), **asked, **args, progress=False)
    assert runs.records[0]["run_id"] == record["run_id"] and len(served.requests) == 4
    assert "temperature=none" in command("eval", "--config", "run.yaml").out


def test_arguments_of_a_model_are_typed(ask):
    _, record, _ = ask("--model-arg", "strict_tools=false", "--model-arg", "timeout=20")
    assert record["subject"]["model_args"]["strict_tools"] is False
    *_, said = ask("--model-arg", "strict_tools=no", code=2)
    assert "--model-arg strict_tools=no: true or false is wanted" in said


def test_seeds_are_of_the_call_and_repeats_agree(ask, monkeypatch, tmp_path):
    draws = ["--method", "self-consistency", "-M", "samples=2", "--epochs", "2", "--seeds", "2"]
    first, *_ = ask(*draws, model="vllm/m")
    seeds = [body["seed"] for body in first]
    assert len(seeds) == len({*seeds}) == 16 and all(0 <= seed < 2**31 for seed in seeds)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cold"))
    again, *_ = ask(*draws, "--overwrite", model="vllm/m")
    assert sorted(body["seed"] for body in again) == sorted(seeds)
    assert all("seed" not in body for body in ask("-G", "seed=none", model="vllm/n")[0])
    assert all("seed" not in body for body in ask()[0])


@pytest.mark.parametrize(
    "model, setting, line",
    [
        ("pocket/grid", "top_k=4", "pocket/grid takes no top_k: -G top_k changes nothing"),
        ("openai-api/own/m", "verbosity=low", "takes no verbosity: -G verbosity changes nothing"),
        ("ollama/m", "top_k=4", "ollama/m takes no top_k"),
        ("openai/o3-mini", "temperature=0.3", "openai/o3-mini takes no temperature: --temperature changes"),
    ],
)
def test_what_a_model_does_not_take_is_said(ask, model, setting, line):
    assert line in ask("-G", setting, model=model)[2]


def test_a_methods_temperature_is_left_out_where_the_server_refuses_it(ask, served):
    served.reply = refusing("temperature", "Unsupported value: 'temperature' does not support 0.7")
    requests, record, said = ask("--method", "self-consistency", "-M", "samples=2")
    assert record["counts"]["ok"] == 2 and "takes no temperature: it is asked without" in said
    assert sum("temperature" not in body for body in requests) == 4
    _, record, said = ask("--temperature", "0.2", model="openai-api/own/n", code=1)
    assert record["counts"]["error"] == 2 and "-G temperature=none sends none" in said


def test_the_limit_has_the_name_that_the_server_wants(ask, served):
    served.reply = refusing("max_tokens", "'max_tokens' is not supported. Use 'max_completion_tokens'.")
    requests, record, _ = ask("--max-tokens", "200")
    assert record["counts"]["ok"] == 2
    assert sum(body.get("max_completion_tokens") == 200 for body in requests) == 2


def test_a_system_message_is_one_with_that_of_task_and_method(ask, command, served):
    def systems(requests):
        return [[m["content"] for m in body["messages"] if m["role"] == "system"] for body in requests]

    for more in (["--method", "cot"], ["--method", "few-shot"]):
        for texts in systems(ask("--system", "SYS", *more)[0]):
            assert len(texts) == 1 and texts[0].startswith("SYS")
    debate = ["--method", "debate", "-M", "agents=2", "-M", "rounds=1", "-G", "top_k=3"]
    requests, *_ = ask("--system", "SYS", *debate, "--role", "agent2=openai-api/own/second")
    assert {body["model"] for body in requests} == {"m", "second"}
    assert all(body["top_k"] == 3 for body in requests)
    assert all(len(texts) == 1 and texts[0].startswith("SYS\n\nYou are") for texts in systems(requests))
    served.requests.clear()
    command(
        "eval", "--task", "toolworld/chain", "--limit", "1", "--system", "SYS", "--model", "openai-api/own/m"
    )
    assert served.requests
    assert all(len(t) == 1 and t[0].startswith("SYS\n\n") for t in systems(served.requests))


def test_headers_tell_runs_apart_and_are_written_nowhere(ask):
    records = [
        ask("-G", f"headers={{X-Variant: {variant}, X-Auth-Token: s3cret-token-value}}")[1]
        for variant in ("the-first", "the-second")
    ]
    assert records[0]["run_id"] != records[1]["run_id"]
    assert "s3cret" not in json.dumps(records) and "the-first" not in json.dumps(records)


def test_a_slow_request_and_a_slow_attempt_end(ask, served):
    served.reply = lambda body: time.sleep(0.5) or "1+1"
    requests, _, said = ask("--timeout", "0.1", "--max-retries", "1", code=1)
    assert len(requests) == 4 and "no answer within 0.1 seconds (--timeout)" in said
    slow = []
    served.reply = lambda body: (slow.append(0), time.sleep(0.6 * (len(slow) == 1)), "1+1")[2]
    _, record, said = ask("--attempt-time", "0.3", model="openai-api/own/n")
    assert record["counts"]["error"] == 1 and record["counts"]["ok"] == 1
    _, record, _ = ask("--attempt-time", "30", model="openai-api/own/n")
    assert record["counts"]["ok"] == 2 and len(slow) == 3


def test_items_by_name(ask, command):
    requests, record, _ = ask("--sample-id", "arc1d-test-1-0,*-13")
    assert len(requests) == 2 and record["comparability"]["sample_id"] == ["*-13", "arc1d-test-1-0"]
    assert ask("--sample-id", "*-1?", "--limit", "1")[1]["counts"]["attempts"] == 1
    for more in ([], ["--dry-run"]):
        done = command(*ASK[:-1], "--model", "echo/1", "--sample-id", "arc1d-test-1-00", *more)
        assert done.code == 2 and "did you mean 'arc1d-test-1-" in done.out + done.err


def test_the_folders_env_file(command, endpoint, monkeypatch):
    for name in ("FILED_API_KEY", "FILED_BASE_URL", "BEFORE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("BEFORE", "mine")
    with open(".env", "w") as file:
        file.write(
            f"export FILED_API_KEY='sk-filed-123456'\nFILED_BASE_URL={endpoint.address}\nBEFORE=theirs\n"
        )
    endpoint.reply = lambda body: (401, "bad")
    done = command("eval", "--task", "arc1d", "--limit", "1", "--model", "openai-api/filed/m")
    assert endpoint.probes and "HTTP 401" in done.err and "sk-filed" not in done.err
    assert os.environ["BEFORE"] == "mine"
    with open(".env", "w") as file:
        file.write("A=1\nno assignment\n")
    done = command("list", "models")
    assert done.errors == ["error: .env, line 2: NAME=VALUE is wanted"] and done.code == 2
