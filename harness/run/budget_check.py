"""Limits in USD before anything is asked, and what asking beforehand costs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness.base.errors import BudgetSpent, UsageError
from harness.model.budget import Budget
from harness.model.ledger import Ledger, Usage
from harness.model.metering import Meter, throw_away
from harness.model.prices import unpriced
from harness.model.provider import Call, Provider
from harness.run.plan import Cell
from harness.run.session import Session

if TYPE_CHECKING:
    from harness.run.prepare import Prepared


def check_priced(cells: Iterable[Cell], session: Session) -> None:
    """Whether every model that a run with a limit in USD may ask has a price: its own, those of its roles,
    and its embedder. Services of worlds are checked where their task is loaded.

    Raises:
        UsageError: one has none; names the cure.
    """
    limited = [cell for cell in cells if cell.request.budget_usd is not None]
    lacking: dict[str, None] = {}
    for cell in limited:
        roles = cell.request.roles.values()
        asked = [(cell.model, False), *((name, True) for name in roles)]
        lacking |= {name: None for name, role in asked if session.price(name, cell, role) is None}
        if "embedder" in cell.method.needs + cell.method.may_use:
            name = cell.request.embedder
            lacking |= {name: None} if session.embedder_price(name) is None else {}
    if lacking:
        raise UsageError("; ".join(unpriced(name) for name in lacking))
    limits = {cell.request.budget_usd for cell in limited}
    if len(limited) > 1 and len(limits) == 1:
        (limit,) = limits
        assert limit is not None
        session.notice(
            f"--budget-usd {limit:g} limits each of the {len(limited)} runs, so all of them together to "
            f"{len(limited) * limit:g} USD"
        )


def affords(cell: Cell, session: Session, provider: Provider, call: Call) -> bool:
    """Whether the limits of a run leave room for a call before it."""
    limits = Budget(cell.request.budget_calls, cell.request.budget_tokens, cell.request.budget_usd)
    role = provider is not session.provider(cell.model, cell)
    price = session.price(provider.name, cell, role)
    try:
        most = Meter(provider, price, limits, lambda text: None).most(call)
        limits.check(Usage(), Usage(calls=1, input_tokens=most.tokens, cost_usd=most.usd))
    except (BudgetSpent, UsageError):  # the run says it, when its turn comes
        return False
    return True


def book_probes(prepared: Prepared, session: Session, ledger: Ledger) -> None:
    """Books what the calls took by which the models of a run were tried beforehand: the first run that asks
    a model pays for it."""
    cell = prepared.cell
    for provider in (prepared.provider, *prepared.roles.values()):
        call, output = session.probed.pop(id(provider), (None, None))
        if call is None:
            continue
        price = session.price(provider.name, cell, role=provider is not prepared.provider)
        limits = Budget(tokens=cell.request.budget_tokens, usd=cell.request.budget_usd)
        meter, spent = Meter(provider, price, limits, lambda text: None), Usage()
        if output is None:
            meter.broke_off(spent, call)
            ledger.book(spent)
            continue
        meter.answered(spent, call, output)
        booked = Usage()
        throw_away(booked, spent)
        ledger.book(booked)
