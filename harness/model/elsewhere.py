"""A model that is asked from another thread's event loop, while its calls run on its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from inspect_ai.model import ModelOutput

    from harness.model.gateway import Model


def elsewhere(model: Model, loop: asyncio.AbstractEventLoop) -> Model:
    """The same model; what it is asked anywhere runs on `loop`."""
    return cast("Model", _Elsewhere(model, loop))


class _Elsewhere:
    def __init__(self, model: Model, loop: asyncio.AbstractEventLoop) -> None:
        self._model, self._loop = model, loop

    async def generate(self, *asked: Any, **more: Any) -> ModelOutput:
        call = self._model.generate(*asked, **more)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, self._loop))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)
