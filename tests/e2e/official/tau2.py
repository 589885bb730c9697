"""tau2's own simulations and rewards against a server: `tau2.py PACKAGES URL`, with jobs as JSON on stdin.

A job is `{"model", "user", "domain", "task"}`. Prints as JSON for each the official reward and how it ended.
Its client, litellm, is replaced by one request and litellm's reading of the reply (thoughts at the head of a
text).
"""

import importlib.abc
import importlib.machinery
import json
import os
import re
import sys
import types
from urllib.request import Request, urlopen

packages, url = sys.argv[1:]
sys.path.insert(0, packages)
os.environ["TAU2_DATA_DIR"] = os.path.join(packages, "data")
out, sys.stdout = sys.stdout, sys.stderr
THOUGHTS = re.compile(r"<(?:think|thinking)>(.*?)</(?:think|thinking)>(.*)", re.DOTALL)


class Fields(types.SimpleNamespace):
    def get(self, name, default=None):
        return vars(self).get(name, default)

    def to_dict(self):
        return {}


def completion(model, messages, tools=None, tool_choice=None, **settings):
    told = [{name: part for name, part in message.items() if part is not None} for message in messages]
    body = {"model": model.partition("/")[2], "messages": told} | ({"tools": tools} if tools else {})
    asked = Request(
        f"{url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    message = json.load(urlopen(asked))["choices"][0]["message"]
    content = message.get("content")
    if "reasoning_content" not in message and isinstance(content, str) and (found := THOUGHTS.match(content)):
        content = found[2]
    calls = [
        Fields(
            id=call["id"],
            function=Fields(name=call["function"]["name"], arguments=call["function"]["arguments"] or ""),
        )
        for call in message.get("tool_calls") or ()
    ]
    said = Fields(role="assistant", content=content, tool_calls=calls or None)
    return Fields(model=model, usage=None, choices=[Fields(message=said, finish_reason="stop")])


class StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """litellm, openai and requests, as far as they are imported."""

    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in ("litellm", "openai", "requests"):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        made = types.ModuleType(spec.name)
        made.completion, made.completion_cost = completion, lambda **given: 0.0
        made.disable_cache = lambda: None
        made.__getattr__ = self.name
        return made

    def exec_module(self, module):
        """Nothing to run."""

    @staticmethod
    def name(name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (Exception,), {})


sys.meta_path.insert(0, StandIn())

from loguru import logger  # noqa: E402

logger.remove()

from tau2.data_model.simulation import TextRunConfig  # noqa: E402
from tau2.evaluator.evaluator import EvaluationType, evaluate_simulation  # noqa: E402
from tau2.registry import registry  # noqa: E402
from tau2.runner.build import build_text_orchestrator  # noqa: E402
from tau2.runner.progress import run_with_retry  # noqa: E402
from tau2.runner.simulation import run_simulation  # noqa: E402


def outcome(job):
    domain = job["domain"]
    task = next(each for each in registry.get_tasks_loader(domain)("base") if each.id == job["task"])
    models = {"llm_agent": f"openai/{job['model']}", "llm_user": f"openai/{job['user']}"}
    config = TextRunConfig(domain=domain, **models)

    def run():
        return run_simulation(build_text_orchestrator(config, task, seed=300))

    found = run_with_retry(
        run, task, trial=0, seed=300, max_retries=0, retry_delay=0, console_display=False, save_fn=None
    )
    # a simulation that was given up has no reward: it is graded as every one that was cut off
    reward = found.reward_info or evaluate_simulation(found, task, EvaluationType.ALL, False, domain)
    return {
        "reward": reward.reward,
        "end": found.termination_reason.value,
        "error": (found.info or {}).get("error", "") if isinstance(found.info, dict) else "",
    }


print(json.dumps([outcome(job) for job in json.load(sys.stdin)]), file=out)
