"""-T, -M, -G, --model-arg, --role-arg: what reaches the run."""

import json

import pytest

from harness.model.generation import SET_ELSEWHERE


@pytest.fixture
def requests(monkeypatch):
    """The requests that reach the plan, which then makes no cell."""
    seen = []
    monkeypatch.setattr("harness.run.plan.plan", lambda request: seen.append(request) or [])
    return seen


ASK = ["eval", "--task", "arc1d", "--dry-run"]


def test_arguments_of_providers_are_typed(command, requests, tmp_path):
    (tmp_path / "key.txt").write_text("12\n")
    given = ["strict=false", "port=8000", "id=007", "name='12'", "stop=[a, 1]", "key=@key.txt", "at=@@home"]
    command(*ASK, *(part for value in given for part in ("--model-arg", value)), "--role-arg", "wait=0.5")
    assert requests[0].model_args == {
        **{"strict": False, "port": 8000, "id": "007", "name": "12", "stop": ["a", 1]},
        **{"key": "12", "at": "@home"},
    }
    assert requests[0].role_args == {"wait": 0.5}


def test_a_text_parameter_gets_the_text_of_a_file(command, requests, tmp_path):
    (tmp_path / "prompt.txt").write_text("Answer {question}\n")
    command(*ASK, "-M", "prompt=@prompt.txt", "-T", "name=@@x")
    assert requests[0].method_args == {"prompt": "Answer {question}"} and requests[0].task_args == {
        "name": "@x"
    }
    done = command(*ASK, "-M", "prompt=@none.txt")
    assert done.code == 2 and "-M prompt=@none.txt: can't read the file 'none.txt'" in done.errors[0]


def test_generation_settings_reach_the_run_in_their_types(command, requests):
    command(
        *ASK, "-G", "top_k=40", "-G", "stop_seqs=[END, '1']", "-G", "reasoning_effort=low", "--top-p", "0.9"
    )
    assert requests[0].decoding == {
        **{"top_k": 40, "stop_seqs": ["END", "1"], "reasoning_effort": "low", "top_p": 0.9}
    }
    json.dumps(requests[0].decoding)
    command(*ASK, "-G", "temperature=0.5", "--temperature", "0.5")
    assert requests[1].decoding == {"temperature": 0.5}


def test_the_command_line_wins_over_the_file_in_generation_too(command, requests, tmp_path):
    (tmp_path / "run.yaml").write_text("temperature: 0.2\nG: {top_k: 3, frequency_penalty: 1}\n")
    command(*ASK, "--config", "run.yaml", "-G", "temperature=0.5", "-G", "top_k=4")
    assert requests[0].decoding == {"temperature": 0.5, "top_k": 4, "frequency_penalty": 1.0}


@pytest.mark.parametrize(
    "given, says",
    [
        (["-G", "top_j=3"], "-G top_j: no such generation setting; did you mean"),
        (["-G", "zzz=3"], "no such generation setting; settings: "),
        (["-G", "top_k=many"], "-G top_k=many: "),
        (["-G", "reasoning_effort=huge"], "-G reasoning_effort=huge: "),
        (["-G", "top_k"], "-G takes key=value"),
        (
            ["--temperature", "0.5", "-G", "temperature=0.7"],
            "--temperature 0.5 and -G temperature=0.7 contradict",
        ),
        (["--max-tokens", "5", "-G", "max_tokens=6"], "--max-tokens 5 and -G max_tokens=6 contradict"),
    ],
)
def test_a_generation_setting_that_is_none_is_one_line(command, given, says):
    done = command(*ASK, *given)
    assert (done.code, done.out) == (2, "") and len(done.err.splitlines()) == 1
    assert says in done.errors[0]


def test_what_the_harness_sets_is_said_with_its_reason(command):
    from inspect_ai.model import GenerateConfig

    assert set(SET_ELSEWHERE) < set(GenerateConfig.model_fields), "a setting that inspect-ai no longer has"
    for name, reason in SET_ELSEWHERE.items():
        done = command(*ASK, "-G", f"{name}=1")
        assert done.code == 2 and reason in done.errors[0]


def test_max_tokens_says_once_what_it_is_now(command, requests):
    notice = "notice: --max-tokens limits one completion; --budget-tokens limits what the whole run spends\n"
    assert command(*ASK, "--max-tokens", "30").err == notice
    assert "notice" not in command(*ASK, "--max-tokens", "30", "--budget-tokens", "1000").err
    assert "notice" not in command(*ASK, "--budget-tokens", "1000").err
    assert [r.decoding.get("max_tokens") for r in requests] == [30, 30, None]
    assert [r.budget_tokens for r in requests] == [None, 1000, 1000]


def test_generation_settings_tell_runs_apart(command):
    """What -G says is part of a run's identity, as --temperature is."""
    ask = ["eval", "--task", "countdown", "--model", "echo/1", "--limit", "2", "--json"]
    made = [json.loads(command(*ask, *more).out)["runs"][0]["run_id"] for more in ([], ["-G", "top_k=4"])]
    assert made[0] != made[1]
