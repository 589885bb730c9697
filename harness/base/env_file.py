"""`.env` of the folder we stand in: variables for this process that its environment doesn't set."""

from __future__ import annotations

import os
from pathlib import Path

from harness.base.errors import UsageError
from harness.base.secrets import remember, remember_environment


def load_env_file() -> None:
    """Sets what `.env` says, never over what is set; its secrets are known to the filter from then on.

    Raises:
        UsageError: it can't be read, or a line is none of NAME=VALUE; names the line and not its text.
    """
    path = Path(".env")
    if not path.is_file():
        return
    import io

    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    try:
        text = path.read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not text in UTF-8"
        raise UsageError(f".env: {reason}") from None
    for line in parse_stream(io.StringIO(text)):
        if line.error or (line.key and line.value is None):
            raise UsageError(f".env, line {line.original.line}: NAME=VALUE is wanted")
    found = {name: value for name, value in dotenv_values(stream=io.StringIO(text)).items() if value}
    remember(found)
    for name, value in found.items():
        os.environ.setdefault(name, value)
    remember_environment()
