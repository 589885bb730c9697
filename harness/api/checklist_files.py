"""Dialogues, trajectories and checklists in files of the user's, each mistake with its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api.row_files import read_rows
from harness.base.digest import digest
from harness.base.errors import DataError, reason_of

if TYPE_CHECKING:
    from harness.checklist import Checklist, Trajectory
    from harness.checklist.faults import Fault
    from harness.checklist.files import Sample

#: what an agent may do wrong in a recorded trajectory, which is judged and is no mistake of the file
OF_THE_AGENT = frozenset(
    (
        *("missing_result", "unanswered", "unknown_tool", "arguments", "empty_action", "thinking"),
        "assistant_first",
    )
)


@dataclass(frozen=True)
class Dialogue:
    """A row of a file with its line. `of` is the digest of what it holds."""

    uuid: str
    line: int
    row: Mapping[str, Any]
    trajectory: Trajectory
    rollout: int = 0

    @property
    def of(self) -> str:
        return digest([self.row.get("messages"), self.row.get("tools")])


def read_references(path: str | Path) -> list[Dialogue]:
    """Reference dialogues, {uuid, messages, tools} a line.

    Raises:
        DataError: a row is no sound dialogue, or a uuid stands there twice; names the line.
    """
    from harness.checklist.files import read

    return [Dialogue(each.uuid, each.line, each.record, each.dialogue) for each in read(Path(path))]


def read_trajectories(path: str | Path) -> list[Dialogue]:
    """Recorded trajectories, {uuid, messages} a line; several of one uuid are rollouts 0, 1, ..., in their
    order or as `rollout` says. Messages are those of chat completions, or of a run's traces.

    Raises:
        DataError: a row is no trajectory; names the line. What the agent did wrong is none.
    """
    from harness.checklist.dialogue import of_messages

    found, seen = list[Dialogue](), dict[tuple[str, int], int]()
    for number, row in read_rows(path):
        where = f"{path}, line {number}"
        uuid = _uuid(row, where)
        rollout = row.get("rollout", sum(each == uuid for each, _ in seen))
        if not isinstance(rollout, int) or isinstance(rollout, bool) or rollout < 0:
            raise DataError(f"{where}: rollout is a number from 0, not {rollout!r:.40}")
        if (first := seen.setdefault((uuid, rollout), number)) != number:
            raise DataError(f"{where}: rollout {rollout} of {uuid!r} stands in line {first} too")
        messages = row.get("messages")
        if traced := _of_trace(messages, str(row.get("stop", "stop")), where):
            found.append(Dialogue(uuid, number, row, traced, rollout))
            continue
        trajectory, faults = of_messages(messages, row.get("tools") or ())
        wrong = [fault for fault in faults if fault.rule not in OF_THE_AGENT]
        if wrong:
            more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            raise DataError(f"{where}: {wrong[0]}{more}")
        if not trajectory.turns:
            raise DataError(f"{where}: no message of a user, so there is nothing to judge")
        found.append(Dialogue(uuid, number, row, trajectory, rollout))
    return found


def _of_trace(messages: Any, stop: str, where: str) -> Trajectory | None:
    """A trajectory of the messages of a run's trace; None where they have another form.

    Raises:
        DataError: a message isn't as a trace has it: its calls would be lost in the other form.
    """
    from harness.checklist import Trajectory

    if not isinstance(messages, list) or not all(isinstance(each, Mapping) for each in messages):
        return None
    if not any("calls" in each or "of" in each for each in messages):
        return None
    try:
        return Trajectory.of(messages, stop)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{where}: a message with 'calls' or 'of' is not as a run's trace has it ({reason_of(error)}); "
            "messages of chat completions have 'tool_calls' and 'tool_call_id'"
        ) from None


def read_checklists(path: str | Path) -> dict[str, tuple[Checklist, ...]]:
    """The checklists of every dialogue by its uuid: one or several variants, each checked.

    Raises:
        DataError: a row has none, or one that breaks a rule; names the line and the first fault.
    """
    found: dict[str, tuple[Checklist, ...]] = {}
    for line, sample, faults in _examined(path, False):
        where = f"{Path(path).name} line {line}"
        if faults:
            more = f" (and {len(faults) - 1} more: 'harness checklist validate')" if faults[1:] else ""
            raise DataError(f"{where}: {faults[0]}{more}")
        if not sample.checklists:
            raise DataError(f"{where}: no checklists; 'harness checklist annotate' writes them")
        found[sample.uuid] = sample.checklists
    return found


@dataclass(frozen=True)
class FileFault:
    """A mistake in a file: its line, counted from 1, the rule by name, and the message with the cure."""

    line: int
    rule: str
    message: str
    uuid: str = ""


def all_faults(path: str | Path, released_only: bool = False) -> tuple[int, list[FileFault]]:
    """How many rows a file has, and every mistake in its dialogues and checklists.

    Raises:
        DataError: it can't be read.
    """
    rows, found = 0, list[FileFault]()
    for line, sample, faults in _examined(path, released_only):
        rows += 1
        found += [FileFault(line, fault.rule, str(fault), sample.uuid) for fault in faults]
        if not faults and not sample.checklists:
            cure = "'harness checklist annotate' writes them"
            found.append(FileFault(line, "checklists", f"no checklists; {cure}", sample.uuid))
    return rows, found


def _examined(path: str | Path, released_only: bool) -> Iterator[tuple[int, Sample, list[Fault]]]:
    """As `files.examine`; checklists written from a request may be one block for a whole dialogue."""
    from harness.checklist import validate
    from harness.checklist.files import examine

    for line, sample, faults in examine(Path(path), released_only=released_only):
        if _source(sample.record) == "request":
            faults = [fault for fault in faults if fault.rule != "block_count"]
            if not faults:
                variants = sample.record.get("checklists") or ()
                made = tuple(validate.parse(variant, source="request") for variant in variants)
                sample = replace(sample, checklists=made)
        yield line, sample, faults


def _source(row: Mapping[str, Any]) -> str:
    """What the checklists of a row were written from."""
    extra = row.get("extra_info")
    noted = extra.get("annotation") if isinstance(extra, Mapping) else None
    return str(noted.get("source")) if isinstance(noted, Mapping) else "reference"


def _uuid(row: Mapping[str, Any], where: str) -> str:
    from harness.checklist.files import made_id

    name = row.get("uuid")
    if name is None:
        return made_id(row.get("messages"))
    if not isinstance(name, str | int) or isinstance(name, bool) or not str(name):
        raise DataError(f"{where}: the uuid must be a text; name the dialogue")
    return str(name)
