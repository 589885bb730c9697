"""Values as people write them: YAML 1.2 without its surprises, text where text is wanted, `@file` for a file.

Only true, false, null, whole numbers, numbers with a point or a signed exponent, lists, maps and quoted
text are typed. `no`, `on`, `007`, `1_000`, `1e5` and dates stay text, as names and ids look like them.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from harness.base.documents import NULL, NUMBER, TRUTH, WHOLE, load_yaml
from harness.base.errors import UsageError


class Written(str):
    """A value as it was typed on the command line: the text, and in `typed` what YAML makes of it."""

    @property
    def typed(self) -> Any:
        return typed(str(self))

    def as_kind(self, kind: str) -> Any:
        """The value for a parameter of a kind, as `harness.spec.TYPES` names them. One that wants text, a
        number or a truth value gets the text as it was typed; any other what YAML makes of it."""
        outer, made = kind.partition("[")[0], self.typed
        if outer in ("list", "dict"):
            return made if type(made).__name__ == outer else str(self)
        return made if outer == "any" else str(self)


def typed(text: str) -> Any:
    """What a text means as YAML; the text itself where that is broken.

    Raises:
        UsageError: it is YAML that makes more than there may be, or something without an end.
    """
    bare = text.strip()
    if bare[:1] and bare[0] in "[{\"'":
        import yaml

        try:
            return load_yaml(bare)
        except yaml.YAMLError as error:
            if getattr(error, "unfit", False):
                raise UsageError(
                    f"{bare[:40]!r} can't be taken as a value: {getattr(error, 'problem', '')}"
                ) from None
            return text
    if NULL.fullmatch(bare):
        return None
    if TRUTH.fullmatch(bare):
        return bare.lower() == "true"
    if WHOLE.fullmatch(bare):
        return int(bare)
    return float(bare) if NUMBER.fullmatch(bare) else text


def number(value: Any) -> float:
    """The number that a value is; NaN, which lies in no range, of any other value and of true and false."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan


def given(text: str, flag: str) -> Written | str:
    """A value of the command line: `@FILE` is the text of a file, without the line break at its end; `@@`
    begins a text that begins with `@`.

    Raises:
        UsageError: the file can't be read, or holds nothing; names it.
    """
    if text.startswith("@@"):
        return text[1:]
    if not text.startswith("@"):
        return Written(text)
    name = text[1:]
    try:
        if (text := Path(name).read_text("utf-8-sig").removesuffix("\n")).strip():
            return text
        reason = "it is empty"
    except OSError as error:
        reason = error.strerror or str(error)
    except ValueError:
        reason = "not text in UTF-8"
    raise UsageError(
        f"{flag}@{name}: can't read the file {name!r}: {reason}; @@ begins a text that begins with @"
    )
