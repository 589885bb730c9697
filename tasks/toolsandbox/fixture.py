"""What an installation of ToolSandbox must show before it is used: for every category and set of tools a
dialogue that does what is wanted, played and graded by the package, and one in which nothing is done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.external.workers import Pool, Worker
from harness.registry import registry
from harness.tasks.toolsandbox.adapter import MEMORY, SCRIPT, SECONDS

#: what an agent does one after another: says words, or calls a tool, which is known by a word of its name or
#: of its description, as either is scrambled at times
Moves = Sequence[str | tuple[str, dict[str, Any]]]
OFF: Moves = (("cellular", {"on": False}), "Cellular service has been turned off.")
REMOVE: Moves = (
    ("search_contacts", {"phone_number": "+12453344098"}),
    ("remove_contact", {"person_id": "9e137f06-916a-5310-8174-cf0b7e9f7054"}),
    "Fredrik Thordendal has been removed.",
)
SCRIPTS: dict[str, Moves] = {
    "cellular_off": OFF,
    **{f"cellular_off_{tools}": OFF for tools in ("10_distraction_tools", "all_tools")},
    **{
        f"cellular_off_3_distraction_tools{scrambled}": OFF
        for scrambled in (
            *("", "_tool_description_scrambled", "_arg_type_scrambled", "_arg_description_scrambled"),
            "_tool_name_scrambled",
        )
    },
    "turn_on_wifi_low_battery_mode": (
        ("set_low_battery_mode", {"on": False}),
        ("set_wifi", {"on": True}),
        "Wifi has been turned on.",
    ),
    "remove_contact_by_phone_multiple_user_turn": ("Whom do you mean?", *REMOVE),
    "remove_contact_by_phone": REMOVE,
    "find_days_till_holiday_insufficient_information": ("I have no tool for that.",),
}
#: the least similarity of these dialogues, in which words of one's own may differ from the wanted ones
RIGHT = 0.8
#: in which categories nothing is to be done
NOTHING_WANTED = "insufficient_information"


def verify(packages: Path) -> None:
    """Plays and grades the dialogues.

    Raises:
        ValueError: the number of scenarios, or a similarity, differs.
        WorkerError: the package fails.
    """
    made = Pool(SCRIPT, packages, 1, MEMORY)
    worker = made.one()
    try:
        spec = registry().task("toolsandbox/all")
        clock, size = str(spec.settings["clock"]), spec.n_items
        rows = {row["id"]: row for row in worker.ask({"do": "load", "clock": clock}, SECONDS)}
        if len(rows) != size:
            raise ValueError(f"there are {len(rows)} scenarios instead of {size}")
        untried = {name for row in rows.values() for name in row["categories"]}
        for name, moves in SCRIPTS.items():
            _check(worker, clock, rows[name], moves)
            untried -= {*rows[name]["categories"]}
        if untried:
            raise ValueError(f"no dialogue is of {', '.join(sorted(untried))}")
    finally:
        made.close()


def _check(worker: Worker, clock: str, scenario: dict[str, Any], moves: Moves) -> None:
    name, idle = scenario["id"], NOTHING_WANTED in scenario["categories"]
    for made, right in ((moves, True), ((), idle)):
        dialogue = _played(worker, clock, name, made)
        similarity = worker.ask({"do": "score", "scenario": name, **dialogue}, SECONDS)["similarity"]
        if (similarity >= RIGHT) != right:
            wanted = f"{RIGHT} or more" if right else f"below {RIGHT}"
            raise ValueError(f"{name}: a similarity is {similarity}, not {wanted}")


def _played(worker: Worker, clock: str, name: str, moves: Moves) -> dict[str, Any]:
    """The dialogue of a scenario in which the agent makes its moves, and the user ends it after the last."""
    left = list(moves)
    wanted = worker.ask({"do": "start", "scenario": name, "clock": clock}, SECONDS)
    while "done" not in wanted:
        if "failed" in wanted:
            raise ValueError(f"{name}: {wanted['failed']}")
        move: str | tuple[str, dict[str, Any]] = "Please go on."
        if wanted["who"] == "agent":
            move = left.pop(0) if left else "That is all."
        elif not left:
            move = ("end_conversation", {})
        if isinstance(move, str):
            said: dict[str, Any] = {"text": move, "calls": []}
        else:
            said = {"text": "", "calls": [_call(wanted["tools"], *move)]}
        wanted = worker.ask({"do": "reply", **said}, SECONDS)
    done = wanted["done"]
    if done["exception"]:
        raise ValueError(f"{name}: {done['exception']}")
    return {"context": done["context"], "clock": clock}


def _call(tools: Sequence[dict[str, Any]], word: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """A call of the tool that a word tells and that takes these arguments."""
    (name,) = {
        function["name"]
        for function in (tool["function"] for tool in tools)
        if word in json.dumps(function).lower() and {*arguments} <= {*function["parameters"]["properties"]}
    }
    return {"id": "call_0", "name": name, "arguments": json.dumps(arguments)}
