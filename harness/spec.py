"""Specs: what a task or a method is, as data that can be listed and checked without importing it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness.base.documents import load_yaml
from harness.base.errors import UsageError, nearest
from harness.base.ranges import MetricRange as MetricRange
from harness.base.template import check_template
from harness.base.values import Written

_WHOLE = re.compile(r"\s*[-+]?[0-9_]+\s*")
VERSION = re.compile(r"^(\d+)-([A-Z]+)$")
ANSWERS = ("label", "integer", "number", "expression", "text", "grid", "ranking", "trajectory")
OFFERS = (
    "labelled",
    "pool",
    "dev",
    "test_inputs",
    "countable",
    "world",
    "checklist",
    "interactions",
    "item_texts",
    "history",
    "corpus",
)
ROLES = ("judge", "user", "simulator", "annotator", "human")
NEEDS = OFFERS + ("tools", "logprobs", "trainable", "embedder") + ROLES
DRAWS = ("none", "run")
#: the distribution of the built-ins, and its name before it had a release
OURS, FORMERLY = "method-harness", "harness"
#: what a method draws on once for all items, unless its spec says that it doesn't
DRAWN_FROM = frozenset({"labelled", "pool", "trainable", "interactions"})
#: types of parameters, and how a message calls a value of each
TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "a text",
    "list": "a list",
    "list[int]": "a list of whole numbers",
    "list[float]": "a list of numbers",
    "list[str]": "a list of texts",
    "dict": "a table",
    "any": "data (a text, a number, a list, a table)",
}


@dataclass(frozen=True)
class Param:
    """An argument with its default (`-T name=value` for a task, `-M name=value` for a method).

    `later` marks one that was added once results were published: at its default, at which it must change
    nothing, the hashes of a run don't name it, so that rows from before stay comparable. `file` says that
    the value, where a file or folder of that name exists, stands for its content. `template` says that it is
    the user's own prompt, see `harness.base.template`. `type` is one of `TYPES`, that of the default where it
    is empty. `optional` takes None too, and one that is `required` has no default.
    """

    name: str
    default: Any = None
    help: str = ""
    choices: tuple[Any, ...] = ()
    later: bool = False
    file: bool = False
    type: str = ""
    optional: bool = False
    required: bool = False
    template: bool = False

    @property
    def kind(self) -> str:
        """One of `TYPES`."""
        own = type(self.default).__name__
        return self.type or (own if own in TYPES else "any")

    def read(self, value: Any) -> Any:
        """`value` in the parameter's type: texts, as a command line has them, are read, typed values checked.

        Raises:
            UsageError: the value is of another type or not among the choices, or a template without an item.
        """
        if isinstance(value, Written):
            value = value.as_kind(self.kind)
        if value is None or (value == "null" and self.optional):
            if self.optional or self.kind == "any":
                return None
            value = "" if self.kind == "str" else value  # an empty value of YAML
        try:
            value = _read_as(self.kind, value)
        except ValueError:
            default = "" if self.required else f"; the default is {self.default!r}"
            raise UsageError(f"{self.name}={value!r} is not {TYPES[self.kind]}{default}") from None
        if self.choices and any(part not in self.choices for part in _parts(value)):
            shown = ", ".join(map(str, self.choices))
            raise UsageError(f"{self.name}={value!r} is not one of: {shown}")
        if self.template and value:
            check_template(self.name, value)
        return value


def _parts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _read_as(kind: str, value: Any) -> Any:
    """The value as a parameter of that kind has it.

    Raises:
        ValueError: it is of another kind.
    """
    outer, _, inner = kind.rstrip("]").partition("[")
    if kind == "any":
        if not is_data(value):
            raise ValueError(value)
        return value
    if kind == "str":
        if isinstance(value, bool):
            return str(value).lower()  # as it was written
        if not isinstance(value, str | int | float):
            raise ValueError(value)
        return str(value)
    if kind == "bool":
        known = {"true": True, "false": False, "1": True, "0": False}
        if str(value).lower() not in known:
            raise ValueError(value)
        return known[str(value).lower()]
    if kind in ("int", "float"):
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError(value)
        if kind == "float":
            if not math.isfinite(float(value)):  # it has no JSON form
                raise ValueError(value)
            return float(value)
        if isinstance(value, str) and not _WHOLE.fullmatch(value):
            value = float(value)  # 1e5
        if isinstance(value, float) and not value.is_integer():
            raise ValueError(value)
        return int(value)
    if isinstance(value, str):
        structured = outer == "dict" or value.strip().startswith("[")
        value = _yaml(value) if structured else [part for part in value.split(",") if part]
    if not isinstance(value, dict if outer == "dict" else list | tuple) or not is_data(value):
        raise ValueError(value)
    if outer == "dict":
        return dict(value)
    return [_read_as(inner, part) if inner else part for part in value]


def is_data(value: Any) -> bool:
    """Whether a value has a JSON form."""
    if isinstance(value, list | tuple):
        return all(map(is_data, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and is_data(each) for key, each in value.items())
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | int | float)


def _yaml(text: str) -> Any:
    import yaml

    try:
        return load_yaml(text)
    except yaml.YAMLError:
        raise ValueError(text) from None


@dataclass(frozen=True)
class DataPin:
    """Where a task's rows come from. `revision` is a commit of the repository that `id` names, or
    'main' where none could be pinned; every record says which, beside the digest of the rows used."""

    id: str
    config: str | None = None
    split: str = "test"
    revision: str = "main"


@dataclass(frozen=True)
class Spec:
    """What tasks and methods have in common.

    `version` is `N-X`: N moves when scores may change. It is empty while a plugin is in development; then
    the digest of its code stands for it. `files` are names of data files beside the module whose content
    counts as code. `origin` says where it was declared: an installed package, a file (`path`) or a cell.
    `implementation` is the class, where it is at hand already; it is no part of the data.
    """

    #: what it is called in messages, and the option that gives it arguments
    noun: ClassVar[str] = "plugin"
    flag: ClassVar[str] = "-M"

    name: str
    version: str
    summary: str
    entry: str
    paper: str = ""
    licence: str = ""
    params: Mapping[str, Param] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    package: str = ""
    distribution: str = ""
    folder: str = ""
    notes: str = ""
    files: tuple[str, ...] = ()
    origin: Literal["package", "file", "cell"] = "package"
    path: str = ""
    if TYPE_CHECKING:  # an attribute like others, but that `asdict` and `==` leave it out
        implementation: type | None = None
    else:
        implementation: InitVar[type | None] = None

    def __post_init__(self, implementation: type | None = None) -> None:
        object.__setattr__(self, "implementation", implementation)

    @property
    def owner(self) -> str:
        """The distribution that it comes with, in the spelling of package indices; empty where that is the
        project's own, and of a file or a cell."""
        name = re.sub(r"[-_.]+", "-", self.distribution).lower()
        return "" if name in (OURS, FORMERLY) else name

    @property
    def declared_version(self) -> bool:
        """Whether a version was declared; a plugin in development has none."""
        return bool(self.version)

    @property
    def shown_version(self) -> str:
        """The version as listings show it."""
        return self.version or "dev"

    @property
    def comparability_version(self) -> int:
        """The N of `N-X`; 0 without a declared version."""
        match = VERSION.match(self.version)
        return int(match[1]) if match else 0

    def hashed(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that the hashes of a run name: all but those added later that have their default."""
        return {
            name: value
            for name, value in arguments.items()
            if name not in self.params or not self.params[name].later or value != self.params[name].default
        }

    def template(self, arguments: Mapping[str, Any]) -> str:
        """The user's own prompt among the arguments; empty where none was given."""
        own = (name for name, param in self.params.items() if param.template)
        return next((str(arguments[name]) for name in own if arguments.get(name)), "")

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every parameter with its given or default value.

        Raises:
            UsageError: an argument that the spec doesn't know, a value that doesn't fit, or none for a
                parameter without a default.
        """
        for name in given:
            if name not in self.params:
                cure = nearest(name, self.params, "parameter") if self.params else "it takes none"
                raise UsageError(f"{self.name} has no parameter {name!r}; {cure}")
        values = {}
        for name, param in self.params.items():
            if name in given:
                try:
                    values[name] = param.read(given[name])
                except UsageError as error:
                    raise UsageError(f"{self.name}: {error}") from None
            elif param.required:
                raise UsageError(
                    f"{self.name}: parameter {name!r} has no default; give {self.flag} {name}=VALUE"
                )
            else:
                values[name] = deepcopy(param.default)
        return values


@dataclass(frozen=True)
class TaskSpec(Spec):
    """A task's spec: also its data, kind of answer, metrics and what it offers to methods.

    `metrics` have a value for every item (others than the primary one perhaps for a part of them, of which
    they then are the mean), `set_metrics` only for the set as a whole; both name the largest value possible,
    and `ranges` the whole range of those that don't go up from 0 (see `metric_ranges`). `private_targets`
    keeps targets out of what is shown and exported, and
    `private_questions` questions, answers and transcripts out of records. `duplicates` is how
    many items stand in two splits upstream and are known to (see `harness.task_checks`). `setup` is a recipe
    of `harness.external.setup`; `results` names a module that
    reads the benchmark's own result files (see `harness.data.responses.results_module`); `overall` names a
    module that makes figures of the whole from the members of a family: `overall(values)` gives them by name
    from the members' primary metrics, `PARTS` the members that a part is made of; `known_broken` is a file
    that lists items which are broken upstream (see `harness.external.known_broken`); `in_text` are arguments
    with which the task's worlds are answered in words, so that models need no tool calls; `default_model` is
    measured where no model is named; a task that is
    `apart` isn't meant where its family is named. `settles` names a function of a task whose spec can't say
    what it offers, as its arguments and data decide it (see `harness.registry.settled`); `settled` is then
    what was found, in words.
    """

    noun: ClassVar[str] = "task"
    flag: ClassVar[str] = "-T"

    answer: str = "text"
    primary: str = "accuracy"
    metrics: Mapping[str, float] = field(default_factory=lambda: {"accuracy": 1.0})
    set_metrics: Mapping[str, float] = field(default_factory=dict)
    ranges: Mapping[str, MetricRange] = field(default_factory=dict)
    offers: tuple[str, ...] = ()
    data: Mapping[str, DataPin] = field(default_factory=dict)
    decoding: Mapping[str, Any] = field(default_factory=dict)
    scorer: str = "1"
    canary: str = ""
    n_items: int = 0
    setup: Mapping[str, Any] = field(default_factory=dict)
    results: str = ""
    overall: str = ""
    known_broken: str = ""
    in_text: Mapping[str, Any] = field(default_factory=dict)
    default_model: str = "pocket/grid"
    apart: bool = False
    private_targets: bool = False
    private_questions: bool = False
    duplicates: int = 0
    settles: str = ""
    settled: str = ""

    @property
    def unsettled(self) -> bool:
        """Whether it isn't known yet what the task offers."""
        return bool(self.settles and not self.settled)

    @property
    def metric_ranges(self) -> dict[str, MetricRange]:
        """The range of every metric, those of the set among them."""
        limits = {**self.metrics, **self.set_metrics}
        return {name: self.ranges.get(name) or MetricRange(0.0, high) for name, high in limits.items()}


@dataclass(frozen=True)
class MethodSpec(Spec):
    """A method's spec: also what it needs from the task, the model and the run.

    `model` says whether it spends a generating model at all; one that doesn't is run once, with the model
    `none`. `twin` holds arguments of a run that stands beside one whose first of them differs (an attack, and
    the clean run), `against` names the method that its rows are shown next to. `roles` are roles of its own,
    beside those of `ROLES`. `draws` is `run` where all items of a run share something that depends on its
    seed, as demonstrations drawn once or trained weights do, and `none` where they don't; undeclared it is
    `run` for a method that has a `fit` or reaches for `DRAWN_FROM`.
    """

    noun: ClassVar[str] = "method"

    needs: tuple[str, ...] = ()
    may_use: tuple[str, ...] = ()
    fits: bool = False
    model: bool = True
    roles: tuple[str, ...] = ()
    draws: str = ""
    twin: Mapping[str, Any] = field(default_factory=dict)
    against: str = ""

    def __post_init__(self, implementation: type | None = None) -> None:
        super().__post_init__(implementation)
        if not self.draws:
            shares = self.fits or DRAWN_FROM & {*self.needs, *self.may_use}
            object.__setattr__(self, "draws", "run" if shares else "none")
