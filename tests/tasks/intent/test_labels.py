"""How a label is read out of a completion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tasks.intent.labels import as_given, find_label, normal

BANK = ("card_arrival", "card_not_working", "Refund_not_showing_up", "reverted_card_payment?")


@pytest.mark.parametrize("label", BANK)
@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "  {}\n",
        '"{}"',
        "'{}'",
        "`{}`",
        "**{}**",
        "{}.",
        "- {}",
        "Label: {}",
        "label:{}",
        "**Label:** {}",
        "**Label: {}**",
        "# {}",
        "Answer: `{}`.",
        "The label is: {}",
        "The final label: {}",
        '{{"label": "{}"}}',
        '{{"label": "{}", "confidence": 0.8}}',
        '```json\n{{"label": "{}"}}\n```',
        '```json\n{{\n  "label": "{}"\n}}\n```',
        'Here it is:\n```json\n{{\n  "label": "{}"\n}}\n```',
        "```\n{}\n```",
        "They ask about a card.\n\n{}",
        "card_not_working?\nNo:\n{}\n\n",
        "<think>card_not_working\n</think>\n{}",
        "Label: {}\n\nThis is what the text asks for.",
        "“{}”",
    ],
)
def test_forms_of_one_label(label: str, form: str) -> None:
    spelled = form.format(label)
    assert find_label(spelled, BANK) == label
    assert find_label(spelled.replace("_", " "), BANK) == label
    assert find_label(form.format(label.upper()), BANK) == label


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   \n",
        "I can't tell",
        "card arrivals",
        "card",
        "card_arrival or card_not_working",
        "The customer asks about card_arrival because it is late",
        "<think>\ncard_arrival",
        '{"label": 3}',
        '{"label": "other"}',
        '{"x": "card_arrival"}',
        "[" * 5000,
        "{" * 5000 + "}",
        "Label: card_arrival\nLabel: something else\nbye",
        "card_arrival" + " " * 3000 + "x",
    ],
)
def test_no_label(text: str) -> None:
    assert find_label(text, BANK) is None


def test_last_line_wins() -> None:
    assert find_label("card_arrival\ncard_not_working", BANK) == "card_not_working"
    assert find_label("Label: card_arrival\nLabel: card_not_working", BANK) == "card_not_working"


def test_labels_that_differ_in_punctuation_stay_apart() -> None:
    choices = ("C", "C++", "C#", "-", "a_b", "a b")
    for label in choices:
        assert find_label(label, choices) == label
        assert find_label(f"**{label}**", choices) == label or label == "-"
    assert find_label("A_B", choices) is None  # two labels have this form
    assert find_label("C#", ("C", "Java")) is None
    assert find_label("-1", ("1", "2")) is None
    assert find_label(".5", ("5", "6")) is None


def test_as_given_keeps_answers_outside_the_set() -> None:
    choices = ("card arrival", "Refund not showing up")
    assert as_given("card arrival", choices) == "card arrival"
    assert as_given("refund not showing up", choices) == "refund not showing up"
    assert as_given("get virtual card", choices) == "get virtual card"
    assert as_given('{"label": "card arrival"}', choices) == "card arrival"
    assert as_given("Label: card arrival", choices) == "card arrival"
    assert as_given("well\nthen", choices) is None
    assert as_given(" ", choices) is None


@given(st.text(max_size=200), st.lists(st.text(min_size=1, max_size=12), max_size=6, unique=True))
def test_never_raises(text: str, labels: list[str]) -> None:
    choices = tuple(labels)
    found = find_label(text, choices)
    assert found is None or found in choices
    as_given(text, choices)
    normal(text)


@given(
    st.lists(
        st.sampled_from(
            [
                "{",
                "}",
                '"label"',
                ":",
                "\n",
                "```",
                "<think>",
                "</think>",
                "Label:",
                "card_arrival",
                " ",
                "*",
                "\ud800",
                "\x00",
                "['",
            ]
        ),
        max_size=30,
    )
)
def test_never_raises_on_hostile_text(parts: list[str]) -> None:
    found = find_label("".join(parts), BANK)
    assert found is None or found in BANK


def test_long_texts_are_quick() -> None:
    for text in ("the label is" + " " * 200_000, "{" * 200_000, '"' * 200_000, "\n" * 200_000):
        assert find_label(text, BANK) is None
