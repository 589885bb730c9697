"""What annotating and judging share: rows one after another, what is kept of them, and how far it is."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError
from harness.base.terminal import rewrite, tell
from harness.display.layout import Block, Line

if TYPE_CHECKING:
    from harness.api.checklist_files import Dialogue


class Unusable(Exception):
    """A row gets no result, for the reason that is said; the others go on."""


def first(dialogues: Sequence[Dialogue], limit: int | None) -> Sequence[Dialogue]:
    """The first dialogues.

    Raises:
        UsageError: the limit is below 1.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"--limit takes at least 1, not {limit}")
    return dialogues[:limit]


def not_over(out: str | Path, *read: str | Path | None) -> None:
    """
    Raises:
        UsageError: the file that would be written is one that is read, which --overwrite would lose.
    """
    for path in read:
        if path is not None and Path(out).exists() and Path(out).samefile(path):
            raise UsageError(f"--out {out} is the file that is read; name another")


def same_settings(
    notes: Iterable[tuple[Any, Mapping[str, Any]]],
    settings: Mapping[str, Any],
    of: Mapping[Any, Any],
    out: str | Path,
) -> set[Any]:
    """The keys that a file has already.

    Args:
        notes: of its rows, the key and what was noted: `settings` and `of`.
        settings: those of this call.
        of: by key, the digest of what is asked about now.

    Raises:
        UsageError: it was written with other settings, or about other messages.
    """
    kept = set()
    for key, note in notes:
        before = note.get("settings")
        if before != settings:
            before = before if isinstance(before, Mapping) else {}
            names = [name for name in settings if before.get(name) != settings[name]]
            raise UsageError(
                f"--out {out} was written with other settings ({', '.join(names[:4])}); name another "
                "file, or --overwrite"
            )
        if key in of and note.get("of") != of[key]:
            raise UsageError(
                f"--out {out} has {key!r} as it was before its content changed; name another file, or "
                "--overwrite"
            )
        kept.add(key)
    return kept


async def over_rows(
    work: Any, dialogues: Sequence[Dialogue], written: Any, at_once: int, what: str, progress: bool
) -> tuple[list[dict[str, Any]], str]:
    """Does `work` on every dialogue and writes its row; the failures, and why it ended early."""
    from harness.base.concurrent import each
    from harness.base.errors import BudgetSpent, ModelCallError

    shown, failed = _Progress(what, len(dialogues), progress), list[dict[str, Any]]()

    async def one(dialogue: Dialogue) -> tuple[Dialogue, Any, str]:
        try:
            return dialogue, await work(dialogue), ""
        except (ModelCallError, Unusable) as error:
            return dialogue, None, str(error)

    try:
        async for dialogue, rows, why in each(one, dialogues, at_once):
            for row in rows if isinstance(rows, list) else [rows] * (rows is not None):
                written.add(row)
            if why:
                failed.append({"uuid": dialogue.uuid, "line": dialogue.line, "reason": why})
            shown.step()
    except BudgetSpent as error:
        return failed, str(error)
    return failed, ""


def spending(usage: Mapping[str, Any]) -> str:
    """What a model took, in words."""
    from harness.display.spending import tokens

    cost = usage.get("cost_usd")
    return (
        f"{usage['calls']} calls, {tokens(dict(usage))} tokens, {'?' if cost is None else f'{cost:.4g}'} USD"
    )


def failures(failed: Sequence[Mapping[str, Any]], what: str) -> list[Block]:
    """The rows without a result, each with its reason."""
    if not failed:
        return []
    lines = [Line(f"line {each['line']}, {each['uuid']}: {each['reason']}") for each in failed[:20]]
    more = [Line(f"... and {len(failed) - 20} more")] if len(failed) > 20 else []
    return [*lines, *more, Line(f"{len(failed)} dialogues {what}")]


class _Progress:
    """One line that is rewritten on a terminal; elsewhere a line every 15 seconds. `show=False`: nothing."""

    def __init__(self, what: str, total: int, show: bool = True) -> None:
        self._what, self._total, self._done, self._show = what, total, 0, show
        self._live = sys.stderr.isatty()
        self._shown = time.monotonic() - (15.0 if self._live else 0.0)

    def step(self) -> None:
        """One row more is done."""
        self._done += 1
        now = time.monotonic()
        last = self._done == self._total
        if not self._show or now - self._shown < (0.1 if self._live else 15.0) and not (last and self._live):
            return
        self._shown = now
        line = f"{self._what} {self._done}/{self._total}"
        if self._live:
            rewrite(line, last)
        else:
            tell(line)
