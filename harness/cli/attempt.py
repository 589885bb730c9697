"""One attempt of a run as text: what was asked, said and done, and how it was scored."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.base.errors import UsageError, nearest
from harness.base.terminal import printable, say, say_json
from harness.cli.conversation import conversation_lines
from harness.results.conversation import conversation_of
from harness.results.requests import request_of, tools_of
from harness.results.stored import item_metrics, question_of, read_attempts, target_of, trace_of

#: characters of a message, and of the arguments of a call, that are printed; --json has them whole
LONGEST, LONGEST_ARGUMENTS = 1600, 400
#: names of tools in one line
MOST_TOOLS = 60


def show_attempt(
    record: Mapping[str, Any],
    sample: str | None,
    epoch: int | None,
    as_json: bool,
    request: bool = False,
    schemas: bool = False,
) -> None:
    """Prints one sealed attempt of a run; as JSON the row as it is stored, its trace, tools and first request
    as objects.

    Args:
        sample: by its id; None takes the first of the run.
        epoch: which attempt on the sample; None takes the first.
        request: print the body of its first request alone, as JSON.
        schemas: print the schemas of the tools that were offered, too.

    Raises:
        UsageError: the run has no such attempt, or it isn't known what it sent.
        RecordError: its attempts can't be read.
    """
    row, epochs = _find(record, sample, epoch)
    body, unknown = request_of(row)
    if request:
        if body is None:
            where = f"sample {row['sample_id']!r} of run {record['run_id'][:12]}"
            raise UsageError(f"the first request of {where} can't be known: {unknown}")
        say_json(body)
        return
    tools = tools_of(row)
    if as_json:
        row |= {"tools": tools, "request": body, "request_unknown": unknown or None}
        # ASCII alone, as a terminal may act on other characters that JSON lets through
        say_json(row)
        return
    for line in _lines(record, row, epochs):
        say(line)
    for line in tool_lines([(tool, 1) for tool in tools], 1, schemas):
        say(line)
    if body is not None:
        say("first request: --request prints it as it was sent")


def tool_lines(tools: Sequence[tuple[Mapping[str, Any], int]], attempts: int, schemas: bool) -> Iterator[str]:
    """The tools that were offered, by name, or each with its schema; those that weren't offered in every
    attempt with the number of attempts."""
    if not tools:
        return
    if not schemas:
        often = Counter[str]()
        for tool, n in tools:
            often[tool["name"]] += n
        names = [name if n >= attempts else f"{name} ({n} of {attempts})" for name, n in often.items()]
        shown, more = names[:MOST_TOOLS], len(names) - MOST_TOOLS
        rest = f" and {more} more" if more > 0 else ""
        yield printable(f"tools offered: {', '.join(shown)}{rest} (--tools: with schemas)")
        return
    yield "tools offered:"
    for tool, n in tools:
        said = "" if n >= attempts else f"  ({n} of {attempts} attempts)"
        yield printable(f"  {json.dumps(tool, ensure_ascii=False)}{said}")


def _find(
    record: Mapping[str, Any], sample: str | None, epoch: int | None
) -> tuple[dict[str, Any], list[int]]:
    """The attempt, and every epoch of its sample."""
    if sample is None:
        ids = read_attempts(record, ["sample_id"])["sample_id"]
        if not len(ids):
            raise UsageError(f"run {record['run_id'][:12]} has no attempts")
        sample = ids[0].as_py()
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
