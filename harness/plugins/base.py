"""What tasks and methods have in common: a spec, and arguments, however their class takes them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

from harness.base.errors import UsageError
from harness.spec import Spec

S = TypeVar("S", bound=Spec)


class Plugin(Generic[S]):
    """A task or a method. Its class takes its arguments in one of three ways, none of which needs a word
    here: an annotated nested class `Params`, an annotated `__init__(self, n: int = 5)`, or, where the spec
    stands in a TOML file, `__init__(self, spec, args)`, which is this one.
    """

    spec_type: ClassVar[type[Spec]] = Spec

    def __new__(cls, *given: Any, **named: Any) -> Self:
        made = super().__new__(cls)
        made.__dict__["_given"] = (given, named)  # an `__init__` of its own need not keep them
        return made

    def __init__(self, spec: S | None = None, args: Mapping[str, Any] | None = None, **params: Any) -> None:
        if spec is not None:
            if not isinstance(spec, Spec):
                name = type(self).__name__
                raise UsageError(f"{name}: give arguments by name, as in {name}(n=5)")
            self.spec = spec
            self.args = dict(args or {})
            self.__dict__.pop("_given", None)
        elif params:
            _ = self.args  # a wrong one is said at once

    @cached_property
    def spec(self) -> S:
        """What it is, as data. Whoever loads a plugin sets it; one that was made by hand has its class's.

        Raises:
            PluginError: the class declares none that is valid.
        """
        from harness.plugins.classes import spec_of

        return cast(S, spec_of(type(self)))

    @cached_property
    def args(self) -> dict[str, Any]:
        """Every parameter with its given or default value.

        Raises:
            UsageError: one that doesn't exist, doesn't fit or is missing.
        """
        from harness.plugins.classes import given_arguments

        return self.spec.arguments(given_arguments(self))

    @cached_property
    def params(self) -> Any:
        """The arguments as an object of the class's own `Params`."""
        from harness.plugins.classes import params_class

        made = params_class(type(self))
        if made is None:
            raise AttributeError(f"{type(self).__name__} has no class Params; its arguments are in self.args")
        return made(**self.args)
