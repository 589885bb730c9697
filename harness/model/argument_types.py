"""Arguments of providers in their types: text stays text, and `true` is a truth value, whoever wrote it."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

from harness.base.errors import UsageError
from harness.base.secrets import without_secrets
from harness.base.values import Written, typed

#: names that hold text, though their value may look like a number: as the constructors of inspect-ai's
#: providers and of the clients below them declare, or what `**more` of transformers and vLLM takes for text
TEXT = frozenset(
    "api_version api_key_var base_url organization project location quota_project_id aws_region region "
    "service service_base_url websocket_base_url service_tier data_residency endpoint_url host "
    "inference_component_name prompt_cache_key prompt_cache_retention safety_identifier cache_ttl betas "
    "revision code_revision tokenizer_revision subfolder variant model_path tokenizer tokenizer_path "
    "chat_template auto_model_class served_model_name quantization encoding separator label results "
    "of folder person".split()
)
#: names that hold true or false, or one of the words in `WORDS`
FLAGS = frozenset(
    "responses_api responses_store responses_phase emulate_tools strict_tools background conversation_api "
    "computer_toolset disable_retry stream streaming trust_remote_code do_sample enable_thinking "
    "use_chat_template use_adc reasoning_enabled".split()
)
WORDS = {"stream": "auto", "streaming": "auto"}
#: names that hold a number
NUMBERS = frozenset(
    "port client_timeout retry_delay timeout max_retries read_timeout connect_timeout batch_size".split()
)


def typed_arguments(given: Mapping[str, Any], flag: str) -> dict[str, Any]:
    """The arguments of a provider in their types, the same from the command line, a file and Python.

    A name that is declared as text keeps its text (`revision=0012`, `api_key=12345`), one that is declared as
    a truth value or a number must be one; what nobody declares is typed as YAML, and `none` is none.

    Raises:
        UsageError: a value that a declared argument doesn't take.
    """
    return {name: _typed(name, value, f"{flag} {name}=") for name, value in given.items()}


def _typed(name: str, value: Any, where: str) -> Any:
    written = isinstance(value, str)
    if name.lower().endswith("headers"):
        return _headers(value, where)
    if name in TEXT or not without_secrets({name: ""}):
        if value is None or written:
            return None if value is None else str(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if isinstance(value, float | bool):
            raise UsageError(f"{where}{value}: a text is wanted; write it in quotes")
        return value
    if not written:
        made = value
    elif isinstance(value, Written) or name in FLAGS | NUMBERS:
        made = None if value.strip().lower() == "none" else typed(str(value))
    else:
        made = value
    a_word = name in WORDS and made == WORDS[name]
    if name in FLAGS and not (made is None or isinstance(made, bool) or a_word):
        raise UsageError(f"{where}{value}: true or false is wanted")
    if name in NUMBERS and made is not None and (isinstance(made, bool) or not isinstance(made, int | float)):
        raise UsageError(f"{where}{value}: a number is wanted")
    return made


def _headers(value: Any, where: str) -> Any:
    """Headers, whose values are texts."""
    import yaml

    if isinstance(value, str):
        try:
            value = yaml.load(value, Loader=yaml.BaseLoader)  # noqa: S506  # makes texts alone
        except yaml.YAMLError:
            value = None
    if value is not None and not isinstance(value, Mapping):
        raise UsageError(f"{where}: names with texts are wanted, as '{{X-Team: evals}}'")
    return {str(name): str(text) for name, text in (value or {}).items()}


def as_declared(model: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the constructor of an inspect-ai provider declares them, for providers that others
    register: a number where it says text becomes the text that it was."""
    hints = declared(model.partition("/")[0])
    return {name: _fitted(value, hints.get(name)) for name, value in args.items()}


def _fitted(value: Any, hint: Any) -> Any:
    union = get_origin(hint) in (Union, types.UnionType)
    kinds = {*get_args(hint)} - {type(None)} if union else {hint}
    if kinds == {str} and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def declared(family: str) -> dict[str, Any]:
    """The types of a provider's constructor; empty where it can't be looked at."""
    from inspect_ai._util.registry import registry_find, registry_unqualified_name

    found = registry_find(lambda info: info.type == "modelapi" and registry_unqualified_name(info) == family)
    try:
        provider: Any = found[0] if found else None
        if provider is not None and not inspect.isclass(provider):  # imported when it is asked for
            provider = provider()
        return get_type_hints(provider.__init__) if inspect.isclass(provider) else {}
    except (Exception, SystemExit):  # its package isn't installed, which opening it says
        return {}
