"""What a model is: its weights, as a user names them, as they lie here, or as its server tells; kept for runs
that open no client, or find the server at another address.

A revision that a user names stands above what is found out. Where a server tells nothing beyond the name, the
name is all there is, and two servers of one name are said to be taken for one model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from harness.base.digest import digest
from harness.base.errors import UsageError
from harness.base.secrets import url_shown, without_secrets
from harness.model.cache import Cache
from harness.model.provider import Provider
from harness.model.server_info import Told

CURE = "--model-arg revision=NAME (of an embedder ?revision=NAME) tells them apart"

#: the revision of a model of an official service that another server answers for, and says nothing of
ELSEWHERE = "elsewhere"


def identify(provider: Provider, args: Mapping[str, Any], cache: Cache | None, offline: bool) -> list[str]:
    """Finds out what a model is, with its client or, offline, as it was last kept; returns lines to be said.

    Raises:
        UsageError: the client can't be opened; or offline, and it never was on this machine; or what is kept
            tells of several models of the name.
    """
    name, arguments = provider.name, digest(without_secrets(args))
    if weights := _weights(provider, args, arguments, cache, offline):
        _has_weights(provider, args, weights)
    if offline:
        if cache is not None:
            _as_kept(provider, arguments, cache)
        return []
    provider.connect()
    at, lines = provider.origin, []
    told = provider.ask_server() if at else None
    kept = kept_of(cache, name) if cache is not None and (at or provider.from_client) else {}
    if at and told is None:  # it doesn't answer now: it is what it was, here or wherever it was
        told = kept.get(at) or agreed(kept.values(), name)
        if told is None and not provider.named_revision and provider.asked:
            lines.append(f"{name}: {at} doesn't say now what it serves; taken by its name alone")
    if cache is not None and (at or provider.from_client):
        row = {"origin": at, "told": told.as_dict() if told else None}
        cache.keep_identity(name, arguments, provider.address, json.dumps(row))
    _settle(provider, told)
    return [*lines, *doubts(name, provider.named_revision, at, told, kept)]


def tell_apart(opened: Iterable[Provider], new: Provider) -> None:
    """Whether a model that is opened can be one with those of its name at other servers.

    Raises:
        UsageError: they can't be one, and nothing says which is which.
    """
    for other in opened:
        same = (other.name, other.revision, other.arguments) == (new.name, new.revision, new.arguments)
        if not same or new.named_revision or other.origin == new.origin:
            continue
        if differing := _contradiction(other.told, new.told):
            raise UsageError(
                f"two servers call their model {new.name} and describe it otherwise ({differing}): "
                f"{other.origin} and {new.origin}; {CURE}"
            )


def never_opened(name: str, address: str) -> str:
    """The line for what --offline can't know."""
    at = f" at {address}" if address else ""
    return (
        f"{name} was never opened{at} with this cache, so --offline has no answer of it; "
        "run once with a network to fill the cache"
    )


def _has_weights(provider: Provider, args: Mapping[str, Any], weights: str) -> None:
    """A named revision doesn't say which folder was meant; weights without one are the revision."""
    if not provider.named_revision:
        provider.revision = weights
    elif "model_path" in args:
        provider.arguments = {**provider.arguments, "model_path": {"digest": weights}}


def _weights(
    provider: Provider, args: Mapping[str, Any], arguments: str, cache: Cache | None, offline: bool
) -> str:
    """What weights on this machine are; of the Hub's as they were last, where nothing tells it now."""
    found, kept = provider.weights_revision(offline), f"weights {provider.name} {arguments}"
    if "model_path" in args or cache is None:
        return found
    if found:
        cache.keep_identity(kept, "", "", found)
    return found or cache.identity(kept, "", "") or ""


def _settle(provider: Provider, told: Told | None) -> None:
    provider.told = told
    if told is not None:
        provider.engine = told.engine
    if provider.named_revision or not provider.origin:
        return
    found = told.revision(_own(provider.name)) if told is not None else ""
    provider.revision = found or (ELSEWHERE if provider.official else "")


def _as_kept(provider: Provider, arguments: str, cache: Cache) -> None:
    name, address = provider.name, provider.address
    row = cache.identity(name, arguments, address)
    if row is not None:
        known = kept_row(row)
        if provider.from_client:
            provider.found_at(str(known.get("origin") or ""))
        _settle(provider, Told.of(known.get("told")))
        return
    kept = kept_of(cache, name)
    if not kept:
        if provider.from_client:
            raise UsageError(never_opened(name, address))
        _settle(provider, None)
        return
    told = agreed(kept.values(), name)
    if told is None and not provider.named_revision:
        raise UsageError(
            f"{name} was opened at {', '.join(sorted(kept))} and was not one model; --offline can't tell "
            f"which of them {address} serves: --model-arg revision=NAME, or one of those addresses, does"
        )
    if provider.from_client:
        provider.found_at(address)
    _settle(provider, told)


def kept_row(row: str) -> dict[str, Any]:
    """What was kept of a model; of an embedder an earlier version kept its address as it is."""
    try:
        known = json.loads(row)
    except ValueError:
        known = {"origin": row}
    return known if isinstance(known, dict) else {}


def kept_of(cache: Cache, name: str) -> dict[str, Told]:
    """What was kept of a name by the server that told it, the newest last; a server of which an earlier
    version kept the address alone has told nothing."""
    found: dict[str, Told] = {}
    for row in cache.identities(name):
        known = kept_row(row)
        if place := url_shown(str(known.get("origin") or "").rstrip("/")):
            found.pop(place, None)
            found[place] = Told.of(known.get("told")) or Told()
    return found


def agreed(told: Iterable[Told], name: str) -> Told | None:
    """What several servers told of a name, where that is one model."""
    every = list(told)
    if len({each.revision(_own(name)) for each in every}) != 1:
        return None
    return every[-1]


def doubts(name: str, revision: str, here: str, told: Told | None, kept: Mapping[str, Told]) -> list[str]:
    """A line where nothing tells what is served here from what was opened by its name elsewhere before, or
    where this server describes itself otherwise than it did."""
    if revision or told is None or told.about:
        return []
    alike = {place: each for place, each in kept.items() if not each.about}
    differing = _contradiction(alike.pop(here, None), told)
    if differing:
        return [
            f"{name}: {here} describes itself otherwise than before ({differing}), and says nothing of its "
            f"weights, which are taken for the same; {CURE}"
        ]
    if not alike:
        return []
    there, before = [*alike.items()][-1]
    differing = _contradiction(before, told)
    how = f", though they are set up otherwise ({differing})" if differing else ""
    return [
        f"{name} at {here}: neither this server nor {there} says which weights it serves, and they are taken "
        f"for one model{how}; {CURE}"
    ]


def _contradiction(a: Told | None, b: Told | None) -> str:
    """In what the set-ups of two servers differ that say nothing of their weights; empty where in nothing."""
    if a is None or b is None or a.about or b.about:
        return ""
    keys = [key for key in a.beside if key in b.beside and a.beside[key] != b.beside[key]]
    return ", ".join(f"{key} {a.beside[key]} and {b.beside[key]}" for key in keys)


def _own(name: str) -> str:
    """The name that a server knows a model by."""
    family, _, rest = name.partition("/")
    if family == "vllm":
        return rest.rpartition(":")[2]
    return rest.partition("/")[2] if family == "openai-api" else rest
