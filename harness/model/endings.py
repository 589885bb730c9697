"""Whether what a provider returned is an answer: the one place where endings of completions are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.answers.normalise import said
from harness.base.errors import Declined
from harness.base.secrets import without_secrets_of_server

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput


def check(output: ModelOutput, model: str) -> None:
    """Whether a completion is an answer. inspect-ai makes completions of some refusals of servers (HTTP 400):
    their text is the server's and not the model's.

    Raises:
        Declined: it is none; with its status and what was said.
    """
    found = _declined(output)
    if found is not None:
        status, said = found
        line = " ".join(without_secrets_of_server(said).split())[:300]
        raise Declined(f"{model}: {NAMES[status]}" + (f": {line}" if line else ""), status)


#: how each status begins its line
NAMES = {
    "refused": "the model refused to answer",
    "filtered": "a content filter held the answer back",
    "context_overflow": "prompt and completion don't fit the model's context",
}


def _declined(output: ModelOutput) -> tuple[str, str] | None:
    if not output.choices:
        return ("filtered", output.error) if output.error else None
    choice = output.choices[0]
    details = choice.stop_details
    explained = (details.explanation or "") if details is not None else ""
    if overflows(output):
        return "context_overflow", _sentence(output)
    if refusal := _refusal(choice.message):
        return "refused", refusal
    if choice.stop_reason == "content_filter":
        # a refusal with token counts was generated: the model's own. Without, the server made no call
        own = details is not None and details.type == "refusal" and output.usage is not None
        return "refused" if own else "filtered", explained or (_sentence(output) if output.error else "")
    if output.error:
        return "filtered", output.error
    return None


def overflows(output: ModelOutput) -> bool:
    """Whether no token was made for want of context. An answer that fills the context is one."""
    if not output.choices or output.choices[0].stop_reason != "model_length":
        return False
    return output.usage is None or not output.usage.output_tokens


def _sentence(output: ModelOutput) -> str:
    return output.error or output.completion


def _refusal(message: Any) -> str:
    """The model's refusal, where the API has a place of its own for it."""
    if isinstance(message.content, str):
        return ""
    return " ".join(part.text for part in message.content if part.type == "text" and part.refusal)


def thought_alone(output: ModelOutput) -> bool:
    """Whether a completion says nothing but in the model's reasoning: where a server or a chat template puts
    all of it there, or the limit ended it."""
    if not output.choices or output.message.tool_calls:
        return False
    if output.completion.strip():  # in a tag, as no parser of the server took it out; one that ends
        found = said(output.completion)
        return not found.cut and not found.text.strip()
    content = output.message.content
    return not isinstance(content, str) and any(
        part.type == "reasoning" and (part.reasoning or part.redacted or part.summary) for part in content
    )


def reasons(output: ModelOutput) -> bool:
    """Whether a part of a completion is reasoning."""
    if output.usage is not None and output.usage.reasoning_tokens:
        return True
    if not output.choices:
        return False
    if isinstance(output.message.content, str):
        return bool(output.completion.strip()) and not said(output.completion).text.strip()
    return any(part.type == "reasoning" for part in output.message.content)
