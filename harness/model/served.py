"""What really came to and from the models of a run: names and fingerprints that servers returned, where they
are and what runs there, and the settings as they were sent. Provenance: no key depends on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from harness.base.secrets import without_secrets

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

    from harness.model.provider import Provider

#: different ones that are kept of each sort; servers are not trusted to have few
MOST = 32
LISTS = ("names", "fingerprints", "addresses")


class Served:
    """Of one run. `noticed` is called when something new is seen, for a run that may be killed."""

    def __init__(self) -> None:
        self._models: dict[str, dict[str, Any]] = {}
        self._decoding: dict[str, list[dict[str, Any]]] = {}
        self._seen: set[tuple[Any, ...]] = set()
        self.noticed: Callable[[], None] = lambda: None

    def note(
        self,
        provider: Provider,
        purpose: str,
        decoding: Mapping[str, Any],
        output: ModelOutput,
        rewritten: bool = False,
    ) -> None:
        """Takes one answer, fresh or from the cache, the settings of its call, and whether parts of an
        official request were sent otherwise, as only the provider's own client can write them."""
        fingerprint = (output.metadata or {}).get("system_fingerprint")
        group = purpose.partition("/")[0]
        sent = {name: "by call" if name == "seed" else value for name, value in decoding.items()}
        seen = (provider.name, provider.origin, output.model, fingerprint, group, repr(sent), rewritten)
        if seen in self._seen or len(self._seen) > MOST**2:
            return
        self._seen.add(seen)
        kept = self._decoding.setdefault(group, []) if len(self._decoding) < MOST else []
        if (shown := without_secrets(sent)) not in kept and len(kept) < MOST:
            kept.append(shown)
        if provider.remote:
            model = self._models.setdefault(provider.name, {name: [] for name in LISTS})
            _add(model["names"], output.model)
            _add(model["fingerprints"], fingerprint)
            _add(model["addresses"], provider.origin)
            model["engine"] = provider.engine or model.get("engine", "")
            if rewritten:
                model["rewritten"] = True
            if provider.named_revision:
                model["revision"] = provider.named_revision
            if provider.reached:
                model["reached"] = dict(provider.reached)
            if provider.told is not None and provider.told.about:
                model["told"] = {name: _last(value) for name, value in provider.told.about.items()}
        self.noticed()

    def as_dict(self) -> dict[str, Any]:
        """As a record has it."""
        models = {
            name: {key: sorted(value) if key in LISTS else value for key, value in found.items()}
            for name, found in sorted(self._models.items())
        }
        return {"models": models, "decoding": dict(sorted(self._decoding.items()))}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Takes over what an interrupted run saw."""
        for name, found in dict(kept.get("models", {})).items():
            model = self._models.setdefault(name, {key: [] for key in LISTS})
            for key, value in found.items():
                if key in LISTS:
                    for each in value:
                        _add(model[key], each)
                else:
                    model.setdefault(key, value)
        for group, settings in dict(kept.get("decoding", {})).items():
            held = self._decoding.setdefault(group, [])
            held += [each for each in settings if each not in held]


def _add(known: list[str], value: Any) -> None:
    if isinstance(value, str) and value and value[:200] not in known and len(known) < MOST:
        known.append(value[:200])


def _last(value: Any) -> Any:
    """Of a path its last part: folders are the business of whoever runs the server."""
    return value.rstrip("/").rpartition("/")[2][:200] if isinstance(value, str) else value
