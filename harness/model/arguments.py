"""Which arguments of a provider can change what its model says, and which only say how it is reached."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.base.digest import path_digest
from harness.base.secrets import without_secrets

#: arguments that say where and how a model is reached, and why they don't change its answers. Every other
#: one, known here or not, may change them and is part of what the model is.
REACH = {
    **dict.fromkeys(
        ("base_url", "port", "host", "azure_endpoint", "aws_region", "region", "location"),
        "where it is served: a model is its weights",
    ),
    **dict.fromkeys(
        ("api_key", "organization", "project", "credentials", "default_headers", "default_query"),
        "who asks, and who pays",
    ),
    **dict.fromkeys(
        ("timeout", "client_timeout", "max_retries", "retry_delay", "disable_retry"),
        "how long is waited, and how often it is tried",
    ),
    **dict.fromkeys(
        ("stream", "streaming", "http_client", "lazy_init", "configure_logging"),
        "how an answer travels, and what is logged of it",
    ),
    "folder": "where requests wait for a person who answers in a browser",
    **dict.fromkeys(
        ("device", "devices", "batch_size"),
        "on which part of a machine, and how many at once: as little part of the model as its address",
    ),
}
#: said by the revision of a model
OF_THE_REVISION = ("revision", "model_path")


def output_arguments(args: Mapping[str, Any], *, by_content: bool = False) -> dict[str, Any]:
    """The arguments that can change what a model says, without secrets.

    Args:
        by_content: of an argument that names a file or folder, its digest instead of its path.
    """
    kept = without_secrets({name: value for name, value in args.items() if name not in REACH})
    if not by_content:
        return kept
    return {name: _content(name, value) for name, value in kept.items()}


def reach_arguments(args: Mapping[str, Any]) -> dict[str, Any]:
    """The others, as they may be shown: how this execution found the model."""
    return without_secrets({name: value for name, value in args.items() if name in REACH})


def _content(name: str, value: Any) -> Any:
    """A value by its content where it is the path of something that is there."""
    if not isinstance(value, str) or not 0 < len(value) < 1000 or "\n" in value:
        return value
    named = name.endswith(("path", "file", "template", "tokenizer", "dir", "folder")) or os.sep in value
    try:
        return {"digest": path_digest(Path(value))} if named and Path(value).exists() else value
    except (OSError, ValueError):
        return value
