"""Whose turn a cell is: of several processes one measures it, the others wait and find its record."""

from __future__ import annotations

from harness.base import paths
from harness.base.errors import RecordError
from harness.base.locks import Lock, own
from harness.run.journal import Journal
from harness.run.prepare import Prepared
from harness.run.session import Session


class Turn:
    """The journal of a cell, once no other process writes it. Where its calls are paid for, or people are
    asked, no other may measure it into another store with the same cache either, as it would pay, or ask, for
    the same completions.
    """

    def __init__(self, prepared: Prepared, session: Session) -> None:
        self._prepared, self._session = prepared, session
        folder = session.store.running_folder(prepared.run_id)
        self._locks = [Lock(folder / "lock")]
        if any(each.remote or each.person for each in (prepared.provider, *prepared.roles.values())):
            self._locks.append(Lock(paths.cache_dir() / "running" / f"{prepared.run_id[:32]}.lock"))
        self._journal: Journal | None = None
        self._folder = folder

    async def __aenter__(self) -> Journal:
        try:
            for lock in self._locks:
                await lock.wait(self._say)
            self._journal = Journal(self._folder, self._locks[0])
        except OSError as error:
            self._release()
            place = error.filename or self._folder
            raise RecordError(f"can't lock {place}: {error.strerror or error}") from error
        except BaseException:
            self._release()
            raise
        return self._journal

    def _say(self, owner: str) -> None:
        title = self._prepared.cell.title
        if own(owner):
            raise RecordError(f"{title} is being measured by this very process; wait for it")
        self._session.notice(f"{title}: {owner} measures it; waiting for its record, Ctrl-C ends the wait")

    def _release(self) -> None:
        for lock in self._locks[1:]:
            lock.release(remove=True)
        self._locks[0].release()

    async def __aexit__(self, *ended: object) -> None:
        if self._journal is not None:
            self._journal.close()
        self._release()
