"""URLs of services, as they will be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

#: longest URL that is taken, in characters
LONGEST = 16_000


def is_endpoint(url: str, endpoints: Sequence[str]) -> bool:
    """Whether a URL is one of these, whatever its query; read as it will be sent."""
    import httpx

    try:
        asked = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return not asked.userinfo and str(asked.copy_with(query=None, fragment=None)) in endpoints


def with_parameters(url: str, params: Mapping[str, Any]) -> str:
    """The URL with parameters; those that are None are left out.

    Raises:
        ValueError: it is too long, or holds what can't be sent.
    """
    given = {key: value for key, value in params.items() if value is not None}
    url = f"{url}{'&' if '?' in url else '?'}{urlencode(given, doseq=True)}" if given else url
    if len(url) > LONGEST:
        raise ValueError("the URL is too long")
    url.encode()  # a lone surrogate, which models may write, has no form
    return url
