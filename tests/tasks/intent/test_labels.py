"""How a label is read out of a completion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tasks.intent.labels import as_given, normal, read_label


def label_in(text, choices):
    return read_label(text, choices).answer


def given_in(text, choices):
    return as_given(text, choices).answer


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
    assert label_in(spelled, BANK) == label
    assert label_in(spelled.replace("_", " "), BANK) == label
    assert label_in(form.format(label.upper()), BANK) == label


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
    assert label_in(text, BANK) is None


def test_last_line_wins() -> None:
    assert label_in("card_arrival\ncard_not_working", BANK) == "card_not_working"
    assert label_in("Label: card_arrival\nLabel: card_not_working", BANK) == "card_not_working"


def test_labels_that_differ_in_punctuation_stay_apart() -> None:
    choices = ("C", "C++", "C#", "-", "a_b", "a b")
    for label in choices:
        assert label_in(label, choices) == label
        assert label_in(f"**{label}**", choices) == label or label == "-"
    assert label_in("A_B", choices) is None  # two labels have this form
    assert label_in("C#", ("C", "Java")) is None
    assert label_in("-1", ("1", "2")) is None
    assert label_in(".5", ("5", "6")) is None


def test_as_given_keeps_answers_outside_the_set() -> None:
    choices = ("card arrival", "Refund not showing up")
    assert given_in("card arrival", choices) == "card arrival"
    assert given_in("refund not showing up", choices) == "refund not showing up"
    assert given_in("get virtual card", choices) == "get virtual card"
    assert given_in('{"label": "card arrival"}', choices) == "card arrival"
    assert given_in("Label: card arrival", choices) == "card arrival"
    assert given_in("well\nthen", choices) is None
    assert given_in(" ", choices) is None


@given(st.text(max_size=200), st.lists(st.text(min_size=1, max_size=12), max_size=6, unique=True))
def test_never_raises(text: str, labels: list[str]) -> None:
    choices = tuple(labels)
    found = label_in(text, choices)
    assert found is None or found in choices
    given_in(text, choices)
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
    found = label_in("".join(parts), BANK)
    assert found is None or found in BANK


def test_long_texts_are_quick() -> None:
    for text in ("the label is" + " " * 200_000, "{" * 200_000, '"' * 200_000, "\n" * 200_000):
        assert label_in(text, BANK) is None


def test_labels_in_sentences() -> None:
    mood = ("positive", "negative", "neutral")
    told = {
        "The sentiment of this review is clearly positive.": "positive",
        "This review is positive because it praises.": "positive",
        "The text isn't negative; it's positive.": "positive",
        "It is neither positive nor negative, so neutral": "neutral",
        "I think the best label here is positive, though one could argue neutral.": "positive",
        "Positive: the author praises the food.": "positive",
        "Positive, not negative.": None,  # another label is named beside it
        "I would not say it is positive": None,
        "It is very positive": None,
        "positive\nneutral\nnegative": None,  # a list of the labels chooses none
    }
    for completion, label in told.items():
        assert read_label(completion, mood).answer == label, completion
    assert read_label("It is very positive", ("positive", "very positive")).answer == "very positive"
    assert (
        read_label("This is not hate speech.", ("hate speech", "not hate speech")).answer == "not hate speech"
    )
    assert read_label("No, it doesn't.", ("yes", "no")).answer == "no"
    assert read_label("No idea", ("yes", "no")).answer is None
