"""Secrets: arguments that are used and never written, and the one filter of texts that are.

Every value that is known to be a secret is kept here, from the environment, from arguments, URLs and headers;
`without_secret_values` takes them out of whatever is written: records, journals, caches, pages, errors.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

#: names of secrets; `pad_token` and `max_tokens` are none
_SECRET = re.compile(
    r"(^|[_-])(api_?keys?|keys?|secrets?|passwd|password|authorization|credentials?|cookies?|"
    r"(access|auth|bearer|refresh|id|hf|api|session)[_-]?token|x[_-]auth)$|"
    r"^(token|apikey|auth|passphrase)$|^x-.*(auth|key|token|secret)",
    re.IGNORECASE,
)
#: names of arguments that are headers: whatever stands in them is taken for a secret, but for these headers
_HEADERS = re.compile(r"^((default|extra|http|custom|client|request|additional)[_-])?headers$", re.IGNORECASE)
#: what is a secret in a URL, beside such names
_OF_QUERY = re.compile(r"^(sig|signature|code|x-amz-.*|x-goog-.*)$", re.IGNORECASE)
_OPEN_HEADERS = {
    *(
        "accept",
        "accept-encoding",
        "accept-language",
        "content-type",
        "user-agent",
        "http-referer",
        "referer",
    ),
    *("x-title", "x-request-id", "openai-beta", "anthropic-version", "anthropic-beta", "connection"),
}
_OF_ENVIRONMENT = re.compile(
    r"(^|_)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|COOKIE|AUTH|AUTHORIZATION)$"
)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=://)[^/@\s]+@")
_QUERY = re.compile(r"([?&;])([^=&?#\s]+)=([^&#\s\"'<>]*)")
_WORD = re.compile(r"(--[\w-]+=|-[A-Za-z])?([\w.-]+)=(.*)", re.DOTALL)
#: what is written instead
MARK = "[secret]"
#: a shorter text is in every other word, and what stands for no key at all is none
SHORTEST = 6
_PLACEHOLDERS = {"secret", "password", "api-key", "apikey", "api_key", "not-needed", "no-key", "placeholder"}

_known: set[str] = set()
_pattern: re.Pattern[str] | None = None
_environment_is_read = False


def without_secrets(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that may be shown, also of those within others; URLs without a login and keys."""
    return {name: _shown(name, value) for name, value in arguments.items() if not _SECRET.search(str(name))}


def _shown(name: Any, value: Any) -> Any:
    if _HEADERS.search(str(name)) and isinstance(value, Mapping | str):
        value = _structure(value)
        if not isinstance(value, Mapping):
            return MARK
        open_ones = {key: each for key, each in value.items() if str(key).lower() in _OPEN_HEADERS}
        return without_secrets(open_ones)
    if isinstance(value, Mapping):
        return without_secrets(value)
    if isinstance(value, list):
        return [_shown("", each) for each in value]
    if type(value) is tuple:
        return tuple(_shown("", each) for each in value)
    if isinstance(value, str):
        nested = _structure(value) if value.lstrip()[:1] in ("{", "[") else value
        if isinstance(nested, Mapping | list) and _shown("", nested) != nested:
            return json.dumps(_shown("", nested))
        return without_secret_values(url_shown(value))
    return value


def url_shown(text: str) -> str:
    """A text whose URLs hold neither a login nor a secret among what follows `?`."""

    def kept(found: re.Match[str]) -> str:
        hidden = _secret_of_query(found[2])
        return f"{found[1]}{found[2]}={MARK if hidden else found[3]}"

    if "://" not in text:
        return text
    return _URL.sub(lambda url: _QUERY.sub(kept, _LOGIN.sub("...@", url[0])), text)


def redacted(command: Sequence[str]) -> list[str]:
    """A command whose arguments `name=value` hold no secret any more."""
    remember_words(command)

    def cleaned(word: str) -> str:
        found = _WORD.match(word)
        if found and (_SECRET.search(found[2]) or _HEADERS.search(found[2])):
            return f"{word[: found.start(3)]}..."
        return without_secret_values(url_shown(word))

    return [cleaned(word) for word in command]


def remember(arguments: Any, name: str = "") -> None:
    """Keeps the secrets among arguments: by the names of values, in headers, and in URLs."""
    if _HEADERS.search(name) and isinstance(arguments, Mapping | str):
        arguments = _structure(arguments)
        if isinstance(arguments, Mapping):
            arguments = {key: v for key, v in arguments.items() if str(key).lower() not in _OPEN_HEADERS}
        _keep_all(arguments)
    elif name and _SECRET.search(name):
        _keep_all(arguments)
    elif isinstance(arguments, Mapping):
        for key, value in arguments.items():
            remember(value, str(key))
    elif isinstance(arguments, list | tuple):
        for value in arguments:
            remember(value)
    elif isinstance(arguments, str):
        _keep_urls(arguments)
        nested = _structure(arguments) if arguments.lstrip()[:1] in ("{", "[") else None
        if isinstance(nested, Mapping | list):
            remember(nested)


def remember_words(command: Sequence[str]) -> None:
    """Keeps the secrets among the words of a command: `name=value` and URLs."""
    for word in command:
        found = _WORD.match(word)
        if found and "://" not in found[2]:
            remember(found[3], found[2])
        _keep_urls(word)


def without_secret_values(text: str) -> str:
    """A text in which no secret that is known stands any more."""
    pattern = _compiled()
    return text if pattern is None else pattern.sub(MARK, text)


def without_secrets_in(value: Any) -> Any:
    """JSON data in whose texts, keys among them, no secret that is known stands; the same object where none
    does."""
    if _compiled() is None:
        return value
    return _cleaned(value)


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return without_secret_values(value)
    if isinstance(value, Mapping):
        return {_cleaned(key): _cleaned(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    return value


def _compiled() -> re.Pattern[str] | None:
    global _pattern
    if not _environment_is_read:
        remember_environment()
    if _pattern is None and _known:
        _pattern = re.compile("|".join(map(re.escape, sorted(_known, key=len, reverse=True))))
    return _pattern


def remember_environment() -> None:
    """Keeps the secrets of the environment as it is now."""
    global _environment_is_read
    _environment_is_read = True
    for name, value in os.environ.items():
        if name.endswith(("_URL", "_PROXY", "_proxy", "_URI", "_DSN")):
            _keep_urls(value)
        elif name.endswith("_HEADERS"):
            remember(value, "headers")
        elif _OF_ENVIRONMENT.search(name) and not (value.startswith(("/", "./")) and os.path.exists(value)):
            if len(value) >= 8 and (len(value) >= 16 or not value.isalpha()):  # a word may stand in any text
                _keep(value)


def _keep_all(value: Any) -> None:
    """Keeps every text in it."""
    if isinstance(value, Mapping):
        for each in value.values():
            _keep_all(each)
    elif isinstance(value, list | tuple):
        for each in value:
            _keep_all(each)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        text = str(value)
        _keep(text)
        scheme, _, rest = text.partition(" ")  # Bearer KEY
        if rest and scheme.isalnum():
            _keep(rest)
        for part in re.split(r";\s*", text) if "=" in text else ():  # a cookie
            _keep(part.partition("=")[2])


def _keep_urls(text: str) -> None:
    for url in _URL.findall(text):
        rest = url.partition("://")[2]
        login, sign, _ = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")
        if sign:
            user, colon, password = login.partition(":")
            _keep(unquote(password if colon else user))
            _keep(base64.b64encode(unquote(login).encode()).decode())
        for _, name, value in _QUERY.findall(url):
            if _secret_of_query(name):
                _keep(unquote_plus(value))


def _secret_of_query(name: str) -> bool:
    return bool(_SECRET.search(unquote(name)) or _OF_QUERY.search(unquote(name)))


def _keep(value: str) -> None:
    global _pattern
    value = value.strip()
    if len(value) < SHORTEST or value.lower() in _PLACEHOLDERS or value in _known:
        return
    _known.update({value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1]})
    _pattern = None


def _structure(value: Any) -> Any:
    """What a text of JSON or YAML, or lines `Name: value`, holds; itself where it is none."""
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except ValueError:
        import yaml

        try:
            found = yaml.safe_load(value)
        except yaml.YAMLError:
            found = dict(re.findall(r"([\w-]+)\s*[:=]\s*([^,\n]+)", value)) or value
    return found if isinstance(found, Mapping | list) else value
