"""One call of one token to every model that a grid will really ask, before the first cell is paid for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from harness.base import messages
from harness.base.errors import BudgetSpent, HarnessError, ModelStopped
from harness.method import Method
from harness.model import faults
from harness.model.ledger import Ledger
from harness.model.provider import Call, Provider
from harness.registry import load_method
from harness.run.budget_check import affords
from harness.run.jobs import job_of
from harness.run.plan import Cell
from harness.run.plugin_errors import foreseen
from harness.run.prepare import Prepared, prepare
from harness.run.rehearsal import NOT_PLAYED, spread
from harness.run.session import Session
from harness.sample import Question

#: items that are looked for in the cache, and seconds after which a probe is given up
ITEMS, PATIENCE = 8, 30.0


async def probe(cells: Sequence[Cell], session: Session) -> None:
    """Asks every model of the grid once, but for those whose completions are all in the cache or whose run
    has no room for it below its limits, for models of this process, and with --no-probe. What a model answers
    is in no record; the first run that asks it books what it cost.

    Raises:
        ModelStopped: one that will be asked can't be; all of them are named.
    """
    certain: dict[int, Provider] = {}
    perhaps: dict[int, Provider] = {}
    headers: dict[int, Any] = {}
    for cell in cells:
        if cell.request.probe and not cell.request.offline:
            sure, found = await _asked(cell, session, {*certain})
            affordable = {id(each): each for each in found if affords(cell, session, each, _call(None))}
            (certain if sure else perhaps).update(affordable)
            if found:  # a server may want them before it answers at all; a role is sent none
                headers[id(session.provider(cell.model, cell))] = cell.request.decoding.get("extra_headers")
    every = [*(perhaps | certain).values()]
    going = any(cell.request.keep_going for cell in cells)
    per_minute = next((cell.request.requests_per_minute for cell in cells), None)
    said = await asyncio.gather(
        *(_ask(each, session, going, per_minute, headers.get(id(each))) for each in every)
    )
    lines = [line for each, line in zip(every, said, strict=True) if line and id(each) in certain]
    if lines and not going:
        raise ModelStopped(
            f"{'; '.join(lines)}: nothing was run; mend it, or leave the model out (--no-probe asks no model "
            "beforehand, --keep-going counts such calls as errors)"
        )


async def _asked(cell: Cell, session: Session, known: set[int]) -> tuple[bool, list[Provider]]:
    """The models of a cell that its run asks over a network, and whether that is certain; none where all are
    in `known`, or a sealed record or the cache will answer."""
    from harness.run.cell import sealed

    try:
        first = session.provider(cell.model, cell)
        others = [session.role(name, cell) for name in cell.request.roles.values()]
        found = [each for each in (first, *others) if _over_a_network(each)]
        if all(id(each) in known for each in found):
            return False, []
        with foreseen(cell):
            prepared = prepare(cell, session)
        if not cell.request.overwrite and sealed(prepared, session)[0] is not None:
            return False, []
    except HarnessError:  # the cell says it when its turn comes
        return False, []
    kept = session.cache.has_run(prepared.run_id) or await _in_the_cache(prepared, session)
    return kept is not None, [] if kept else found


def _over_a_network(provider: Provider) -> bool:
    """Whether calls go to a server that somebody else started."""
    return provider.remote and ("trainable" not in provider.abilities or bool(provider.origin))


async def _in_the_cache(prepared: Prepared, session: Session) -> bool | None:
    """Whether the cache holds what a few items of the cell ask; None where that isn't known: of a method that
    fits, or answers many at once, and of worlds."""
    cell = prepared.cell
    if cell.request.isolate:  # no code of the method runs here
        return None
    method = load_method(cell.method, cell.method_args)
    simple = type(method).fit is Method.fit and type(method).answer_all is Method.answer_all
    unplayed = NOT_PLAYED & {*cell.method.needs, *cell.method.may_use} or "world" in cell.task.offers
    if not simple or unplayed or prepared.embedder is not None:
        return None
    limits: dict[str, Any] = {f"budget_{of}": None for of in ("calls", "tokens", "usd", "time")}
    offline = replace(cell, request=replace(cell.request, offline=True, **limits))
    ledger = Ledger()
    job = job_of(replace(prepared, cell=offline), session, ledger)
    try:
        questions = [sample.question for sample in spread(prepared.attempts.samples, ITEMS)]
        async for _ in method.answer_all(_until_one_lacks(questions, ledger), job):
            pass
    except (HarnessError, BudgetSpent):
        return None
    except Exception:  # the run itself says what is wrong with the method
        return None
    finally:
        job.close()
    return not ledger.missing


def _until_one_lacks(questions: Iterable[Question], ledger: Ledger) -> Iterable[Question]:
    for question in questions:
        if ledger.missing:
            return
        yield question


def _call(headers: Any) -> Call:
    decoding = {"max_tokens": 1, **({"extra_headers": headers} if headers else {})}
    return Call(Question("probe", "Hi"), [messages.user("Hi")], decoding=decoding)


async def _ask(
    provider: Provider, session: Session, keep_going: bool, per_minute: int | None, headers: Any
) -> str:
    """What keeps the model from being asked; empty where nothing does, or it may pass."""
    health, call = session.health(provider, keep_going), _call(headers)
    try:
        async with asyncio.timeout(PATIENCE), session.pace(provider, per_minute):
            session.probed[id(provider)] = (call, await provider.probe(call))
    except TimeoutError:
        session.probed[id(provider)] = (call, None)
        session.notice(f"{provider.name} gave no answer within {PATIENCE:g} seconds to a call of one token")
        return ""
    except HarnessError as error:
        return str(error)
    except Exception as error:
        said = faults.read(error)
        line = f"{provider.name}: {said.line}"
        if said.kind == "unusable":
            if not keep_going:
                health.stop(line)
            return line
        if said.status is None or said.status >= 500:
            session.notice(f"{line}: the first call failed; calls are made again")
        return ""
    health.answers()
    return ""
