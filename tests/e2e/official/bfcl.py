"""BFCL's own inference and verdicts against a server: `bfcl.py PACKAGES URL`, with jobs as JSON on stdin.

A job is `{"model", "category", "id", "mode"}`. Prints as JSON for each the official result, and whether the
official code finds it right, its own way through an exception included.
"""

import copy
import json
import os
import sys
import tempfile
import types
import uuid

packages, url = sys.argv[1:]
sys.path.insert(0, packages)
os.environ |= {"BFCL_PROJECT_ROOT": tempfile.mkdtemp(), "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "none"}
out, sys.stdout = sys.stdout, sys.stderr  # the loops print what they do


class Configs(dict):
    """In place of the module that imports every vendor's SDK."""

    def __missing__(self, name):
        return types.SimpleNamespace(underscore_to_dot=name.startswith("fc"), display_name=name)


def module(name, **names):
    made = types.ModuleType(name)
    vars(made).update(names)
    sys.modules[name] = made


module("bfcl_eval.constants.model_config", MODEL_CONFIG_MAPPING=Configs())
module("dotenv", load_dotenv=None)
module("requests", get=None)
module("serpapi", GoogleSearch=None)
module("sentence_transformers", SentenceTransformer=None)

from bfcl_eval import utils  # noqa: E402
from bfcl_eval.constants.enums import Language, ReturnFormat  # noqa: E402
from bfcl_eval.eval_checker import eval_runner  # noqa: E402
from bfcl_eval.model_handler.api_inference.openai_completion import OpenAICompletionsHandler  # noqa: E402

LANGUAGES = {
    "java": (Language.JAVA, ReturnFormat.JAVA),
    "javascript": (Language.JAVASCRIPT, ReturnFormat.JAVASCRIPT),
}
PYTHON = (Language.PYTHON, ReturnFormat.PYTHON)


def entry(category, key, hints):
    found = utils.load_dataset_entry(category, include_prereq=False, include_language_specific_hint=hints)
    return next((place, copy.deepcopy(each)) for place, each in enumerate(found) if each["id"] == key)


def run(job):
    category, native = job["category"], job["mode"] == "fc"
    handler = OpenAICompletionsHandler(job["model"], 0.001, f"{job['model']}{'-FC' * native}", native)
    try:
        result, _ = handler.inference(entry(category, job["id"], True)[1], False, True)
    except Exception as error:  # as the official loop over entries has it
        result = f"Error during inference: {error}"
    return result, graded(handler, job, result)


def graded(handler, job, result):
    category, key = job["category"], job["id"]
    place, asked = entry(category, key, False)
    name = f"{job['mode']}_{uuid.uuid4().hex}"
    common = (handler, key, result)
    if "relevance" in category:
        found = eval_runner._evaluate_single_relevance_entry(*common, asked, name, category)
    else:
        truth = utils.load_ground_truth_entry(category)[place]["ground_truth"]
        if category.startswith("multi_turn"):
            found = eval_runner._evaluate_single_multi_turn_entry(*common, truth, asked, name, category)
        else:
            forms = LANGUAGES.get(category.rpartition("_")[2], PYTHON)
            found = eval_runner._evaluate_single_ast_entry(*common, truth, asked, name, category, *forms)
    return bool(found["valid"])


def outcome(job):
    try:
        result, valid = run(job)
    except Exception as error:  # the official evaluation stops here: the answer is at fault
        return {"valid": False, "raised": f"{type(error).__name__}: {error}"}
    return {"valid": valid, "result": result}


print(json.dumps([outcome(job) for job in json.load(sys.stdin)], default=str), file=out)
