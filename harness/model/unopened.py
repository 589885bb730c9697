"""Why a model of inspect-ai's providers can't be opened: a line that names the cure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from harness.base.errors import UsageError, nearest
from harness.base.secrets import without_secrets_of_server
from harness.model.argument_types import FLAGS, NUMBERS, TEXT, declared

_UNKNOWN = re.compile(r"Model API \S+ of model .* not recognized")
_KEY = re.compile(r"\bNo ([A-Z][A-Z0-9_]+)\b")
_PACKAGE = re.compile(r"requires optional dependencies\. Install with: (pip install [^;]*\S)")
_MARKUP = re.compile(r"\[/?[a-z ]+\]")
#: how alike a name must be to one that is known to be taken for a slip; servers that are started here take
#: arguments that nobody lists
ALIKE = 0.88


def check_names(model: str, args: Mapping[str, Any]) -> None:
    """Whether no argument looks like a slip of one that the provider knows.

    Raises:
        UsageError: one does; names both.
    """
    known = {*TEXT, *FLAGS, *NUMBERS, *declared(model.partition("/")[0]), "api_key"}
    for name in sorted(args.keys() - known):
        for close in get_close_matches(name.replace("-", "_"), known, 1, ALIKE):
            raise UsageError(f"--model-arg {name}: {model} has no such argument; did you mean {close!r}?")


def unopened(model: str, error: BaseException) -> UsageError:
    """The error that names why, from what inspect-ai or a client raised."""
    said = " ".join(_MARKUP.sub("", without_secrets_of_server(str(error))).split())[:300]
    family, _, rest = model.partition("/")
    reason = said.removeprefix("ERROR: ") or type(error).__name__
    if _UNKNOWN.search(said):
        reason = f"there is no provider {family!r}; {nearest(family, _families(), 'provider')}"
    elif found := _KEY.search(said):
        reason = f"it needs a key; set {found[1]}, in the environment or in .env"
        if family == "openai-api":
            service = rest.partition("/")[0].upper().replace("-", "_")
            reason += (
                f" (--model-arg api_key=none where the server wants none), and an address in "
                f"{service}_BASE_URL or --model-arg base_url=URL"
            )
    elif found := _PACKAGE.search(said):
        reason = f"a package is missing; {found[1]}"
    else:
        reason += "; 'harness list models' shows what there is"
    return UsageError(f"can't open the model {model!r}: {reason}")


def _families() -> list[str]:
    """The names of inspect-ai's providers, those that packages register among them, and of our own."""
    from inspect_ai._util.registry import registry_find, registry_info, registry_unqualified_name

    found = registry_find(lambda info: info.type == "modelapi")
    named = {registry_unqualified_name(registry_info(each)) for each in found} - {"none"}
    return sorted({*named, "browser", "echo", "pocket", "recorded", "sim", "terminal"})
