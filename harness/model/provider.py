"""What the gateway asks of a provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput, ModelUsage
    from inspect_ai.tool import ToolInfo

    from harness.sample import Question, Splits


@dataclass(slots=True)
class Call:
    """One request for a completion. `seed` depends on the whole request and the run's seed, so that
    an in-process model samples the same text whatever the order of the calls."""

    question: Question
    messages: Sequence[ChatMessage]
    tools: Sequence[ToolInfo] = ()
    tool_choice: Any = None
    decoding: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0


class Provider:
    """A source of completions."""

    name: str
    #: identifies the weights or the file behind the name; empty where the provider doesn't know
    revision: str = ""
    #: calls at once
    connections: int = 16
    #: whether answers may be kept and given again
    cacheable: bool = True
    #: whether calls leave this process, so that --offline must refuse them
    remote: bool = False
    #: the server that was named for it, whose weights may be others than another server's; empty if none was
    origin: str = ""
    #: what to say beside every result that it gave; empty for nothing
    notice: str = ""
    #: whether it reads the last message of the user and nothing before it, so that it can't act in a world
    single_turn: bool = False
    #: tokens that prompt and completion may take together; None where that is unknown
    context: int | None = None
    #: numbers of the vector of its own text that comes with each answer, in `metadata["vector"]`; 0 for none
    vector_width: int = 0
    #: tokens of its longest completion where no setting says less; None where nothing limits it
    longest: int | None = None
    #: what it can do beyond text: tools, logprobs, trainable; `answers`: it gives whole attempts
    abilities: frozenset[str] = frozenset()

    #: the server that the environment names for it, as far as that is known without a client
    address: str = ""
    #: attributes that only a client can tell, once there is one; text
    from_client: tuple[str, ...] = ()

    def connect(self) -> None:
        """Opens the client, where calls go through one, and fills the attributes `from_client`.

        Raises:
            UsageError: there is no such model, or it needs a key; names the cure.
        """

    async def generate(self, call: Call) -> ModelOutput:
        """One completion.

        Raises:
            Exception: any; the gateway retries those for which `retryable` is true.
        """
        raise NotImplementedError

    def weights(self) -> Path:
        """The folder of the weights, as transformers loads it; only of a `trainable` model.

        Raises:
            UsageError: they can't be had.
        """
        raise NotImplementedError

    def weights_here(self) -> Path | None:
        """The folder of the weights if they are on this machine; never fetches."""
        return None

    def with_weights(self, folder: Path) -> Provider:
        """The same model, served the same way, from other weights of its architecture.

        Raises:
            UsageError: the folder doesn't hold such weights.
        """
        raise NotImplementedError

    def retryable(self, error: Exception) -> bool:
        """Whether the same call may succeed later."""
        return False

    def retry_after(self, error: Exception) -> float | None:
        """Seconds that the error asks to wait, None where it doesn't say."""
        return None

    def prepare(self, splits: Splits) -> None:
        """Called once a task is loaded, for providers that answer by sample."""


@cache
def _usage_class() -> type[ModelUsage]:
    from inspect_ai.model import ModelUsage

    return ModelUsage


def counted(input_tokens: int, output_tokens: int) -> ModelUsage:
    """The use of an in-process model: it neither reasons nor has a cache of prompts."""
    return _usage_class()(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        input_tokens_cache_read=0,
        input_tokens_cache_write=0,
        reasoning_tokens=0,
    )


def last_user_text(messages: Sequence[ChatMessage]) -> str:
    """The text of the last user message, empty if there is none."""
    return next((m.text for m in reversed(messages) if m.role == "user"), "")
