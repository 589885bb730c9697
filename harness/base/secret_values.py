"""Values that are secret, and the one filter that takes them out of texts, in whatever form they come back.

Two sorts are told apart, as a filter that is too eager destroys results:

- a value that no text holds by chance (`sk-4f9...`) is taken out wherever it stands, also as a URL, JSON,
  HTML or base64 writes it;
- one that may be an ordinary word, number or a part of one (`paris`, `9000`, anything below 8 characters) is
  taken out where a text gives it as a credential (`Bearer paris`, `api_key=paris`), and anywhere in what a
  server says of a failure. An answer `paris` stays what it is.

What stands for no key (`none`, `EMPTY`) and what is shorter than 4 characters is no secret.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

#: what is written instead
MARK = "[secret]"
#: shorter values, in characters, are in too many words; and the shortest that is kept at all
SHORTEST, LEAST = 8, 4
#: lengths below which letters alone may be a word, several words with dashes a name, digits alone a number
_WORD, _NAME, _NUMBER = 12, 8, 12
_PLACEHOLDERS = {
    *(
        "none",
        "null",
        "empty",
        "dummy",
        "fake",
        "test",
        "testing",
        "local",
        "localhost",
        "unused",
        "anything",
    ),
    *("key", "apikey", "token", "secret", "password", "not-needed", "no-key", "nokey", "no-key-required"),
    *("placeholder", "changeme", "your-api-key", "api-key", "ollama", "lm-studio", "vllm", "sglang"),
    *("inspectai", "sk-no-key-required", "true", "false", "default", "basic", "bearer"),
}
_CREDENTIAL = (
    r"(?P<before>(?:bearer|basic)[\s\"'\\]+|[?&][\w-]*(?:key|token|secret|sig|code|auth)[\w-]*=|"
    r"(?:api[-_ ]?key|authorization|password|passwd|secret|cookie|x-[a-z-]+)(?: provided)?"
    r"[\"'\\]*\s*[:=]\s*[\"'\\]*(?:(?:bearer|basic)\s+)?)"
)


class Secret:
    """One value. `source` says where it comes from, for people: a variable, an argument."""

    def __init__(self, value: str, source: str, certain: bool) -> None:
        self.value, self.source, self.certain = value, source, certain

    @cached_property
    def needles(self) -> tuple[str, ...]:
        """Of these one stands in every text that holds the value; all are quick to look for."""
        longest = max(re.findall(r"[A-Za-z0-9]+", self.value), key=len, default="")
        return (longest, *self._coded) if self.certain else (longest,)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        if not self.certain:
            return re.compile(f"(?i:{_CREDENTIAL}){self._plain}(?![\\w-])")
        return re.compile("|".join([self._plain, *map(re.escape, self._coded)]))

    @cached_property
    def _plain(self) -> str:
        return "".join(map(_written, self.value))

    @cached_property
    def _coded(self) -> tuple[str, ...]:
        """The value within texts that are coded as a whole."""
        raw = self.value.encode("utf-8", "surrogatepass")
        cores = [core for shift in range(3) if len(core := _base64_core(raw, shift)) >= SHORTEST]
        cores += [core.translate(_URL_SAFE) for core in cores]
        return tuple(dict.fromkeys([*cores, raw.hex(), raw.hex().upper()]))

    def hidden(self, text: str) -> str:
        """The text without the value."""
        if not any(needle in text for needle in self.needles):
            return text
        return self.pattern.sub(MARK if self.certain else rf"\g<before>{MARK}", text)

    def hidden_as_word(self, text: str) -> str:
        """The text without the value, also where it may be a word like any other."""
        return re.sub(rf"(?<!\w){self._plain}(?!\w)", MARK, text)


_secrets: dict[str, Secret] = {}
_read_environment: Any = None


def keep(value: str, source: str = "", *, named: bool = True) -> None:
    """Keeps a secret. `named` says that it was given as one; of what only bears such a name, as many a
    variable of the environment, a value that reads like words is taken for a word."""
    value = value.strip()
    if len(value) < LEAST or value in _secrets or _is_placeholder(value):
        return
    _secrets[value] = Secret(value, source, _certain(value, named))
    for name in sorted(_secrets, key=len, reverse=True):  # the longest first, as one may hold another
        _secrets[name] = _secrets.pop(name)


def forget() -> None:
    """No value is a secret any more, and the environment is read again; for tests."""
    _secrets.clear()
    read_environment_with(_read_environment)


def read_environment_with(read: Any) -> None:
    """What is called before the first text is filtered, to keep the secrets of the environment."""
    global _read_environment, _unread
    _read_environment, _unread = read, read is not None


_unread = False


def _known() -> dict[str, Secret]:
    global _unread
    if _unread:
        _unread = False
        _read_environment()
    return _secrets


def without_secret_values(text: str) -> str:
    """A text in which no secret that is known stands any more."""
    for secret in _known().values():
        text = secret.hidden(text)
    return text


def without_secrets_of_server(text: str) -> str:
    """What a server says of a failure: nothing there is a result, so that a secret that may be a word is
    taken out too."""
    for secret in _known().values():
        text = secret.hidden(text) if secret.certain else secret.hidden_as_word(text)
    return text


def without_secrets_in(value: Any) -> Any:
    """JSON data in whose texts no secret that is known stands, keys that are no plain names among them; the
    same object where none is known. Numbers are never touched."""
    return _cleaned(value) if _known() else value


def json_without_secrets(text: str) -> str:
    """A text of JSON in whose strings no secret that is known stands; it stays JSON. The same text where none
    does."""
    if without_secret_values(text) == text:
        return text
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return without_secret_values(text)
    return json.dumps(_cleaned(data), separators=(",", ":"))


def sources_in(text: str) -> list[str]:
    """Where the secrets come from that stand in a text."""
    return [secret.source for secret in _known().values() if secret.hidden(text) != text]


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return without_secret_values(value)
    if isinstance(value, Mapping):
        return {_key(key): _cleaned(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    return value


def _key(key: Any) -> Any:
    """A name of a field is none of the values, whatever they are."""
    return key if not isinstance(key, str) or re.fullmatch(r"[a-z_ ]+", key) else without_secret_values(key)


def _certain(value: str, named: bool) -> bool:
    """Whether no text holds the value by chance."""
    if len(value) < SHORTEST or (value.isdigit() and len(value) < _NUMBER):
        return False
    words = re.split(r"[-_. ]", value)
    if not all(re.fullmatch(r"[a-z]+|[A-Z][a-z]*|[A-Z]+", word) for word in words):
        return True
    if not named:
        return len(value) >= 2 * SHORTEST
    return len(value) >= (_WORD if len(words) == 1 else _NAME)


def _is_placeholder(value: str) -> bool:
    plain = value.lower().replace("_", "-")
    return plain in _PLACEHOLDERS or len(set(plain)) == 1 or plain.startswith(("<", "${", "[secret"))


_URL_SAFE = str.maketrans("+/", "-_")


def _base64_core(raw: bytes, shift: int) -> str:
    """The characters that a base64 text has where these bytes stand in it, `shift` bytes after a multiple of
    three: those that no neighbour changes."""
    bits = 8 * (shift + len(raw))
    text = base64.b64encode(bytes(shift) + raw).decode()
    return text[-(-8 * shift // 6) : bits // 6]


def _written(character: str) -> str:
    """A pattern of the forms in which one character is written in URLs, JSON, HTML and texts of these."""
    if character.isascii() and character.isalnum():
        return character
    raw = character.encode("utf-8", "surrogatepass")
    units = character.encode("utf-16-be", "surrogatepass").hex()
    forms = [
        re.escape(character),
        "".join(f"(?i:%(?:25)*{byte:02x})" for byte in raw),
        "".join(rf"\\+(?i:u{units[at : at + 4]})" for at in range(0, len(units), 4)),
        rf"\\+{re.escape(character)}",
        *_entities(character),
        *([r"\+"] if character == " " else []),
    ]
    return f"(?:{'|'.join(forms)})"


def _entities(character: str) -> Iterator[str]:
    code = ord(character)
    yield rf"&#0*{code};"
    yield rf"(?i:&#x0*{code:x};)"
    if (named := html.escape(character)) != character:
        yield re.escape(named)
