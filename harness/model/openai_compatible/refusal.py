"""What a server says instead of an answer: an error with the server's own sentence, or how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput, StopReason

#: statuses of requests that may succeed later: too slow, too many, and the server's own faults
PASSING = {408, 429, *range(500, 600)}
#: kinds of error that say the same where there is no status, in lower case and without underscores
PASSING_KINDS = {
    "ratelimitexceeded",
    "ratelimiterror",
    "servererror",
    "internalservererror",
    "internalerror",
    "serviceunavailable",
    "serviceunavailableerror",
}
#: statuses that may say how the model's turn ended
ABOUT_THE_REQUEST = {400, 403, 413, 422}
#: codes of a server that let the model not answer
FILTERED = {
    "invalid_prompt",
    "content_policy_violation",
    "content_filter",
    "bio_policy",
    "cyber_policy",
}
#: by family, what the sentence of a 400 holds where prompt and answer don't fit into the context
TOO_LONG = {
    "vllm": ("maximum context length", "max_tokens must be at least 1"),
    "sglang": ("context length",),
    "openai-api": ("input length",),
}


class ServerError(Exception):
    """A request that a server refused or couldn't serve.

    Attributes:
        status_code: of the response; of an error that came with 200, the status it names, None if none.
        code, type: what the server calls it; empty if it doesn't.
        said: the server's own sentence, on one line.
        headers: of the response.
        passing: whether the same request may succeed later.
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: Any) -> None:
        found = body.get("error") or body if isinstance(body, Mapping) else body
        found = found if isinstance(found, Mapping) else {"message": found}
        code, kind = found.get("code"), found.get("type")
        self.code, self.type = str(code or ""), str(kind or "")
        self.said = " ".join(str(found.get("message") or found.get("detail") or "").split())
        self.headers = headers
        self.status_code: int | None = status
        self.passing = status in PASSING
        if status < 400:  # an error in the body of a response that says all is well
            named = int(self.code) if self.code.isdecimal() and len(self.code) == 3 else None
            self.status_code = named
            # a server that can't say what is wrong is asked again
            self.passing = named is None or named in PASSING or self._names() <= PASSING_KINDS
        told = f"HTTP {self.status_code}" if self.status_code else "an error in place of an answer"
        super().__init__(f"{told}: {self.said or self.code or self.type or 'without a word'}")

    def _names(self) -> set[str]:
        return {name.lower().replace("_", "") for name in (self.code, self.type) if name}


class NoAnswer(EOFError):
    """A response that says all is well and holds no answer; the same request may get one later."""


def ended(error: ServerError, family: str, model: str) -> ModelOutput | None:
    """The output of a model that could not or would not answer, as inspect-ai has it: its stop reason is
    `model_length` or `content_filter` and its text the server's sentence. None where the error is none of
    the kind."""
    if error.status_code not in ABOUT_THE_REQUEST:
        return None
    reason: StopReason | None = None
    if error.status_code == 400 and any(part in error.said for part in TOO_LONG[family]):
        reason = "model_length"
    elif family == "openai-api":
        blocked = error.type == "invalid_request_error" and "blocked" in error.said
        if error.code == "context_length_exceeded":
            reason = "model_length"
        elif error.code in FILTERED or blocked:
            reason = "content_filter"
    if reason is None:
        return None
    from inspect_ai.model import ModelOutput

    return ModelOutput.from_content(model, error.said, stop_reason=reason)
