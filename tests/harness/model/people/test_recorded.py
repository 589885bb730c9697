"""What people once said, played again: word for word, or not at all."""

import asyncio
import json

import pytest

from harness.base import messages
from harness.base.errors import DataError, ModelCallError, UsageError
from harness.human.wording import SECONDS, Request
from harness.model.budget import Budget
from harness.model.factory import open_model
from harness.model.ledger import Usage
from harness.model.metering import Meter
from harness.model.prices import price
from harness.model.provider import Call
from harness.sample import Question

FIRST, SECOND = (Request("question", text).write() for text in ("Which day?", "Which hour?"))


def row(n, request, reply, seconds=2.5, sample="s", epoch=0, by="browser"):
    return {
        **{"sample_id": sample, "epoch": epoch, "n": n, "kind": "question"},
        **{"request": request, "reply": reply, "seconds": seconds, "by": by},
    }


@pytest.fixture
def recorded(tmp_path):
    """Opens a recording of rows, or of lines as they are."""

    def opened(*rows):
        file = tmp_path / "said.jsonl"
        file.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows))
        return open_model(f"recorded/{file}", {})

    return opened


def said(provider, *talk, sample="s", epoch=0):
    """The reply to the last of the texts, of which every second is a reply."""
    make = (messages.user, messages.assistant)
    heard = [messages.system("brief"), *(make[n % 2](text) for n, text in enumerate(talk))]
    return asyncio.run(provider.generate(Call(Question(sample, "?", epoch=epoch), heard)))


def test_the_nth_request_of_an_attempt_gets_its_reply_and_seconds(recorded):
    played = recorded(
        row(0, FIRST, "Monday"), row(1, SECOND, "Ten", 7), row(0, FIRST, "Friday", None, epoch=1)
    )
    assert played.name == "recorded/said.jsonl" and len(played.revision) == 64
    first, second = said(played, FIRST), said(played, FIRST, "Monday", SECOND)
    assert (first.completion, first.metadata[SECONDS]) == ("Monday", 2.5)
    assert (second.completion, second.metadata[SECONDS]) == ("Ten", 7)
    assert said(played, FIRST).completion == "Monday", "however often it is asked"
    other = said(played, FIRST, epoch=1)
    assert other.completion == "Friday" and SECONDS not in other.metadata


def test_another_text_or_another_attempt_has_no_reply(recorded):
    played = recorded(row(0, FIRST, "Monday"))
    with pytest.raises(ModelCallError, match=r"request 0 of sample 's', epoch 0, was another text then"):
        said(played, SECOND)
    with pytest.raises(ModelCallError, match=r"no reply to request 1 of sample 's'"):
        said(played, FIRST, "Monday", SECOND)
    with pytest.raises(ModelCallError, match=r"no reply to request 0 of sample 't', epoch 2"):
        said(played, FIRST, sample="t", epoch=2)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "line 2 is no JSON"),
        ("[]", "must have exactly: sample_id"),
        ({**row(1, "a", "b"), "more": 1}, "must have exactly"),
        (row(0, FIRST, "Tuesday"), "request 0 of 's' again"),
        (row(1, "a", None), "reply is a text, not None"),
        (row(-1, "a", "b"), "n is a whole number from 0"),
        (row(1, "a", "b", epoch=True), "epoch is a whole number"),
        (row(1, "a", "b", seconds=-1), "seconds are a number from 0 or null"),
        (row(1, "a", "b", seconds="2"), "seconds are a number"),
        ({**row(1, "a", "b"), "kind": "guess"}, "kind is one of question, approval, plan, move, not 'guess'"),
        (row(1, "a", " "), "' ' is no reply to a request of the kind question. Answer in a few words"),
        (
            {**row(1, "a", "yes"), "kind": "approval"},
            "line 2: 'yes' is no reply to a request of the kind approval. Answer",
        ),
    ],
)
def test_a_damaged_line_is_named(recorded, line, why):
    with pytest.raises(DataError, match=why):
        recorded(row(0, FIRST, "Monday"), line)


@pytest.mark.parametrize("start", ["\n", " \r\n\n", "\ufeff", "\ufeff\n"])
def test_a_recording_may_begin_as_editors_leave_it(tmp_path, start):
    file = tmp_path / "said.jsonl"
    file.write_text(start + json.dumps(row(0, FIRST, "Monday")) + "\n", "utf-8")
    assert said(open_model(f"recorded/{file}", {}), FIRST).completion == "Monday"


def test_a_recording_takes_no_arguments(tmp_path):
    (tmp_path / "said.jsonl").write_text(json.dumps(row(0, FIRST, "Monday")))
    with pytest.raises(UsageError, match="has no argument 'strict'"):
        open_model(f"recorded/{tmp_path / 'said.jsonl'}", {"strict": "false"})


@pytest.mark.parametrize(
    ("by", "usd_per_hour", "cost"),
    [("browser", None, None), ("browser", 36.0, 0.025), ("sim/human", None, 0.0), ("sim/human", 36.0, 0.025)],
)
def test_the_time_of_recorded_people_is_never_free(recorded, by, usd_per_hour, cost):
    played = recorded(row(0, FIRST, "Monday", by=by))
    takes = price(played.name, {}, usd_per_hour=usd_per_hour)
    spent = Usage(calls=1)
    Meter(played, takes, Budget(), lambda text: None).answered(
        spent, Call(Question("s", "?"), []), said(played, FIRST)
    )
    assert spent.cost_usd == cost and spent.human_seconds == 2.5
