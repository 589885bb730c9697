"""Checklists of the user's own dialogues: written by a model, and checked by rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from harness.api.checklist_rows import failures, spending
from harness.api.one_model import Limits
from harness.base.errors import UsageError
from harness.display.layout import Block, Line, Shown, Table

if TYPE_CHECKING:
    from harness.api.checklist_files import Dialogue, FileFault
    from harness.checklist.annotate import Annotated, Annotator

SOURCES = ("reference", "request")


@dataclass(frozen=True, repr=False)
class Annotations(Shown):
    """What `annotate_checklists` wrote.

    Attributes:
        path: the file, one dialogue a line with its checklists.
        written: dialogues that were annotated now; `kept`: those that were there.
        failed: of those that got no valid checklist, uuid, line and reason.
        usage: what the model took: calls, tokens, USD.
        interrupted: why it ended early; empty if it didn't.
    """

    path: Path
    written: int
    kept: int
    failed: Sequence[Mapping[str, Any]]
    usage: Mapping[str, Any]
    interrupted: str = ""

    @property
    def exit_code(self) -> int:
        return 3 if self.interrupted else 1 if self.failed else 0

    def to_json(self) -> dict[str, Any]:
        """The object that `harness checklist annotate --json` prints."""
        return {
            "schema": 1,
            "out": str(self.path),
            "written": self.written,
            "kept": self.kept,
            "failed": list(self.failed),
            "usage": dict(self.usage),
            "interrupted": self.interrupted,
        }

    def blocks(self) -> list[Block]:
        kept = f", {self.kept} were there already" if self.kept else ""
        lines = [Line(f"{self.path}: checklists of {self.written} dialogues{kept}; {spending(self.usage)}")]
        return [*lines, *failures(self.failed, "have no checklist; the same command tries them again")]


def annotate_checklists(
    file: str | Path,
    model: str,
    out: str | Path,
    *,
    source: str = "reference",
    by_turn: bool = False,
    variants: int = 1,
    attempts: int = 3,
    schema: bool = True,
    limit: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
    **limits: Unpack[Limits],
) -> Annotations:
    """Has a model write checklists for reference dialogues, {uuid, messages, tools} a line.

    A checklist that breaks a rule is sent back with its faults. What is written stays: the same call goes on
    where it was interrupted, and asks nothing twice.

    Args:
        file: the dialogues, JSONL, packed or not.
        model: who writes.
        out: the file that is written: the dialogues with `checklists[variant][turn][item]`, and what each
            took in `extra_info.annotation`.
        source: `reference`, the whole dialogue; `request`, what the agent sees alone (system message, tools,
            what the user says): the form for test time.
        by_turn: with source=request, one list for each message of the user and not one for the dialogue.
        variants: checklists of each dialogue.
        attempts: replies until one is valid.
        schema: hold replies to a JSON schema, where the provider can.
        limit: only the first so many dialogues.
        overwrite: begin the file anew.
        progress: show progress.
        limits: how the model is asked; the keywords of `harness.api.one_model.Limits`.

    Raises:
        DataError: a dialogue is faulty; names its line.
        UsageError: an option, or the file that is there was written with other settings.

    Example:
        >>> harness.annotate_checklists("dialogues.jsonl", "openai/gpt-4.1", "checklists.jsonl")
    """
    from harness.api.checklist_files import read_references
    from harness.api.checklist_rows import Unusable, first, not_over, over_rows, same_settings
    from harness.api.one_model import opened, spent
    from harness.api.row_files import RowFile
    from harness.base.concurrent import run_sync
    from harness.checklist.annotate import Annotator

    if source not in SOURCES:
        raise UsageError(f"source is one of {', '.join(SOURCES)}, not {source!r}")
    if by_turn and source != "request":
        raise UsageError(
            "by_turn is for source=request; from a reference there is one list for each turn anyway"
        )
    if variants < 1:
        raise UsageError(f"variants takes at least 1, not {variants}")
    dialogues = first(read_references(file), limit)
    not_over(out, file)
    with opened(model, limits) as (handle, ledger), RowFile(out, overwrite) as written:
        annotator = Annotator(handle, attempts=attempts, schema=schema, decoding=limits.get("generation"))
        identity = {**annotator.identity(source), "by_turn": by_turn, "variants": variants}
        notes = [(str(row.get("uuid")), _noted(row)) for row in written.rows]
        kept = same_settings(notes, identity, {each.uuid: each.of for each in dialogues}, out)
        left = [dialogue for dialogue in dialogues if dialogue.uuid not in kept]

        async def one(dialogue: Dialogue) -> dict[str, Any] | None:
            made = [await _annotated(annotator, dialogue, source, by_turn, n) for n in range(variants)]
            took = {name: usage.reported() for name, usage in ledger.take(dialogue.uuid, 0).items()}
            bad = next((each for each in made if each.checklist is None), None)
            if bad is not None:
                raise Unusable(f"no valid checklist in {bad.attempts} attempts: {bad.faults[0]}")
            tries = [each.attempts for each in made]
            note = {
                "settings": identity,
                "source": source,
                "of": dialogue.of,
                "attempts": tries,
                "usage": took,
            }
            extra = dialogue.row.get("extra_info")
            extra = dict(extra) if isinstance(extra, Mapping) else {}
            return {
                **dialogue.row,
                "uuid": dialogue.uuid,
                "checklists": [each.turns for each in made],
                "extra_info": {**extra, "annotation": note},
            }

        failed, end = run_sync(
            over_rows(one, left, written, handle.provider.connections, "annotated", progress)
        )
        done = {str(row["uuid"]) for row in written.rows} & {each.uuid for each in dialogues}
        return Annotations(Path(out), len(done - kept), len(done & kept), failed, spent(ledger), end)


async def _annotated(
    annotator: Annotator, dialogue: Dialogue, source: str, by_turn: bool, variant: int
) -> Annotated:
    from harness.sample import Question

    question, seen = Question(dialogue.uuid, ""), dialogue.trajectory
    if source == "reference":
        return await annotator.of_reference(question, seen, variant)
    requests = [turn.user for turn in seen.turns]
    return await annotator.of_request(
        question, system=seen.system, tools=seen.tools, requests=requests, by_turn=by_turn, variant=variant
    )


def _noted(row: Mapping[str, Any]) -> Mapping[str, Any]:
    extra = row.get("extra_info")
    note = extra.get("annotation") if isinstance(extra, Mapping) else None
    return note if isinstance(note, Mapping) else {}


@dataclass(frozen=True, repr=False)
class Validation(Shown):
    """What `validate_checklists` found: every mistake of a file, in the order of its lines."""

    path: Path
    rows: int
    faults: Sequence[FileFault]

    @property
    def exit_code(self) -> int:
        return 1 if self.faults else 0

    def to_json(self) -> dict[str, Any]:
        """The object that `harness checklist validate --json` prints."""
        from dataclasses import asdict

        return {"schema": 1, "file": str(self.path), "rows": self.rows, "faults": [*map(asdict, self.faults)]}

    def blocks(self) -> list[Block]:
        lines = len({fault.line for fault in self.faults})
        if not lines:
            return [Line(f"{self.path}: {self.rows} dialogues, their checklists keep every rule")]
        rows = [[str(fault.line), fault.uuid, fault.rule, fault.message] for fault in self.faults]
        return [
            Table(("line", "uuid", "rule", "mistake"), rows, right=("line",), titles=3),
            Line(f"{self.path}: {len(self.faults)} mistakes in {lines} of {self.rows} lines"),
        ]


def validate_checklists(file: str | Path, *, released_only: bool = False) -> Validation:
    """Checks a file of dialogues with checklists, {uuid, messages, tools, checklists} a line.

    Args:
        file: JSONL, packed or not.
        released_only: by the rules of the authors' released validator alone.

    Raises:
        DataError: the file can't be read.

    Example:
        >>> harness.validate_checklists("checklists.jsonl").faults
    """
    from harness.api.checklist_files import all_faults

    rows, faults = all_faults(file, released_only)
    return Validation(Path(file), rows, faults)
