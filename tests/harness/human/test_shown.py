"""What a real person sees, and what of the typed text is kept."""

import pytest

from harness.base import messages
from harness.human.shown import Shown
from harness.human.typed import cleaned
from harness.human.wording import Request

BRIEF = messages.system("You want a red one.")


def test_brief_dialogue_and_request_are_told_apart():
    first, then = Request("question", "Which colour?", choices=("red", "blue")), Request("plan", "Paint it.")
    talk = [BRIEF, messages.user(first.write()), messages.assistant("red"), messages.user(then.write())]
    seen = Shown.of("s", 2, talk)
    assert seen.brief == "You want a red one." and seen.asked == then
    assert seen.dialogue == (("The assistant", first.write()), ("You", "red"))
    assert Shown.read(seen.plain()) == seen
    assert seen.parts() == {
        **{"kind": "plan", "text": "Paint it.", "action": "", "choices": [], "form": seen.form},
    }


def test_any_prompt_can_be_answered():
    seen = Shown.of("s", 0, [messages.user("What is 1+1?")])
    assert (seen.brief, seen.dialogue, seen.request, seen.form) == ("", (), "What is 1+1?", "")
    assert seen.parts()["kind"] == "text" and seen.fault("2") == "" and seen.fault("") != ""


@pytest.mark.parametrize(
    "prompt",
    [
        "Question",
        "Question\nWhich?\nChoices: A, B",
        "Question\nWhich?\nChoices: 5",
        'Question\nWhich?\nChoices: [1, {"a": 2}]',
        "Question\nWhich?\nChoices: " + "[" * 100_000,
        "Approval\nMay I?\nAction: sing",
        'Approval\nMay I?\nAction: {"name": "sing"}',
    ],
)
def test_a_prompt_that_only_begins_like_a_request_is_none(prompt):
    seen = Shown.of("s", 0, [messages.user(prompt)])
    assert seen.asked is None and seen.parts()["text"] == prompt


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("question", "anything", ""),
        ("approval", 'edit: {"name": "pay", "arguments": {}}', "yes"),
        ("approval", "approve", "edit: nonsense"),
        ("plan", "reject: too dear", "perhaps"),
        ("move", "decline", "{"),
    ],
)
def test_a_reply_without_its_form_is_told_so(kind, right, wrong):
    action = ("pay", {}) if kind == "approval" else None
    seen = Shown.of("s", 0, [BRIEF, messages.user(Request(kind, "?", action).write())])
    assert seen.fault(right) == "" and seen.fault(wrong) != ""


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("\x1b[31mred\x1b[0m\x07", "[31mred[0m"),
        (" a\r\nb\rc\x0bd\u2028e ", "a\nb\nc\nd\ne"),
        ("tab\there", "tab\there"),
        ("a\u202eb\u2066c", "abc"),
        ("\ud800half", "half"),
        ("ja, gerne: \u00fc \u0646\u200c\u06cc \U0001f468\u200d\U0001f469", None),
        ("\x00\x7f\x9b", ""),
    ],
)
def test_control_characters_of_what_is_typed_are_gone(typed, kept):
    assert cleaned(typed) == (typed if kept is None else kept)
