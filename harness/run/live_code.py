"""A digest of a class as it is in memory, with the functions, classes and values that its code refers to.

A class from a notebook or a script has no file that says what it is now: its cells may have been edited,
also those of helpers that it calls. What is compiled says it.

Of a value of the user's own classes everything counts, of Python's own and of numpy and pandas what would be
pickled, of another package's its public attributes: a client or a network holds much that is no input.
"""

from __future__ import annotations

import contextlib
import copyreg
import dis
import importlib
import marshal
import pickle
from collections.abc import Iterator, Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import PurePath
from types import BuiltinMethodType, CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

from harness.base.secrets import without_secrets
from harness.run.imports import MODES, WRITERS
from harness.run.module_origin import built_in_digest, is_own, is_python
from harness.run.named_files import named_content

#: packages whose objects are values, like those of Python itself
_VALUES = ("numpy", "pandas", "pyarrow")
#: parts of Python whose objects are no values: locks, threads, loops
_MACHINERY = ("asyncio", "concurrent", "logging", "multiprocessing", "queue", "threading", "unittest")
#: of a larger array only elements at equal distances are looked at
_LARGE = 1 << 26
#: how many objects are looked at, and how deep; the rest counts by its kind alone
_MOST, _DEEPEST = 50_000, 120
#: what no run changes without being edited
_CODE = (FunctionType, CodeType, ModuleType, type, property, staticmethod, classmethod, tuple, frozenset)
#: members of a class that say where it stands, or that pydantic makes of the others
_NO_MEMBER = (
    "__dict__",
    "__weakref__",
    "__module__",
    "__firstlineno__",
    "__static_attributes__",
    "__pydantic_core_schema__",
    "__pydantic_validator__",
    "__pydantic_serializer__",
)
#: what a run found, by what it left behind
_left: dict[str, str] = {}


def digest_of(implementation: type) -> str:
    """SHA-256 over the class's own code and whatever of the user's it reaches, however far. What only runs
    changed, such as a table that the method fills, does not count."""
    found = _Walk().of(implementation)
    return _left.get(found, found)


@contextlib.contextmanager
def run_of(*implementations: type | None) -> Iterator[list[str]]:
    """While a run of these goes (None: of something with files): what it changes in objects that were there
    before, or assigns itself, is no edit. A name that is bound anew by anybody else is one: the list that is
    yielded names the classes that were edited, once the run is over."""
    edited: list[str] = []
    before = [(each, walk := _Walk(), walk.of(each)) for each in implementations if each]
    try:
        yield edited
    finally:
        for each, walk, found in before:
            after = _Walk().of(each)
            if after != found and _Walk(walk).of(each) == found:
                _left[after] = _left.get(found, found)
            elif after != found:
                edited.append(each.__qualname__)


def _sha(parts: Any) -> str:
    """SHA-256 of plain parts; their `repr` is as exact as JSON here and several times as fast."""
    return sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


class _Nowhere:
    def write(self, data: Any) -> int:
        return 0


class _Plain(pickle.Pickler):
    """Accepts Python's plain values and containers of them, exactly those, and nothing else."""

    def reducer_override(self, value: Any) -> Any:
        raise pickle.PicklingError


def _plain(value: Any) -> str | None:
    """A digest of a value that is plain throughout, the same in every process; else None."""
    try:
        check = _Plain(_Nowhere(), 5)
        check.fast = True  # by content, not by which of its parts are one object
        check.dump(value)
        return sha256(marshal.dumps(value, 2)).hexdigest()
    except (pickle.PicklingError, ValueError, RecursionError):
        return None


class _Walk:
    """Digests of objects, each made of those of its parts.

    Args:
        before: an earlier walk; objects that were there count with what they held then.
    """

    def __init__(self, before: _Walk | None = None) -> None:
        self._known: dict[int, str] = dict(before._objects) if before else {}
        self._assigned: dict[tuple[int, str], str] = dict(before._assigned) if before else {}
        self._later = before is not None
        self._objects: dict[int, str] = {}  # what may change while it stays the same object
        self._open: dict[int, int] = {}
        self._kept: list[Any] = [before]  # ids are only unique while the objects live

    def of(self, value: Any) -> str:
        """The digest of an object."""
        if value is None or type(value) in (bool, float, complex):
            return _sha([type(value).__name__, repr(value)])
        if type(value) in (int, str, bytes):
            file = named_content(value) if type(value) is str else None
            return _sha([type(value).__name__, _plain(value), file])
        key = id(value)
        if key in self._known:
            return self._known[key]
        if key in self._open:
            return _sha(["again", self._open[key]])
        if len(self._open) > _DEEPEST or len(self._kept) > _MOST:
            return "more"
        self._kept.append(value)
        self._open[key] = len(self._open)
        found = self._known[key] = _sha(self._parts(value))
        del self._open[key]
        if not isinstance(value, _CODE):
            self._objects[key] = found
        return found

    def _all(self, values: Any) -> list[str]:
        return [self.of(each) for each in values]

    def _parts(self, value: Any) -> Any:
        kind = type(value)
        if isinstance(value, ModuleType):
            return ["module", value.__name__, self._members(value) if is_own(value.__name__) else None]
        if isinstance(value, CodeType):
            return self._code(value)
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, FunctionType):
            return self._function(value)
        if isinstance(value, staticmethod | classmethod | MethodType):
            return [kind.__name__, self.of(value.__func__), self.of(getattr(value, "__self__", None))]
        if isinstance(value, property):
            return ["property", *self._all((value.fget, value.fset, value.fdel))]
        if isinstance(value, BuiltinMethodType):
            return ["builtin", value.__qualname__, self.of(value.__self__)]
        if isinstance(value, MappingProxyType):
            return ["mapping", self.of(dict(value))]
        if kind in (list, tuple, dict, set, frozenset, bytearray):
            plain = _plain(value)
            return ["plain", plain] if plain is not None else self._contents(value)
        if is_own(_module(kind)):
            return ["object", self.of(kind), self._contents(value), self.of(_state(value))]
        return self._foreign(value)

    def _contents(self, value: Any) -> Any:
        """What a container holds, or the plain value that an object of a class made from one is."""
        if isinstance(value, dict):
            return ["dict", *([self.of(key), self.of(inner)] for key, inner in dict.items(value))]
        if isinstance(value, set | frozenset):
            return ["set", *sorted(self._all(set(value)))]
        if isinstance(value, list):
            return ["list", *self._all(list.__iter__(value))]
        if isinstance(value, tuple):
            return ["tuple", *self._all(tuple.__iter__(value))]
        for plain in (str, int, float, bytes):
            if isinstance(value, plain):
                return [plain.__name__, plain.__repr__(value)]
        return None

    def _class(self, value: type) -> Any:
        name = _name(value)
        if not is_own(_module(value)):
            return ["class", name, built_in_digest(_module(value))]
        listed = {key: inner for key, inner in list(vars(value).items()) if key not in _NO_MEMBER}
        members = self._named(value, listed)
        return ["class", value.__qualname__, self.of(type(value)), self._all(value.__bases__), members]

    def _function(self, value: FunctionType) -> Any:
        cells = [self._cell(cell) for cell in value.__closure__ or ()]
        module = _module(value)
        if not is_own(module):  # what a decorator of another package holds may be the user's
            return ["function", f"{module}.{value.__qualname__}", built_in_digest(module), cells]
        read, written, imported = _names(value.__code__)
        space = value.__globals__
        found = {name: self.of(space[name]) for name in sorted(read - written) if name in space}
        for name in sorted(written & space.keys()):  # the code's own doing, as far as a run did it
            found[name] = self._bound(id(space), name, space[name])
        modules = {name: self.of(_imported(name)) for name in sorted(imported) if is_own(name)}
        named = value.__kwdefaults__ or {}
        defaults = [self._all(value.__defaults__ or ()), [*named], self._all(named.values())]
        rest = [defaults, self.of(value.__dict__)]
        return ["function", self.of(value.__code__), rest, cells, found, modules]

    def _bound(self, owner: int, name: str, value: Any) -> str:
        """The digest of what a run may bind anew itself: what it was before; empty where it was not there."""
        if not self._later:
            self._assigned[owner, name] = self.of(value)
        return self._assigned.get((owner, name), "")

    def _cell(self, cell: Any) -> str:
        try:
            return self._bound(id(cell), "", cell.cell_contents)
        except ValueError:
            return "empty"

    def _code(self, code: CodeType) -> Any:
        counts = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags]
        names = [code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars]
        writes = WRITERS & {*code.co_names} or ("open" in code.co_names and MODES & _texts(code))
        as_it_is = (str,) if writes else ()  # what a run makes is none of its causes
        constants = [
            _sha([type(each).__name__, each]) if isinstance(each, as_it_is) else self.of(each)
            for each in code.co_consts
        ]
        table = getattr(code, "co_exceptiontable", b"").hex()
        return ["code", code.co_code.hex(), table, counts, constants, *map(list, names)]

    def _members(self, module: ModuleType) -> dict[str, str]:
        """What a module of the user's holds: the code and the values that it defines."""
        own = {
            name: value
            for name, value in list(vars(module).items())
            if not name.startswith("__") and getattr(value, "__module__", module.__name__) == module.__name__
        }
        return self._named(module, own)

    def _named(self, owner: Any, members: Mapping[str, Any]) -> dict[str, str]:
        """Members by name; those that are no code may be bound anew by a run."""
        found = {}
        for name, value in members.items():
            fixed = isinstance(value, _CODE) and not isinstance(value, ModuleType)
            held = self.of(value) if fixed or name.startswith("__") else self._bound(id(owner), name, value)
            if held:
                found[name] = held
        return found

    def _foreign(self, value: Any) -> Any:
        """An object of Python's own or of another package."""
        kind = type(value)
        module = _module(kind)
        top = module.partition(".")[0]
        inner = getattr(value, "__wrapped__", None) if callable(value) else None
        found = ["object", _name(kind), self.of(inner)]
        if isinstance(value, PurePath):
            return [*found, str(value), named_content(str(value))]
        if (is_python(module) and top not in _MACHINERY) or top in _VALUES:
            return [*found, self._reduced(value)]
        if top == "torch" and hasattr(value, "untyped_storage"):
            value = _array(value)
            return [*found, self._reduced(value)]
        public = without_secrets(_attributes(value))
        return [*found, {key: self.of(part) for key, part in public.items() if key[:1] != "_"}]

    def _reduced(self, value: Any) -> Any:
        """What pickle would keep of a value; nothing of a lock, a file, a generator."""
        size = getattr(value, "nbytes", 0)
        if type(value).__name__ == "ndarray" and size > _LARGE:
            value = value.reshape(-1)[:: size // _LARGE + 1]
        try:
            reduce = copyreg.dispatch_table.get(type(value))
            reduced = reduce(value) if reduce else value.__reduce_ex__(4)
            if isinstance(reduced, str):
                return reduced
            function, arguments, state, *items = [*reduced, None, None, None][:5]
            listed = [list(each) if each is not None else None for each in items]
        except Exception:
            return None
        return self._all((function, list(arguments), state, *listed))


def _module(value: Any) -> str:
    """The module of a class or a function; empty where it says none."""
    found = getattr(value, "__module__", None)
    return found if isinstance(found, str) else ""


def _name(kind: type) -> str:
    return f"{_module(kind)}.{kind.__qualname__}"


def _state(value: Any) -> Any:
    """The attributes of an object of the user's class, those in slots too."""
    try:
        return object.__getstate__(value)  # type: ignore[attr-defined]
    except Exception:
        return getattr(value, "__dict__", None)


def _attributes(value: Any) -> dict[str, Any]:
    state = _state(value)
    parts = state if isinstance(state, tuple) else (state,)
    return {str(key): inner for part in parts if isinstance(part, dict) for key, inner in part.items()}


def _array(tensor: Any) -> Any:
    """A tensor's content, where it is small and lies in memory; else its shape."""
    with contextlib.suppress(Exception):
        if tensor.nbytes <= _LARGE:
            return tensor.detach().cpu().float().numpy()
    return [str(tensor.dtype), list(tensor.shape)]


def _texts(code: CodeType) -> set[str]:
    return {each for each in code.co_consts if isinstance(each, str)}


def _imported(name: str) -> Any:
    """A module of the user's that is imported within a function, as the function will find it."""
    try:
        return importlib.import_module(name)
    except Exception:
        return None


@lru_cache(maxsize=4096)
def _names(code: CodeType) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """The global names that a code object, and those within it, read and assign, and modules they import."""
    read, written, imported = set[str](), set[str](), set[str]()
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
            read.add(step.argval)
        elif step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL"):
            written.add(step.argval)
        elif step.opname == "IMPORT_NAME":
            imported.add(step.argval)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            for names, more in zip((read, written, imported), _names(inner), strict=True):
                names |= more
    return frozenset(read), frozenset(written), frozenset(imported)
