"""The person beside an agent in tau2: a colleague of the agent's who knows what is to be done.

The customer stays the benchmark's simulated user, and the reward the official evaluator's. A reconstruction:
the benchmark has no such person, so runs with one are no runs of the benchmark. No change of mind is put into
it: user and evaluator read one script.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.human import Brief, Refusal
from harness.human.brief import Move
from harness.team.person import brief_of

#: by domain, the agent's tools that the package marks as writing (tau2 1.0.1)
WRITING: Mapping[str, tuple[str, ...]] = {
    "airline": (
        *("book_reservation", "cancel_reservation", "send_certificate", "update_reservation_baggages"),
        *("update_reservation_flights", "update_reservation_passengers"),
    ),
    "retail": (
        *("cancel_pending_order", "exchange_delivered_order_items", "modify_pending_order_address"),
        *("modify_pending_order_items", "modify_pending_order_payment", "modify_user_address"),
        "return_delivered_order_items",
    ),
    "telecom": (
        *("suspend_line", "resume_line", "send_payment_request", "enable_roaming", "disable_roaming"),
        "refuel_data",
    ),
    "banking_knowledge": (
        *("change_user_email", "log_verification", "call_discoverable_agent_tool", "apply_for_credit_card"),
        *("submit_referral", "call_discoverable_user_tool", "request_human_agent_transfer"),
        "submit_transaction",
    ),
    "mock": ("create_task", "update_task_status"),
}


def writing(domain: str) -> tuple[str, ...]:
    """The tools whose calls change what the company has on record; those of telecom in all its forms."""
    return WRITING["telecom" if domain.startswith("telecom") else domain]


def brief(target: Mapping[str, Any], domain: str, args: Mapping[str, Any]) -> Brief:
    """What the agent is to do, by the wanted actions of the task. It has no facts: what the customer wants
    the agent asks the customer."""
    wanted = (target.get("evaluation_criteria") or {}).get("actions") or ()
    moves: list[Move] = [
        (action["name"], action["arguments"])
        for action in wanted
        if action.get("requestor", "assistant") == "assistant"
    ]
    refuses = tuple(
        Refusal(tool, {}, "that is not to be done", tuple(given for name, given in moves if name == tool))
        for tool in writing(domain)
    )
    return brief_of(
        args, goal="The customer is served as the policy says.", refuses=refuses, moves=tuple(moves)
    )
