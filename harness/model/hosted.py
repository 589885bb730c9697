"""Any inspect-ai model string, behind one lazily imported adapter.

inspect-ai brings the providers, their authentication and their message conversion. Retries, the
cache, budgets and the ledger are the gateway's, so inspect's own retry loop is switched off.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from tenacity import RetryError

from harness.base.digest import digest
from harness.base.errors import UsageError
from harness.base.secrets import url_shown, without_secrets_of_server
from harness.base.surrogates import sendable
from harness.model import backoff
from harness.model.argument_types import as_declared
from harness.model.arguments import OF_THE_REVISION, REACH, output_arguments, reach_arguments
from harness.model.faults import ServerFault, causes
from harness.model.local_weights import TAKEN, in_process
from harness.model.openai_compatible.endpoint import OPENAI, RUNNING, endpoint, headers_of, running
from harness.model.provider import Call, Provider
from harness.model.request_fields import UNSAID
from harness.model.sdk_answers import looked_at, token_parts
from harness.model.sent_request import seen, unsent, watched
from harness.model.server_info import Told, ask
from harness.model.unopened import check_names, unopened
from harness.model.weights import folder_revision, hub_revision

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput


#: providers that load weights in this process or on this machine, and take `model_path`
TRAINABLE = ("hf", "vllm")
#: those that load a revision of the Hub
LOADED = ("hf", "vllm", "sglang")


#: providers that compute in this process, in batches of as many calls as come at once
IN_PROCESS = ("hf", "nnterp", "transformer_lens")
#: providers whose requests carry a seed by default: their servers sample by it
SEEDED = ("vllm", "sglang", "ollama", "hf")
#: providers of servers that know `top_k`, which their protocol has no field for
TOP_K_IN_BODY = ("openai-api/", "vllm/", "sglang/", "openrouter/")
#: providers whose server an environment variable may name, which only the client tells for certain; others
#: start one of their own, at any port
ADDRESSED = ("openai/", "openai-api/")
#: parts of the tokens that inspect-ai's provider has no number for where there is none of them
ZEROS = {
    "google": ("input_tokens_cache_read", "input_tokens_cache_write"),
    "anthropic": ("reasoning_tokens",),
}
#: those whose server has a usual address on this machine
LOCAL = ("ollama/", "llama-cpp-python/")


def _context_length(name: str) -> int | None:
    """Tokens of a model's context by inspect-ai's own list; None where that doesn't have it. The public
    `get_model_info` opens a model that is not listed, which asks for a key, or loads weights."""
    from inspect_ai.model import _model_info

    known = _model_info._get_model_info_direct(name)
    return known.context_length if known else None


class Hosted(Provider):
    """Its client is opened by `connect` or the first call; until then nothing asks for a key."""

    remote = True
    abilities = frozenset({"tools", "logprobs"})

    def __init__(self, name: str, args: Mapping[str, Any]) -> None:
        from inspect_ai.model import GenerateConfig

        self.name, self._args = name, dict(args)
        self.revision = self.named_revision
        self._config = GenerateConfig
        self.timeout = float(args.get("timeout") or self.timeout)
        self.context = _context_length(name)
        family, _, self._rest = name.partition("/")
        self._trainable = family in TRAINABLE
        self.adaptive = family not in IN_PROCESS
        if self._trainable:
            self.abilities = self.abilities | {"trainable"}
        own = output_arguments(args, by_content=True)
        self.arguments = {key: value for key, value in own.items() if key not in OF_THE_REVISION}
        self.origin = url_shown(str(args.get("base_url") or ""))
        if self.origin and not self.origin.lower().startswith(("http://", "https://")):
            raise UsageError(
                f"--model-arg base_url={self.origin} is no address: it begins with http:// or https://"
            )
        self._once(self.origin)
        if family in RUNNING:
            self.origin = url_shown(running(family, args)).rstrip("/")
        self.address = self.origin
        if name.startswith(ADDRESSED) and not self.origin:
            self.from_client, self.address = True, _named_address(name)
        self.reached = reach_arguments(args)
        reached = {key: str(value) for key, value in args.items() if key in REACH or key == "model_path"}
        self.server = digest([name, reached])

    @property
    def named_revision(self) -> str:
        return str(self._args.get("revision") or "")

    def _once(self, origin: str) -> None:
        """Notes by which server completions were kept when it was part of a model. Arguments were none, so
        that those of a model that has any may be another's."""
        if origin and not self.arguments and "model_path" not in self._args:
            self.former = (self.named_revision, origin)

    def connect(self) -> None:
        if self._trainable:  # opened when asked: a method may train other weights first
            return
        client = getattr(self._model.api, "client", None)
        if self.from_client or (self.name.startswith(LOCAL) and not self.origin):
            address = url_shown(str(getattr(client, "base_url", "")).rstrip("/"))
            self.found_at("" if address == OPENAI else address)

    def found_at(self, origin: str) -> None:
        self.origin = origin
        if self.from_client:
            self._once(origin)

    @property
    def official(self) -> bool:
        own = (*RUNNING, *TRAINABLE, "openai-api", *(name.rstrip("/") for name in LOCAL))
        return self.name.partition("/")[0] not in own

    @property
    def asked(self) -> bool:
        """Official services are not: their names are all that they tell."""
        return bool(self.origin) and self.name.startswith((*ADDRESSED, *LOCAL, *(f"{f}/" for f in RUNNING)))

    def ask_server(self) -> Told | None:
        if not self.asked:
            return None
        family = self.name.partition("/")[0]
        if family == "openai-api" or family in RUNNING:
            at = endpoint(self.name, self._args, lambda: self._model.api)
            named = str(self._args.get("base_url") or "")
            address = named if "?" in named else at.address
            return ask(address, at.headers, at.model.rpartition(":")[2], family)
        api = self._model.api
        return ask(str(api.client.base_url), headers_of(api.client), api.service_model_name(), family)

    def weights_revision(self, offline: bool) -> str:
        """The content of a folder, or the commit of a repository of the Hub; of an adapter too."""
        family = self.name.partition("/")[0]
        if family not in (*TRAINABLE, *RUNNING) or (family in RUNNING and self.origin):
            return ""
        if "model_path" in self._args:
            return folder_revision(Path(str(self._args["model_path"])))
        base, _, adapter = self._rest.partition(":") if family == "vllm" else (self._rest, "", "")
        found = [_content(each, self.named_revision, offline) for each in (base, adapter) if each]
        return digest(found) if adapter else found[0]

    @cached_property
    def _model(self) -> Any:
        from inspect_ai.model import get_model

        name = self.name
        check_names(name, self._args)
        options = as_declared(name, {key: value for key, value in self._args.items() if key != "timeout"})
        if name.startswith("openai-api/"):
            options = _with_a_query(options)
        if name.partition("/")[0] not in LOADED:
            options.pop("revision", None)  # it is the harness's own word for what a server serves
        try:
            model = watched(looked_at(get_model(name, memoize=False, **options)))
        except (Exception, SystemExit) as error:
            raise unopened(name, error) from error
        return in_process(model, options.get("do_sample")) if name.startswith("hf/") else model

    def takes(self, setting: str) -> bool:
        return not self.name.startswith("hf/") or setting in (*TAKEN, "system_message")

    def weights(self) -> Path:
        """The folder named by `--model-arg model_path=...`, else the Hub's snapshot, fetched if need be."""
        if "model_path" in self._args:
            return Path(str(self._args["model_path"]))
        from huggingface_hub import snapshot_download

        repository = self.name.partition("/")[2]
        try:
            return Path(snapshot_download(repository, revision=self.revision or None))
        except Exception as error:
            reason = (_told(error).strip() or type(error).__name__).splitlines()[0][:200]
            raise UsageError(
                f"can't fetch the weights of {repository!r}: {reason}; "
                "--model-arg model_path=FOLDER takes them from disk"
            ) from error

    def weights_here(self) -> Path | None:
        if "model_path" in self._args:
            return Path(str(self._args["model_path"]))
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        repository = self.name.partition("/")[2]
        try:
            return Path(snapshot_download(repository, revision=self.revision or None, local_files_only=True))
        except (LocalEntryNotFoundError, ValueError, OSError):
            return None

    def with_weights(self, folder: Path) -> Hosted:
        if not (folder / "config.json").is_file():
            raise UsageError(f"{folder} holds no config.json, so no weights for {self.name}")
        if self.name.partition("/")[0] in RUNNING and self.origin:
            raise UsageError(
                f"{self.name} is served at {self.origin}, which keeps its own weights; name no server, so "
                "that one is started with the trained ones"
            )
        other = Hosted(self.name, {**self._args, "model_path": str(folder)})
        other.revision = folder_revision(folder)
        other.connections, other.adaptive = self.connections, self.adaptive
        return other

    @property
    def seeds(self) -> bool:  # type: ignore[override]
        family = self.name.partition("/")[0]
        chat = family == "openai" and not getattr(self._model.api, "responses_api", True)
        return family in SEEDED or chat

    async def generate(self, call: Call) -> ModelOutput:
        from inspect_ai._util.error import PrerequisiteError

        settings = dict(call.decoding)
        if "top_k" in settings and self.name.startswith(TOP_K_IN_BODY):  # inspect-ai drops it
            body = settings.get("extra_body") or {}
            settings["extra_body"] = {**body, "top_k": settings.pop("top_k")}
        config = self._config(**settings, max_retries=0, max_connections=self.connections)
        client: Any = getattr(self._model.api, "client", None)
        if getattr(client, "max_retries", 0):  # an SDK client would retry behind the gateway's back
            client.max_retries = 0
            if self.timeout > Provider.timeout and not self.batched:  # and give up after ten minutes
                client.timeout = self.timeout
        requests = seen()
        try:
            async with self._clock():
                with token_parts() as parts:
                    output: ModelOutput = await self._model.generate(
                        sendable(list(call.messages)),
                        tools=sendable(list(call.tools)),
                        tool_choice=None if call.tool_choice == UNSAID else call.tool_choice,
                        config=config,
                    )
        except RetryError as spent:  # inspect's wrapper around the one attempt it was allowed
            raise spent.last_attempt.exception() or spent  # noqa: B904  (its cause says what broke)
        except PrerequisiteError as error:  # of a server that is started when it is asked first
            raise unopened(self.name, error) from error
        for request in requests:
            self.unsent |= unsent(request, settings)
        if not output.choices and not output.error:
            raise ServerFault("the server's answer holds no choices")
        if output.usage is not None:
            none = dict.fromkeys(ZEROS.get(self.name.partition("/")[0], ()), 0)
            for part, count in {**none, **parts}.items():
                if getattr(output.usage, part) is None:
                    setattr(output.usage, part, count)
        return output

    @asynccontextmanager
    async def _clock(self) -> AsyncIterator[None]:
        """Ends a request that takes too long.

        Raises:
            TimeoutError: it does, in words.
        """
        try:
            async with asyncio.timeout(self.timeout) as clock:
                yield
        except TimeoutError:
            if not clock.expired():
                raise
            raise TimeoutError(f"no answer within {self.timeout:g} seconds (--timeout)") from None

    def retryable(self, error: Exception) -> bool:
        """What inspect's provider takes for transient, and answers that broke on their way."""
        if self._model.should_retry(error):
            return True
        if getattr(error, "status_code", None):  # the server has spoken, and inspect takes it as final
            return False
        broken = (json.JSONDecodeError, UnicodeDecodeError, ConnectionError, TimeoutError, EOFError)
        return any(
            isinstance(cause, broken) or type(cause).__module__.startswith(("httpx", "httpcore"))
            for cause in causes(error)
        )

    def retry_after(self, error: Exception) -> float | None:
        """What the headers of the refusal say; the SDKs keep the response on their errors."""
        for cause in causes(error):
            headers = getattr(getattr(cause, "response", None), "headers", None)
            if isinstance(headers, Mapping):
                return backoff.retry_after(headers)
        return None


def _told(error: BaseException) -> str:
    return without_secrets_of_server(str(error))


def _named_address(name: str) -> str:
    """The server that the environment names for a model, as inspect-ai looks for it; empty if none."""
    family, _, rest = name.partition("/")
    service = family if family == "openai" else rest.partition("/")[0]
    variables = (f"{service.upper().replace('-', '_')}_BASE_URL", "INSPECT_EVAL_MODEL_BASE_URL")
    return url_shown(next((os.environ[each] for each in variables if os.environ.get(each)), "").rstrip("/"))


def _with_a_query(options: dict[str, Any]) -> dict[str, Any]:
    """Arguments whose address has no query: the SDK writes the path of a call behind it."""
    address, sign, query = str(options.get("base_url") or "").partition("?")
    if not sign:
        return options
    given = options.get("default_query")
    return options | {"base_url": address, "default_query": dict(parse_qsl(query)) | dict(given or {})}


def _content(model: str, revision: str, offline: bool) -> str:
    """The revision of weights that are named by a folder or a Hub id."""
    if Path(model).is_dir():
        return folder_revision(Path(model))
    return hub_revision(model, revision, offline)
