"""Who the agents of a run are: their roles, built-in ones or those of a file, and their models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.base.errors import DataError, UsageError
from harness.methods.agents.live import wording
from harness.model.gateway import Model

#: the most agents of a conversation; draws of a call are numbered by it, so that an agent's first answer,
#: where it hears nobody, is the same call whatever the number of agents
MOST = 64


@dataclass(frozen=True)
class Role:
    """What an agent is told of itself (`text`), and what others see of it (`name`)."""

    name: str
    text: str


#: our wording; the presumed code of arXiv 2602.03688 has such a list too (expert, critic, mathematician, ...)
BUILT_IN = (
    Role("Generalist", "You know a good deal about many fields and answer in plain words, step by step."),
    Role("Critic", "You look for the weak step in an argument, your own included, before you settle."),
    Role("Mathematician", "You put a question into symbols or numbers and check every calculation twice."),
    Role("Psychologist", "You know how people think, feel and act, and where intuition misleads them."),
    Role("Scientist", "You reason from mechanisms and evidence, and ask what would prove an answer wrong."),
    Role("Historian", "You know dates, people, laws and institutions, and place a question in its context."),
    Role("Physician", "You reason from signs and causes to the likeliest explanation, and rule others out."),
    Role("Economist", "You compare costs, incentives and consequences, and beware of what isn't counted."),
)
_MOST_TEXT = 4000


@dataclass(frozen=True)
class Agent:
    """One agent: its name, counted from 1, its role and its model."""

    name: str
    role: Role
    model: Model

    @property
    def shown(self) -> str:
        return wording.spoken(self.name, self.role.name)


@dataclass(frozen=True)
class Cast:
    """The agents of a run, and how they are asked. `tokens`: of a question, 0 for any number; `patience`:
    seconds of a call; `closing` as the argument of that name."""

    agents: Sequence[Agent]
    tokens: int = 0
    patience: float = 600.0
    closing: str = "adversary"
    temperature: float = 1.0


def roles(file: str, agents: int) -> list[Role]:
    """The roles of that many agents: those of a JSON file, or the built-in ones; fewer than agents are taken
    again from the first.

    Raises:
        UsageError: there are more roles than agents.
        DataError: the file can't be read as roles.
    """
    known = _read(Path(file)) if file else list(BUILT_IN)[:agents]
    if len(known) > agents:
        raise UsageError(
            f"roles={Path(file).name} has {len(known)} roles for agents={agents}; take "
            f"-M agents={len(known)}, or leave out roles"
        )
    return [known[i % len(known)] for i in range(agents)]


def _read(file: Path) -> list[Role]:
    try:
        rows = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise DataError(f"roles={file.name} can't be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"roles={file.name} is no JSON: {error}") from None
    if not isinstance(rows, list) or not rows:
        raise DataError(f'roles={file.name} is no list of roles; write [{{"name": "...", "text": "..."}}]')
    return [_role(row, n, file.name) for n, row in enumerate(rows, 1)]


def _role(row: Any, n: int, file: str) -> Role:
    fields = row if isinstance(row, dict) else {}
    name, text = (each if isinstance(each := fields.get(key), str) else "" for key in ("name", "text"))
    if set(fields) != {"name", "text"} or not name.strip() or not text.strip():
        raise DataError(f'roles={file}: role {n} is not {{"name": "...", "text": "..."}} with two texts')
    if len(name) > 60 or "\n" in name or len(text) > _MOST_TEXT:
        raise DataError(
            f"roles={file}: role {n} has a name of more than one line or 60 characters, or a text of more "
            f"than {_MOST_TEXT}"
        )
    return Role(name.strip(), text.strip())
