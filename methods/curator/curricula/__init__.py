"""The curricula by name."""

from __future__ import annotations

from typing import Any

from harness.methods.curator.curricula.filters import DAPO, VCRL, Learnability
from harness.methods.curator.curricula.learned import PCL, ActorCurator, AsReleased, TabularOSMD
from harness.methods.curator.curricula.plain import SEC, AdaRFT, MoPPS, Uniform
from harness.methods.curator.curriculum import Curriculum
from harness.methods.curator.training_tasks import ProblemSet

CURRICULA: dict[str, type[Curriculum]] = {
    "uniform": Uniform,
    "sec": SEC,
    "pcl": PCL,
    "learnability": Learnability,
    "dapo": DAPO,
    "adarft": AdaRFT,
    "vcrl": VCRL,
    "mopps": MoPPS,
    "curator": ActorCurator,
    "curator-released": AsReleased,
    "osmd": TabularOSMD,
}


def make(name: str, bank: ProblemSet, *, seed: int = 0, **settings: Any) -> Curriculum:
    """The named curriculum over a problem set; settings that it doesn't have are left out."""
    kind = CURRICULA[name]
    known = {key: value for key, value in settings.items() if hasattr(kind, key)}
    return kind(bank, seed=seed, **known)
