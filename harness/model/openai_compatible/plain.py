"""Plain text for base models: the body of a request to /v1/completions, and its reply as a ModelOutput.

No chat template is applied, by us or by the server.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError
from harness.base.surrogates import whole
from harness.model.openai_compatible import reply, request
from harness.model.raw_completion import completion

if TYPE_CHECKING:
    from inspect_ai.model import ChatCompletionChoice, ChatMessage, ModelOutput

    from harness.model.provider import Call

#: the longest completion where nobody says another; servers' own default is 16 tokens
MAX_TOKENS = 1024
#: what stands between two texts of one prompt
BETWEEN = "\n\n"
#: settings of inspect-ai's GenerateConfig that a body holds, and their names there
SENT = {
    name: request.SENT[name]
    for name in (
        "frequency_penalty",
        "stop_seqs",
        "presence_penalty",
        "logit_bias",
        "seed",
        "temperature",
        "top_p",
        "num_choices",
    )
} | {"max_tokens": "max_tokens", "best_of": "best_of", "top_k": "top_k"}
#: all that can change what is said; the protocol has no field for any other
TAKEN = {
    *SENT,
    "logprobs",
    "top_logprobs",
    "prompt_logprobs",
    "extra_body",
    "extra_headers",
    "system_message",
}


def prompt(messages: Sequence[ChatMessage]) -> str:
    """The messages as one text: that of a single one as it is; of several, each with an empty line after it,
    in which the answer begins as those of the examples do. What the assistant began is gone on with.

    Raises:
        UsageError: a part of it is no text.
    """
    texts = []
    for message in messages:
        parts = [] if isinstance(message.content, str) else message.content
        if message.role == "tool" or any(part.type != "text" for part in parts):
            raise UsageError(
                "a base model is asked in plain text (--model-arg endpoint=completions), and this task "
                "or method sends tools, images or reasoning"
            )
        texts.append(message.text)
    if len(texts) == 1:
        return texts[0]
    last = "" if messages[-1].role == "assistant" else BETWEEN
    return BETWEEN.join(texts) + last


def body(call: Call, model: str) -> bytes:
    """The body of a request, as UTF-8 JSON.

    Raises:
        UsageError: the call has tools, or would have the prompt repeated in the answer.
        ValidationError: a setting has another type than its own (pydantic).
    """
    from inspect_ai.model import GenerateConfig

    config = GenerateConfig(**call.decoding)
    extra = dict(config.extra_body or {})
    if call.tools or "echo" in extra:
        strange = "tools" if call.tools else "extra_body echo"
        raise UsageError(f"/v1/completions of a base model takes no {strange} here; leave it out")
    made: dict[str, Any] = {"model": model, "prompt": prompt(call.messages), "max_tokens": MAX_TOKENS}
    for name, sent_as in SENT.items():
        value = getattr(config, name)
        if value is not None:
            made[sent_as] = value
    if config.logprobs:
        made["logprobs"] = config.top_logprobs or 1
    if config.prompt_logprobs is not None:
        extra["prompt_logprobs"] = config.prompt_logprobs
    text = json.dumps({**made, **extra}, ensure_ascii=False, separators=(",", ":"))
    return whole(text).encode()


def output(found: Any, asked: str, seconds: float) -> ModelOutput:
    """The output that a reply holds; arguments and errors as of `reply.output`.

    Raises:
        ServerFault: as of `completions.completion`.
    """
    if isinstance(found, dict) and isinstance(found.get("choices"), list):
        for choice in found["choices"]:
            choice["message"] = {"role": "assistant", "content": choice["text"]}
    return reply.output(completion(found), asked, (), seconds, _choice)


def _choice(choice: dict[str, Any], served: str) -> ChatCompletionChoice:
    """A choice, in which a tag of reasoning is a part of the text."""
    from inspect_ai.model import ChatCompletionChoice, ChatMessageAssistant, _openai

    tokens, of_prompt = choice.get("logprobs"), choice.get("prompt_logprobs")
    if isinstance(tokens, dict):  # parallel lists in this protocol
        tokens = _openai.parse_completion_logprobs(SimpleNamespace(**tokens))
    text = choice["message"]["content"] or ""
    return ChatCompletionChoice(
        message=ChatMessageAssistant(content=text, model=served, source="generate"),
        stop_reason=reply.stop(choice),
        logprobs=tokens,
        prompt_logprobs=_openai.parse_vllm_prompt_logprobs_raw(of_prompt) if of_prompt else None,
    )
