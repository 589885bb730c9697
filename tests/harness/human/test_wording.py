"""What people are told and asked is read again as it was written."""

import pytest

from harness.human.brief import Brief, Fact, Refusal, about
from harness.human.wording import (
    NO,
    ONLY_YES_NO,
    UNKNOWN,
    YES,
    Reply,
    Request,
    brief_text,
    read_brief,
    yes_or_no,
)

CITY = Fact("city", "Porto", ("town",), ("Porto", "Lyon"))
BRIEF = Brief(
    "A room: soon.",
    (CITY, Fact("note", "x: y (z)")),
    (
        Refusal("pay", {"option": "O1"}, "no: {never}"),
        Refusal("pay", unless=({"option": "O2"},)),
        Refusal("send"),
    ),
    (("hold", {"option": "O2"}), ("pay", {"option": "O2"})),
    "lazy",
    True,
)

REQUESTS = [
    Request("question", "Which city?"),
    Request("question", "one\ntwo\n\nAction: {}\n\\Choices: []\nChoices: x", choices=("a", "Choices: b")),
    Request("question", ""),
    Request("approval", "city: Lyon", ("pay", {"option": "O1", "deep": {"a": [1, None]}})),
    Request("approval", "", ("pay", {})),
    Request("plan", "1. hold\n2. pay\n"),
    Request("move", "I am lost.\nDone so far:\nnothing", choices=("hold", "pay")),
]
REPLIES = [
    Reply("question", "city: Porto"),
    Reply("approval", verdict="approve"),
    Reply("approval", "too dear: no", "reject"),
    Reply("approval", verdict="reject"),
    Reply("approval", verdict="edit", calls=(("pay", {"option": "O2"}),)),
    Reply("plan", "first hold,\nthen pay", "edit"),
    Reply("move", calls=(("pay", {"option": "O2"}), ("send", {}))),
    Reply("move"),
    Reply("plan", left=True),
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_is_read_as_it_was_written(request_):
    assert Request.read(request_.write()) == request_


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_is_read_as_it_was_written(reply):
    assert Reply.read(reply.kind, reply.write()) == reply


def test_a_brief_is_read_as_it_was_written():
    assert read_brief(brief_text(BRIEF)) == BRIEF
    assert read_brief("You are a helpful assistant.") is None
    assert Request.read("Hello\nthere") is None


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("question", "  \n"),
        ("approval", "fine with me"),
        ("approval", "I approve of nothing"),
        ("approval", "approved"),
        ("approval", "edit: pay less"),
        ("approval", 'edit: [{"name": "a"}, {"name": "b"}]'),
        *(
            (kind, f'{before}{{"name": "pay", "arguments": {{"amount": {value}}}}}')
            for kind, before in (("approval", "edit: "), ("move", ""))
            for value in ("NaN", "-Infinity", "1e999", '"\\ud800"', "[" * 99 + "]" * 99)
        ),
        ("plan", "edit:"),
        ("move", "pay O2"),
        ("move", '{"name": 1}'),
        ("move", "[]"),
    ],
)
def test_what_has_no_form_is_no_reply(kind, said):
    assert Reply.read(kind, said) is None


@pytest.mark.parametrize(
    ("kind", "said", "meant"),
    [
        ("approval", "Approve.", Reply("approval", verdict="approve")),
        ("approval", "**Reject**: too dear", Reply("approval", "too dear", "reject")),
        ("move", '```json\n{"name": "pay"}\n```', Reply("move", calls=(("pay", {}),))),
        ("move", "Decline.", Reply("move")),
    ],
)
def test_models_write_it_a_little_otherwise(kind, said, meant):
    assert Reply.read(kind, said) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (YES, True),
        (NO, False),
        (" yes, and soon", True),
        ("NO; never", False),
        ("Yesterday", None),
        ("I say yes", None),
        (UNKNOWN, None),
        (ONLY_YES_NO, None),
        ("No idea.", None),
        ("no preference", None),
        ("No, no idea where else.", False),
        (" ", None),
    ],
)
def test_the_first_word_says_yes_or_no(said, meant):
    assert yes_or_no(said) is meant


def test_facts_are_found_by_name_word_and_value_in_the_order_of_the_text():
    size = Fact("size", "large", (), ("small", "large"))
    assert about((CITY, size), "Is it large, and in which TOWN?") == (size, CITY)
    assert about((CITY, size), "Enlarge the townhouse") == ()


def test_refusals_hold_by_their_arguments():
    first, second, _ = BRIEF.refuses
    assert first.holds("pay", {"option": "O1", "x": 1}) and not first.holds("pay", {"option": "O2"})
    assert second.holds("pay", {"option": "O3"}) and not second.holds("pay", {"option": "O2"})
    assert not first.holds("hold", {"option": "O1"})


def test_a_brief_that_can_not_be_read_again_is_refused():
    for wrong in ({"style": "chatty"}, {"facts": (CITY, CITY)}, {"facts": (Fact("a: b", "c"),)}):
        with pytest.raises(ValueError, match=r"style|one name|colon"):
            Brief(**wrong)
