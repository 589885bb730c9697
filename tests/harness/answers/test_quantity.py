"""The number that a phrase states, or why it states none."""

from dataclasses import astuple
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.answers import Reading
from harness.answers.quantity import read_quantity


@pytest.mark.parametrize(
    ("phrase", "number"),
    [
        ("Rs.20", "20"),
        ("Rs 1,500/-", "1500"),
        ("USD20", "20"),
        ("\u20ac 45.50", "45.5"),
        ("45\u20ac", "45"),
        ("$1.2 million", "1200000"),
        ("3 dozen eggs", "36"),
        ("three dozen", "36"),
        ("-$7", "-7"),
        ("$-7", "-7"),
        ("\u22127\u00b0C", "-7"),
        ("about 40 km/h", "40"),
        ("40km/h", "40"),
        ("40 km", "40"),
        ("3 pm", "3"),
        ("3pm", "3"),
        ("1.000.000", "1000000"),
        ("1 234 567", "1234567"),
        ("12 000,50", "12000.5"),
        ("1.234,56", "1234.56"),
        ("1.000.000,5 Euro", "1000000.5"),
        ("2 1/2 hours", "2.5"),
        ("2\u00bd", "2.5"),
        ("3/8 of the cake", "0.375"),
        ("2/3", "2/3"),
        ("0.5%", "0.5"),
        ("x = 12", "12"),
        ("x=-4", "-4"),
        ("4^3", "64"),
        ("4**3", "64"),
        ("6!", "720"),
        ("12 - 5", "7"),
        ("12-5", "7"),
        ("20 + 22", "42"),
        ("(3+4)*6", "42"),
        ("twenty-one", "21"),
        ("one hundred and five", "105"),
        ("two thousand three hundred", "2300"),
        ("minus seven", "-7"),
        ("one half", "0.5"),
        ("three quarters", "0.75"),
        ("half a dozen", "6"),
        ("zero", "0"),
        ("12 (a dozen)", "12"),
        ("12 or 12.0", "12"),
        ("10,000 people", "10000"),
        ("The total cost is $45 per person", "45"),
        ("not 7 but 8", "8"),
        ("It is 8, not 7", "8"),
        ("18.000", "18"),
        ("018", "18"),
        ("+18", "18"),
        ("1e6", "1000000"),
        ("2.5E-3", "0.0025"),
        ("3*10^8", "300000000"),
        ("3\\cdot10^{8}", "300000000"),
        ("3^{rd}", "3"),
        ("3rd", "3"),
        ("5\\%", "5"),
        ("\\text{5 apples}", "5"),
        ("\\$5", "5"),
        ("7 hundred", "700"),
        ("5k", "5000"),
        ("$5K", "5000"),
        ("approximately 3.14", "3.14"),
        ("22/7", "22/7"),
        ("22/7 \u2248 3", "3"),
        ("5 more", "5"),
        ("100 - 40 = 60 apples", "60"),
        ("12 boxes (3 x 4 = 12)", "12"),
        ("10 (ten) dollars", "10"),
        ("Day 5", "5"),
        ("$3.50/hour", "3.5"),
        ("5/hour", "5"),
        ("75 cents", "75"),
        ("99\u00a2", "99"),
        ("5'", "5"),
        ('5"', "5"),
        ("eleven apples", "11"),
        ("\uff17\uff12", "72"),
        ("\u096d\u0968", "72"),
        ("1\u066c234", "1234"),
        ("\uff13\uff0e\uff15", "3.5"),
        ("\u00bd cup", "0.5"),
        ("1\u20442", "0.5"),
        ("100 percent", "100"),
        ("a million", "1000000"),
        ("a hundred and one", "101"),
        ("At least 5", "5"),
        ("25th", "25"),
        ("4th floor", "4"),
        ("-.5", "-0.5"),
        ("#5", "5"),
        ("No. 5", "5"),
        ("5,", "5"),
        ("5)", "5"),
        ("(5)", "5"),
        ("[5]", "5"),
        ("**5**", "5"),
        ("0", "0"),
        ("-0", "0"),
        ("half", "0.5"),
        ("42 hundredths", "0.42"),
        ("2:00 pm", "2"),
    ],
)
def test_a_number_is_read(phrase: str, number: str) -> None:
    assert read_quantity(phrase) == Reading(number)


@pytest.mark.parametrize(
    ("phrase", "reason"),
    [
        ("two and a half", "several"),
        ("12,5", "several"),
        ("1 2", "several"),
        ("$5 and 20 cents", "several"),
        ("3, 4", "several"),
        ("3 and 4", "several"),
        ("3; 4", "several"),
        ("1,2,3", "several"),
        ("1,234,56", "several"),
        ("1,23", "several"),
        ("five and six", "several"),
        ("5 million 200 thousand", "several"),
        ("5 1", "several"),
        ("7 or 8", "hedged"),
        ("between 7 and 8", "hedged"),
        ("7-8", "hedged"),
        ("7\u20138 days", "hedged"),
        ("12 (or 13)", "hedged"),
        ("5 \\text{ or } 6", "hedged"),
        ("5 or more", "hedged"),
        ("five or six", "hedged"),
        ("Between 3 and 5 there are 7 items", "hedged"),
        ("3 - 5 days", "hedged"),
        ("15:30", "unreadable"),
        ("5x", "unreadable"),
        ("5 x", "unreadable"),
        ("5y + 2", "unreadable"),
        ("6(7)", "unreadable"),
        ("None", "unreadable"),
        ("no one", "unreadable"),
        ("the one", "unreadable"),
        ("6 hours 30 minutes", "unreadable"),
        ("6 hours and 30 minutes", "unreadable"),
        ("5 feet 3 inches", "unreadable"),
        ("5\\sqrt{2}", "unreadable"),
        ("2\\pi", "unreadable"),
        ("2\u03c0", "unreadable"),
        ("5 pi", "unreadable"),
        ("101_2", "unreadable"),
        ("x > 5", "unreadable"),
        ("x<5", "unreadable"),
        (">5", "unreadable"),
        ("5 squared", "unreadable"),
        ("5 times 6", "unreadable"),
        ("2020-01-01", "unreadable"),
        ("1/2/2020", "unreadable"),
        ("1.2.3", "unreadable"),
        ("10 / 0", "unreadable"),
        ("10^500", "unreadable"),
        ("999!", "unreadable"),
        (
            "((((((((((((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))))))))))))",
            "unreadable",
        ),
        ("", "unreadable"),
        ("\u0000", "unreadable"),
        ("\ud800", "unreadable"),
        ("6'2", "unreadable"),
        ("A5", "unreadable"),
        ("x2", "unreadable"),
        ("2 + 3i", "unreadable"),
        ("10 mod 3", "unreadable"),
        ("3:1", "unreadable"),
        ("3 : 1", "unreadable"),
        ("5 \u00b1 1", "unreadable"),
        ("5 +/- 1", "unreadable"),
        ("p-2", "unreadable"),
    ],
)
def test_a_phrase_without_one_number_says_why(phrase: str, reason: str) -> None:
    assert read_quantity(phrase) == Reading(None, reason)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    number, reason = astuple(read_quantity(text))
    assert (number is None) != (reason is None)
    if number is not None:
        assert read_quantity(number) == Reading(number)
        Fraction(number)


@given(
    st.fractions(max_denominator=10**6),
    st.sampled_from(["{}", "the answer: {} apples", "x = {}", "${}$", "{}."]),
)
def test_a_fraction_keeps_its_value(value: Fraction, clothing: str) -> None:
    number = read_quantity(clothing.format(value)).answer
    assert number is not None and Fraction(number) == value


@pytest.mark.parametrize(
    "piece", ["5 ", "1,", "(", "-", " ", "1/", "9^", "!", "one ", "hundred ", "\\frac", "$", "so ", "=", "x"]
)
def test_repetition_takes_no_time(piece: str) -> None:
    """A pattern that takes cubic time would not end here."""
    for text in (piece * (1000 // len(piece)), "5" + piece * (900 // len(piece)) + "6"):
        read_quantity(text)
