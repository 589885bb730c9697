"""What a server tells of the model that it serves: asked once, when the model is opened."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from harness.base.digest import digest
from harness.base.secrets import without_secrets

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

#: seconds that all questions together may take
PATIENCE = 5.0
#: bytes of an answer that are read; a service may list hundreds of models
LONGEST = 8_000_000
#: what an entry of /v1/models may hold that stays while the weights do, at every start of a server
OF_THE_WEIGHTS = (
    *("root", "parent", "digest", "sha256", "hash", "checksum", "commit", "revision", "version"),
    *("checkpoint", "weights", "quantization", "dtype"),
)
#: the same of the tables in it, as llama.cpp and Ollama have them
TABLES = {
    "meta": ("n_params", "size", "n_vocab", "vocab_type", "n_embd", "n_ctx_train", "ftype"),
    "details": ("family", "format", "parameter_size", "quantization_level"),
}
#: what says nothing certain of weights, but differs only where somebody set two servers up differently
BESIDE = ("owned_by", "max_model_len", "context_length", "context_window")
#: engines by what they call themselves in `owned_by`, or their family here
ENGINES = {
    "vllm": "vllm",
    "sglang": "sglang",
    "llamacpp": "llama.cpp",
    "ollama": "ollama",
    "library": "ollama",
}
#: where an engine tells its version, and in which field
VERSIONS = {
    "vllm": (("/version", "version"),),
    "sglang": (("/get_server_info", "version"), ("/server_info", "version")),
    "ollama": (("/api/version", "version"),),
    "llama.cpp": (("/props", "build_info"),),
}


@dataclass(frozen=True)
class Told:
    """What a server says of one model.

    `about` tells its weights apart from others of the name, where the server tells such things; `beside` is
    how it is set up; `engine` is empty where the server doesn't name it.
    """

    about: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)
    engine: str = ""

    def revision(self, name: str) -> str:
        """A digest (64 hex digits) of what is told beyond the name; empty where nothing is."""
        more = {key: value for key, value in self.about.items() if key != "root" or value != name}
        return digest(more) if more else ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, kept: Any) -> Told | None:
        """What `as_dict` gave; None for anything else."""
        try:
            return cls(dict(kept["about"]), dict(kept["beside"]), str(kept["engine"]))
        except (TypeError, KeyError, ValueError):
            return None


def ask(address: str, headers: Mapping[str, str], name: str, family: str) -> Told | None:
    """What the server at an address tells of a model; None where it can't be reached in time. A server that
    doesn't know the question has told nothing, which is no error.

    Args:
        address: up to and with /v1, as requests of completions have it.
        headers: of every request, with the key.
        name: that the server knows the model by.
        family: of the provider, where that names an engine.
    """
    found: list[Told | None] = []
    # the limit is on all of it, and a trickle of bytes would renew that of a socket
    asking = threading.Thread(target=lambda: found.append(_ask(address, headers, name, family)), daemon=True)
    asking.start()
    asking.join(PATIENCE)
    return found[0] if found else None


def _ask(address: str, headers: Mapping[str, str], name: str, family: str) -> Told | None:
    parts = urlsplit(address)  # a key may stand behind `?`
    path = parts.path.rstrip("/")

    def at(where: str) -> str:
        return parts._replace(path=where).geturl()

    answer = _get(at(f"{path}/models"), headers)
    if answer is None:
        return None
    listed, server = answer
    entry = _entry(listed, name)
    engine = ENGINES.get(str(entry.get("owned_by"))) or ENGINES.get(family) or _named(server)
    about = _about(entry, name)
    root = path.removesuffix("/v1")
    if engine == "ollama":
        about |= _tag(at(f"{root}/api/tags"), headers, name)
    for where, key in VERSIONS.get(engine, ()):
        told = _get(at(root + where), headers)
        version = told[0].get(key) if told and isinstance(told[0], dict) else None
        if isinstance(version, str) and version:
            engine = f"{engine} {version[:60]}"
            break
    beside = {key: entry[key] for key in BESIDE if isinstance(entry.get(key), str | int)}
    return Told(without_secrets(about), without_secrets(beside), engine)


def _entry(listed: Any, name: str) -> dict[str, Any]:
    """The model's entry in the list; where a server has one model alone, whatever it is called by."""
    models = listed.get("data") if isinstance(listed, dict) else listed
    entries = [each for each in models if isinstance(each, dict)] if isinstance(models, list) else []
    own = [each for each in entries if each.get("id") == name]
    return own[0] if own else entries[0] if len(entries) == 1 else {}


def _about(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    about = {
        key: entry[key] for key in OF_THE_WEIGHTS if isinstance(entry.get(key), str | int) and entry[key]
    }
    if entry and entry.get("id") != name:
        about["id"] = str(entry.get("id"))
    for table, names in TABLES.items():
        held = entry.get(table)
        if isinstance(held, dict):
            about |= {
                f"{table}.{key}": held[key] for key in names if isinstance(held.get(key), str | int | float)
            }
    return about


def _tag(url: str, headers: Mapping[str, str], name: str) -> dict[str, Any]:
    """The digest that Ollama has for a model."""
    told = _get(url, headers)
    models = told[0].get("models") if told and isinstance(told[0], dict) else None
    for each in models if isinstance(models, list) else ():
        if isinstance(each, dict) and each.get("name") in (name, f"{name}:latest") and each.get("digest"):
            return {"digest": str(each["digest"])}
    return {}


def _named(server: str) -> str:
    """The engine that a `Server` header names; frameworks of the web are none."""
    return next((each for each in ("llama.cpp", "vllm", "sglang", "ollama") if each in server.lower()), "")


def _get(url: str, headers: Mapping[str, str]) -> tuple[Any, str] | None:
    """The JSON at a URL, {} where there is none, and the `Server` header; None if there is no server."""
    import urllib.error
    import urllib.request

    request = urllib.request.Request(url, headers={"Accept": "application/json", **headers})
    try:
        with _opener().open(request, timeout=PATIENCE) as response:
            return json.loads(response.read(LONGEST)), str(response.headers.get("Server") or "")
    except urllib.error.HTTPError as refused:
        with refused:
            # a server that starts, or is behind a gateway that can't reach it, has told nothing yet
            return None if refused.code >= 502 else ({}, str(refused.headers.get("Server") or ""))
    except OSError:
        return None
    except Exception:  # no JSON, or not even HTTP
        return {}, ""


@cache
def _opener() -> OpenerDirector:
    import urllib.request

    from harness.model.openai_compatible.client import certificates

    class Here(urllib.request.HTTPRedirectHandler):
        """A key goes to the server that was named, and to no other."""

        def redirect_request(self, *_: Any, **__: Any) -> None:
            return None

    return urllib.request.build_opener(Here(), urllib.request.HTTPSHandler(context=certificates()))
