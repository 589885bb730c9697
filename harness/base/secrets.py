"""Which arguments, parts of URLs, headers and variables are secrets: they are used, and never written.

Every value that is known to be one is kept (`secret_values.py`), and `without_secret_values` takes it out of
whatever is written: records, journals, caches, pages, errors.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, unquote_plus

from harness.base.documents import load_json, load_yaml
from harness.base.secret_values import (
    MARK,
    json_without_secrets,
    keep,
    read_environment_with,
    without_secret_values,
    without_secrets_in,
    without_secrets_of_server,
)

__all__ = [
    "MARK",
    "json_without_secrets",
    "redacted",
    "remember",
    "remember_environment",
    "remember_words",
    "url_shown",
    "without_secret_values",
    "without_secrets",
    "without_secrets_in",
    "without_secrets_of_server",
]

#: names of secrets
_SECRET = re.compile(
    r"(^|[_-])(api_?keys?|secrets?|passwd|passwords?|passphrase|authorization|credentials?|cookies?|"
    r"(private|access|secret)_key(_id)?|x[_-]auth|pat|pwd|connection_string)$|"
    r"^(apikey|auth)$|^x-.*(auth|key|token|secret)",
    re.IGNORECASE,
)
_CAMEL = re.compile(r"[a-z](Key|Secret|Password|Auth)$")
_TOKEN = re.compile(r"(?:(.*)[_-]|(?<=[a-z])(?=T))?[Tt]oken$|^TOKEN$")
#: what a token is of that is no secret
_OF_TEXT = re.compile(
    r"(^|[_-])(pad|[be]os|unk|sep|cls|mask|stop|start|end|image|audio|special|max|min|per|first|last|think)$"
)
#: more of them in arguments of a model; a task may call a column `key`
_KEY = re.compile(r"(^|[_-])keys?$", re.IGNORECASE)
#: names of arguments that are headers: whatever stands in them is taken for a secret, but for these headers
_HEADERS = re.compile(
    r"^((default|extra|http|custom|client|request|additional)[_-])?headers?$", re.IGNORECASE
)
#: names of arguments that are the query of a URL
_PARAMETERS = re.compile(r"^((default|extra|http|custom)[_-])?(query|params)$", re.IGNORECASE)
#: what is a secret in a URL, beside such names
_OF_QUERY = re.compile(r"^(sig|signature|code|x-amz-.*|x-goog-.*)$", re.IGNORECASE)
_OPEN_HEADERS = {
    *("accept", "accept-encoding", "accept-language", "content-type", "user-agent", "http-referer"),
    *("referer", "x-title", "x-request-id", "openai-beta", "anthropic-version", "anthropic-beta"),
    "connection",
}
_OF_ENVIRONMENT = re.compile(
    r"(^|_)(API)?(KEYS?|TOKENS?|SECRETS?|PASSWORD|PASSWD|PASS|PASSPHRASE|CREDENTIALS?|COOKIES?|AUTH|"
    r"AUTHORIZATION|PAT|PWD)(?=_|$)|(APIKEY|TOKEN|SECRET|PASSWORD|PASSWD)$",
    re.IGNORECASE,
)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)
_LOGIN = re.compile(r"(?<=://)[^/?#\s]+@")
_QUERY = re.compile(r"([?&;#])([^=&?#\s]+)=([^&#\s\"'<>]*)")
_WORD = re.compile(r"(--[\w-]+=|-[A-Za-z])?([\w.-]+)=(.*)", re.DOTALL)
_TASK_OR_METHOD = ("-T", "-M")


def without_secrets(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that may be shown, also of those within others; URLs without a login and keys."""
    return {name: _shown(name, value) for name, value in arguments.items() if not _is_secret(str(name))}


def _shown(name: Any, value: Any) -> Any:
    if _HEADERS.search(str(name)) and isinstance(value, Mapping | str | list | tuple):
        value = _headers(value)
        if not isinstance(value, Mapping):
            return MARK
        open_ones = {key: each for key, each in value.items() if str(key).lower() in _OPEN_HEADERS}
        return without_secrets(open_ones)
    if _PARAMETERS.search(str(name)) and isinstance(value, Mapping):
        return without_secrets({key: v for key, v in value.items() if not _secret_of_query(str(key))})
    if isinstance(value, Mapping):
        return without_secrets(value)
    if isinstance(value, list):
        return [_shown("", each) for each in value]
    if type(value) is tuple:
        return tuple(_shown("", each) for each in value)
    if isinstance(value, str):
        nested = _nested(value)
        if nested is not None and _shown("", nested) != nested:
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
        if found and (_is_secret(found[2]) or _HEADERS.search(found[2])):
            return f"{word[: found.start(3)]}..."
        return without_secret_values(url_shown(word))

    return [cleaned(word) for word in command]


def remember(arguments: Any, name: str = "", *, of_model: bool = True) -> None:
    """Keeps the secrets among arguments: by the names of values, in headers, and in URLs. `of_model`: one
    that is called `key` is a secret too."""
    if _HEADERS.search(name) and isinstance(arguments, Mapping | str | list | tuple):
        arguments = _headers(arguments)
        if isinstance(arguments, Mapping):
            arguments = {key: v for key, v in arguments.items() if str(key).lower() not in _OPEN_HEADERS}
        _keep_all(arguments, name)
    elif name and _is_secret(name, of_model):
        _keep_all(arguments, name)
    elif isinstance(arguments, Mapping):
        for key, value in arguments.items():
            if _PARAMETERS.search(name) and _secret_of_query(str(key)):
                _keep_all(value, str(key))
            remember(value, str(key), of_model=of_model)
    elif isinstance(arguments, list | tuple):
        for value in arguments:
            remember(value, of_model=of_model)
    elif isinstance(arguments, str):
        _keep_urls(arguments, name)
        if (nested := _nested(arguments)) is not None:
            remember(nested, name, of_model=of_model)


def remember_words(command: Sequence[str]) -> None:
    """Keeps the secrets among the words of a command: `name=value` and URLs."""
    for before, word in zip(["", *command], command, strict=False):
        found = _WORD.match(word)
        if found and "://" not in found[2]:
            remember(found[3], found[2], of_model=before not in _TASK_OR_METHOD)
        _keep_urls(word, "the command")


def _is_secret(name: str, of_model: bool = True) -> bool:
    """Whether an argument of this name is a secret; of `DEEP.name` the last counts."""
    name = name.rpartition(".")[2]
    token = _TOKEN.search(name)
    return bool(
        _SECRET.search(name)
        or _CAMEL.search(name)
        or (token and not _OF_TEXT.search(token[1] or ""))
        or (of_model and _KEY.search(name))
    )


def remember_environment() -> None:
    """Keeps the secrets of the environment as it is now."""
    for name, value in os.environ.items():
        _keep_urls(value, name)
        if name.upper().endswith("_HEADERS"):
            remember(value, "headers")
        elif _OF_ENVIRONMENT.search(name):
            if value.startswith(("/", "./", "~")) and os.path.exists(os.path.expanduser(value)):
                continue  # a file that holds one
            nested = _nested(value)
            parts = [value] if nested is not None else [value, *re.split(r"[,;\s]+", value)]
            for part in parts if nested is None else _texts(nested):
                keep(part, name, named=False)


read_environment_with(remember_environment)


def _texts(value: Any) -> list[str]:
    """Every text in it."""
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in _texts(each)]
    return [str(value)] if isinstance(value, str | int) and not isinstance(value, bool) else []


def _keep_all(value: Any, source: str) -> None:
    """Keeps every text in it, and its parts that are secrets themselves."""
    nested = _nested(value) if isinstance(value, str) else value
    for text in [*_texts(value), *(_texts(nested) if nested is not None else [])]:
        keep(text, source)
        _keep_urls(text, source)
        scheme, _, rest = text.partition(" ")  # Bearer KEY
        if rest and scheme.replace("-", "").isalnum():
            keep(rest, source)
            if scheme.lower() == "basic":
                _keep_login(rest, source)
        for part in re.split(r"[;,]\s*", text) if "=" in text else ():  # a cookie
            keep(part.partition("=")[2].strip("\"'"), source)


def _keep_login(coded: str, source: str) -> None:
    """Keeps the password of `Authorization: Basic`."""
    try:
        login = base64.b64decode(coded, validate=True).decode()
    except ValueError:
        return
    keep(login, source)
    keep(login.partition(":")[2] or login, source)


def _keep_urls(text: str, source: str) -> None:
    if "://" not in text:
        return
    source = source or "an address"
    for url in _URL.findall(text):
        rest = url.partition("://")[2]
        login, sign, _ = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")
        if sign:
            user, _, password = login.partition(":")
            for part in (password, user):
                keep(part, source)
                keep(unquote(part), source)
            keep(base64.b64encode(unquote(login).encode()).decode(), source)
        for _, name, value in _QUERY.findall(url):
            if _secret_of_query(name):
                keep(value, source)
                keep(unquote_plus(value), source)


def _secret_of_query(name: str) -> bool:
    name = unquote(name)
    return bool(_is_secret(name) or _OF_QUERY.search(name))


def _nested(text: str) -> Any:
    """What a text of JSON or YAML holds; None where it is another text."""
    if text.lstrip()[:1] not in ("{", "[") and not re.match(r"\s*[\w-]+:\s", text):
        return None
    found = _structure(text)
    return found if isinstance(found, Mapping | list) else None


def _headers(value: Any) -> Any:
    """Headers as a mapping, from JSON, YAML, lines `Name: value`, or a list of these or of pairs; itself
    where it is none."""
    value = _structure(value)
    if isinstance(value, str):
        pairs = re.findall(r"([\w-]+)\s*[:=]\s*([^,\n]+)", value)
        return dict(pairs) or value
    if isinstance(value, list | tuple):
        pairs = [
            each
            if isinstance(each, list | tuple)
            else str(each).split(":", 1)
            if isinstance(each, str)
            else ()
            for each in (
                part for one in value for part in (one.items() if isinstance(one, Mapping) else [one])
            )
        ]
        if all(len(pair) == 2 for pair in pairs):
            return {str(name).strip(): text for name, text in pairs}
    return value


def _structure(value: Any) -> Any:
    """What a text of JSON or YAML holds; itself where it is none."""
    if not isinstance(value, str):
        return value
    try:
        found = load_json(value)
    except ValueError:
        import yaml

        try:
            found = load_yaml(value)
        except yaml.YAMLError:
            return value
    return found if isinstance(found, Mapping | list) else value
