"""Whether the methods of a comparison learnt from the same interactions."""

from __future__ import annotations

from collections.abc import Sequence

from harness.comparison.arms import Arm

#: what a recommender notes of its training, in `data_access`
TRAINED_ON = "interactions_trained_on"


def unequal_training(arms: Sequence[Arm]) -> list[str]:
    """A sentence for each comparability key whose arms trained on different numbers of interactions. Arms
    that note none (older records, methods that train on nothing) are left out."""
    made = []
    for key in dict.fromkeys(arm.comparability_key for arm in arms):
        beside = [arm for arm in arms if arm.comparability_key == key]
        counts = {arm.title(beside): numbers for arm in beside if (numbers := _trained_on(arm))}
        if len({tuple(numbers) for numbers in counts.values()}) > 1:
            said = "; ".join(f"{name}: {', '.join(map(str, numbers))}" for name, numbers in counts.items())
            made.append(
                f"{beside[0].task}: the methods trained on different numbers of interactions ({said}); "
                "-M refit=true trains on all that is known"
            )
    return made


def _trained_on(arm: Arm) -> list[int]:
    """The numbers of interactions that its runs trained on, smallest first."""
    return sorted(
        {int(run["data_access"][TRAINED_ON]) for run in arm.runs if TRAINED_ON in run["data_access"]}
    )
