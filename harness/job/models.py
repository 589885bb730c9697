"""The models of a run and what they may spend, as the runner hands them to a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from harness.base.digest import digest
from harness.base.errors import AccessError, UsageError
from harness.model.attempt_time import AttemptClock
from harness.model.budget import Budget
from harness.model.gateway import Model
from harness.model.ledger import Ledger
from harness.team.person import HUMAN

if TYPE_CHECKING:
    from harness.model.embed import Embedder


@dataclass
class Models:
    """The run's model, those of its roles, its embedder, and the ledger that all of them charge.

    `with_weights` serves the run's model from other weights, where that is possible; `concurrency` gives how
    many questions are asked at once, which may change while they are; `clock` limits the time of an attempt.
    """

    model: Model
    roles: Mapping[str, Model] = field(default_factory=dict)
    embedder: Embedder | None = None
    ledger: Ledger = field(default_factory=Ledger)
    budget: Budget = field(default_factory=Budget)
    with_weights: Callable[[Path], Model] | None = None
    concurrency: Callable[[], int] = lambda: 16
    clock: AttemptClock = field(default_factory=AttemptClock)

    def role(self, name: str, method: str) -> Model:
        """The model that plays a role, for the method and for worlds.

        Raises:
            UsageError: none was given for it.
        """
        if name not in self.roles:
            raise UsageError(f"method {method!r} needs --role {name}=MODEL")
        return self.roles[name]

    def asked(self, name: str, method: str) -> Model:
        """The same for the method alone, which asks a person through the question's world.

        Raises:
            UsageError: none was given for it.
            AccessError: it is the person's.
        """
        if name == HUMAN:
            raise AccessError(f"method {method!r} asks people by the tools of the world alone")
        return self.role(name, method)

    @property
    def person(self) -> str | None:
        """A digest of what the person's answers depend on, which says nothing of its settings; None where
        nobody is asked."""
        found = self.roles.get(HUMAN)
        return None if found is None else digest([found.identity, found.decoding])
