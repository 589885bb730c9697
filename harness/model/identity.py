"""What a model is: asked of its client and kept, or as it was last kept, for runs that open no client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.base.digest import digest
from harness.base.errors import UsageError
from harness.base.secrets import without_secrets
from harness.model.cache import Cache
from harness.model.provider import Provider


def identify(provider: Provider, args: Mapping[str, Any], cache: Cache, offline: bool) -> None:
    """Opens the client of a model and keeps what it alone can tell; offline, fills that in as it was last
    kept under the model's name.

    Raises:
        UsageError: the client can't be opened; or offline, and it never was on this machine.
    """
    names = provider.from_client
    arguments = digest(without_secrets(args))
    if not offline:
        provider.connect()
        if names:
            known = json.dumps({name: getattr(provider, name) for name in names})
            cache.keep_identity(provider.name, arguments, provider.address, known)
    elif names:
        kept = cache.identity(provider.name, arguments, provider.address)
        if kept is None:
            raise UsageError(never_opened(provider.name, provider.address))
        for name, value in json.loads(kept).items():
            if name in names:
                setattr(provider, name, value)


def never_opened(name: str, address: str) -> str:
    """The line for what --offline can't know."""
    at = f" at {address}" if address else ""
    return (
        f"{name} was never opened{at} with this cache, so --offline has no answer of it; "
        "run once with a network to fill the cache"
    )
