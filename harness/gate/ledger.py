"""The ledger of a gate: every look at a candidate is kept, so that looking again costs what it should.

A folder `baselines/NAME.looks/` with one file a look, named by its content: two branches that each looked
merge in git without a conflict, and the same look is one file wherever it was made.
"""

from __future__ import annotations

import json
import math
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.base.digest import digest
from harness.base.documents import load_json
from harness.base.errors import RecordError
from harness.comparison.arms import Arm, Row
from harness.gate.checks import SPENDING

SCHEMA = 1
SUFFIX = ".looks"
#: what a look can say
LOOKED = ("ok", "regressed", "inconclusive", "no alarm", "identical")
#: what a look notes that saw the very outputs of the reference; the verdict of it is `ok`
IDENTICAL = LOOKED[-1]


@dataclass(frozen=True)
class Look:
    """One look at all runs so far of one version of a candidate, against one subject of a baseline.

    Attributes:
        reference: digest of the baseline's runs of that subject.
        task, method, model, metric: for people.
        version: digest of the candidate's subject and code.
        runs: run id -> result digest of every run that was looked at.
        margin, alpha, spending, runs_most: the rules it was judged by; the first look's hold for the version.
        information: of the look, in units of one run's.
        level: the one-sided level that it had.
        gain: candidate - baseline in shares of the metric's range.
        p_loss, p_margin: one-sided, not adjusted.
        verdict: what the look itself said; `identical` where that is ok since nothing had changed.
        night: the day of a nightly look; each night is a version of its own.
    """

    reference: str
    task: str
    method: str
    model: str
    metric: str
    version: str
    runs: Mapping[str, str]
    margin: str
    alpha: float
    spending: str
    runs_most: int
    information: float
    level: float
    gain: float
    p_loss: float
    p_margin: float
    verdict: str
    night: str | None = None
    confirmation: Confirmation | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """Digits of the digest of its content."""
        return digest(self.plain())[:16]

    @property
    def decided(self) -> bool:
        """Whether it ends the looking: ok that was shown, or regressed and not cleared by fresh runs."""
        return self.verdict != IDENTICAL and self.final in ("ok", "regressed")

    @property
    def final(self) -> str:
        """The verdict with its confirmation."""
        if self.verdict == "regressed" and self.confirmation and not self.confirmation.confirmed:
            return "inconclusive"
        return "ok" if self.verdict == IDENTICAL else self.verdict

    def plain(self) -> dict[str, Any]:
        found = asdict(replace(self, confirmation=None))
        del found["confirmation"]
        return {"schema": SCHEMA, "kind": "look", **found}


@dataclass(frozen=True)
class Confirmation:
    """What fresh runs said of a look that found a regression.

    `runs` are run id -> result digest, of both arms where `pair`, else of the candidate alone.
    """

    look: str
    pair: bool
    confirmed: bool
    gain: float
    p: float
    level: float
    seeds: Sequence[int]
    runs: Mapping[str, str]

    def plain(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "kind": "confirmation", **asdict(self)}


class Ledger:
    """The looks of one baseline. `problem` says why looks can't be kept, where they can't."""

    def __init__(self, folder: Path) -> None:
        """Reads what is there.

        Raises:
            RecordError: a look was changed after it was written, or is of a newer version.
        """
        self.folder = folder
        self.problem: str | None = None
        self._looks: dict[str, Look] = {}
        confirmations = []
        for path in sorted(folder.glob("*.json")):
            entry = _read(path)
            if isinstance(entry, Look):
                self._looks[path.stem] = entry
            else:
                confirmations.append(entry)
        # of two branches that each ran a look again, one that bears it out counts
        for found in sorted(confirmations, key=lambda each: each.confirmed):
            if found.look in self._looks:
                self._looks[found.look] = replace(self._looks[found.look], confirmation=found)

    def of(self, reference: str, version: str) -> list[Look]:
        """The looks at one version that spent alpha, in the order in which runs were added: all but those at
        outputs that were the reference's own, which are sure and say nothing of other runs."""
        found = [
            look
            for look in self._looks.values()
            if (look.reference, look.version, look.night) == (reference, version, None)
            and look.verdict != IDENTICAL
        ]
        return sorted(found, key=lambda look: (len(look.runs), look.information, look.name))

    def nights(self, reference: str) -> list[Look]:
        """The nightly looks at a subject, in order."""
        found = [look for look in self._looks.values() if look.reference == reference and look.night]
        return sorted(found, key=lambda look: (look.night or "", len(look.runs), look.name))

    def seeds_of(self, reference: str) -> list[int]:
        """The seeds that confirmations used."""
        return [
            seed
            for look in self._looks.values()
            if look.reference == reference and look.confirmation
            for seed in look.confirmation.seeds
        ]

    def add(self, entry: Look | Confirmation) -> None:
        """Keeps a look or a confirmation; one that is there already is kept once. Where the folder can't be
        written, `problem` says so."""
        text = json.dumps(entry.plain(), indent=1, sort_keys=True) + "\n"
        path = self.folder / f"{digest(entry.plain())[:16]}.json"
        if isinstance(entry, Look):
            self._looks.setdefault(entry.name, entry)
        else:
            self._looks[entry.look] = replace(self._looks[entry.look], confirmation=entry)
        try:
            if path.exists():
                return
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = self.folder / f".{uuid.uuid4().hex}.part"
            temporary.write_text(text, "utf-8")
            os.replace(temporary, path)
        except OSError as error:
            self.problem = (
                f"no ledger: {self.folder} can't be written ({error.strerror}), so this look is not kept "
                "and the next one at this version won't know of it; --ledger DIR names a folder that is kept "
                "(docs/ci.md)"
            )


def _read(path: Path) -> Look | Confirmation:
    try:
        document = load_json(path.read_text("utf-8"))
        named = digest(document)[:16]
        schema, kind = int(document.pop("schema")), document.pop("kind")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"{path} is no look of a gate ({type(error).__name__}: {error})") from None
    if schema > SCHEMA:
        raise RecordError(f"{path} has schema {schema}; this harness reads up to {SCHEMA}: upgrade it")
    if named != path.stem or kind not in ("look", "confirmation"):
        raise RecordError(f"{path} was changed after it was written; take it back from version control")
    try:
        return _look(document) if kind == "look" else _confirmation(document)
    except (ValueError, TypeError, AttributeError) as error:
        raise RecordError(f"{path} is no look of a gate: {error}") from None


def _look(document: dict[str, Any]) -> Look:
    """A look of a file, whose values are within their limits."""
    look = Look(**document)
    texts = (look.reference, look.task, look.method, look.model, look.metric, look.version, look.margin)
    _wanted(all(isinstance(text, str) for text in texts), "names")
    _wanted(look.night is None or isinstance(look.night, str), "night")
    _wanted(look.spending in SPENDING, "spending")
    _wanted(look.verdict in LOOKED, "verdict")
    _wanted(type(look.runs_most) is int and look.runs_most > 0, "runs_most")
    _wanted(bool(look.runs) and _texts(look.runs), "runs")
    _wanted(0 < look.alpha <= 0.5, "alpha")
    _wanted(0 <= look.level <= 0.5, "level")
    _wanted(0 < look.information < math.inf, "information")
    _wanted(math.isfinite(look.gain), "gain")
    _wanted(0 <= look.p_loss <= 1 and 0 <= look.p_margin <= 1, "p")
    return look


def _confirmation(document: dict[str, Any]) -> Confirmation:
    found = Confirmation(**document)
    _wanted(isinstance(found.look, str), "look")
    _wanted(isinstance(found.pair, bool) and isinstance(found.confirmed, bool), "pair or confirmed")
    _wanted(isinstance(found.seeds, list) and all(type(seed) is int for seed in found.seeds), "seeds")
    _wanted(_texts(found.runs), "runs")
    _wanted(math.isfinite(found.gain) and 0 <= found.p <= 1 and 0 <= found.level <= 0.5, "gain, p or level")
    return found


def _texts(runs: Mapping[str, str]) -> bool:
    return all(isinstance(text, str) for pair in runs.items() for text in pair)


def _wanted(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"its {what} can't be so")


def reference_of(arm: Arm) -> str:
    """What names a baseline's subject in a ledger: its runs. Set again with others, looks start anew."""
    return digest(sorted(str(run["result_digest"]) for run in arm.runs))


def version_of(row: Row) -> str:
    """What names a candidate's version: its subject and the code of task and method."""
    code = {part: (row.get("code", {}).get(part) or {}).get("digest") for part in ("task", "method")}
    return digest({"subject": row["subject_key"], "code": code})
