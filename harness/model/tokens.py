"""Tokens of calls whose server counted none, by the model's own tokenizer where it is on this machine."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.model.provider import Call, Provider
from harness.model.sizes import texts_of

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput, ModelUsage

#: tokens that a chat template puts around a message
AROUND = 4
#: where tiktoken takes its tables from, by which it names its copies of them
TABLES = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"


#: counts the tokens of texts
Counter = Callable[[Iterable[str]], int]


def counter(provider: Provider) -> Counter | None:
    """The tokenizer of a model itself; None where there is none on this machine. Nothing is fetched."""
    weights = provider.weights_here() if "trainable" in provider.abilities else None
    return _counter(provider.name, str(weights or ""))


def estimated(count: Counter, call: Call, output: ModelOutput) -> ModelUsage:
    """What a call took by a tokenizer: the texts of prompt and completion, and some tokens around each
    message."""
    from inspect_ai.model import ModelUsage

    tools = (tool.model_dump_json(exclude_none=True) for tool in call.tools)
    texts = [text for message in call.messages for text in texts_of(message)]
    said = [text for choice in output.choices for text in texts_of(choice.message)]
    read, wrote = count([*texts, *tools]) + AROUND * len(call.messages), count(said)
    return ModelUsage(input_tokens=read, output_tokens=wrote, total_tokens=read + wrote)


@cache
def _counter(name: str, weights: str) -> Counter | None:
    file = Path(weights) / "tokenizer.json" if weights else _on_disk(name)
    if file is not None and file.is_file() and find_spec("tokenizers"):
        from tokenizers import Tokenizer

        try:
            tokenizer: Any = Tokenizer.from_file(str(file))
        except Exception:  # its own error for a file that is no tokenizer
            return None
        return lambda texts: sum(
            len(tokenizer.encode(_sound(text), add_special_tokens=False).ids) for text in texts
        )
    encoding = _tiktoken(name.rpartition("/")[2])
    if encoding is None:
        return None
    return lambda texts: sum(len(encoding.encode(_sound(text), disallowed_special=())) for text in texts)


def _on_disk(name: str) -> Path | None:
    """`tokenizer.json` of the model's Hub repository, in the Hub's cache."""
    family, _, repository = name.partition("/")
    if family == "openai-api":
        repository = repository.partition("/")[2]
    if repository.count("/") != 1:
        return None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(repository, "tokenizer.json")
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None


def _tiktoken(model: str) -> Any:
    """OpenAI's tokenizer of a model, if tiktoken has kept its table; it would fetch any other."""
    if not find_spec("tiktoken"):
        return None
    import tiktoken
    from tiktoken.model import encoding_name_for_model

    try:
        name = encoding_name_for_model(model)
    except KeyError:
        return None
    names = ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")
    folder = next((os.environ[each] for each in names if os.environ.get(each)), None)
    kept = Path(folder or Path(tempfile.gettempdir()) / "data-gym-cache")
    table = hashlib.sha1(TABLES.format(name).encode()).hexdigest()
    return tiktoken.get_encoding(name) if (kept / table).is_file() else None


def _sound(text: str) -> str:
    """Without lone surrogates, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
