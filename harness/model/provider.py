"""What the gateway asks of a provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from harness.model.request_fields import NONE, Fields
from harness.model.server_info import Told

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage, ModelOutput, ModelUsage
    from inspect_ai.tool import ToolInfo

    from harness.sample import Question, Splits


#: the names of models behind which a person is asked
PEOPLE = ("terminal", "browser")


@dataclass(slots=True)
class Call:
    """One request for a completion. `seed` depends on the whole request and the run's seed, so that
    an in-process model samples the same text whatever the order of the calls. A provider that knows the body
    that it sends leaves its text in `sent`, where somebody wants to know; the last one is that of the try
    that was answered."""

    question: Question
    messages: Sequence[ChatMessage]
    tools: Sequence[ToolInfo] = ()
    tool_choice: Any = None
    decoding: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    #: what the task's own runner says in such a request
    fields: Fields = NONE
    #: the bodies of requests as they were sent, noted where this is a list
    sent: list[str] | None = field(default=None, compare=False)


class Provider:
    """A source of completions."""

    name: str
    #: identifies the weights or the file behind the name; empty where the provider doesn't know
    revision: str = ""
    #: the arguments that can change what it says, as JSON has them; files by their content
    arguments: Mapping[str, Any] = MappingProxyType({})
    #: seconds that one request may take
    timeout: float = 600.0
    #: calls at once; of an adaptive one, the most of them
    connections: int = 16
    #: whether its server decides how many, where no number was asked for
    adaptive: bool = False
    #: whether people say what it says: nothing is asked of them twice, and their time is none of a model's
    person: bool = False
    #: calls that wait for their turn with a person
    in_line: Callable[[], int] = staticmethod(lambda: 0)
    #: whether its calls wait to go in the provider's batches, all at once
    batched: bool = False
    #: told what is worth a line while it is asked
    say: Callable[[str], None] = staticmethod(lambda text: None)
    #: whether answers may be kept and given again
    cacheable: bool = True
    #: whether calls leave this process, so that --offline must refuse them
    remote: bool = False
    #: the server that was named for it, as it may be shown; empty if none was. No part of what the model is
    origin: str = ""
    #: the engine that serves it, with its version, as far as the server tells it
    engine: str = ""
    #: arguments that say where and how it is reached, as they may be shown
    reached: Mapping[str, Any] = MappingProxyType({})
    #: what its server tells of it; None where nobody asked or nobody answered
    told: Told | None = None
    #: what to say once of what it was taken for when it was opened
    remarks: Sequence[str] = ()
    #: revision and server by which completions were kept when a server was part of a model; None if none were
    former: tuple[str, str] | None = None
    #: which provider limits on calls at once, and what is known of its health, are of; the name by default
    server: str = ""
    #: what to say beside every result that it gave; empty for nothing
    notice: str = ""
    #: whether tools and messages that carry their own JSON (`harness.model.verbatim`) are sent as they are
    verbatim: bool = False
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

    #: whether its requests carry a seed that nobody asked for
    seeds: bool = False
    #: settings that its server refused, so that calls go without them
    refused: frozenset[str] = frozenset()
    #: settings of calls that did not go into their requests, as far as the client tells
    unsent: frozenset[str] = frozenset()

    #: the server that arguments or the environment name for it, as far as that is known without a client
    address: str = ""
    #: whether only a client knows the server, so that --offline has to be told
    from_client: bool = False

    @property
    def named_revision(self) -> str:
        """The revision that a user named or the provider has of its own; empty where it was found out."""
        return self.revision

    def connect(self) -> None:
        """Opens the client, where calls go through one, and finds `origin`.

        Raises:
            UsageError: there is no such model, or it needs a key; names the cure.
        """

    def beside(self, store: Path) -> None:
        """Takes the result store of the command, for what lies beside its runs."""

    def found_at(self, origin: str) -> None:
        """Takes the server that its client told when there last was one."""
        self.origin = origin

    @property
    def official(self) -> bool:
        """Whether its name is that of a model of a service, for which another server may answer."""
        return False

    @property
    def asked(self) -> bool:
        """Whether it has a server of its own that can be asked what it serves."""
        return False

    def ask_server(self) -> Told | None:
        """What its server tells of it; None where it has none of its own, or that can't be reached."""
        return None

    def weights_revision(self, offline: bool) -> str:
        """The content of its weights, where they are loaded on this machine; else empty."""
        return ""

    async def generate(self, call: Call) -> ModelOutput:
        """One completion.

        Raises:
            Exception: any; the gateway retries those for which `retryable` is true.
        """
        raise NotImplementedError

    async def probe(self, call: Call) -> ModelOutput:
        """`generate`, at once, of a model whose calls wait."""
        return await self.generate(call)

    def takes(self, setting: str) -> bool:
        """Whether a generation setting can change what it says; true where only its requests tell."""
        return True

    def name_limit_anew(self) -> bool:
        """Has the longest completion called `max_completion_tokens` from now on; false where it can't be."""
        return False

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
