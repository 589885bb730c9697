"""Documents that somebody else wrote, in JSON, YAML or TOML: plain data of bounded depth, or an error.

YAML is that of version 1.2 without its surprises: only true, false, null, whole numbers, numbers with a point
or a signed exponent, lists, maps and quoted text are typed; there are no other tags. `&name` and `*name`
repeat a part, as long as what they make has a bounded size.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

TRUTH = re.compile(r"true|True|TRUE|false|False|FALSE")
NULL = re.compile(r"null|Null|NULL")
WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")  # longer ones are ids
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,99})(\.[0-9]+([eE][-+]?[0-9]{1,2})?|[eE][-+][0-9]{1,2})")
#: how deep lists and maps of YAML may stand in each other, and how many values its aliases may make
DEEPEST, MOST = 100, 100_000


def load_json(text: str | bytes) -> Any:
    """
    Raises:
        ValueError: it is no JSON, or nested too deeply, or holds a number of thousands of digits.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def load_toml(text: str) -> dict[str, Any]:
    """
    Raises:
        ValueError: it is no TOML, or nested too deeply.
    """
    import tomllib

    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def load_yaml(text: str) -> Any:
    """One YAML document.

    Raises:
        yaml.YAMLError: it is broken, a map has a key twice, of which YAML would keep the last unsaid, it is
            nested too deeply, or it has a tag, or aliases that hold themselves or make too much.
    """
    import yaml

    try:
        return yaml.load(text, Loader=_loader())  # noqa: S506  # a SafeLoader
    except RecursionError:
        raise _refused("nested too deeply", None, unfit=True) from None
    except ValueError as error:  # of the readers of single values
        raise yaml.constructor.ConstructorError(None, None, str(error)) from None


@cache
def _loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """PyYAML's safe loader with fewer words that mean something else than themselves."""

        yaml_implicit_resolvers: dict[str, Any] = {}

        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            keys = [(key.tag, key.value, key) for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            seen = set()
            for tag, text, key in keys:
                if (tag, text) in seen:
                    raise _refused(f"the key {text!r} is there twice", key)
                seen.add((tag, text))
            return node

        def compose_node(self, parent: Any, index: Any) -> Any:
            self.depth = getattr(self, "depth", 0) + 1
            if self.depth > DEEPEST + 1:
                raise _refused("nested too deeply", None, unfit=True)
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

        def compose_document(self) -> Any:
            node = super().compose_document()
            _check(node)
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


#: the kinds of values that there are, each with the texts that it is written as
_KINDS = {
    "null": re.compile(f"{NULL.pattern}|"),
    "bool": TRUTH,
    "int": WHOLE,
    "float": re.compile(f"{NUMBER.pattern}|{WHOLE.pattern}"),
    "str": None,
    "merge": None,
    "seq": None,
    "map": None,
}


def _check(root: Any) -> None:
    """
    Raises:
        yaml.YAMLError: a value of a kind that there isn't, or more or deeper ones than there may be.
    """
    made, _ = (sizes := _Sizes()).of(root)
    if made - len(sizes.known) > MOST:
        raise _refused(f"its aliases make {made:,} values", root, unfit=True)


class _Sizes:
    """How many values a node makes, those of its aliases counted each time, and how deep they stand."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[int, int]] = {}
        self._above: set[int] = set()

    def of(self, node: Any) -> tuple[int, int]:
        if id(node) in self._above:
            raise _refused("an alias stands for what holds it", node, unfit=True)
        if id(node) in self.known:
            return self.known[id(node)]
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        written = _KINDS.get(kind)
        if kind not in _KINDS or (
            written and not (isinstance(node.value, str) and written.fullmatch(node.value))
        ):
            raise _refused(f"the tag {node.tag!r} can't be read here", node)
        made, height = 1, 0
        if not isinstance(node.value, str):
            self._above.add(id(node))
            for each in node.value:
                for part in each if isinstance(each, tuple) else (each,):
                    inner, below = self.of(part)
                    made, height = made + inner, max(height, below + 1)
            self._above.discard(id(node))
        if height > DEEPEST:
            raise _refused("nested too deeply", node, unfit=True)
        self.known[id(node)] = made, height
        return made, height


def _refused(problem: str, node: Any, unfit: bool = False) -> Exception:
    """`unfit`: it is sound YAML all the same, and no text that only looks like YAML."""
    import yaml

    error: Any = yaml.composer.ComposerError(None, None, problem, node.start_mark if node else None)
    error.unfit = unfit
    return error  # type: ignore[no-any-return]
