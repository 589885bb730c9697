"""A person in a run: in which keys it stands, who asks it, and who may not."""

import json

import pytest

from harness import Method, Outcome
from harness.base.errors import UsageError
from harness.episode import play
from harness.registry import registry
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.roles import check_roles
from harness.run.session import Session
from tests.one_cell import rows

TASK = "team/hidden-constraints"


class Asks(Method):
    """Asks one question and gives up."""

    name = "asks-a-person"
    needs = ("world",)
    may_use = ("human",)
    model = False

    async def answer(self, question, job):
        from inspect_ai.model import ChatMessageAssistant, ModelOutput
        from inspect_ai.tool import ToolCall

        call = ToolCall("c", "ask_human", {"question": "Which city, day, size, floor, view or table?"})
        moves = iter([ChatMessageAssistant(content="", tool_calls=[call])])

        async def act(seen, tools):
            self.offered = [tool.name for tool in tools]
            return ModelOutput.from_message(next(moves, ChatMessageAssistant(content="No.")))

        return await play(question, job.world(question), act)


class Needs(Asks):
    """Needs a person."""

    name = "needs-a-person"
    needs = ("world", "human")
    may_use = ()


class Peeks(Asks):
    """Reaches for the person past the world."""

    name = "peeks-at-a-person"

    async def answer(self, question, job):
        with pytest.raises(Exception, match="asks people by the tools of the world alone"):
            job.role("human")
        assert job.roles["human"] == "sim/human" and job.has_role("human") and len(job.person) == 64
        return Outcome(question.id, question.epoch, answer={"calls": [], "said": []})


def cells(method, roles=None, **more):
    name = registry().add(method).name
    roles = {"human": "sim/human"} if roles is None else roles
    return plan(Request(TASK, name, roles=roles, limit=3, offline=True, **more))


def run(folder, *args, **more):
    (result,) = run_grid(cells(*args, **more), Session(Store(folder / "store"))).results
    assert result.error is None
    return result.record


def test_the_person_stands_in_the_comparability_key_with_its_arguments(tmp_path):
    record = run(tmp_path, Asks, role_args={"error": 0.1})
    role = record["comparability"]["roles"]["human"]
    assert role == {"model": "sim/human", "revision": "1", "args": {"error": 0.1}}
    found = [json.loads(row["answer"]) for row in rows(record)]
    assert all(len(each["human"]) == 1 and each["steps"] == 2 for each in found)
    assert record["usage"]["by_purpose"]["human"]["calls"] == 3
    other = run(tmp_path, Asks, role_args={"error": 0.2})
    alone = run(tmp_path, Asks, roles={})
    keys = {each["comparability_key"] for each in (record, other, alone)}
    assert len(keys) == 3 and "human" not in alone["comparability"]["roles"]


def test_a_method_that_may_do_without_a_person_goes_on_without(tmp_path):
    record = run(tmp_path, Asks, roles={})
    found = [json.loads(row["answer"]) for row in rows(record)]
    assert all("human" not in each for each in found) and record["metrics"]["turns"]["value"] == 0


def test_a_method_that_needs_one_is_refused_in_a_line_that_names_the_option():
    with pytest.raises(UsageError, match=r"method 'needs-a-person' needs --role human=MODEL"):
        cells(Needs, roles={})


def test_the_methods_run_has_no_way_to_the_person_but_its_world(tmp_path):
    run(tmp_path, Peeks)


def test_a_person_for_a_task_that_has_none_is_refused():
    request = Request("arc1d", "direct", roles={"human": "sim/human"}, limit=1, offline=True)
    with pytest.raises(UsageError, match=r"--role human: nothing here .arc1d, direct.*leave it out"):
        check_roles(plan(request))
    check_roles(cells(Asks))
