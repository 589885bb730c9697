"""One attempt of a run as text: what was asked, said and done, and how it was scored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.base.errors import UsageError, nearest
from harness.base.terminal import printable, say, say_json
from harness.cli.conversation import conversation_lines
from harness.results.conversation import conversation_of
from harness.results.stored import item_metrics, question_of, read_attempts, target_of, trace_of

#: characters of a message, and of the arguments of a call, that are printed; --json has them whole
LONGEST, LONGEST_ARGUMENTS = 1600, 400


def show_attempt(record: Mapping[str, Any], sample: str, epoch: int | None, as_json: bool) -> None:
    """Prints one sealed attempt of a run; as JSON the row as it is stored, its trace as an object.

    Args:
        epoch: which attempt on the sample; None takes the first.

    Raises:
        UsageError: the run has no such attempt.
        RecordError: its attempts can't be read.
    """
    row, epochs = _find(record, sample, epoch)
    if as_json:
        # ASCII alone, as a terminal may act on other characters that JSON lets through
        say_json(row)
        return
    for line in _lines(record, row, epochs):
        say(line)


def _find(record: Mapping[str, Any], sample: str, epoch: int | None) -> tuple[dict[str, Any], list[int]]:
    """The attempt, and every epoch of its sample."""
    rows = read_attempts(record, filters=[("sample_id", "=", sample)]).to_pylist()
    run = record["run_id"][:12]
    if not rows:
        ids = read_attempts(record, ["sample_id"])["sample_id"].unique().to_pylist()
        cure = nearest(sample, ids, "sample")
        if len(ids) > 12 and not cure.startswith("did you mean"):
            cure = f"its {len(ids)} samples are {ids[0]} to {ids[-1]}"
        raise UsageError(f"run {run} has no sample {sample!r}; {cure}")
    by_epoch = {row["epoch"]: row for row in sorted(rows, key=lambda row: row["epoch"])}
    row = next(iter(by_epoch.values())) if epoch is None else by_epoch.get(epoch)
    if row is None:
        raise UsageError(
            f"run {run} has no epoch {epoch} of sample {sample!r}; its epochs: "
            f"{', '.join(map(str, by_epoch))}"
        )
    return {**row, "trace": trace_of(row) or None}, list(by_epoch)


def _lines(record: Mapping[str, Any], row: Mapping[str, Any], epochs: list[int]) -> Iterator[str]:
    of = f" of {', '.join(map(str, epochs))}" if len(epochs) > 1 else ""
    yield printable(
        f"{record['task']['name']} x {record['method']['name']} x {record['model']}, sample "
        f"{row['sample_id']}, epoch {row['epoch']}{of}"
    )
    trace = dict(row["trace"] or {})
    dialogue = trace.pop("messages", None)
    if not isinstance(dialogue, list):
        dialogue = [
            {"role": name, "content": row[name]} for name in ("input", "completion") if row[name] is not None
        ]
    names: dict[Any, str] = {}
    if not any(row["input"] and row["input"] in str(message.get("content")) for message in dialogue):
        yield ""
        yield from _field("question", question_of(row))
    talk = conversation_of(trace)
    if talk is None:
        for message in dialogue:
            yield from message_lines(message, names)
    else:
        trace.pop("conversation")
        if row["input"]:
            yield from message_lines({"role": "input", "content": row["input"]}, names)
        yield from map(printable, conversation_lines(talk))
    yield ""
    if not dialogue:
        yield (
            "no transcript: "
            + (
                "it ended before the agent saw anything"
                if row["trace"] is not None
                else "the run was sealed with --no-transcripts"
            )
        )
    scores = [f"{name} {row[name]:g}" for name in item_metrics(record, row) if row[name] is not None]
    yield f"{row['status']}: {', '.join(scores) or 'no score'}"
    yield from _field("target", target_of(record, row))
    yield from _field("answer", "none" if row["answer"] is None else _text(row["answer"]))
    ended = trace.pop("stop", None) or row["stop_reason"]
    shown = {"reason": row["reason"], "stopped": ended, **trace}
    for name, value in shown.items():
        if value not in (None, "", [], {}):
            yield f"{printable(name)}: {printable(_cut(_text(value), LONGEST_ARGUMENTS))}"
    read, written = ("?" if row[name] is None else row[name] for name in ("input_tokens", "output_tokens"))
    yield f"models: {row['calls']} calls, {read} input and {written} output tokens"


def _field(name: str, text: str) -> Iterator[str]:
    """`name: text`; a text of several lines stands below its name."""
    lines = _cut(text, LONGEST_ARGUMENTS).expandtabs(4).splitlines() or [""]
    if len(lines) == 1:
        yield printable(f"{name}: {lines[0]}")
        return
    yield f"{name}:"
    yield from (f"  {printable(line)}" for line in lines)


def message_lines(message: Mapping[str, Any], names: dict[Any, str]) -> Iterator[str]:
    """A message with the calls it makes; `names` remembers which call a result is of."""
    role = str(message.get("role"))
    of = f" {names[message['of']]}" if message.get("of") in names else ""
    yield ""
    yield printable(f"[{role}{of}]")
    for line in _cut(str(message.get("content") or ""), LONGEST).expandtabs(4).splitlines():
        yield f"  {printable(line)}"
    for call in message.get("calls") or ():
        names[call.get("id")] = str(call.get("name"))
        unread = f"  (not readable: {call['unreadable']})" if call.get("unreadable") else ""
        arguments = _cut(_text(call.get("arguments")), LONGEST_ARGUMENTS)
        yield printable(f"  -> {call.get('name')}({arguments}){unread}")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str, longest: int) -> str:
    """The head and the tail of a long text."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} ... ({len(text) - 2 * half:,} characters more: --json) ... {text[-half:]}"
