"""What the levels of a grid are: which subjects are one method or one model, and which runs drew the same."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from harness.base.digest import digest
from harness.comparison.arms import METHOD_ARGS, Arm
from harness.results.fields import brief, differing, flat
from harness.results.labels import field_label, told, unusual, with_arguments

#: what of a subject is the model's; all else is the method's, the harness around it
OF_THE_MODEL = ("model", "model_revision", "model_args")


def level_names(arms: Sequence[Arm], factor: str) -> list[str]:
    """The name of the method (or model) of each arm: equal where it is the same in all that is recorded of
    it, whatever the other factors, and with what tells it apart from others of its name where not."""
    parts = [_part(arm.subject, factor) for arm in arms]
    keys = [digest(part) for part in parts]
    kinds = dict(zip(keys, parts, strict=True))
    names = {key: _name(part, list(kinds.values()), factor) for key, part in kinds.items()}
    return [names[key] for key in keys]


def draws_of(arms: Sequence[Arm]) -> list[list[Hashable]]:
    """A key for what each run of each arm drew: that of its seed and of its draw's digest. Where a digest
    isn't recorded, runs of one method and seed may have drawn the same, and are taken so."""
    methods = [digest(_part(arm.subject, "method")) for arm in arms]
    made = []
    for arm, method in zip(arms, methods, strict=True):
        told_digests = arm.draw_digests or [method] * len(arm.runs)
        keys = list[Hashable]()
        for seed, drew in zip(arm.seeds, told_digests, strict=True):
            again = sum(1 for key in keys if isinstance(key, tuple) and key[:2] == (seed, drew))
            keys.append((seed, drew, again))
        made.append(keys)
    return made


def _part(subject: Mapping[str, Any], factor: str) -> dict[str, Any]:
    return {key: value for key, value in subject.items() if (key in OF_THE_MODEL) == (factor == "model")}


def _name(part: Mapping[str, Any], kinds: Sequence[Mapping[str, Any]], factor: str) -> str:
    """`self-consistency (samples=16)`: the arguments of a method that are not at their default, and whatever
    else tells it (or a model) apart from others of its name."""
    name = str(part[factor])
    shown = unusual(name, part["method_args"]) | told(part) if factor == "method" else {}
    values = flat(part)
    for other in kinds:
        if other is part or other[factor] != part[factor]:
            continue
        for field in differing(part, other):
            argument = field.removeprefix(METHOD_ARGS)
            if argument != field:
                shown.setdefault(argument, values.get(field))
            elif own := field_label(field, values):
                shown.setdefault(own, brief(values.get(field)))
    return with_arguments(name, shown)
