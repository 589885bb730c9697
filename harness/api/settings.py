"""What holds where nothing else is said: `harness.toml` of the folder we stand in, and the default model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.base.documents import load_toml
from harness.base.env_file import load_env_file
from harness.base.errors import UsageError, unknown_key
from harness.base.secrets import remember

#: what harness.toml may hold
SETTINGS = ("model", "prices", "services", "human")
#: where results go by default
STORE = "results"


def configuration() -> dict[str, Any]:
    """`harness.toml` of the folder we stand in; empty if there is none. The variables of `.env` hold from
    then on.

    Raises:
        UsageError: it isn't valid TOML, or holds what it can't; or `.env` is faulty.
    """
    load_env_file()
    path = Path("harness.toml")
    if not path.is_file():
        return {}
    try:
        found = load_toml(path.read_text("utf-8"))
    except ValueError as error:
        raise UsageError(f"harness.toml: {error}") from None
    remember(found)
    for key in found:
        if key not in SETTINGS:
            raise UsageError(f"harness.toml: {unknown_key(key, SETTINGS)}")
    if not isinstance(found.get("model", ""), str):
        raise UsageError(f"harness.toml: model is a name, not {found['model']!r}")
    if "prices" in found:
        from harness.model.prices import check_prices

        check_prices(found["prices"])
    if "human" in found:
        from harness.model.prices import check_people

        check_people(found["human"])
    if "services" in found:
        from harness.external.services import check_settings

        check_settings(found["services"])
    return found


def default_model(settings: Mapping[str, Any]) -> str | None:
    """`HARNESS_MODEL`, else `model` of harness.toml, else None: each task's own."""
    return os.environ.get("HARNESS_MODEL") or settings.get("model") or None
