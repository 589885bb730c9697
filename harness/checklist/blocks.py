"""The two layouts of a checklist in JSON, read into turns, with every missing key and wrong type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.base.errors import nearest
from harness.checklist.faults import Fault, named, shown
from harness.checklist.schema import FOCUS, SOURCES

_ITEM = {
    "id": str,
    "evidence": list,
    "focus_on": str,
    "question": str,
    "pass_condition": str,
    "failure_examples": list,
    "required_for_next_turn": bool,
}
_EVIDENCE = {"turn": int, "step": int, "from": str, "snippet": str}
#: names that the paper's figure and its prompts use for fields of the schema
_OTHER_NAMES = {
    "required_for_next_turn": ("strictness", "must_pass_to_continue"),
    "dependence": ("dependency", "depends_on", "dependencies"),
    "weight": ("weights",),
    "checklist": ("items",),
}
_KINDS = {str: "text", list: "a list", dict: "an object", bool: "true or false", int: "a whole number"}


@dataclass(slots=True)
class Block:
    """A turn of either layout; maps are None where they are of the wrong type."""

    place: str
    turn: Any
    items: list[Mapping[str, Any]]
    ids: list[str]
    dependence: dict[str, Any] | None
    weight: dict[str, Any] | None
    sound: bool = True  # ids and maps can be looked into


def read_block(n: int, given: Any, found: list[Fault]) -> Block:
    """One turn, with the faults of its keys and types added to `found`."""
    if isinstance(given, list | tuple):
        return _of_items(n, given, found)
    place = f"turn {n}"
    block = Block(place, n, [], [], None, None, False)
    if not isinstance(given, Mapping):
        message = f"must be an object or a list of items, got {shown(given)}; write the turn's items"
        found.append(Fault("type", place, message))
        return block
    wanted = {"turn": int, "checklist": list, "dependence": dict, "weight": dict}
    right = _typed(given, wanted, place, found)
    block.turn = given.get("turn")
    if right["turn"] and block.turn < 0:
        found.append(Fault("non_negative", place, f"turn is {shown(block.turn)}; count turns from 0"))
    if right["checklist"]:
        block.items, block.ids, block.sound = _read_items(given["checklist"], place, found)
    block.dependence = dict(given["dependence"]) if right["dependence"] else None
    block.weight = dict(given["weight"]) if right["weight"] else None
    return block


def _of_items(n: int, given: Sequence[Any], found: list[Fault]) -> Block:
    """A turn in the layout of files."""
    place = f"turn {n}"
    items, ids, sound = _read_items(given, place, found)
    dependence: dict[str, Any] = {}
    weight: dict[str, Any] = {}
    for item in items:
        at = f"{place}, item {name_of(item)}"
        right = _typed(item, {"dependence": list, "weight": float}, at, found)
        sound = sound and all(right.values())
        if isinstance(key := item.get("id"), str):
            dependence.setdefault(key, item.get("dependence"))
            weight.setdefault(key, item.get("weight"))
    return Block(place, n, items, ids, dependence if sound else None, weight if sound else None, sound)


def _read_items(
    given: Sequence[Any], place: str, found: list[Fault]
) -> tuple[list[Mapping[str, Any]], list[str], bool]:
    items: list[Mapping[str, Any]] = []
    sound = True
    for n, item in enumerate(given):
        at = f"{place}, item {n}"
        if not isinstance(item, Mapping):
            found.append(Fault("type", at, f"must be an object, got {shown(item)}; write the item's fields"))
            sound = False
            continue
        at = f"{place}, item {name_of(item, n)}"
        right = _typed(item, _ITEM, at, found)
        sound = sound and right["id"] and right["focus_on"]
        if right["focus_on"] and item["focus_on"] not in FOCUS:
            found.append(_enum("focus_on", item["focus_on"], FOCUS, at))
        if right["failure_examples"] and not all(isinstance(each, str) for each in item["failure_examples"]):
            found.append(Fault("type", at, "failure_examples must hold texts alone; write each as one text"))
        for e, pointer in enumerate(item["evidence"] if right["evidence"] else ()):
            found += pointer_faults(pointer, f"{at}, evidence {e}")
        items.append(item)
    return items, [item["id"] for item in items if isinstance(item.get("id"), str)], sound


def pointer_faults(pointer: Any, place: str) -> list[Fault]:
    if not isinstance(pointer, Mapping):
        message = f"must be an object, got {shown(pointer)}; write turn, step, from and snippet"
        return [Fault("type", place, message)]
    found: list[Fault] = []
    right = _typed(pointer, _EVIDENCE, place, found)
    for key in ("turn", "step"):
        if right[key] and pointer[key] < 0:
            found.append(Fault("non_negative", place, f"{key} is {shown(pointer[key])}; count from 0"))
    if right["from"] and pointer["from"] not in SOURCES:
        found.append(_enum("from", pointer["from"], SOURCES, place))
    return found


def _typed(
    given: Mapping[str, Any], wanted: Mapping[str, Any], place: str, found: list[Fault]
) -> dict[str, bool]:
    """Of every wanted key, whether it is there with its type; faults are added to `found`."""
    right: dict[str, bool] = {}
    for key, kind in wanted.items():
        right[key] = key in given and _is(given[key], kind)
        if key not in given:
            other = next((name for name in _OTHER_NAMES.get(key, ()) if name in given), "")
            cure = f"rename {other!r}" if other else "add it"
            found.append(Fault("keys", place, f"the key {key!r} is missing; {cure}"))
        elif not right[key]:
            what = _KINDS.get(kind, "a number")
            found.append(Fault("type", place, f"{key} must be {what}, got {shown(given[key])}; change it"))
    return right


def _is(value: Any, kind: Any) -> bool:
    if kind is int:
        return whole(value)
    if kind is float:
        return number(value) is not None
    if kind is list:
        return isinstance(value, list | tuple)
    if kind is dict:
        return isinstance(value, Mapping)
    return isinstance(value, kind)


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _enum(key: str, value: str, choices: Sequence[str], place: str) -> Fault:
    drifted = value.replace("final_reply", "content.user_visible_reply")
    cure = f"write {drifted!r}" if drifted in choices else nearest(value[:60], choices, "part")
    return Fault("enum", place, f"{key} is {shown(value)}; {cure}")


def name_of(item: Mapping[str, Any], place: int | str = "?") -> str:
    given = item.get("id")
    return named(given) if isinstance(given, str) and given else str(place)
