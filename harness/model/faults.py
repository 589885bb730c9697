"""What the failure of a call means, from whichever client it comes: what the server said, and whether it is
of the prompt, of the model, or in passing.

An error is read by what clients for HTTP have in common: `status_code`, `body` (the answer's JSON, or its
part `error`) and `response` with headers and text, on the error itself or on what led to it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.base.documents import load_json
from harness.base.secrets import without_secrets_of_server

#: "unusable": no call to the model can succeed until somebody mends something; "passing": the same call may
#: succeed later; the others are those of `harness.base.errors.Declined`
Kind = Literal["unusable", "passing", "filtered", "context_overflow"]

#: statuses of calls that may succeed later: too slow, too many, and the server's own faults
PASSING = {408, 409, 425, 429, *range(500, 600)}
#: an unknown key, no money left, no such model: what another call can't change
_UNUSABLE_STATUS = (401, 402, 404)
_NO_MONEY = re.compile(
    r"billing|exceeded your current quota|credit balance is too low|in arrears|suspended|"
    r"insufficient[ _](balance|credits?|funds)|(out of|any|no( more)?|not have enough) credits|"
    r"(key|credit|spend(ing)?|usage|monthly|weekly|account|budget)[ _]limits?\b",
    re.I,
)
#: a key, an account or a country that isn't let in, whatever it asks
_NO_ACCESS = re.compile(
    r"permission|(not|no|denied|have) (have )?access|access[ _]\w*[ _]?denied|"
    r"not (allowed|authorized|enabled|permitted)|"
    r"forbidden|unauthorized|disabled|restricted|country|region|territory|api[ _-]?key",
    re.I,
)
_SOON = re.compile(r"(retry|try again) in \d|per[ _-]?minute", re.I)
#: refusals of a request, in which a server may speak of the prompt
_OF_THE_PROMPT = (400, 403, 413, 422)
_TOO_LONG_CODES = ("context_length_exceeded", "string_above_max_length", "prompt_too_long")
_TOO_LONG = re.compile(
    r"(maximum|model'?s|max) context|context[ _](length|window|size|limit)|prompt is too long|input length|"
    r"max_tokens must be at least 1\b|"
    r"input is too long|too many (input )?tokens|reduce the length|longer than the model|"
    r"exceeds?.{0,40}\b(max_model_len|(maximum|max|limit).{0,30}(input|prompt|sequence).{0,20}length)",
    re.I,
)
_FILTER_CODES = (
    *("content_filter", "content_policy_violation", "responsibleaipolicyviolation", "invalid_prompt"),
    *("bio_policy", "cyber_policy", "data_inspection_failed", "moderation_blocked"),
)
_FILTERED = re.compile(
    r"content[ _](filter|management|policy|moderation)|usage polic|safety (system|filter|reason)|"
    r"(prompt|input|message|output|text)[^.]{0,40} (flagged|blocked)|moderation|inappropriate content|"
    r"responsible ai|blocked by [a-z' ]*polic",
    re.I,
)
LONGEST = 300
A_PAGE = "a page instead of an answer"
_PAGE = re.compile(r"\s*<(!doctype html|html|head|body|\?xml)\b", re.IGNORECASE)
_IN = r"(?is)<{0}\b[^>]*>(.*?)(?:</{0}>|$)"


class ServerFault(Exception):
    """A server answered a call with something that is no completion.

    Attributes:
        status_code: of the response; of an error in a response that says all is well, the one it names or
            None.
        body: the answer's JSON, or its text.
        headers: of the response.
        kind: of what it is; None where its status and words tell.
    """

    def __init__(
        self,
        message: str,
        status_code: int | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        kind: Kind | None = "passing",
    ) -> None:
        super().__init__(message)
        self.status_code, self.body, self.headers, self.kind = status_code, body, headers or {}, kind


def of_status(status: int, headers: Mapping[str, str], body: Any) -> ServerFault:
    """The fault of a response with an HTTP status that is no success."""
    message = _one_line(_details(body)[0]) or "without a word"
    return ServerFault(message, status, body, headers, "passing" if status in PASSING else None)


def lenient(content: bytes | str) -> Any:
    """A body as JSON, or as the text that it is; of a page of HTML its title."""
    text = content.decode("utf-8-sig", "replace") if isinstance(content, bytes) else content
    try:
        return load_json(text)
    except (ValueError, RecursionError):
        return page_title(text) or text[:2000]


def page_title(text: str) -> str:
    """What a page of HTML says, as proxies and portals answer; empty where a text is no page."""
    if not _PAGE.match(text):
        return ""
    found = next(
        (match[1] for tag in ("title", "h1", "body") if (match := re.search(_IN.format(tag), text))), ""
    )
    words = html.unescape(re.sub(r"<[^>]*>", " ", found)).split()
    return f"{A_PAGE}: {' '.join(words)[:100] or 'without a title'}"


def of_answer(answer: Any, lacks: str) -> ServerFault:
    """The fault of a response that says all is well and holds an error, or lacks what was asked for."""
    if isinstance(answer, Mapping) and (found := answer.get("error")):
        message, code, _ = _details({"error": found})
        told = str(found.get("status")) if isinstance(found, Mapping) and not code.isdecimal() else code
        status = int(told) if told.isdecimal() and 400 <= int(told) <= 599 else None
        return ServerFault(_one_line(message) or "the server's answer is an error", status, {"error": found})
    message = _one_line(_details(answer)[0])
    return ServerFault(f"{lacks}: {message}" if message else lacks)


@dataclass(frozen=True)
class Reading:
    """What an error says."""

    status: int | None
    sentence: str
    kind: Kind | None

    @property
    def line(self) -> str:
        """For people: `HTTP 400: the server's sentence`."""
        return f"HTTP {self.status}: {self.sentence}" if self.status else self.sentence


def read(error: BaseException) -> Reading:
    """What an error says, and of what it is; `kind` is None where only the client can tell."""
    status, body = None, None
    for cause in causes(error):
        status = status or _status(cause)
        body = body or _body(cause)
    message, code, sort = _details(body)
    sentence = _one_line(message or _text(error))
    spoken = body is not None
    return Reading(status, sentence, _kind(status, spoken, f"{code} {sort}".lower(), sentence, error))


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it; wrappers can make that chain a circle."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


#: statuses by which a gateway or proxy gives up on a server that may go on
_GIVEN_UP = (408, 502, 504, 520, 522, 524)
#: errors before a request has left, in the common clients: no connection, or none within its time
_NOT_SENT = (
    *("ConnectError", "ConnectTimeout", "PoolTimeout", "ConnectTimeoutError", "NewConnectionError"),
    *("ClientConnectorError", "ClientConnectorDNSError", "ClientConnectorSSLError"),
    *("ClientConnectorCertificateError", "ConnectionTimeoutError", "ConnectionRefusedError", "gaierror"),
)
#: packages of clients for HTTP
_CLIENTS = ("aiohttp", "httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3")


def may_have_been_served(error: BaseException) -> bool:
    """Whether a server may have made a completion, and charge it, of which only the error arrived: the client
    or a proxy gave up waiting, the connection broke, or the answer was none."""
    chain = list(causes(error))
    if any(type(cause).__name__ in _NOT_SENT for cause in chain):
        return False
    status = read(error).status
    if status is not None:
        return status in _GIVEN_UP or status < 300
    broken = (ServerFault, TimeoutError, ConnectionError, EOFError, json.JSONDecodeError)
    return any(
        isinstance(cause, broken)
        or type(cause).__module__.partition(".")[0] in _CLIENTS
        or any(word in type(cause).__name__ for word in ("Timeout", "Connection"))
        for cause in chain
    )


def _kind(status: int | None, spoken: bool, codes: str, sentence: str, error: BaseException) -> Kind | None:
    words = f"{codes} {sentence}"
    told = next((cause.kind for cause in causes(error) if isinstance(cause, ServerFault)), None)
    if told not in (None, "passing"):
        return told
    if status in _UNUSABLE_STATUS or (status in (None, 400, 403, 429) and _no_money(words)):
        return "unusable"
    if status in _OF_THE_PROMPT or (status is None and spoken):
        if any(code in codes for code in _TOO_LONG_CODES) or _TOO_LONG.search(sentence):
            return "context_overflow"
        if any(code in codes for code in _FILTER_CODES) or _FILTERED.search(sentence):
            return "filtered"
    if status == 403 and spoken and _NO_ACCESS.search(words) and not sentence.startswith(A_PAGE):
        return "unusable"
    return "passing" if told == "passing" or status in PASSING else None


def _no_money(words: str) -> bool:
    """Whether there is none; a limit of a minute is told in like words, with when to come back."""
    return "insufficient_quota" in words or bool(_NO_MONEY.search(words) and not _SOON.search(words))


def _status(error: BaseException) -> int | None:
    """The HTTP status of an error, under the names that clients give it. Errors of aiohttp are of the way,
    with numbers that no server said."""
    if type(error).__module__.startswith("aiohttp"):
        return None
    for name in ("status_code", "status", "code"):
        found = getattr(error, name, None)
        if isinstance(found, int) and not isinstance(found, bool) and 100 <= found <= 599:
            return found
    found = getattr(getattr(error, "response", None), "status_code", None)
    return found if isinstance(found, int) else None


def _body(error: BaseException) -> Any:
    body = getattr(error, "body", None) or getattr(error, "details", None)
    if isinstance(body, Mapping | list) and body:
        return body
    response = getattr(error, "response", None)
    text = body if isinstance(body, str) else getattr(response, "text", None)
    if not isinstance(text, str) or not text.strip():
        return None
    try:
        return load_json(text)
    except ValueError:
        return {"message": page_title(text) or text}


def _details(body: Any) -> tuple[str, str, str]:
    """Message, code and type of an error, in the forms in which servers write it."""
    if isinstance(body, list):
        body = body[0] if body else None
    if isinstance(body, str):
        return body, "", ""
    if not isinstance(body, Mapping):
        return "", "", ""
    for part in ("error", "detail", "errors"):
        if body.get(part) and not isinstance(body.get("message"), str):
            message, code, sort = _details(body[part])
            return message, code or _word(body.get("code")), sort or _word(body.get("type"))
    message = body.get("message") or body.get("msg") or ""
    inner = body.get("innererror")
    code = _word(body.get("code")) + " " * bool(inner) + _details(inner)[1]
    return str(message), code, _word(body.get("type") or body.get("status"))


def _word(value: Any) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _text(error: BaseException) -> str:
    """The error's own text; inspect-ai begins it with the request, and keeps the provider's apart."""
    for cause in causes(error):
        told = getattr(cause, "provider_message", None)
        if isinstance(told, str) and told.strip():
            return told
    text = str(error).strip()
    if text == "Connection error.":  # of OpenAI's SDK, which leaves the reason to what led to it
        text = str(error.__cause__ or "").strip() or text
    if text.startswith("Request:"):
        text = text.rpartition("\n\n")[2]
    return text.splitlines()[0] if text else type(error).__name__


def _one_line(text: str) -> str:
    """Without secrets before it is cut, as a part of one is one too."""
    return " ".join(without_secrets_of_server(str(text)).split())[:LONGEST]
