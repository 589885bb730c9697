"""Runs in a worker: bfcl-eval's own loaders, environments and checkers behind `handle`.

Only bfcl_eval is imported here, after what its import needs: a scratch folder for the files that it
creates, and stand-ins for the module that imports every vendor's SDK, of which the checkers use one flag
a model (function names with `_` for `.`), and for what would leave this process: web pages, the search
service and the encoder come through `outside`. The environments are imported for numpy and faiss, which
couldn't be loaded once the walls stand.
"""

from __future__ import annotations

import copy
import json
import os
import pathlib
import shutil
import sys
import types
import uuid
from collections.abc import Callable
from typing import Any


def outside(what: str, **fields: Any) -> Any:
    """What the harness brings from outside; the worker puts its own in this place."""
    raise NotImplementedError


os.environ["BFCL_PROJECT_ROOT"] = os.getcwd()


class _Config:
    """What the checkers ask of a model: names of function-calling mode carry `_` for `.`."""

    def __init__(self, name: str) -> None:
        self.underscore_to_dot, self.display_name = name.startswith("fc"), name


class _Configs(dict):  # type: ignore[type-arg]
    def __missing__(self, name: str) -> _Config:
        return _Config(name)


_stand_in = types.ModuleType("bfcl_eval.constants.model_config")
_stand_in.MODEL_CONFIG_MAPPING = _Configs()  # type: ignore[attr-defined]
sys.modules[_stand_in.__name__] = _stand_in


class _Answer:
    """A page, as far as the environments look at it."""

    def __init__(self, url: str, found: dict[str, Any]) -> None:
        self._url, self.status_code, self.text = url, found["status"], found["text"]

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            side = "Client" if self.status_code < 500 else "Server"
            raise OSError(f"{self.status_code} {side} Error for url: {self._url}")


def _get(url: str, params: Any = None, headers: Any = None, **_: Any) -> _Answer:
    """In place of requests'."""
    found = outside("get", url=url, params=params or {}, headers=headers or {})
    if "failed" in found:
        raise OSError(found["failed"])
    return _Answer(url, found)


class _Search:
    """In place of the search service's client; the harness adds the key."""

    def __init__(self, params: dict[str, Any]) -> None:
        self._params = {name: value for name, value in params.items() if name != "api_key"}

    def get_dict(self) -> Any:
        return json.loads(_get("https://serpapi.com/search", {**self._params, "output": "json"}).text)


class _Encoder:
    """In place of all-MiniLM-L6-v2: the harness's own embedder of that name. Its rows have length one."""

    def __init__(self, name: str, **_: Any) -> None:
        assert name == "all-MiniLM-L6-v2", name

    def get_sentence_embedding_dimension(self) -> int:
        return 384

    def encode(self, texts: list[str], **_: Any) -> Any:
        return outside("embed", embedder="minilm", texts=texts)


def _module(name: str, **names: Any) -> None:
    made = types.ModuleType(name)
    vars(made).update(names)
    sys.modules[name] = made


_module("requests", get=_get)
_module("serpapi", GoogleSearch=_Search)
_module("sentence_transformers", SentenceTransformer=_Encoder)

from bfcl_eval import utils as official  # noqa: E402
from bfcl_eval.constants import default_prompts as prompts  # noqa: E402
from bfcl_eval.constants.enums import Language, ModelStyle, ReturnFormat  # noqa: E402
from bfcl_eval.constants.type_mappings import GORILLA_TO_OPENAPI  # noqa: E402
from bfcl_eval.eval_checker.agentic_eval.agentic_checker import agentic_checker  # noqa: E402
from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker  # noqa: E402
from bfcl_eval.eval_checker.multi_turn_eval import multi_turn_utils  # noqa: E402
from bfcl_eval.eval_checker.multi_turn_eval.func_source_code import (  # noqa: E402, F401
    memory_kv,
    memory_vector,
    web_search,
)
from bfcl_eval.eval_checker.multi_turn_eval.multi_turn_checker import multi_turn_checker  # noqa: E402
from bfcl_eval.model_handler import utils as handler  # noqa: E402

_entries: dict[tuple[str, bool], dict[str, tuple[dict[str, Any], Any]]] = {}


def handle(request: dict[str, Any]) -> Any:
    """One request: `load`, `score`, `prerequisites`, `open`, `execute`, `flush` or `forget`."""
    handlers: dict[str, Callable[..., Any]] = {
        "load": load,
        "score": score,
        "prerequisites": prerequisites,
        "open": open_memory,
        "execute": execute,
        "flush": flush,
        "forget": forget,
    }
    return handlers[request.pop("do")](**request)


def entries(category: str, hints: bool = False) -> dict[str, tuple[dict[str, Any], Any]]:
    """Entry and ground truth by id. The truth is paired by position: its ids differ in live categories."""
    if (category, hints) not in _entries:
        found = official.load_dataset_entry(
            category, include_prereq=False, include_language_specific_hint=hints
        )
        truths: list[Any] = [None] * len(found)
        if "relevance" not in category:
            truths = [row["ground_truth"] for row in official.load_ground_truth_entry(category)]
        _entries[category, hints] = {e["id"]: (e, t) for e, t in zip(found, truths, strict=True)}
    return _entries[category, hints]


def load(category: str, mode: str = "fc") -> list[dict[str, Any]]:
    """What the adapter needs of every entry: turns, tools, tools that come later, and the truth. In mode
    `prompt` turns describe the tools in words, in the official prompt and those for functions held back."""
    rows = []
    for key, (entry, truth) in entries(category, hints=True).items():
        held, tools = entry.get("missed_function", {}), _tools(entry.get("function", []))
        rows.append(
            {
                "id": key,
                "turns": _turns(entry, mode),
                "truth": truth,
                "tools": tools if mode == "fc" else [],
                "later": {turn: _tools(functions) for turn, functions in held.items() if mode == "fc"},
                "scenario": entry.get("scenario"),
                "format": key.split(":")[1] if ":" in key else None,
                "functions": sorted({function["name"] for function in entry.get("function", [])}),
            }
        )
    return rows


def _turns(entry: dict[str, Any], mode: str) -> list[list[dict[str, Any]]]:
    """What the users of an entry say. A turn without words brings the functions that were held back."""
    held, turns = entry.get("missed_function", {}), copy.deepcopy(entry["question"])
    for n, turn in enumerate(turns):
        if not turn:
            words = prompts.DEFAULT_USER_PROMPT_FOR_ADDITIONAL_FUNCTION_FC
            if mode == "prompt":
                words = prompts.DEFAULT_USER_PROMPT_FOR_ADDITIONAL_FUNCTION_PROMPTING.format(
                    functions=held[str(n)]
                )
            turn.append({"role": "user", "content": words})
    if mode == "prompt":
        turns[0] = handler.system_prompt_pre_processing_chat_model(
            turns[0], entry.get("function", []), entry["id"]
        )
    return list(turns)


def _tools(functions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    made = handler.convert_to_tool(functions, GORILLA_TO_OPENAPI, ModelStyle.OPENAI_COMPLETIONS)
    return [tool["function"] for tool in made]


# -- verdicts --------------------------------------------------------------------------------------


def score(
    category: str, id: str, mode: str, result: Any, entry: dict[str, Any] | None = None, truth: Any = None
) -> dict[str, Any]:
    """Whether a recorded result is right, and why not. `entry` and `truth` replace today's data.

    A fresh model name a call keeps the environments of different calls apart; it begins with a letter,
    because it becomes part of an identifier."""
    if entry is None:
        entry, truth = entries(category)[id]
    model = f"{mode}_{uuid.uuid4().hex}"
    try:
        if "relevance" in category:
            called = _calls_something(result, mode)
            return {"valid": called != ("irrelevance" in category)}
        if category.startswith("multi_turn"):
            return _multi_turn(category, entry, truth, mode, result, model)
        if category.startswith(("memory", "web_search")):
            return _agentic(truth, mode, result)
        return _single(category, entry, truth, mode, result, model)
    finally:
        _forget_instances(model)


def _formats(category: str, id: str) -> tuple[Any, Any, bool]:
    """Language, the form of calls in text, and whether they stand in a tag."""
    if category == "format_sensitivity":
        form, tagged, *_ = handler.parse_prompt_variation_params(id.split(":")[1])
        return Language.PYTHON, ReturnFormat(form), tagged
    if category.endswith("_java"):
        return Language.JAVA, ReturnFormat.JAVA, False
    if category.endswith("_javascript"):
        return Language.JAVASCRIPT, ReturnFormat.JAVASCRIPT, False
    return Language.PYTHON, ReturnFormat.PYTHON, False


def _decode(result: Any, mode: str, style: Any, tagged: bool = False) -> Any:
    """The calls in a result, as the official handlers decode them.

    Raises:
        Exception: any, if it holds none."""
    if mode == "prompt":
        return handler.default_decode_ast_prompting(result, style, tagged)
    return [{name: json.loads(call[name])} for call in result for name in list(call)[:1]]


def _decode_steps(result: Any, mode: str) -> list[str]:
    if mode == "prompt":
        return list(handler.default_decode_execute_prompting(result))
    return list(handler.convert_to_function_call(result))


def _calls_something(result: Any, mode: str) -> bool:
    try:
        return not official.is_empty_output(_decode(result, mode, ReturnFormat.PYTHON))
    except Exception:
        return False


def _single(
    category: str, entry: dict[str, Any], truth: Any, mode: str, result: Any, model: str
) -> dict[str, Any]:
    language, *form = _formats(category, entry["id"])
    category = entry["id"].split(":")[-1] if category == "format_sensitivity" else category
    try:
        calls = _decode(result, mode, *form)
    except Exception as error:
        return {"valid": False, "reason": f"not decodable: {error}"}
    if not official.is_function_calling_format_output(calls):
        return {"valid": False, "reason": "not in the format of calls"}
    try:
        found = ast_checker(entry["function"], calls, truth, language, category, model)
    except Exception as error:  # the official run would stop here: the answer is at fault
        return {"valid": False, "reason": f"{type(error).__name__}: {error}"}
    return {"valid": bool(found["valid"]), "reason": "; ".join(map(str, found.get("error", [])))}


def _multi_turn(
    category: str, entry: dict[str, Any], truth: Any, mode: str, result: Any, model: str
) -> dict[str, Any]:
    if not isinstance(result, list) or len(result) != len(truth):
        return {"valid": False, "reason": "stopped by force before the last turn"}
    turns = [[step for step in map(lambda raw: _steps(raw, mode), turn) if step] for turn in result]
    found = multi_turn_checker(turns, truth, copy.deepcopy(entry), category, model)
    return {"valid": bool(found["valid"]), "reason": str(found.get("error_message", ""))}


def _steps(raw: Any, mode: str) -> list[str]:
    """The calls of a step; none for words, which are only part of the conversation."""
    try:
        steps = _decode_steps(raw, mode)
    except Exception:
        return []
    return [] if multi_turn_utils.is_empty_execute_response(steps) else steps


def _agentic(truth: Any, mode: str, result: Any) -> dict[str, Any]:
    if not isinstance(result, list) or len(result) != 1:
        return {"valid": False, "reason": "no list of one turn"}
    words = [raw for raw in result[0] if not _steps(raw, mode)]
    if not words or not words[-1]:
        return {"valid": False, "reason": "no last message without a call"}
    return {"valid": bool(agentic_checker(words[-1], truth)["valid"])}


# -- environments at run time ----------------------------------------------------------------------


def execute(category: str, id: str, session: str, calls: Any, mode: str = "fc") -> list[str] | None:
    """Results of the calls of one step, on the session's own environment; None if they decode to none,
    which ends the turn. In mode `prompt` the calls are a text, and the results one text."""
    entry = _entry(category, id)
    try:
        steps = _decode_steps(calls, mode)
    except Exception:
        return None
    if calls and multi_turn_utils.is_empty_execute_response(steps):
        return None
    results, _ = multi_turn_utils.execute_multi_turn_func_call(
        steps,
        entry.get("initial_config", {}),
        entry["involved_classes"],
        session,
        id,
        long_context="long_context" in category,
        is_evaL_run=False,
    )
    if mode == "prompt":
        return [handler.format_execution_results_prompting({}, results, {"model_responses_decoded": steps})]
    return list(results)


# -- memories --------------------------------------------------------------------------------------

_earlier: dict[str, dict[str, dict[str, Any]]] = {}


def _prerequisites(category: str) -> dict[str, dict[str, Any]]:
    """The conversations that come before a memory category's questions, by id and in their order."""
    if category not in _earlier:
        found = official.load_dataset_entry(category, include_prereq=True)
        _earlier[category] = {e["id"]: e for e in found if official.is_memory_prereq(e["id"])}
    return _earlier[category]


def _entry(category: str, id: str, hints: bool = False) -> dict[str, Any]:
    if official.is_memory_prereq(id):
        return _prerequisites(category)[id]
    entry = entries(category, hints)[id][0]
    official.populate_initial_settings_for_web_search_test_cases([entry])
    return entry


def prerequisites(category: str, scenario: str) -> list[str]:
    """Ids of the conversations that a scenario's questions are about, in their order."""
    return [key for key, entry in _prerequisites(category).items() if entry["scenario"] == scenario]


def open_memory(
    category: str, id: str, session: str, snapshot: dict[str, Any] | None, mode: str = "fc"
) -> list[Any]:
    """Opens a conversation on a memory that holds what `snapshot` does; the turns of its users."""
    entry = copy.deepcopy(_entry(category, id, hints=True))
    place = pathlib.Path(os.getcwd()) / session
    memory = place / official.get_directory_structure_by_id(id) / "memory_snapshot"
    memory.mkdir(parents=True)
    if snapshot is not None:
        (memory / f"{entry['scenario']}_final.json").write_text(json.dumps(snapshot))
    settings = official.populate_initial_settings_for_memory_test_cases([entry], place)[0]
    _, made = multi_turn_utils.execute_multi_turn_func_call(
        [], settings["initial_config"], entry["involved_classes"], session, id
    )
    (instance,) = made.values()
    entry["question"] = handler.add_memory_instruction_system_prompt(
        entry["question"], category, entry["scenario"], instance
    )
    return _turns(entry, mode)


def flush(category: str, id: str, session: str) -> dict[str, Any]:
    """What the memory of an open conversation holds, as the official code saves it."""
    entry = _entry(category, id)
    _, made = multi_turn_utils.execute_multi_turn_func_call([], {}, entry["involved_classes"], session, id)
    (instance,) = made.values()
    instance._flush_memory_to_local_file()
    found: dict[str, Any] = json.loads(instance.latest_snapshot_file.read_text())
    return found


def forget(session: str) -> None:
    """Drops a session's environment."""
    _forget_instances(session)
    shutil.rmtree(os.path.join(os.getcwd(), session), ignore_errors=True)


def _forget_instances(model: str) -> None:
    held = vars(multi_turn_utils)
    for name in [name for name in held if name.startswith(model) and name.endswith("_instance")]:
        del held[name]
