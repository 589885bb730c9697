"""What a run took, in words: calls, tokens, USD, and the time of people."""

from __future__ import annotations

from typing import Any


def cost(usage: dict[str, Any]) -> str:
    """USD, with `~` where tokens are an estimate, or `?` where price or tokens are unknown."""
    if usage["cost_usd"] is None:
        return "?"
    return "~" * bool(usage.get("estimated") and usage["cost_usd"]) + f"{usage['cost_usd']:.4g}"


def tokens(usage: dict[str, Any]) -> str:
    """Input and output tokens together, with `~` where a tokenizer estimated some, or `?` where some weren't
    counted at all."""
    parts = usage["input_tokens"], usage["output_tokens"]
    return "?" if None in parts else "~" * bool(usage.get("estimated")) + str(sum(parts))


def purposes(usage: dict[str, Any]) -> str:
    """`train 192 calls, 20112 tokens; answer ...`: what each purpose took, parts of one (`round 2/agent 3`)
    summed up; empty where there is one alone."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for purpose, part in usage.get("by_purpose", {}).items():
        groups.setdefault(purpose.partition("/")[0], []).append(part)
    parts = {purpose: _together(group) for purpose, group in groups.items()}
    paid = any(part["cost_usd"] != 0 for part in parts.values())
    said = [
        f"{purpose} {part['calls']} calls, {tokens(part)} tokens"
        + (f", USD {cost(part)}" if paid else "")
        + (f", {people}" if (people := people_time(part)) else "")
        for purpose, part in sorted(parts.items(), key=lambda each: (each[0] != "train", each[0]))
    ]
    return "; ".join(said) if len(said) > 1 else ""


def _together(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Usages summed; what is unknown of one is unknown of all."""
    return (
        {
            key: None if any(part[key] is None for part in parts) else sum(part[key] for part in parts)
            for key in ("calls", "input_tokens", "output_tokens", "cost_usd")
        }
        | {
            "human_seconds": None
            if any(part.get("human_seconds", 0) is None for part in parts)
            else sum(part.get("human_seconds", 0) for part in parts)
        }
        | {"estimated": sum(part.get("estimated", 0) for part in parts)}
    )


def people_time(usage: dict[str, Any]) -> str:
    """`62.1 s of people`; empty where none was asked, `?` where it is unknown."""
    seconds = usage.get("human_seconds", 0)
    return "" if seconds == 0 else f"{'?' if seconds is None else format(seconds, '.1f')} s of people"


def counted(record: dict[str, Any]) -> list[str]:
    """What the numbers of tokens and USD leave open, and what was paid beside them; the time of people, and
    apart from it that of models."""
    usage, volatile, lines = record["usage"], record.get("volatile", {}), []
    if people := people_time(usage):
        lines.append(f"time: {people}; {volatile.get('seconds', 0.0):.1f} s in calls of models, without them")
    calls = usage["calls"]
    if without := usage.get("unreported", 0):
        lines.append(f"{without} of {calls} calls came without token counts")
    if guessed := usage.get("estimated", 0):
        lines.append(f"~: a tokenizer counted the tokens of {guessed} of {calls} calls, and no server")
    if cached := usage.get("cached_input_tokens"):
        lines.append(f"{cached} of {usage['input_tokens']} input tokens came from a cache of the server")
    if thrown := volatile.get("thrown_calls"):
        usd = volatile.get("thrown_usd", 0.0)
        known = usd or volatile.get("paid_usd") is not None
        said = f"{volatile.get('thrown_tokens') or '?'} tokens, {f'{usd:.4g}' if known else '?'} USD"
        lines.append(f"paid besides: {said} for probes and answers that are thrown away ({thrown})")
    if lost := volatile.get("uncounted_usd"):
        lines.append(f"perhaps paid besides: up to {lost:.4g} USD for calls that nobody counted")
    return lines
