"""Secrets that a server sends back within an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.base.secret_values import MARK, sources_in, without_secrets_in

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput


def as_json(output: ModelOutput) -> str:
    """An answer as text. json.dumps, as pydantic's own writer refuses the lone surrogates that a model may
    emit."""
    return json.dumps(output.model_dump(mode="json", exclude_none=True))


def hidden(
    output: ModelOutput, text: str, model: str, notice: Callable[[str], None]
) -> tuple[ModelOutput, str]:
    """An answer and its text without the secrets of this command, before anybody reads or grades it; that is
    said, as the answer is then another."""
    sources = sources_in(text)
    if not sources:
        return output, text
    notice(
        f"{model}: answers hold the value of {' and '.join(sorted(set(sources)))}, which is a secret here: "
        f"they are read, graded and kept with {MARK} in its place"
    )
    cleaned = type(output).model_validate(
        without_secrets_in(output.model_dump(mode="json", exclude_none=True))
    )
    return cleaned, as_json(cleaned)
