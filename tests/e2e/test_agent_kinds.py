"""Live verdicts against the official ones: agents of every kind behind a real server, and the benchmarks' own
runners and graders on the same exchange.

The official side runs in processes of its own (tests/e2e/official). HARNESS_TAU2_SOURCE and
HARNESS_TOOLSANDBOX_SOURCE name checkouts; bfcl-eval comes from the package index.
"""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.eval import command, request_from
from harness.data.hub import Data
from harness.external.setup import install
from harness.registry import load_task, registry
from harness.results import load_samples
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import plan
from harness.run.session import Session
from harness.sample import Outcome, Splits
from harness.tasks.toolworld.office import Office
from harness.tasks.toolworld.tools import toolbox
from harness.world import ToolError
from tests.e2e.scripts import FORMS, KINDS, Scripted, Wanted, calls, dressed, dumped, thinking, words

OFFICIAL = Path(__file__).with_name("official")
SOURCES = {name: os.environ.get(f"HARNESS_{name.upper()}_SOURCE") for name in ("tau2", "toolsandbox")}


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    """`setup(name)`: the folder of an official package, installed as `harness setup` does it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(tmp_path_factory.mktemp("cache")))
        made = {}

        def installed(name):
            if name in SOURCES and not SOURCES[name]:
                pytest.skip(f"needs a checkout in HARNESS_{name.upper()}_SOURCE")
            if name not in made:
                made[name] = install(name, source=Path(SOURCES[name]) if name in SOURCES else None)
            return made[name]

        yield installed


def officially(name, packages, server, jobs):
    """What the official code makes of every job, and what it asked the server."""
    server.rewind()
    done = subprocess.run(
        [sys.executable, OFFICIAL / f"{name}.py", packages, server.url],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout), server.rewind()


def live(server, folder, task, models, *more):
    """The attempts of every model, model by model, and what the server was asked."""
    server.rewind()
    local = "openai-api/local"
    given = command.make_context(
        "eval",
        [
            *("--task", task, "--model", ",".join(f"{local}/{model}" for model in models)),
            *("--model-arg", "api_key=none", "--model-arg", f"base_url={server.url}", *more),
        ],
    ).params
    given = {key: value for key, value in given.items() if key not in ("as_json", "dry_run", "out")}
    found = {}
    for result in run_grid(plan(request_from(given, {})[0]), Session(Store(folder))).results:
        assert result.record is not None, result.error
        attempts = load_samples(result.record["run_id"], str(folder)).to_dict("records")
        found[result.record["model"].rpartition("/")[2]] = attempts
    return [attempt for model in models for attempt in found[model]], server.rewind()


def first(task, **arguments):
    spec = registry().task(task)
    made = load_task(spec, spec.arguments(arguments))
    return made, made.load(Data()).test[0]


def called(text, tools):
    """A call that Python's grammar writes, as a name and named arguments."""
    call = ast.parse(text, mode="eval").body
    names = next(list(t["parameters"]["properties"]) for t in tools if t["name"] == call.func.id)
    given = dict(zip(names, map(ast.literal_eval, call.args), strict=False))
    return call.func.id, given | {k.arg: ast.literal_eval(k.value) for k in call.keywords}


def accepted(truth):
    """The calls of a ground truth, with the first accepted value of all that may not be left out."""
    return [(name.replace(".", "_"), _needed(given)) for call in truth for name, given in call.items()]


def _needed(given):
    return {key: _first(values) for key, values in given.items() if "" not in values and values}


def _first(values):
    """The first accepted value, of whose parts several may be accepted."""
    value = values[0]
    if isinstance(value, dict) and all(isinstance(each, list) for each in value.values()):
        return _needed(value)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_first([each]) for each in value]
    return value


# -- agents of every kind ------------------------------------------------------------------------------


def patient(messages):
    """A user who asks until the agent is done, or has said something three times."""
    said = [m["content"] for m in messages if m["role"] == "assistant"]
    done = "Done" in str(messages[-1]["content"]) or said.count("Please help me.") > 2
    return words("###STOP###" if done else "Please help me.")


def polite(messages):
    """The same, who leaves by calling a tool."""
    said = [m["content"] for m in messages if m["role"] == "assistant"]
    done = "off" in str(messages[-1]["content"]) or said.count("Please help me.") > 2
    return calls(("end_conversation", "{}")) if done else words("Please help me.")


def of_bfcl(setup, category):
    packages = setup("bfcl")
    task, sample = first(f"bfcl/{category}")
    if category.startswith("multi_turn"):
        tools = sample.target["tools"]
        turns = [[called(text, tools) for text in turn] for turn in sample.target["truth"]]
        wanted = Wanted(turns, optional="file_name", giant=("echo", {"content": "x" * 300_000}))
    else:
        turns = [accepted(sample.target["truth"])]
        name, given = turns[0][0]
        long = dict.fromkeys(given, "x" * 300_000)
        wanted = Wanted(turns, at_once=True, optional=next(iter(given)), giant=(name, long))

    def official(server, models):
        jobs = [{"model": m, "category": category, "id": sample.id, "mode": "fc"} for m in models]
        found, asked = officially("bfcl", packages, server, jobs)
        return [float(each["valid"]) for each in found], asked

    return f"bfcl/{category}", "accuracy", wanted, official, ()


def of_tau2(setup):
    packages = setup("tau2")
    task, sample = first("tau2/mock")
    turns = [[(each["name"], each["arguments"]) for each in sample.target["evaluation_criteria"]["actions"]]]
    giant = ("create_task", {"user_id": "nobody", "title": "x" * 300_000})
    wanted = Wanted(turns, optional="description", giant=giant)

    def official(server, models):
        jobs = [{"model": m, "user": "user", "domain": "mock", "task": sample.id} for m in models]
        found, asked = officially("tau2", packages, server, jobs)
        return [each["reward"] for each in found], asked

    more = ("--role", "user=openai-api/local/user", "--role", "judge=openai-api/local/user")
    return "tau2/mock", "reward", wanted, official, more


def of_toolsandbox(setup):
    packages = setup("toolsandbox")
    task, sample = first("toolsandbox/offline", tools="all_tools_available")
    device = "cellular" if "cellular" in sample.id else "wifi"
    name = f"set_{device}_service_status" if device == "cellular" else f"set_{device}_status"
    wanted = Wanted(
        [[(name, {"on": False})]],
        closing=f"{device.title()} is off. Done.",
        optional="on",
        giant=("search_contacts", {"name": "x" * 300_000}),
    )

    def official(server, models):
        jobs = [{"model": m, "user": "polite", "scenario": sample.id} for m in models]
        found, asked = officially("toolsandbox", packages, server, jobs)
        return [each["similarity"] for each in found], asked

    more = ("--role", "user=openai-api/local/polite", "-T", "tools=all_tools_available")
    return "toolsandbox/offline", "similarity", wanted, official, more


def of_toolworld(setup):
    task, sample = first("toolworld/single")
    giant = ("send_message", {"person_id": "P1", "text": "x" * 300_000})
    wanted = Wanted(sample.target["actions"], optional="person_id", giant=giant)

    def official(server, models):
        return [exchanged(task, sample, server.scripts[model]) for model in models], None

    return "toolworld/single", "accuracy", wanted, official, ()


def exchanged(task, sample, script):
    """What an exchange is worth in the office, which has no package: calls whose text is a JSON object are
    carried out, until the one line of its user is answered, or a limit of the task is met."""
    office, done, failures = Office(sample.target["office"]), [], 0
    for move in range(task.limits.steps):
        message = script[min(move, len(script) - 1)]
        if "tool_calls" not in message:
            answer = {"calls": done, "said": [message["content"] or ""], "after": [len(done)]}
            ended = Outcome(sample.id, answer=answer, stop_reason="stop")
            return task.score(sample, ended).metrics["accuracy"]
        for made in message["tool_calls"]:
            name, text = made["function"]["name"], made["function"]["arguments"]
            try:
                toolbox().run(office, name, json.loads(text) if text.startswith("{") else {}["no object"])
                done.append([name, json.loads(text)])
            except (ToolError, ValueError, KeyError):
                failures += 1
        if failures >= task.limits.errors:
            break
    return 0.0


BENCHMARKS = {
    "bfcl-single-turn": lambda setup: of_bfcl(setup, "parallel"),
    "bfcl-multi-turn": lambda setup: of_bfcl(setup, "multi_turn_base"),
    "tau2": of_tau2,
    "toolsandbox": of_toolsandbox,
    "toolworld": of_toolworld,
}


@pytest.mark.parametrize(
    "benchmark",
    [pytest.param(each, marks=[] if each == "toolworld" else pytest.mark.official) for each in BENCHMARKS],
)
def test_the_live_verdict_on_every_kind_of_agent_is_the_official_one(setup, tmp_path, benchmark):
    task, metric, wanted, official, more = BENCHMARKS[benchmark](setup)
    scripts = {kind: script(wanted) for kind, script in KINDS.items()}
    server = Scripted({**scripts, "user": patient, "polite": polite})
    try:
        attempts, asked = live(server, tmp_path, task, KINDS, "--limit", "1", *more)
        verdicts, requests = official(server, list(KINDS))
    finally:
        server.stop()
    found = {
        kind: attempt[metric] if attempt["status"] == "ok" else f"{attempt['status']}: {attempt['reason']}"
        for kind, attempt in zip(KINDS, attempts, strict=True)
    }
    assert found == pytest.approx(dict(zip(KINDS, verdicts, strict=True)), abs=1e-9)
    for kind in KINDS if requests else ():
        assert asked[kind] == requests[kind], kind
    assert len(found) == 17 and max(found.values()) == found["plain"] > 0.9 and 0.0 in found.values()


@pytest.mark.official
@pytest.mark.parametrize("benchmark", ["bfcl-multi-turn", "tau2", "toolsandbox"])
def test_thoughts_are_sent_back_as_officially_or_as_in_other_tasks(setup, tmp_path, benchmark):
    task, _, wanted, official, more = BENCHMARKS[benchmark](setup)
    script = thinking(wanted)
    server = Scripted({"agent": script, "keeper": script, "user": patient, "polite": polite})
    more = ("--limit", "1", *more)
    try:
        _, asked = live(server, tmp_path, task, ["agent"], *more)
        _, kept = live(server, tmp_path, task, ["keeper"], "-T", "reasoning=kept", *more)
        _, requests = official(server, ["agent"])
    finally:
        server.stop()
    assert asked["agent"] == requests["agent"] and len(asked["agent"]) > 1
    sent_back = "What now?" in json.dumps(asked["agent"][-1])
    assert sent_back == (benchmark == "bfcl-multi-turn")
    assert json.dumps(kept["keeper"][-1]).count("What now?") == len(kept["keeper"]) - 1


@pytest.mark.official
def test_bfcl_sends_back_whatever_a_server_put_into_its_message(setup, tmp_path):
    """As vLLM, OpenRouter and Gemini do: fields without a value, an empty list of calls, thoughts in several
    fields, a signature of thoughts in a call."""
    task, _, wanted, official, more = BENCHMARKS["bfcl-multi-turn"](setup)
    server = Scripted(
        {"dressed": dressed(wanted)}
    )  # a name of its own, as the cache knows the others' answers
    try:
        attempts, asked = live(server, tmp_path, task, ["dressed"], "--limit", "1", *more)
        verdicts, requests = official(server, ["dressed"])
    finally:
        server.stop()
    assert asked["dressed"] == requests["dressed"] and len(asked["dressed"]) > 5
    assert [attempt["accuracy"] for attempt in attempts] == verdicts == [1.0]


# -- arguments in every form ---------------------------------------------------------------------------

CATEGORIES = [
    *("simple_python", "simple_java", "simple_javascript", "multiple", "parallel", "parallel_multiple"),
    *("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple", "irrelevance"),
    *("live_irrelevance", "live_relevance", "multi_turn_base", "multi_turn_miss_func"),
    *("multi_turn_miss_param", "multi_turn_long_context"),
]


def wanted_of(sample):
    """The turns of calls that are right in an entry; one call of its first function where none is."""
    target = sample.target
    if not target["truth"]:
        able = (
            (tool["name"], next(iter(tool["parameters"]["properties"]), None)) for tool in target["tools"]
        )
        return [[(tool, {name: "x"}) for tool, name in able if name][:1]]
    if isinstance(target["truth"][0], dict):
        return [accepted(target["truth"])]
    tools = [*target["tools"], *sum(target["later"].values(), [])]
    return [[called(text, tools) for text in turn] for turn in target["truth"]]


def opening(messages):
    return next(m["content"] for m in messages if m["role"] == "user")


def chosen(samples):
    """One entry for every form: those whose first call has one argument, then those with the fewest, as what
    is mended goes to the first parameter; no two begin alike."""
    able = {}
    for sample in samples:
        turns = wanted_of(sample)
        if turns[0] and turns[0][0][1]:
            able.setdefault(opening(sample.target["turns"][0]), (sample, turns))
    found = sorted(able.values(), key=lambda pair: (len(pair[1][0][0][1]), len(pair[1][0])))
    return dict(zip(FORMS, found[: len(FORMS)], strict=True))


def formed(form, turns, at_once):
    """The messages of an agent that writes the arguments of its first call in this form."""
    (name, given), *rest = turns[0]
    one, value = next(iter(given.items()))
    text = json.dumps(given) if form == "object" else FORMS[form](one, value)
    if at_once:
        return [calls((name, text), *dumped(rest))]
    made = [calls((name, text)), *(calls(*dumped([call])) for call in rest), words("Done.")]
    for turn in turns[1:]:
        made += [*(calls(*dumped([call])) for call in turn), words("Done.")]
    return made


@pytest.mark.official
@pytest.mark.parametrize("category", CATEGORIES)
def test_arguments_in_every_form_are_graded_live_and_again_as_officially(
    setup, tmp_path, monkeypatch, category
):
    packages, spec = setup("bfcl"), registry().task(f"bfcl/{category}")
    task = load_task(spec, spec.arguments({}))
    picked = chosen(task.load(Data()).test)
    samples = [sample for sample, _ in picked.values()]
    monkeypatch.setattr(type(task), "load", lambda self, data: Splits(samples))
    several = category.startswith("multi_turn")
    scripts = {
        opening(sample.target["turns"][0]): formed(form, turns, not several)
        for form, (sample, turns) in picked.items()
    }

    def agent(messages):
        script = scripts[opening(messages)]
        return script[min(sum(m["role"] == "assistant" for m in messages), len(script) - 1)]

    name = f"agent-{category}"  # whose answers nobody finds in the cache, as categories share dialogues
    server = Scripted({name: agent})
    try:
        attempts, _ = live(server, tmp_path, spec.name, [name], "--limit", str(len(samples)))
        jobs = [{"model": name, "category": category, "id": s.id, "mode": "fc"} for s in samples]
        official = dict(zip(picked, officially("bfcl", packages, server, jobs)[0], strict=True))
    finally:
        server.stop()
    found = {attempt["sample_id"]: attempt for attempt in attempts}
    mine = {form: found[sample.id] for form, (sample, _) in picked.items()}
    assert {form: json.loads(each["answer"])["result"] for form, each in mine.items()} == {
        form: each["result"] for form, each in official.items()
    }
    verdicts = {form: float(each["valid"]) for form, each in official.items()}
    assert {form: each["accuracy"] for form, each in mine.items()} == verdicts
    recorded = [{"mode": "fc", "result": each["result"]} for each in official.values()]
    outcomes = [Outcome(s.id, answer=answer) for s, answer in zip(samples, recorded, strict=True)]
    again = [score.metrics["accuracy"] for score in task.score_all(samples, outcomes)]
    assert again == list(verdicts.values())
    assert verdicts["object"] == ("irrelevance" not in category)
