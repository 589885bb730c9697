"""Any inspect-ai model string, behind one lazily imported adapter.

inspect-ai brings the providers, their authentication and their message conversion. Retries, the
cache, budgets and the ledger are the gateway's, so inspect's own retry loop is switched off.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenacity import RetryError

from harness.base.digest import digest
from harness.base.errors import UsageError
from harness.base.secrets import url_shown
from harness.base.surrogates import sendable
from harness.model import backoff
from harness.model.faults import ServerFault, causes
from harness.model.provider import Call, Provider
from harness.model.sdk_answers import looked_at, told

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput


#: providers that load weights in this process or on this machine, and take `model_path`
TRAINABLE = ("hf", "vllm")


#: providers whose server an environment variable may name, which only the client tells for certain; others
#: start one of their own, at any port
ADDRESSED = ("openai/", "openai-api/")
#: parts of the tokens that inspect-ai's provider has no number for where there is none of them
ZEROS = {
    "google": ("input_tokens_cache_read", "input_tokens_cache_write"),
    "anthropic": ("reasoning_tokens",),
}
OPENAI = "https://api.openai.com/v1"


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
        self.revision = str(args.get("revision", ""))
        self._config = GenerateConfig
        self._timeout = int(args.get("timeout", 600))
        self.context = _context_length(name)
        self._trainable = name.partition("/")[0] in TRAINABLE
        if self._trainable:
            self.abilities = self.abilities | {"trainable"}
        self.origin = url_shown(str(args.get("base_url") or ""))
        if name.startswith(ADDRESSED) and not self.origin:
            self.from_client, self.address = ("origin",), _named_address(name)

    def connect(self) -> None:
        if self._trainable:  # opened when asked: a method may train other weights first
            return
        client = getattr(self._model.api, "client", None)
        if self.from_client:
            address = url_shown(str(getattr(client, "base_url", "")).rstrip("/"))
            self.origin = "" if address == OPENAI else address

    @cached_property
    def _model(self) -> Any:
        from inspect_ai.model import get_model

        name, options = self.name, {key: value for key, value in self._args.items() if key != "timeout"}
        try:
            return looked_at(get_model(name, memoize=False, **options))
        except (Exception, SystemExit) as error:
            reason = " ".join(re.sub(r"\[/?[a-z ]+\]", "", str(error)).split())[:300] or type(error).__name__
            raise UsageError(
                f"can't open the model {name!r}: {reason}; 'harness list models' shows what there is"
            ) from error

    def weights(self) -> Path:
        """The folder named by `--model-arg model_path=...`, else the Hub's snapshot, fetched if need be."""
        if "model_path" in self._args:
            return Path(str(self._args["model_path"]))
        from huggingface_hub import snapshot_download

        repository = self.name.partition("/")[2]
        try:
            return Path(snapshot_download(repository, revision=self.revision or None))
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
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
        other = Hosted(self.name, {**self._args, "model_path": str(folder)})
        other.revision = digest(
            [
                [file.name, hashlib.sha256(file.read_bytes()).hexdigest()]
                for file in sorted(folder.glob("*.safetensors"))
            ]
        )
        other.connections = self.connections
        return other

    async def generate(self, call: Call) -> ModelOutput:
        config = self._config(
            **call.decoding,
            max_retries=0,
            attempt_timeout=self._timeout,
            max_connections=self.connections,
        )
        client: Any = getattr(self._model.api, "client", None)
        if getattr(client, "max_retries", 0):  # an SDK client would retry behind the gateway's back
            client.max_retries = 0
        try:
            with told() as parts:
                output: ModelOutput = await self._model.generate(
                    sendable(list(call.messages)),
                    tools=sendable(list(call.tools)),
                    tool_choice=call.tool_choice,
                    config=config,
                )
        except RetryError as spent:  # inspect's wrapper around the one attempt it was allowed
            raise (spent.last_attempt.exception() or spent) from None
        if not output.choices and not output.error:
            raise ServerFault("the server's answer holds no choices")
        if output.usage is not None:
            none = dict.fromkeys(ZEROS.get(self.name.partition("/")[0], ()), 0)
            for part, count in {**none, **parts}.items():
                if getattr(output.usage, part) is None:
                    setattr(output.usage, part, count)
        return output

    def retryable(self, error: Exception) -> bool:
        """What inspect's provider takes for transient, and answers that broke on their way."""
        if self._model.should_retry(error):
            return True
        if getattr(error, "status_code", None):  # the server has spoken, and inspect takes it as final
            return False
        broken = (json.JSONDecodeError, ConnectionError, TimeoutError, EOFError)
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


def _named_address(name: str) -> str:
    """The server that the environment names for a model, as inspect-ai looks for it; empty if none."""
    family, _, rest = name.partition("/")
    service = family if family == "openai" else rest.partition("/")[0]
    variables = (f"{service.upper().replace('-', '_')}_BASE_URL", "INSPECT_EVAL_MODEL_BASE_URL")
    return url_shown(next((os.environ[each] for each in variables if os.environ.get(each)), "").rstrip("/"))
