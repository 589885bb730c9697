"""Base models and batches from the command line, counted at the server."""

import json
from pathlib import Path

import pytest

TASK = ["--task", "arc1d", "--limit", "2"]
WORLD = ["--task", "toolworld/single"]
MODEL = ["--model", "openai-api/local/base"]


@pytest.fixture
def ask(command, endpoint):
    def run(*more):
        address = ["--model-arg", f"base_url={endpoint.address}", "--model-arg", "api_key=k"]
        return command("eval", *TASK, *MODEL, *address, *more)

    return run


def test_a_base_model_gets_the_task_s_prompt_as_plain_text(ask, endpoint):
    endpoint.reply = lambda body: "Output: 1 2 3"
    chat = ask("--json")
    base = ask("--json", "--model-arg", "endpoint=completions")
    assert (chat.code, base.code) == (0, 0), base.err
    asked, told = endpoint.requests[:2], endpoint.requests[2:]
    prompts = sorted(body["prompt"] for body in told)
    assert prompts == sorted(body["messages"][0]["content"] for body in asked) and len(prompts) == 2
    assert {body["max_tokens"] for body in told} == {body["max_tokens"] for body in asked}
    assert len(endpoint.probes) == 2 and "prompt" in endpoint.probes[1]
    assert "without a chat template" in base.err and "without a chat template" not in chat.err
    runs = [json.loads(done.out)["runs"][0] for done in (chat, base)]
    assert runs[0]["run_id"] != runs[1]["run_id"]
    paths = [value for run in runs for value in run.values() if str(value).endswith("run.json")]
    records = [json.loads(Path(path).read_text()) for path in paths]
    assert [record["subject"]["model_args"] for record in records] == [{}, {"endpoint": "completions"}]


@pytest.mark.parametrize(
    "more, says",
    [
        (["--batch"], "--batch: openai-api/local/base has no batches; models of these have: openai/"),
        (["--model-arg", "endpoint=raw"], "--model-arg endpoint=raw is chat or completions"),
        (["--model-arg", "endpoint=completions", *WORLD], "needs tools, which openai-api/local/base"),
    ],
)
def test_what_cannot_be_had_is_one_line_before_anything_is_asked(ask, endpoint, more, says):
    done = ask(*more)
    assert done.code in (1, 2) and says in done.err and "Traceback" not in done.err
    assert not endpoint.requests and not endpoint.probes
