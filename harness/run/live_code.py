"""A digest of a class as it is in memory, with the functions, classes and values that its code refers to.

A class from a notebook or a script has no file that says what it is now: its cells may have been edited,
also those of helpers that it calls. What is compiled says it.
"""

from __future__ import annotations

import sys
import sysconfig
from types import CodeType, FunctionType, ModuleType
from typing import Any

from harness.base.digest import digest


def digest_of(implementation: type) -> str:
    """SHA-256 over the class's own code and whatever of the user's it reaches, however far."""
    return digest(_Walk().of(implementation))


class _Walk:
    """Turns objects into plain data; an object that comes again is named by its place."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []  # ids are only unique while the objects live

    def of(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float | complex | bytes):
            return repr(value)
        if id(value) in self._seen:
            return ["seen", self._seen[id(value)]]
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)
        if isinstance(value, ModuleType):
            return ["module", value.__name__, *([_source(value)] if _own(value.__name__) else [])]
        if isinstance(value, CodeType):
            return self._code(value)
        if isinstance(value, staticmethod | classmethod):
            return [type(value).__name__, self.of(value.__func__)]
        if isinstance(value, property):
            return ["property", *map(self.of, (value.fget, value.fset, value.fdel))]
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, FunctionType):
            return self._function(value)
        if isinstance(value, list | tuple):
            return [type(value).__name__, *map(self.of, value)]
        if isinstance(value, set | frozenset):
            return [type(value).__name__, *sorted(map(repr, value))]
        if isinstance(value, dict):
            return ["dict", *([self.of(key), self.of(inner)] for key, inner in value.items())]
        return self._object(value)

    def _class(self, value: type) -> Any:
        name = f"{value.__module__}.{value.__qualname__}"
        if not _own(value.__module__):
            return ["class", name]
        skipped = ("__dict__", "__weakref__", "__module__", "__firstlineno__", "__static_attributes__")
        members = {key: self.of(inner) for key, inner in vars(value).items() if key not in skipped}
        return ["class", value.__qualname__, [self.of(base) for base in value.__bases__], members]

    def _function(self, value: FunctionType) -> Any:
        if not _own(value.__module__ or ""):
            return ["function", f"{value.__module__}.{value.__qualname__}"]
        cells = [self._cell(cell) for cell in value.__closure__ or ()]
        names = sorted(_names(value.__code__))
        globals_ = {name: self.of(value.__globals__[name]) for name in names if name in value.__globals__}
        defaults = [self.of(value.__defaults__), self.of(value.__kwdefaults__)]
        return ["function", self.of(value.__code__), defaults, cells, globals_]

    def _cell(self, cell: Any) -> Any:
        try:
            return self.of(cell.cell_contents)
        except ValueError:
            return "empty"

    def _code(self, code: CodeType) -> Any:
        constants = [self.of(constant) for constant in code.co_consts]
        return ["code", code.co_code.hex(), constants, list(code.co_names), list(code.co_varnames)]

    def _object(self, value: Any) -> Any:
        """Another object: its class and, if that is the user's, its state."""
        kind = type(value)
        if not _own(kind.__module__):
            pattern = getattr(value, "pattern", None)  # a compiled expression
            return ["object", f"{kind.__module__}.{kind.__qualname__}", self.of(pattern)]
        return ["object", self.of(kind), self.of(getattr(value, "__dict__", None))]


def _names(code: CodeType) -> set[str]:
    """The global names that a code object and those within it may use."""
    within = (inner for inner in code.co_consts if isinstance(inner, CodeType))
    return {*code.co_names, *(name for inner in within for name in _names(inner))}


def _own(module: str) -> bool:
    """Whether a module is the user's: not of Python, an installed package or the harness."""
    top = module.partition(".")[0]
    if top == "__main__":
        return True
    if top in sys.stdlib_module_names or top == "harness":
        return False
    place = getattr(sys.modules.get(module), "__file__", None)
    paths = sysconfig.get_paths()
    return place is None or not str(place).startswith((paths["purelib"], paths["platlib"], paths["stdlib"]))


def _source(module: ModuleType) -> Any:
    """What a module of the user's holds, as far as it is code or plain values."""
    walk = _Walk()
    return {
        name: walk.of(value)
        for name, value in vars(module).items()
        if not name.startswith("__") and getattr(value, "__module__", module.__name__) == module.__name__
    }
