"""From a model's name to its provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.base.errors import UsageError, nearest
from harness.base.secrets import remember, remember_environment
from harness.model.argument_types import typed_arguments
from harness.model.cache import Cache
from harness.model.identity import identify
from harness.model.pace import MOST
from harness.model.provider import PEOPLE, Call, Provider

POCKET = Path(__file__).parent / "pocket"
PROVIDERS = {
    "pocket": "small policies that the project trained and ships; offline, on the CPU",
    "recorded": "answers from a file of responses, or what people said: recorded/FILE",
    "terminal": "the person at the terminal of this process, a request at a time",
    "browser": "people who answer on the page of harness human serve",
    "echo": "an instant model for tests: echo/input, echo/choice, echo/TEXT",
    "sim": "simulations with known truth, for tests of methods: sim/annotator labels, sim/agents talk, "
    "sim/person follows personas, sim/reader reads, sim/clerk acts and sim/human works with it",
    "openai": "inspect-ai: OpenAI (OPENAI_API_KEY)",
    "anthropic": "inspect-ai: Anthropic (ANTHROPIC_API_KEY)",
    "google": "inspect-ai: Google (GOOGLE_API_KEY)",
    "openai-api": "inspect-ai: any OpenAI-compatible server: openai-api/<service>/<model>",
    "openrouter": "inspect-ai: OpenRouter",
    "together": "inspect-ai: Together",
    "hf": "inspect-ai: local transformers, hf/<Hub id>",
    "vllm": "inspect-ai: vLLM, vllm/<Hub id>",
    "sglang": "inspect-ai: SGLang",
    "ollama": "inspect-ai: Ollama",
}

#: stands for the model of a method that spends none
NO_MODEL = "none"


def pocket_models() -> list[str]:
    """The names of the embedded models."""
    return sorted(f"pocket/{file.parent.name}" for file in POCKET.glob("*/config.json"))


def preferences(name: str) -> Mapping[str, Any]:
    """Task arguments that a model prefers, known without opening it."""
    return {"style": "compact"} if name.startswith("pocket/") else {}


def open_model(
    name: str,
    args: Mapping[str, Any],
    connections: int | str | None = None,
    cache: Callable[[], Cache] | None = None,
    offline: bool = False,
    connect: bool = True,
    batch: bool = False,
) -> Provider:
    """The provider behind a name, with a limit on calls at once that may differ from its own (a number) or is
    its server's (`auto`). Without `connect` its client stays closed, for plans, which ask no model and need
    no key.

    With `batch` its calls go in the provider's batches. `cache` gives that in which completions are, and what
    their models are known to be; it is asked for only where a client is. Offline no client is opened and no
    key asked for.

    Raises:
        UsageError: no such model or provider, with the nearest; or no key; or it was never opened before,
            and `offline`.
    """
    args = typed_arguments(args, "--model-arg")
    remember_environment()
    remember(args)
    provider = _batched(name, args) if batch else _provider(name, args)
    if provider.person:  # how many requests one may have open is no matter of servers
        pass
    elif isinstance(connections, int) and not provider.batched:  # a batch takes all that wait
        provider.connections, provider.adaptive = connections, False
    elif provider.adaptive:
        provider.connections = MOST
    if not connect:
        return provider
    if provider.remote:
        provider.remarks = identify(provider, args, cache() if cache is not None else None, offline)
    elif not offline:
        provider.connect()
    return provider


def _batched(name: str, args: Mapping[str, Any]) -> Provider:
    from harness.model.batches.provider import Batched

    return Batched(name, args)


def _provider(name: str, args: Mapping[str, Any]) -> Provider:
    family, _, rest = name.partition("/")
    if name == NO_MODEL:
        return NoModel()
    if name in PEOPLE:
        from harness.model.people.browser import Browser
        from harness.model.people.terminal import AtTheTerminal

        return (Browser if name == Browser.name else AtTheTerminal)(args)
    if not rest:
        raise UsageError(
            f"a model is written provider/name, not {name!r}; {nearest(name, PROVIDERS, 'provider')}"
        )
    if family == "echo":
        from harness.model.echo import Echo

        return Echo(rest)
    if family == "sim":
        return _simulation(name, args)
    if family == "recorded":
        from harness.data.responses import Shape
        from harness.model.people.recorded import RecordedPeople, is_recording
        from harness.model.recorded import Recorded

        if is_recording(Path(rest)):
            return RecordedPeople(rest, args)
        strict = str(args.get("strict", True)).lower() not in ("false", "0")
        form = {key: args[key] for key in ("encoding", "separator", "header", "quotes") if key in args}
        shape = Shape.of(args.get("columns") or {}, args.get("where") or {}, **form)
        own = {key: str(args.get(key) or "") for key in ("label", "results", "of")}
        return Recorded(rest, strict, shape, **own)
    if family == "pocket":
        from harness.model.embedded import Embedded

        if name not in pocket_models():
            raise UsageError(f"unknown model {name!r}; {nearest(name, pocket_models(), 'model')}")
        return Embedded(name, POCKET / rest)
    from harness.model.hosted import Hosted
    from harness.model.openai_compatible.endpoint import CHAT, ENDPOINT, of_text, spoken
    from harness.model.openai_compatible.provider import Compatible

    text = of_text(name, args)
    if args.get(ENDPOINT) == CHAT:  # what is so anyway
        args = {key: value for key, value in args.items() if key != ENDPOINT}
    return Compatible(name, args, of_text=text) if spoken(name, args) else Hosted(name, args)


def _simulation(name: str, args: Mapping[str, Any]) -> Provider:
    if name == "sim/annotator":
        from harness.model.simulated_annotator import SimulatedAnnotator

        return SimulatedAnnotator(args)
    if name == "sim/agents":
        from harness.model.agents.provider import SimulatedAgents

        return SimulatedAgents(args)
    if name == "sim/reader":
        from harness.model.simulated_reader import SimulatedReader

        return SimulatedReader(args)
    if name == "sim/person":
        from harness.model.simulated_person import SimulatedPerson

        return SimulatedPerson(args)
    if name == "sim/human":
        from harness.model.simulated_human import SimulatedHuman

        return SimulatedHuman(args)
    if name == "sim/clerk":
        from harness.model.clerk.provider import SimulatedClerk

        return SimulatedClerk(args)
    known = ("sim/annotator", "sim/agents", "sim/clerk", "sim/human", "sim/person", "sim/reader")
    raise UsageError(f"unknown model {name!r}; {nearest(name, known, 'simulation')}")


class NoModel(Provider):
    """The model of methods that spend none."""

    name, cacheable = NO_MODEL, False
    abilities = frozenset({"trainable"})  # what such a method trains is its own

    async def generate(self, call: Call) -> Any:
        """Raises UsageError: the method's spec says that it spends no model."""
        raise UsageError("the method called a model although its spec says model = false")
