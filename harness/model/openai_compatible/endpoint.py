"""Where the server of a model is, and by what name and key it is asked, as inspect-ai finds it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.base.errors import UsageError

OPENAI = "https://api.openai.com/v1"
FAMILIES = ("openai-api", "vllm", "sglang")
#: arguments of a model that this path understands, by family; with any other, inspect-ai asks
ARGUMENTS = {
    "openai-api": {
        *("base_url", "api_key", "timeout", "strict_tools", "default_headers", "organization", "revision")
    },
    "vllm": {"base_url", "port", "api_key", "timeout", "revision"},
    "sglang": {"base_url", "port", "api_key", "timeout", "revision"},
}
#: the argument that says what is asked of a server, and its values: a chat, or the continuation of a text
ENDPOINT, CHAT, COMPLETIONS = "endpoint", "chat", "completions"
#: variables that name a server that runs, and the key that stands for none
RUNNING = {
    "vllm": (("VLLM_BASE_URL",), "inspectai"),
    "sglang": (("SGLANG_BASE_URL", "INSPECT_EVAL_MODEL_BASE_URL"), "dummy"),
}


@dataclass(frozen=True)
class Endpoint:
    """One model of one server."""

    family: str
    address: str
    #: the name that the server knows the model by
    model: str
    headers: Mapping[str, str]
    strict_tools: bool = True


def spoken(name: str, args: Mapping[str, Any]) -> bool:
    """Whether a model can be asked over this path: it has a server that runs, and all that is said of it is
    understood here."""
    family, _, rest = name.partition("/")
    if family not in FAMILIES or not (ARGUMENTS[family] | {ENDPOINT}).issuperset(args):
        return False
    if family == "openai-api":
        return "?" not in str(args.get("base_url") or "")
    # an adapter has to be loaded first, which inspect-ai does
    return bool(running(family, args)) and ":" not in rest and "?" not in running(family, args)


def of_text(name: str, args: Mapping[str, Any]) -> bool:
    """Whether a model is asked to continue a text, as base models are, and not to answer a chat.

    Raises:
        UsageError: it is asked for and can't be had, or the argument has another value.
    """
    chosen = args.get(ENDPOINT, CHAT)
    if chosen not in (CHAT, COMPLETIONS):
        raise UsageError(f"--model-arg {ENDPOINT}={chosen} is {CHAT} or {COMPLETIONS}")
    if chosen == CHAT or spoken(name, args):
        return bool(chosen != CHAT)
    family = name.partition("/")[0]
    if family not in FAMILIES:
        why = f"of {', '.join(f'{each}/' for each in FAMILIES)} alone, not of {family}/"
    elif strange := sorted(set(args) - ARGUMENTS[family] - {ENDPOINT}):
        why = f"without --model-arg {strange[0]}"
    else:
        why = "of a server that runs and without an adapter: --model-arg base_url=URL names it"
    raise UsageError(f"--model-arg {ENDPOINT}={COMPLETIONS} is for models {why}")


def endpoint(name: str, args: Mapping[str, Any], client: Callable[[], Any]) -> Endpoint:
    """Where a model that is `spoken` is.

    Args:
        name: with its family.
        args: of the model.
        client: opens inspect-ai's own provider of it, which knows the variables of every service; called for
            `openai-api` alone.

    Raises:
        UsageError: no address or no key (of `client`).
    """
    family, _, rest = name.partition("/")
    if family == "openai-api":
        api = client()
        strict = bool(args.get("strict_tools", True))
        headers = headers_of(api.client)
        return Endpoint(family, str(api.client.base_url), api.service_model_name(), headers, strict)
    key = str(args.get("api_key") or os.environ.get(f"{family.upper()}_API_KEY", RUNNING[family][1]))
    return Endpoint(family, running(family, args), rest, {"Authorization": f"Bearer {key}"})


def headers_of(client: Any) -> dict[str, str]:
    """What an SDK's client sends with every request, but for what it says of itself."""
    sdk = {key.lower() for key in ("Accept", "Content-Type", "User-Agent")}
    return {"Authorization": f"Bearer {client.api_key}"} | {
        key: value
        for key, value in client.default_headers.items()
        if isinstance(value, str) and key.lower() not in sdk and not key.lower().startswith("x-stainless")
    }


def running(family: str, args: Mapping[str, Any]) -> str:
    """The address of a server that runs; empty if none was named, so that one has to be started."""
    if args.get("base_url"):
        return str(args["base_url"])
    if args.get("port"):
        return f"http://localhost:{args['port']}/v1"
    return next((os.environ[each] for each in RUNNING[family][0] if os.environ.get(each)), "")
