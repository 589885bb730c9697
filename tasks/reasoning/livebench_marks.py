r"""Marks that show where a reply to a LiveBench question gives its answer, as LiveBench's graders find them:
thoughts, <solution>, \boxed, the last line. All scans are linear."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TAG = re.compile(r"</?solution>", re.IGNORECASE)


class Unreadable(ValueError):
    r"""LiveBench's grader gives up on such a reply (a \boxed without its brace) and scores it 0."""


def tagged(text: str, anyhow: bool = False, opening: str = "<solution>") -> list[str]:
    """What stands between <solution> and </solution>: on one line and in lower case, or `anyhow`.

    Some graders also take what stands between two closing tags: `opening` is then "</solution>".
    """
    found = []
    for line in [_TAG.sub(lambda tag: tag[0].lower(), text)] if anyhow else text.split("\n"):
        end = 0
        while (start := line.find(opening, end)) >= 0:
            start += len(opening)
            end = line.find("</solution>", start)
            if end < 0:
                break
            found.append(line[start:end])
            end += len("</solution>")
    return found


def last_box(text: str) -> str | None:
    r"""What the last \boxed{...} holds, or \fbox{...} where there is none, or what follows '\boxed ' up to a
    dollar sign; None if there is none or it isn't closed.

    Raises:
        Unreadable: something else than a brace follows \boxed.
    """
    if "\\boxed " in text:
        return text.rpartition("\\boxed ")[2].partition("$")[0]
    start = text.rfind("\\boxed")
    start = start if start >= 0 else text.rfind("\\fbox")
    if start < 0:
        return None
    depth = 0
    for brace in re.finditer("[{}]", text[start:]):
        depth += 1 if brace[0] == "{" else -1
        if depth == 0 and brace[0] == "}":
            box = text[start : start + brace.end()].replace("$", "").replace("fbox", "boxed")
            if not box.startswith("\\boxed{"):
                raise Unreadable("something else than a brace follows \\boxed")
            return box[len("\\boxed{") : -1]
    return None


def last_line(text: str) -> str:
    """The last line that isn't empty, without space around it."""
    return text.strip().split("\n")[-1].strip()


def last(found: Sequence[str]) -> str | None:
    """The last of them, None where there is none."""
    return found[-1] if found else None


def without(text: str, *markup: str) -> str:
    """The text without any of these strings, taken out one after another."""
    for each in markup:
        text = text.replace(each, "")
    return text
