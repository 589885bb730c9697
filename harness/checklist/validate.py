"""The rules of a checklist, each by name: those of the released validator, and those that it leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import fsum, isfinite
from typing import Any

from harness.checklist.blocks import Block, name_of, number, pointer_faults, read_block, whole
from harness.checklist.dialogue import evidence_steps
from harness.checklist.faults import Fault, FaultyData, named, shown
from harness.checklist.schema import Checklist, Evidence, Item
from harness.checklist.trajectory import Trajectory

#: rules that the released validator checks
RELEASED = {
    "keys": "every required key is there",
    "type": "every value has its type; a truth value is no number",
    "non_negative": "turn and step are whole numbers from 0",
    "enum": "focus_on and evidence.from are parts of a message",
    "dependence_keys": "dependence has exactly the ids of the block's items as keys",
    "dependence_ids": "prerequisites are items of the same turn",
    "dependence_focus": "prerequisites have focus_on = tool.content",
    "weight_sum": "the weights of a turn sum to 1, within 1e-6",
    "block_count": "as many blocks as the dialogue has messages of the user",
}
#: rules that it leaves out
ADDED = {
    "weight_keys": "weight has exactly the ids of the block's items as keys",
    "weight_range": "weights are finite and not negative",
    "unique_ids": "ids are unique within a turn",
    "cycle": "no item is its own prerequisite, directly or through others",
    "turn_order": "blocks are turns 0, 1, 2, ... in order",
    "evidence_step": "evidence doesn't point to step 0, the user's message",
    "evidence_part": "evidence points to a part of the dialogue that is there",
    "evidence_snippet": "the snippet stands in that part",
    "empty_turn": "every turn has an item",
}
TOLERANCE = 1e-6


def faults(value: Any, dialogue: Trajectory | None = None, *, released_only: bool = False) -> list[Fault]:
    """Everything that is wrong with a checklist; never raises, whatever the value is.

    Args:
        value: as JSON gives it, in one of two layouts: the annotator's, a list of blocks {turn, checklist,
            dependence, weight}; or that of files, a list of turns, each a list of items that hold their own
            `dependence` and `weight` (one variant of `checklists`).
        dialogue: what it was written for; None leaves out the rules that need it.
        released_only: by the rules of the released validator alone.

    Ids are names: `C0`, `C1`, ... is the custom, and any text without repeats is taken. Keys that the schema
    doesn't have are let through.
    """
    return _examine(value, dialogue, released_only)[1]


def parse(
    value: Any,
    dialogue: Trajectory | None = None,
    *,
    released_only: bool = False,
    source: str = "reference",
    where: str = "",
) -> Checklist:
    """A valid checklist, from the same value. By the released rules alone an item without a weight has 0.

    Raises:
        FaultyData: it is not valid; names all faults. `where` stands before them.
    """
    blocks, found = _examine(value, dialogue, released_only)
    if found:
        raise FaultyData(found, where)
    return Checklist(tuple(_items(block) for block in blocks), source)


def _examine(value: Any, dialogue: Trajectory | None, released_only: bool) -> tuple[list[Block], list[Fault]]:
    found: list[Fault] = []
    if not isinstance(value, list | tuple):
        what = f"a checklist is a list with one block for every turn, got {shown(value)}"
        return [], [Fault("type", "", f"{what}; give the list itself")]
    blocks = [read_block(n, each, found) for n, each in enumerate(value)]
    for block in blocks:
        found += _block_faults(block)
        if not released_only:
            found += _added_faults(block)
    if not released_only:
        found += [
            Fault(
                "turn_order", block.place, f"has turn {shown(block.turn)}; number blocks 0, 1, ... in order"
            )
            for n, block in enumerate(blocks)
            if whole(block.turn) and block.turn != n
        ]
    if dialogue is not None:
        if len(blocks) != len(dialogue.turns):
            what = f"{len(blocks)} blocks for {len(dialogue.turns)} messages of the user"
            found.append(Fault("block_count", "", f"{what}; write one block for each"))
        if not released_only:
            found += _evidence_faults(blocks, dialogue)
    elif not blocks and not released_only:
        found.append(Fault("empty_turn", "", "no turns; write one block for every message of the user"))
    return blocks, found


def _block_faults(block: Block) -> Iterator[Fault]:
    """Released rules on the maps of a turn."""
    place, ids = block.place, set(block.ids)
    if block.dependence is not None and block.sound:
        yield from _keys("dependence_keys", "dependence", block.dependence, ids, place)
        focus = {item["id"]: item["focus_on"] for item in block.items}
        for key, needs in block.dependence.items():
            at = f"{place}, item {named(key)}"
            if not isinstance(needs, list | tuple) or not all(isinstance(each, str) for each in needs):
                message = f"dependence must be a list of ids, got {shown(needs)}; write [] for none"
                yield Fault("type", at, message)
                continue
            for each in needs:
                if each not in focus:
                    message = f"depends on {shown(each)}, which this turn doesn't have; name one of its items"
                    yield Fault("dependence_ids", at, message)
                elif focus[each] != "tool.content":
                    message = (
                        f"depends on {shown(each)}, whose focus_on is {shown(focus[each])}; "
                        "prerequisites have focus_on tool.content"
                    )
                    yield Fault("dependence_focus", at, message)
    if block.weight is not None:
        numbers = [number(each) for each in block.weight.values()]
        for key, share in zip(block.weight, numbers, strict=True):
            if share is None:
                message = f"weight must be a number, got {shown(block.weight[key])}; give its share of 1"
                yield Fault("type", f"{place}, item {named(key)}", message)
        known = [share for share in numbers if share is not None]
        total = _total(known)
        if len(known) == len(numbers) and not abs(total - 1) <= TOLERANCE:
            yield Fault("weight_sum", place, f"the weights sum to {total:.9g}; make them sum to 1")


def _added_faults(block: Block) -> Iterator[Fault]:
    """Rules on the maps of a turn that the released validator leaves out."""
    place = block.place
    if not block.items and block.sound:
        yield Fault("empty_turn", place, "has no items; write at least one")
    for n, item in enumerate(block.items):
        given = item.get("evidence")
        for e, pointer in enumerate(given if isinstance(given, list | tuple) else ()):
            if isinstance(pointer, Mapping) and whole(pointer.get("step")) and pointer["step"] == 0:
                message = "points to step 0, the user's message; point to what the agent or a tool said"
                yield Fault("evidence_step", f"{place}, item {name_of(item, n)}, evidence {e}", message)
    twice = sorted({each for each in block.ids if block.ids.count(each) > 1})
    for each in twice:
        yield Fault("unique_ids", place, f"the id {shown(each)} is there twice; give each item its own")
    if block.weight is not None and block.sound:
        yield from _keys("weight_keys", "weight", block.weight, set(block.ids), place)
        for key, weight in block.weight.items():
            share = number(weight)
            if share is not None and not (isfinite(share) and share >= 0):
                at = f"{place}, item {named(key)}"
                yield Fault("weight_range", at, f"the weight is {shown(weight)}; give a share from 0 to 1")
    if block.dependence is not None and block.sound and (around := _cycle(block.dependence)):
        way = " -> ".join(named(each) for each in around[:8])
        yield Fault("cycle", place, f"items wait for each other: {way}; leave one of them out")


def _evidence_faults(blocks: Sequence[Block], dialogue: Trajectory) -> Iterator[Fault]:
    texts = [evidence_steps(turn) for turn in dialogue.turns]
    for block in blocks:
        for n, item in enumerate(block.items):
            given = item.get("evidence")
            for e, pointer in enumerate(given if isinstance(given, list | tuple) else ()):
                if pointer_faults(pointer, ""):
                    continue  # said already
                fault = _unresolved(pointer, texts)
                if fault:
                    yield Fault(fault[0], f"{block.place}, item {name_of(item, n)}, evidence {e}", fault[1])


def _unresolved(
    pointer: Mapping[str, Any], texts: Sequence[Sequence[dict[str, str]]]
) -> tuple[str, str] | None:
    """The rule that a pointer breaks, with a message."""
    turn, step, source = pointer["turn"], pointer["step"], pointer["from"]
    if step == 0:
        return None  # said already
    if turn >= len(texts):
        return (
            "evidence_part",
            f"points to turn {shown(turn)}, but turns go to {len(texts) - 1}; name another",
        )
    steps = texts[turn]
    if step >= len(steps) or source not in steps[step]:
        there = [s for s, each in enumerate(steps) if s and source in each]
        where = f"steps with it: {', '.join(map(str, there))}" if there else "no step of this turn has it"
        return "evidence_part", f"turn {turn}, step {shown(step)} has no {source}; {where}"
    wanted, text = "".join(pointer["snippet"].split()), "".join(steps[step][source].split())
    if not wanted:
        return "evidence_snippet", "the snippet is empty; copy the words that show it"
    if wanted not in text:
        what = f"the snippet {shown(pointer['snippet'])} isn't in {source} of turn {turn}, step {step}"
        return "evidence_snippet", f"{what}; copy it word for word"
    return None


def _cycle(dependence: Mapping[Any, Any]) -> list[Any]:
    """Ids that wait for each other, the first one again at the end; none where there is no such ring."""
    needs = {
        key: [each for each in given if isinstance(each, str) and each in dependence]
        for key, given in dependence.items()
        if isinstance(given, list | tuple)
    }
    done: set[Any] = set()
    for start in needs:
        path: list[Any] = [start]
        on_path = {start: 0}
        ways = [iter(needs[start])]
        while ways:
            following = next(ways[-1], None)
            if following is None:
                ways.pop()
                gone = path.pop()
                del on_path[gone]
                done.add(gone)
            elif following in on_path:
                return [*path[on_path[following] :], following]
            elif following not in done and following in needs:
                on_path[following] = len(path)
                path.append(following)
                ways.append(iter(needs[following]))
    return []


def _total(numbers: Sequence[float]) -> float:
    try:
        return fsum(numbers)
    except (OverflowError, ValueError):  # beyond the largest float; infinities of both signs
        return float("nan")


def _keys(rule: str, name: str, given: Mapping[Any, Any], ids: set[str], place: str) -> Iterator[Fault]:
    lacking, extra = sorted(ids - set(given)), [key for key in given if key not in ids]
    if lacking:
        yield Fault(
            rule, place, f"{name} lacks {', '.join(map(shown, lacking[:8]))}; give every item its entry"
        )
    if extra:
        message = f"{name} has {', '.join(map(shown, extra[:8]))}, which no item is called; take it out"
        yield Fault(rule, place, message)


def _items(block: Block) -> tuple[Item, ...]:
    dependence, weight = block.dependence or {}, block.weight or {}
    return tuple(
        Item(
            id=item["id"],
            question=item["question"],
            pass_condition=item["pass_condition"],
            focus_on=item["focus_on"],
            weight=number(weight.get(item["id"])) or 0.0,
            dependence=tuple(dependence.get(item["id"]) or ()),
            required_for_next_turn=item["required_for_next_turn"],
            evidence=tuple(
                Evidence(each["turn"], each["step"], each["from"], each["snippet"])
                for each in item["evidence"]
            ),
            failure_examples=tuple(item["failure_examples"]),
            rule=item["rule"] if isinstance(item.get("rule"), Mapping) else None,
        )
        for item in block.items
    )
