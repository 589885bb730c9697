"""Calls to weights in this process (`hf/`): greedy at temperature 0, and each row drawn by its call's seed.

inspect-ai's provider loads the weights and writes the prompts; here is which calls go in one batch, and by
what chance their tokens are drawn. A completion then depends on its call, whatever calls share its batch (but
for the last bits of the arithmetic).
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from harness.base.errors import UsageError

#: settings that inspect-ai hands on to transformers
TAKEN = ("max_tokens", "temperature", "top_p", "top_k", "stop_seqs", "logprobs", "top_logprobs", "seed")
#: seconds in which calls that come together are waited for
TOGETHER = 0.01

_seed: ContextVar[int | None] = ContextVar("seed of a call to local weights", default=None)
_rows = threading.local()


def in_process(model: Any, do_sample: bool | None) -> Any:
    """An inspect-ai model of local weights whose calls go the way that is described above.

    Args:
        do_sample: the argument of the model, None where it wasn't given.
    """
    from inspect_ai.model._providers import hf

    api, batches = model.api, _Batches()
    written, original = api.generate, getattr(hf.batched_generate, "__wrapped__", hf.batched_generate)

    @functools.wraps(written)
    async def generate(input: Any, tools: Any, tool_choice: Any, config: Any) -> Any:
        greedy = config.temperature == 0
        check_sampling(do_sample, config.temperature)
        if greedy:  # without which nothing is drawn, and transformers refuses the number
            config = config.model_copy(update={"temperature": None, "top_p": None, "top_k": None})
        _seed.set(config.seed)
        _batches.set(batches)
        api.do_sample = not greedy and do_sample is not False  # is read before the first wait
        return await written(input, tools, tool_choice, config)

    @functools.wraps(original)
    async def batched(asked: Any) -> Any:
        own = _batches.get()
        return await (original(asked) if own is None else own.generate(asked))

    api.generate, hf.batched_generate = generate, batched  # type: ignore[assignment]
    return model


def check_sampling(do_sample: bool | None, temperature: float | None) -> None:
    """Whether the model's argument and the call's setting agree.

    Raises:
        UsageError: one wants draws and the other none.
    """
    if do_sample is False and temperature:
        raise UsageError(
            f"--model-arg do_sample=false and temperature {temperature:g} contradict each other; leave out "
            "do_sample, or take --temperature 0"
        )
    if do_sample and temperature == 0:
        raise UsageError(
            "--model-arg do_sample=true and temperature 0 contradict each other; leave out do_sample, or "
            "give another --temperature (-G temperature=none for the model's own)"
        )


class _Batches:
    """Calls that wait while others are made: those of the same settings go together."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Any, int | None]] = []  # items of inspect-ai's queue, and their seeds
        self._at_work: asyncio.Task[None] | None = None

    async def generate(self, asked: Any) -> Any:
        from concurrent.futures import Future

        from inspect_ai.model._providers import hf

        item = hf._QueueItem(input=asked, future=Future(), key=hf._batch_key(asked))
        self._waiting.append((item, _seed.get()))
        if self._at_work is None or self._at_work.done():
            self._at_work = asyncio.create_task(self._work())
        # whoever no longer waits must not end the batch of the others
        return await asyncio.shield(asyncio.wrap_future(item.future))

    async def _work(self) -> None:
        from inspect_ai.model._providers import hf

        await asyncio.sleep(TOGETHER)
        while self._waiting:
            first, seeded = self._waiting[0][0], self._waiting[0][1] is not None
            alike = [
                each for each in self._waiting if each[0].key == first.key and (each[1] is not None) == seeded
            ][: first.input.batch_size]
            self._waiting = [each for each in self._waiting if each not in alike]
            batch, seeds = [item for item, _ in alike], [seed for _, seed in alike if seed is not None]
            if seeded:
                batch[0] = replace(
                    batch[0], input=replace(first.input, generator=_drawn(first.input.generator, seeds))
                )
            await asyncio.to_thread(hf._generate_batch, batch)


_batches: ContextVar[_Batches | None] = ContextVar("batches of local weights", default=None)


def _drawn(generator: Callable[..., Any], seeds: Sequence[int]) -> Callable[..., Any]:
    def generate(**inputs: Any) -> Any:
        with drawn_by(seeds):
            return generator(**inputs)

    return generate


@contextmanager
def drawn_by(seeds: Sequence[int]) -> Iterator[None]:
    """Within it, in this thread, `torch.multinomial` draws row i of a matrix by a stream of seed i alone."""
    import numpy as np
    import torch

    original = torch.multinomial
    if not getattr(original, "by_rows", False):
        torch.multinomial = _by_rows(original)
    _rows.streams = [np.random.default_rng(seed) for seed in seeds]
    try:
        yield
    finally:
        _rows.streams = None


def _by_rows(original: Callable[..., Any]) -> Callable[..., Any]:
    """torch's function, which other threads find as it was."""

    @functools.wraps(original)
    def multinomial(probabilities: Any, num_samples: int, *more: Any, **options: Any) -> Any:
        import torch

        streams = getattr(_rows, "streams", None)
        if streams is None or num_samples != 1 or probabilities.shape[0] != len(streams):
            return original(probabilities, num_samples, *more, **options)
        mass = probabilities.double().cumsum(-1)
        drawn = torch.tensor([[stream.random()] for stream in streams], dtype=mass.dtype, device=mass.device)
        at = torch.searchsorted(mass, drawn * mass[:, -1:], right=True)
        return at.clamp(max=mass.shape[-1] - 1)

    multinomial.by_rows = True  # type: ignore[attr-defined]
    return multinomial
