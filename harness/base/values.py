"""Values as people write them: YAML 1.2 without its surprises, text where text is wanted, `@file` for a file.

Only true, false, null, whole numbers, numbers with a point or a signed exponent, lists, maps and quoted
text are typed. `no`, `on`, `007`, `1_000`, `1e5` and dates stay text, as names and ids look like them.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from harness.base.errors import UsageError

TRUTH = re.compile(r"true|True|TRUE|false|False|FALSE")
NULL = re.compile(r"null|Null|NULL")
WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")  # longer ones are ids
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+([eE][-+]?[0-9]{1,2})?|[eE][-+][0-9]{1,2})")


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
    """What a text means as YAML; the text itself where that is broken."""
    bare = text.strip()
    if bare[:1] and bare[0] in "[{\"'":
        import yaml

        try:
            return load_yaml(bare)
        except yaml.YAMLError:
            return text
    if NULL.fullmatch(bare):
        return None
    if TRUTH.fullmatch(bare):
        return bare.lower() == "true"
    if WHOLE.fullmatch(bare):
        return int(bare)
    return float(bare) if NUMBER.fullmatch(bare) else text


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


def load_yaml(text: str) -> Any:
    """One YAML document, with scalars typed as in `typed`.

    Raises:
        yaml.YAMLError: it is broken, or a map has a key twice, of which YAML would keep the last unsaid.
    """
    import yaml

    return yaml.load(text, Loader=_loader())  # noqa: S506  # a SafeLoader


@cache
def _loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """PyYAML's safe loader with fewer words that mean something else than themselves."""

        yaml_implicit_resolvers: dict[str, Any] = {}

        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            keys = [(key.tag, key.value, key) for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            for n, (tag, text, key) in enumerate(keys):
                if (tag, text) in ((one, other) for one, other, _ in keys[:n]):
                    raise yaml.composer.ComposerError(
                        None, None, f"the key {text!r} is there twice", key.start_mark
                    )
            return node

    for kind, pattern, first in (
        ("bool", TRUTH, "tTfF"),
        ("int", WHOLE, "-0123456789"),
        ("float", NUMBER, "-0123456789"),
        ("merge", re.compile("<<"), "<"),
    ):
        Loader.add_implicit_resolver(
            f"tag:yaml.org,2002:{kind}", re.compile(f"^(?:{pattern.pattern})$"), list(first)
        )
    empty = re.compile(f"^(?:{NULL.pattern}|)$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:null", empty, ["n", "N", ""])
    return Loader
