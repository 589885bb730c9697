"""Where a run's settings come from: the command line over --config over HARNESS_MODEL over harness.toml."""

import json

import pytest
import yaml

from harness.cli.eval import command as eval_command
from harness.run.plan import Request

EVERY_KEY = {
    "task": "countdown",
    "method": ["direct", "curator"],
    "model": "echo/red",
    "T": {"level": 2},
    "M": {},
    "fit": "train",
    "preset": "small",
    "model-arg": {},
    "role": {"judge": "echo/yes"},
    "role-arg": {"wait": "1"},
    "embedder": "tfidf",
    "seeds": 2,
    "epochs": 3,
    "limit": 4,
    "sample_id": ["a*", "b"],
    "temperature": 0.5,
    "top_p": 0.9,
    "max_tokens": 30,
    "system": "Be brief.",
    "G": {"top_k": 40, "stop_seqs": ["END"]},
    "planned_effect": 0.02,
    "budget_usd": 1.5,
    "budget_tokens": 10_000,
    "budget_calls": 90,
    "budget_time": 60,
    "max_connections": 5,
    "requests_per_minute": 600,
    "batch": True,
    "prompt_cache": False,
    "max_retries": 1,
    "timeout": 30,
    "attempt_time": 600,
    "keep_going": True,
    "probe": False,
    "fail_on_error": 0.5,
    "offline": True,
    "mirror": ".",
    "overwrite": True,
    "transcripts": False,
    "twin": False,
    "isolate": True,
}


@pytest.fixture
def requests(monkeypatch):
    """The requests that reach the plan, which then makes no cell."""
    seen = []
    monkeypatch.setattr("harness.run.plan.plan", lambda request: seen.append(request) or [])
    return seen


def write(text, name="run.yaml"):
    with open(name, "w") as file:
        file.write(text if isinstance(text, str) else yaml.safe_dump(text))
    return name


def test_every_option_is_a_key_and_every_key_arrives(command, requests):
    aliases = {
        "T": "task_args",
        "M": "method_args",
        "G": "generation",
        "model-arg": "model_args",
        "role": "roles",
        "role-arg": "role_args",
        "system": "system_message",
    }
    given = {aliases.get(key, key.replace("-", "_")) for key in EVERY_KEY}
    not_settings = {"config", "dry_run", "store", "as_json"}  # store says where to, not what
    assert given == {option.name for option in eval_command.params} - not_settings
    command("eval", "--config", write(EVERY_KEY), "--dry-run")
    assert requests == [
        Request(
            task="countdown",
            method="direct,curator",
            model="echo/red",
            task_args={"level": 2},
            method_args={"fit": "train", "preset": "small"},
            model_args={},
            roles={"judge": "echo/yes"},
            role_args={"wait": "1"},
            embedder="tfidf",
            seeds=2,
            epochs=3,
            limit=4,
            sample_id=("a*", "b"),
            decoding={
                "top_k": 40,
                "stop_seqs": ["END"],
                "temperature": 0.5,
                "top_p": 0.9,
                "max_tokens": 30,
                "system_message": "Be brief.",
            },
            planned_effect=0.02,
            budget_usd=1.5,
            budget_tokens=10_000,
            budget_calls=90,
            budget_time=60.0,
            max_connections=5,
            requests_per_minute=600,
            batch=True,
            prompt_cache=False,
            max_retries=1,
            timeout=30.0,
            attempt_time=600.0,
            keep_going=True,
            probe=False,
            fail_on_error=0.5,
            offline=True,
            mirror=".",
            overwrite=True,
            transcripts=False,
            twin=False,
            isolate=True,
        )
    ]


def test_the_command_line_wins_and_arguments_are_merged(command, requests):
    file = write({**EVERY_KEY, "T": {"level": 2, "style": "neutral"}})
    command(
        "eval",
        "--config",
        file,
        "--dry-run",
        "--task",
        "arc1d",
        "-T",
        "level=3",
        "--epochs",
        "1",
        "--temperature",
        "0",
        "--role",
        "judge=echo/no",
    )
    (request,) = requests
    assert (request.task, request.epochs, request.decoding["temperature"]) == ("arc1d", 1, 0.0)
    assert request.task_args == {"level": "3", "style": "neutral"} and request.roles == {"judge": "echo/no"}
    assert (request.seeds, request.limit) == (2, 4)


def test_fit_and_preset_are_arguments_of_methods_that_train(command, requests):
    command("eval", "--task", "arc1d", "--method", "direct,curator", "--fit", "train", "-M", "steps=2")
    assert requests[0].method_args == {"fit": "train", "steps": "2"}
    command("eval", "--task", "arc1d", "--method", "curator", "--preset", "paper", "-M", "preset=paper")
    assert requests[1].method_args == {"preset": "paper"}


@pytest.mark.parametrize(
    "arguments, says",
    [
        (
            ["eval", "--method", "cot", "--fit", "train"],
            "'cot' has no parameter 'fit'; methods that have: ",
        ),
        (["eval", "--preset", "small"], "--preset is for methods that train, and 'direct' has no"),
        (
            ["train", "--method", "direct", "--preset", "small", "--to", "x"],
            "'direct' has no parameter 'preset'",
        ),
        (
            ["eval", "--method", "curator", "--fit", "trian"],
            "fit='trian' is not one of: auto, shipped, train",
        ),
        (
            ["eval", "--method", "curator", "--fit", "train", "-M", "fit=auto"],
            "-M fit=auto contradict each oth",
        ),
    ],
)
def test_fit_and_preset_where_they_have_no_meaning(command, arguments, says):
    done = command(arguments[0], "--task", "arc1d", *arguments[1:])
    assert done.code == 2 and len(done.errors) == 1 and says in done.errors[0], done.err


def test_the_store_may_stand_in_the_file(command, tmp_path):
    file = write({"task": "countdown", "model": "echo/1", "limit": 2, "store": "elsewhere"})
    (run,) = json.loads(command("eval", "--config", file, "--json").out)["runs"]
    assert run["record"].startswith(f"{tmp_path}/elsewhere/")  # for a program, wherever it is
    (run,) = json.loads(command("eval", "--config", file, "--store", "here", "--json").out)["runs"]
    assert run["record"].startswith(f"{tmp_path}/here/")


@pytest.mark.parametrize(
    "text, says",
    [
        (
            "taks: arc1d",
            "unknown key 'taks'; did you mean 'task'? keys: G, M, T, attempt_time, batch",
        ),
        ("nonsense: 1", "unknown key 'nonsense'; keys: G, M, T, "),
        ("task: arc1d\nagain: true", "the key 'again' is called 'overwrite' now"),
        ("task: arc1d\nout: results", "the key 'out' is called 'store' now"),
        ("task: arc1d\nmax-completion: 3", "the key 'max_completion' is called 'max_tokens' now"),
        ("task: arc1d\nG: {top_j: 3}", "-G top_j: no such generation setting; did you mean '"),
        ("task: arc1d\nM: {prompt: '@no.txt'}", "M prompt: @no.txt: can't read the file 'no.txt'"),
        ("task: [arc1d", "line 1: broken YAML"),
        ("task: arc1d\n\tmodel: x", "line 2: broken YAML"),
        ("a: &a [*a", "broken YAML"),
        ("- arc1d", "keys with values"),
        ("arc1d", "keys with values"),
        ("task: arc1d\nlimit: ten", "limit: 'ten' is not a valid integer"),
        ("task: arc1d\nepochs: 2.5", "epochs: '2.5'"),
        ("task: arc1d\nseeds: true", "seeds: 'True'"),
        ("task: arc1d\nlimit: [1, 2]", "limit: one value"),
        ("task: arc1d\nbudget_usd: much", "'much' is not"),
        ("task: arc1d\nT: level", "T: keys with values"),
        ("task: arc1d\nT: [level]", "T: keys with values"),
        ("task: arc1d\noffline: maybe", "offline: true or false"),
        ("task: {arc1d: 1}", "task: one value"),
        ("task: arc1d\nlimit: 0", "--limit must be at least 1"),
        ("method: direct", "--task NAME"),
        ("task: arc1d\nmax_connections: 0", "--max-connections must be at least 1"),
        ("task: arc1d\nmax_connections: many", "max_connections: 'many' is neither a number nor auto"),
        ("task: arc1d\nrequests_per_minute: 0", "--requests-per-minute must be at least 1"),
        ("\x00", "run.yaml: "),
        ("!!python/object/apply:os.system ['true']", "broken YAML"),
    ],
)
def test_a_faulty_file_is_one_line(command, text, says):
    done = command("eval", "--config", write(text), "--dry-run")
    assert (done.code, done.out) == (2, "") and len(done.err.splitlines()) == 1
    assert says in done.errors[0]


def test_no_file_and_a_file_of_nothing(command):
    assert "no.yaml: No such file" in command("eval", "--config", "no.yaml").errors[0]
    assert "--task NAME" in command("eval", "--config", write("")).errors[0]
    write("")
    assert command("eval", "--config", ".").code == 2


def test_nothing_is_a_value(command, requests):
    command("eval", "--config", write("task: arc1d\nlimit:\nmodel: null"), "--dry-run")
    assert requests == [Request(task="arc1d")]


def test_whose_model(command, requests, monkeypatch):
    ask = ["eval", "--task", "arc1d", "--dry-run"]
    command(*ask)
    write('model = "echo/toml"', "harness.toml")
    command(*ask)
    monkeypatch.setenv("HARNESS_MODEL", "echo/environment")
    command(*ask)
    command(*ask, "--config", write("model: echo/yaml"))
    command(*ask, "--config", "run.yaml", "--model", "echo/typed")
    assert [request.model for request in requests] == [
        None,  # each task's own
        "echo/toml",
        "echo/environment",
        "echo/yaml",
        "echo/typed",
    ]


def test_the_hint_is_for_those_who_chose_no_model(command, monkeypatch):
    ask = ["eval", "--task", "arc1d", "-T", "level=1", "--limit", "1"]
    assert "laboratory policy" in command(*ask).err
    monkeypatch.setenv("HARNESS_MODEL", "echo/input")
    done = command(*ask, "--json")
    assert "laboratory" not in done.err and json.loads(done.out)["runs"][0]["model"] == "echo/input"


@pytest.mark.parametrize(
    "text, says",
    [
        ("model = ", "harness.toml: "),
        ("model = 3", "model is a name"),
        ('modle = "x"', "unknown key 'modle'; did you mean 'model'? keys: model, prices, services"),
        ("prices = 3", "prices are tables"),
        ('[prices."a/b"]\ninput = 1', "needs the two numbers"),
        ('[prices."a/b"]\ninput = 1\noutput = "2"', "needs the two numbers"),
        ("[prices]\na = 1", 'prices."a"'),
        ('[prices."a/b"]\ninput = 1\noutput = -2', "needs the two numbers"),
        ('[prices."a/b"]\ninput = nan\noutput = 2', "needs the two numbers"),
        ('[prices."a/b"]\ninput = 1\noutput = 2\nread = 1', "nothing else"),
    ],
)
def test_a_faulty_harness_toml_is_one_line(command, text, says):
    write(text, "harness.toml")
    done = command("eval", "--task", "arc1d", "--limit", "1")
    assert (done.code, done.out, len(done.errors)) == (2, "", 1) and says in done.errors[0]
