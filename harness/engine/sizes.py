"""The sizes of a training: a preset, and the arguments of a method over it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from harness.base.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Sizes = TypeVar("Sizes", bound=DataclassInstance)


def over_preset(preset: Sizes, args: Mapping[str, Any]) -> Sizes:
    """The preset with every argument of its fields' names on top that isn't 0 or empty."""
    return replace(preset, **{each.name: args[each.name] for each in fields(preset) if args.get(each.name)})


def check_counts(plan: Any, *names: str) -> None:
    """
    Raises:
        UsageError: a count is below 1, or `rollouts` below 2: one alone has nothing to be compared with.
    """
    for name in names:
        least = 2 if name == "rollouts" else 1
        if getattr(plan, name) < least:
            raise UsageError(f"-M {name}={getattr(plan, name)} is below {least}")


def check_positive(plan: Any, *names: str) -> None:
    """
    Raises:
        UsageError: a number isn't above 0, or not finite.
    """
    for name in names:
        if not 0 < getattr(plan, name) < math.inf:
            raise UsageError(f"-M {name}={getattr(plan, name)} is no number above 0")
