"""Whether the Hub can be reached: found out once a command, so that no cell waits for it a second time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from harness.base.errors import reason_of

#: seconds for a first word of the Hub
SECONDS = 5.0


class Reach:
    """Of one command. `down` is why the Hub can't be reached; empty while it can, or nobody asked."""

    def __init__(self) -> None:
        self.down = ""
        self._asked = False

    @contextmanager
    def hub(self, allowed: bool = True) -> Iterator[None]:
        """Within it the Hub's libraries ask it, if that is allowed and it can be reached; else they read what
        this machine has, and wait for nothing.

        Raises:
            Exception: theirs; one that says that the Hub was out of reach is remembered.
        """
        import datasets
        from huggingface_hub import constants

        if allowed and not self._asked:
            self._asked = True
            self.down = "" if constants.HF_HUB_OFFLINE else _silence(constants.ENDPOINT)
        places: tuple[Any, ...] = (constants, datasets.config)
        before = [place.HF_HUB_OFFLINE for place in places]
        if self.down or not allowed:
            for place in places:
                place.HF_HUB_OFFLINE = True
        try:
            yield
        except Exception as error:
            if allowed and not self.down and not before[0]:
                self.down = _unreached(error)
            raise
        finally:
            for place, value in zip(places, before, strict=True):
                place.HF_HUB_OFFLINE = value


def _silence(address: str) -> str:
    """Why nobody answers at an address; empty if somebody does, whatever they say."""
    from huggingface_hub import get_session

    try:
        get_session().head(address, timeout=SECONDS)
    except Exception as error:
        return reason_of(error)[:120]
    return ""


def _unreached(error: BaseException | None) -> str:
    """What of an error, or of what led to it, says that the Hub was out of reach; empty if nothing does."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        network = type(error).__module__.startswith(("httpx", "httpcore"))
        if network or isinstance(error, ConnectionError | TimeoutError):
            return reason_of(error)[:120]
        error = error.__cause__ or error.__context__
    return ""
