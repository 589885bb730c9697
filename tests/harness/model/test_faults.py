"""What errors and endings mean, whichever client they come from."""

import json

import pytest
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessageAssistant,
    ContentReasoning,
    ContentText,
    ModelOutput,
    ModelUsage,
)

from harness.base.errors import Declined
from harness.model import endings, faults


class Refusal(Exception):
    """As clients for HTTP raise it."""

    def __init__(self, status, body, text="Request:\n{...}\n\nsomething"):
        super().__init__(text)
        self.status_code, self.body = status, body


@pytest.mark.parametrize(
    "status, body, kind, says",
    [
        (400, {"error": {"message": "no such field", "code": None}}, None, "HTTP 400: no such field"),
        (422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, None, "HTTP 422: field required"),
        (403, {"message": "not in your region"}, "unusable", "HTTP 403: not in your region"),
        (403, {"message": "try another question"}, None, "HTTP 403: try another question"),
        (
            403,
            {"error": {"message": "Key limit exceeded", "code": 403}},
            "unusable",
            "Key limit",
        ),
        (403, {"error": {"message": "no", "code": "unsupported_country_region_territory"}}, "unusable", "no"),
        (403, {"error": {"message": "Project p does not have access to model m"}}, "unusable", "access"),
        (403, {"error": {"message": "x", "status": "PERMISSION_DENIED"}}, "unusable", "x"),
        (403, {"code": "y", "error": "Your new team doesn't have any credits yet"}, "unusable", "credits"),
        (403, {"error": {"message": "Blocked by our content policy: restricted topic"}}, "filtered", "topic"),
        (
            403,
            "<html><title>403 Forbidden</title></html>",
            None,
            "a page instead of an answer: 403 Forbidden",
        ),
        (
            400,
            {"error": {"message": "You have reached your API usage limits."}},
            "unusable",
            "usage",
        ),
        (400, {"error": {"message": "usage: limit must be a number"}}, None, "a number"),
        (429, {"message": "monthly usage limit reached"}, "unusable", "monthly"),
        (429, {"message": "Rate limit: usage limit of 3 per minute; retry in 9s"}, "passing", "per minute"),
        (500, "<html><body>oh</body></html>", "passing", "HTTP 500: a page instead of an answer: oh"),
        (503, "upstream is gone", "passing", "HTTP 503: upstream is gone"),
        (401, {"message": "wrong key"}, "unusable", "HTTP 401: wrong key"),
        (402, {"error": "no credit"}, "unusable", "HTTP 402: no credit"),
        (404, {"object": "error", "message": "no model"}, "unusable", "HTTP 404: no model"),
        (429, {"message": "pay", "code": "insufficient_quota"}, "unusable", "HTTP 429: pay"),
        (429, {"message": "slow down", "code": "rate_limit_exceeded"}, "passing", "HTTP 429: slow down"),
        (400, {"message": "too much", "code": "context_length_exceeded"}, "context_overflow", "too much"),
        (400, {"message": "This model's maximum context length is 9000 tokens."}, "context_overflow", "9000"),
        (413, {"error": {"message": "prompt is too long: 3 > 2"}}, "context_overflow", "3 > 2"),
        (400, {"message": "no", "code": "content_filter"}, "filtered", "no"),
        (
            400,
            {"error": {"message": "x", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
            "filtered",
            "x",
        ),
        (403, {"error": {"message": "Your input was flagged"}}, "filtered", "flagged"),
    ],
)
def test_what_a_server_said(status, body, kind, says):
    found = faults.read(Refusal(status, body))
    assert found.kind == kind and says in found.line and "Request" not in found.line
    try:
        raise RuntimeError("\nRequest:\n{}\n\nwrapped") from Refusal(status, body)
    except RuntimeError as wrapped:
        assert faults.read(wrapped).kind == kind


def output(content, stop_reason="stop", tokens=3, error=None):
    usage = None if tokens is None else ModelUsage(input_tokens=1, output_tokens=tokens)
    choice = ChatCompletionChoice(message=ChatMessageAssistant(content=content), stop_reason=stop_reason)
    return ModelOutput(model="m", choices=[choice], usage=usage, error=error)


@pytest.mark.parametrize(
    "made, status",
    [
        (output("9000", "model_length", None), "context_overflow"),
        (output("", "model_length", 0), "context_overflow"),
        (output("half an ans", "model_length", 5), None),
        (output("held back", "content_filter", None), "filtered"),
        (output("", "content_filter"), "filtered"),
        (output([ContentText(text="I can't", refusal=True)]), "refused"),
        (ModelOutput(model="m", error="moderated"), "filtered"),
        (output("42", "max_tokens"), None),
        (output("42", "unknown"), None),
    ],
)
def test_endings(made, status):
    if status is None:
        assert endings.check(made, "m") is None
        return
    with pytest.raises(Declined) as caught:
        endings.check(made, "m")
    assert caught.value.status == status


def test_thoughts_alone():
    thought = ContentReasoning(reasoning="so it is 4")
    assert endings.thought_alone(output([thought, ContentText(text=" ")]))
    assert not endings.thought_alone(output([thought, ContentText(text="4")]))
    assert not endings.thought_alone(output(""))
    assert json.dumps(faults.Reading(None, "x", None).line) == '"x"'
