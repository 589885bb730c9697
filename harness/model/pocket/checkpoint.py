"""From a folder, as transformers writes it, to the decoder of the policy in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.base.documents import load_json
from harness.model.pocket.decoder import PocketModel
from harness.model.pocket.dialogue import TEMPLATE, DialogueModel
from harness.model.pocket.network import Network
from harness.model.pocket.tokens import WordTokenizer, read_tokenizer


def load_policy(folder: Path) -> PocketModel | DialogueModel:
    """The policy of config.json, model.safetensors, tokenizer.json and tokenizer_config.json; one whose chat
    template is that of `DialogueModel` reads whole dialogues.

    Raises:
        OSError: a file is missing.
        ValueError: the architecture is not a plain Llama, or the words have another chat template.
        KeyError: a file lacks an entry.
    """
    network, tokenizer = Network(folder), read_tokenizer(folder / "tokenizer.json")
    if chat_template(folder) == TEMPLATE:
        return DialogueModel(network, tokenizer)
    if isinstance(tokenizer, WordTokenizer):
        raise ValueError("its chat template is not that of the dialogues that are decoded here")
    return PocketModel(network, tokenizer)


def longest_completion(folder: Path) -> int | None:
    """Tokens of the longest completion, as generation_config.json says it to all who serve the policy; None
    where it doesn't."""
    return _json(folder / "generation_config.json").get("max_new_tokens")


def chat_template(folder: Path) -> str | None:
    """The chat template, in either of the two files in which transformers writes it; None without one."""
    alone = folder / "chat_template.jinja"
    if alone.is_file():
        return alone.read_text("utf-8")
    template = _json(folder / "tokenizer_config.json").get("chat_template")
    return template if isinstance(template, str) else None


def _json(file: Path) -> dict[str, Any]:
    found = load_json(file.read_text("utf-8")) if file.is_file() else {}
    return found if isinstance(found, dict) else {}
