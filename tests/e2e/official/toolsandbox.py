"""ToolSandbox's own play and evaluation against a server: `toolsandbox.py PACKAGES URL`, with jobs as JSON on
stdin.

A job is `{"model", "user", "scenario"}`. Prints as JSON for each the official similarity; a scenario that
raises has 0, as in the official command. OpenAI's client is replaced by one request.
"""

import importlib.abc
import importlib.machinery
import json
import random
import sys
import tempfile
import types
from pathlib import Path
from urllib.request import Request, urlopen

packages, url = sys.argv[1:]
sys.path.insert(0, packages)
out, sys.stdout = sys.stdout, sys.stderr


class Fields:
    """Named fields, as pydantic's models have them."""

    def __init__(self, **fields):
        self.__dict__.update(fields)

    def model_dump(self, **_):
        return {
            name: each.model_dump() if isinstance(each, Fields) else each for name, each in vars(self).items()
        }


class StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """openai and langchain_core, of which only types are used."""

    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in ("openai", "langchain_core"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        if spec.name == "langchain_core.pydantic_v1":
            import pydantic.v1

            return pydantic.v1
        made = types.ModuleType(spec.name)
        made.__getattr__ = self.name
        return made

    def exec_module(self, module):
        """Nothing to run."""

    @staticmethod
    def name(name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Fields,), {})


sys.meta_path.insert(0, StandIn())

from tool_sandbox.common.execution_context import RoleType  # noqa: E402
from tool_sandbox.common.tool_discovery import ToolBackend  # noqa: E402
from tool_sandbox.roles.execution_environment import ExecutionEnvironment  # noqa: E402
from tool_sandbox.roles.openai_api_agent import OpenAIAPIAgent  # noqa: E402
from tool_sandbox.roles.openai_api_user import OpenAIAPIUser  # noqa: E402
from tool_sandbox.scenarios import named_scenarios  # noqa: E402


class Client:
    """In place of OpenAI's."""

    def __init__(self):
        self.chat = self.completions = self

    def create(self, *, model, messages, tools):
        body = {"model": model, "messages": messages}
        if isinstance(tools, list):
            body["tools"] = tools
        asked = Request(
            f"{url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        message = json.load(urlopen(asked))["choices"][0]["message"]
        calls = message.get("tool_calls")
        if calls is not None:
            calls = [Fields(id=call["id"], function=Fields(**call["function"])) for call in calls]
        said = Fields(content=message.get("content"), tool_calls=calls)
        return Fields(choices=[Fields(message=said)])


def speaking(kind, model):
    role = kind.__new__(kind)
    role.openai_client, role.model_name = Client(), model
    return role


random.seed(42)
SCENARIOS = named_scenarios(preferred_tool_backend=ToolBackend.DEFAULT)


def outcome(job):
    roles = {
        RoleType.USER: speaking(OpenAIAPIUser, job["user"]),
        RoleType.AGENT: speaking(OpenAIAPIAgent, job["model"]),
        RoleType.EXECUTION_ENVIRONMENT: ExecutionEnvironment(),
    }
    scenario = SCENARIOS[job["scenario"]]
    try:
        found = scenario.play_and_evaluate(roles, Path(tempfile.mkdtemp()), job["scenario"])
        return {"similarity": float(found.evaluation_result.similarity)}
    except Exception as error:
        return {"similarity": 0.0, "raised": f"{type(error).__name__}: {error}"}


print(json.dumps([outcome(job) for job in json.load(sys.stdin)]), file=out)
