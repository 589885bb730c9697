"""The clerk deletes files (`team/approval`).

It deletes what it was asked to, one file after another, but for those that it learns are needed. That a file
of which nobody spoke is needed has, in its own view, the probability `suspects`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.human import agent
from harness.model.clerk.desk import Deed, Desk

LISTED = re.compile(r"Please delete these files \(.*?\): (.+)")
_SAID = re.compile(r"\b(keep|delete) (\S+)")


class Files(Desk):
    """`said` is what the person wants of a file of which it spoke: whether it is to be deleted."""

    farewell = "The files are deleted."

    @staticmethod
    def takes(request: str) -> bool:
        return LISTED.search(request) is not None

    def open(self, request: str) -> None:
        found = LISTED.search(request)
        self.files = [name.strip() for name in found[1].split(",")] if found else []
        self.gone: set[str] = set()
        self.said: dict[str, bool] = {}

    def tell(self, text: str) -> bool:
        found = [(name, word == "delete") for word, name in _SAID.findall(text) if name in self.files]
        self.said.update(found)
        return bool(found)

    def carried_out(self, name: str, arguments: Mapping[str, Any], result: str) -> None:
        if name == "delete_file":
            self.gone.add(str(arguments["file"]))

    def answered(self, question: str, verdict: bool) -> None:
        for _, name in _SAID.findall(question.rstrip("?")):
            self.said[name] = verdict

    def refused(self, name: str, arguments: Mapping[str, Any]) -> None:
        self.said[str(arguments.get("file", ""))] = False

    def plan_judged(self, plan: str, approved: bool, reason: str) -> None:
        if approved:
            self.tell(plan)
        elif not self.tell(reason) and not reason.startswith(agent.CHANGED) and self._due():
            self.said[self._due()[0]] = False  # it doesn't know which, and drops the first

    def deed(self, rng: random.Random) -> Deed | None:
        due, there = self._due(), [name for name in self.files if name not in self.gone]
        if not due:
            return None
        slips = rng.random() >= self.skill
        name = rng.choice(there) if slips else due[0]
        chance = (1 - self.skill) / len(there) + (self.skill if name == due[0] else 0.0)
        return Deed("delete_file", {"file": name}, chance)

    def sure(self, calls: Sequence[Mapping[str, Any]]) -> float:
        """1 - `suspects`, where nobody spoke of one of the files."""
        files = [call["arguments"].get("file") for call in calls]
        return 1.0 if all(name in self.said for name in files) else 1 - self.suspects

    def plan(self, rng: random.Random) -> str:
        return "\n".join(f"{name}: delete {name}" for name in self._due()) or "Nothing is left to do."

    def question(self, about: str) -> str:
        name = about or next((name for name in self._due() if name not in self.said), "")
        return f"Do you want to delete {name}?" if name else super().question(about)

    def _due(self) -> list[str]:
        """What it takes to be deleted still."""
        return [name for name in self.files if name not in self.gone and self.said.get(name, True)]
