"""Every place of the code that a mutation operator can change, and the sample that is drawn from them."""

from __future__ import annotations

import difflib
import hashlib
import json
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import parso
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from parso.tree import NodeOrLeaf

ROOT = Path(__file__).parents[2]
FOLDERS = ("harness", "tasks", "methods")
#: these need arguments of their own and change names, which the type checker sees
WITHOUT = ("core/VariableReplacer", "core/VariableInserter")

_COMPOUND = ("if_stmt", "while_stmt", "for_stmt", "with_stmt", "try_stmt", "async_stmt")
_AROUND = ("file_input", "suite", "simple_stmt", "funcdef", "classdef", "decorated", *_COMPOUND)
_STARRED = ("argument", "star_expr", "param", "dictorsetmaker", "parameters")
_MAIN = {"__name__", "TYPE_CHECKING"}


@dataclass(frozen=True)
class Mutant:
    """One change: an operator of cosmic-ray at its `occurrence` in a module.

    `key` is a digest of the module, the function, the operator, the changed line and which of equal lines it
    is: it stays the same wherever else the code changes. `lines` are those that the change touches.
    """

    key: str
    path: str
    scope: str
    operator: str
    occurrence: int
    lines: tuple[int, int]

    def code(self, before: str) -> str:
        """The module's text with the change."""
        after = mutate_code(before, get_operator(self.operator)(), self.occurrence)
        if after is None or after == before:
            raise ValueError(
                f"{self.path}: {self.operator} changes nothing at its occurrence {self.occurrence}"
            )
        return str(after)

    def diff(self, before: str) -> str:
        """The changed lines, without context."""
        after = self.code(before).splitlines()
        lines = difflib.unified_diff(before.splitlines(), after, lineterm="", n=0)
        return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


def sample(count: int, cache: Path) -> list[Mutant]:
    """The mutants with the least digests, one at a place: a sample that is random and stays the same. What
    was drawn from this very code is kept in a file, as it takes minutes."""
    code = hashlib.sha256(b"\0".join((ROOT / path).read_bytes() for path in modules())).hexdigest()
    if cache.exists() and (kept := json.loads(cache.read_text("utf-8")))["code"] == [code, count]:
        return [Mutant(**{**each, "lines": tuple(each["lines"])}) for each in kept["mutants"]]
    found = sorted((one for path in modules() for one in mutants_of(path)), key=lambda each: each.key)
    drawn = list(islice(filter(_compiles, found), count))
    cache.write_text(
        json.dumps({"code": [code, count], "mutants": [asdict(each) for each in drawn]}), "utf-8"
    )
    return drawn


def modules() -> list[str]:
    """Paths of the core, the tasks and the methods; a browser tests the leaderboard's pages."""
    paths = (p.relative_to(ROOT) for folder in FOLDERS for p in (ROOT / folder).rglob("*.py"))
    # harness/tasks, harness/methods and harness/leaderboard are links, which rglob does not follow
    return sorted(str(p) for p in paths if "templates" not in p.parts)


def mutants_of(path: str) -> Iterator[Mutant]:
    """One mutant for each place and each kind of operator, drawn by digest from those that are possible."""
    text = (ROOT / path).read_text("utf-8")
    nodes, lines = [*_walk(parso.parse(text))], text.splitlines()
    places: dict[tuple[str, tuple[int, int]], list[Mutant]] = {}
    equal: Counter[tuple[str, ...]] = Counter()
    for name in operator_names():
        if name in WITHOUT:
            continue
        operator, occurrence = get_operator(name)(), -1
        for node in nodes:
            for index, (start, _) in enumerate(operator.mutation_positions(node)):
                occurrence += 1
                if _without_effect(node):
                    continue
                scope, line = _scope(node), lines[start[0] - 1].strip()
                what = (path, scope, name, str(index), line)
                key = hashlib.sha256("\0".join((*what, str(equal[what]))).encode()).hexdigest()[:12]
                equal[what] += 1
                place = name.split("_")[0], (start[0], start[1])
                span = _statement(node)
                places.setdefault(place, []).append(Mutant(key, path, scope, name, occurrence, span))
    for several in places.values():
        yield min(several, key=lambda each: hashlib.sha256(each.key.encode()).digest())


def _compiles(mutant: Mutant) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(mutant.code((ROOT / mutant.path).read_text("utf-8")), mutant.path, "exec")
    except SyntaxError:
        return False
    return True


def _walk(node: NodeOrLeaf) -> Iterator[NodeOrLeaf]:
    yield node
    for child in getattr(node, "children", ()):
        yield from _walk(child)


def _scope(node: NodeOrLeaf) -> str:
    """The qualified name of the function or class around it."""
    names = []
    above = node.parent
    while above is not None:
        if above.type in ("funcdef", "classdef"):
            names.append(above.name.value)
        above = above.parent
    return ".".join(reversed(names))


def _statement(node: NodeOrLeaf) -> tuple[int, int]:
    """First and last line that run where the change matters: those of the statement around it (of `if` and
    the like, its head); of what runs when a module is imported, those of the function or the whole module."""
    while node.parent is not None and node.parent.type not in _AROUND:
        node = node.parent
    if node.type in ("decorator", "decorators") or node.parent.type == "funcdef":
        while node.type not in ("decorated", "funcdef"):
            node = node.parent
    elif not any(name == "funcdef" for name in _above(node)):
        return 1, node.get_root_node().end_pos[0]
    elif node.type in _COMPOUND:
        return node.start_pos[0], node.start_pos[0]
    return node.start_pos[0], node.end_pos[0]


def _above(node: NodeOrLeaf) -> Iterator[str]:
    while node is not None:
        yield node.type
        node = node.parent


def _without_effect(node: NodeOrLeaf) -> bool:
    """Annotations, which only the type checker reads; arguments of `@dataclass` and `strict` of zip, which
    assert; what runs only where a module is the program; and stars, which no arithmetic can replace."""
    if node.type == "operator" and node.parent.type in _STARRED:
        return True
    child, above = None, node
    while above is not None:
        kind = above.type
        if kind == "annassign" and above.children[1] is child:
            return True
        if kind == "tfpdef" and above.children[-1] is child:
            return True
        if kind == "funcdef" and "->" in above.children and above.children[-3] is child:
            return True
        if kind == "decorator" and "dataclass" in above.get_code() and above is not node:
            return True
        if kind == "argument" and above.children[0].get_code().strip() == "strict":
            return True
        if (
            kind == "if_stmt"
            and child in (None, above.children[1])
            and _MAIN & {*above.children[1].get_code().split()}
        ):
            return True
        child, above = above, above.parent
    return False
