"""What a model is asked: the official runners and the harness against one server that records, with the same
scripted models, for whole dialogues. Requests are equal as JSON and in order, but for what
tests/official/allowed.py lists.

Run by `make official`; tests/official/runners.py says what it needs. A part without its checkout is skipped.
"""

import json
import os
from pathlib import Path

import pytest

from harness.external.setup import install
from tests.official import players, runners
from tests.official.allowed import equalled
from tests.official.comparing import KEYS, compared, dialogues
from tests.official.recording import Recorder

pytestmark = [pytest.mark.official, pytest.mark.timeout(1800)]

SOURCES = {"tau2": "HARNESS_TAU2_SOURCE", "toolsandbox": "HARNESS_TOOLSANDBOX_SOURCE"}


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """Where environments are kept."""
    named = os.environ.get("HARNESS_OFFICIAL_RUNNERS")
    return Path(named) if named else tmp_path_factory.mktemp("official")


@pytest.fixture(scope="session")
def runner(kept):
    """`runner(name)`: the Python of an official runner, its checkout, and where the harness has its own copy
    of the package."""

    def have(name):
        source = None
        if name in SOURCES:
            if SOURCES[name] not in os.environ:
                pytest.skip(f"needs a checkout in {SOURCES[name]}")
            source = Path(os.environ[SOURCES[name]]).resolve()
        kept.mkdir(parents=True, exist_ok=True)
        python = runners.environment(name, kept, source)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HARNESS_CACHE", str(kept / "harness"))
            install(name, source=source)
        return python, source, kept / "harness" / "setup"

    return have


@pytest.fixture
def recorder():
    """`recorder(player)`: a recording server with scripted models."""
    made = []

    def start(player):
        made.append(Recorder(player))
        return made[-1]

    yield start
    for server in made:
        server.stop()


def bodies(benchmark, requests):
    """The dialogues of a recording, with what may differ replaced."""
    found = dialogues(requests, KEYS[benchmark])
    return {name: equalled(benchmark, asked) for name, asked in found.items()}


def check(benchmark, name, official, ours, print_):
    """Whether all requests are equal; says how many there were."""
    theirs, mine = bodies(benchmark, official), bodies(benchmark, ours)
    assert theirs
    told, equal, found = compared(theirs, mine)
    print_(f"{name}: {len(theirs)} dialogues, {told} requests, {equal} equal")
    assert not found, "\n".join([f"{name}: official / harness", *found])
    assert told == equal == sum(map(len, mine.values()))


@pytest.fixture
def told(capsys):
    """Prints although pytest captures: the counts are for docs/measured.md."""

    def say(line):
        with capsys.disabled():
            print(f"\n{line}", end="")

    return say


# -- tau2 ------------------------------------------------------------------------------------------

MOCK = ["create_task_1", "update_task_1", "update_task_with_message_history", "update_task_with_user_tools"]
MOCK_SOLO = ["create_task_1", "update_task_1", "update_task_with_initialization_data", "impossible_task_1"]


def one_a_ticket(source):
    """Tasks of telecom with tickets that differ, as agents without a user see nothing else of them."""
    place = source / "data/tau2/domains/telecom"
    base = json.loads((place / "split_tasks.json").read_text())["base"]
    tickets = {task["id"]: task["ticket"] for task in json.loads((place / "tasks.json").read_text())}
    return sorted({tickets[task]: task for task in reversed(base)}.values())


@pytest.mark.parametrize(
    "domain",
    [
        *("airline", "retail", "telecom", "telecom-workflow", "banking_knowledge", "mock"),
        *("telecom-solo", "telecom-workflow-solo", "mock-solo"),
    ],
)
def test_tau2(domain, runner, recorder, warm, tmp_path, told):
    python, source, setup = runner("tau2")
    server, solo = recorder(players.Tau2(source)), domain.endswith("-solo")
    chosen = ["--num-tasks", 3]
    if solo or domain == "mock":
        listed = {"mock": MOCK, "mock-solo": MOCK_SOLO}.get(domain) or one_a_ticket(source)
        chosen = ["--task-ids", *listed]
    who = ["--agent-llm", "openai/agent", "--user-llm", "openai/user"]
    models = ["--model", "openai-api/local/agent", "--role", "user=openai-api/local/user"]
    models += ["--role", f"judge=openai-api/local/{players.Tau2.JUDGE}"]
    if solo:
        who = ["--agent", "llm_agent_solo", "--user", "dummy_user", "--agent-llm", "openai/solo"]
        models = ["--model", "openai-api/local/solo"]
    if domain == "banking_knowledge":
        who += ["--retrieval-config", "bm25"]
    options = [*who, *chosen]
    ids = runners.tau2(
        python, source, domain.removesuffix("-solo"), options, tmp_path / "official", server.url
    )
    official = server.taken()
    arguments = ["--task", f"tau2/{domain}", "--sample-id", ",".join(ids), *models]
    runners.harness(warm, arguments, tmp_path / "ours", setup, server.url)
    check("tau2", f"tau2/{domain}", official, server.taken(), told)


# -- BFCL ------------------------------------------------------------------------------------------

#: categories whose entries bear their position, and two of each: no two dialogues of all begin alike, as the
#: harness asks a call once that several would make
PLAIN = (
    *("simple_python", "simple_java", "simple_javascript", "multiple", "parallel", "parallel_multiple"),
    *("irrelevance",),
)
ITEMS = {category: [f"{category}_{n}" for n in range(2)] for category in PLAIN} | {
    "live_simple": ["live_simple_0-0-0", "live_simple_1-1-0"],
    "live_multiple": ["live_multiple_0-0-0", "live_multiple_2-1-0"],
    "live_parallel": ["live_parallel_0-0-0", "live_parallel_1-0-1"],
    "live_parallel_multiple": ["live_parallel_multiple_0-0-0", "live_parallel_multiple_1-1-0"],
    "live_irrelevance": ["live_irrelevance_0-0-0", "live_irrelevance_2-0-2"],
    "live_relevance": ["live_relevance_0-0-0", "live_relevance_1-1-0"],
    "multi_turn_base": ["multi_turn_base_0", "multi_turn_base_1"],
    "multi_turn_miss_func": ["multi_turn_miss_func_2", "multi_turn_miss_func_3"],
    "multi_turn_miss_param": ["multi_turn_miss_param_4", "multi_turn_miss_param_5"],
    "multi_turn_long_context": ["multi_turn_long_context_6", "multi_turn_long_context_7"],
    "web_search_base": ["web_search_base_0", "web_search_base_1"],
    "web_search_no_snippet": ["web_search_no_snippet_2", "web_search_no_snippet_3"],
    "memory_kv": ["memory_kv_0-customer-0", "memory_kv_1-customer-1"],
    "memory_rec_sum": ["memory_rec_sum_0-customer-0", "memory_rec_sum_1-customer-1"],
}
#: a scenario's earlier conversations, which the official command takes by their ids
EARLIER = {
    f"memory_{kind}": [f"memory_{kind}_prereq_{n}-customer-{n}" for n in range(40)]
    for kind in ("kv", "rec_sum")
}
FORMS = [
    f"format_sensitivity_{n}:ret_fmt={form}&tool_call_tag=True&func_doc_fmt={doc}"
    f"&prompt_fmt=plaintext&style=classic:simple_python_{entry}"
    for n, form, doc, entry in ((0, "python", "python", 19), (201, "concise_xml", "xml", 134))
]
#: what doesn't run here: memory_vector, whose encoder is on the Hub


@pytest.mark.parametrize("mode", ["fc", "prompt"])
def test_bfcl(mode, runner, recorder, warm, tmp_path, told):
    python, _, setup = runner("bfcl")
    (data,) = python.parent.parent.glob("lib/python*/site-packages/bfcl_eval/data")
    server, items = recorder(players.Bfcl(data)), dict(ITEMS)
    if mode == "prompt":
        items["format_sensitivity"] = FORMS
    asked = {category: [*ids, *EARLIER.get(category, ())] for category, ids in items.items()}
    runners.bfcl(
        python, {"fc": "agent-FC", "prompt": "agent"}[mode], asked, tmp_path / "official", server.url
    )
    official = server.taken()
    for category, ids in items.items():
        arguments = ["--task", f"bfcl/{category}", "--sample-id", ",".join(ids), "-T", f"mode={mode}"]
        arguments += ["--model", "openai-api/local/agent"]
        runners.harness(warm, arguments, tmp_path / category, setup, server.url)
    check("bfcl", f"bfcl, mode {mode}", official, server.taken(), told)


# -- ToolSandbox -----------------------------------------------------------------------------------

#: one of each opening words, with every set of distracting tools and every kind of scrambled ones
SCENARIOS = (
    "cellular_off",
    "wifi_off_3_distraction_tools",
    "get_cellular_10_distraction_tools",
    "get_wifi_all_tools",
    "search_phone_number_with_name_3_distraction_tools_tool_description_scrambled",
    "search_name_with_relationship_3_distraction_tools_arg_type_scrambled",
    "search_relationship_with_phone_number_3_distraction_tools_arg_description_scrambled",
    "add_contact_with_name_and_phone_number_3_distraction_tools_tool_name_scrambled",
    "remove_contact_with_id",
    "send_message_with_phone_number_and_content",
    "find_thanksgiving_timestamp",
    "search_message_with_recency_latest",
    "modify_contact_with_message_recency",
    "turn_on_wifi_low_battery_mode",
    "turn_on_location_low_battery_mode_implicit",
    "send_message_with_contact_content_cellular_off",
    "find_days_till_holiday_wifi_off_alt",
    "search_reminder_with_recency_yesterday",
    "add_reminder_content_and_week_delta_and_time",
    "modify_contact_with_message_recency_multiple_user_turn",
)


def test_toolsandbox(runner, recorder, warm, tmp_path, told):
    python, source, setup = runner("toolsandbox")
    server = recorder(players.ToolSandbox())
    runners.toolsandbox(python, source, SCENARIOS, tmp_path / "official", server.url)
    official = server.taken()
    arguments = ["--task", "toolsandbox/offline", "-T", "tools=any", "--sample-id", ",".join(SCENARIOS)]
    arguments += ["--model", f"openai-api/local/{players.ToolSandbox.AGENT}"]
    arguments += ["--max-connections", 1]  # each worker first builds 1,032 scenarios
    arguments += ["--role", f"user=openai-api/local/{players.ToolSandbox.USER}"]
    runners.harness(warm, arguments, tmp_path / "ours", setup, server.url)
    check("toolsandbox", "toolsandbox", official, server.taken(), told)
    assert len(bodies("toolsandbox", official)) == len(SCENARIOS)
