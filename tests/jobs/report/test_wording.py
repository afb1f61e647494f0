"""Texts of figures, names and tokens."""

import pytest

from jobs.report.wording import interval, listed, named, token_text, whole_text


@pytest.mark.parametrize(
    ("token", "text"),
    [
        (b" the", "' the'"),
        (b"it's", '"it\'s"'),
        ("မ".encode()[:2], "‹E1 80›"),  # part of a character
        (" မ".encode()[:3], "‹20 E1 80›"),
        (b" ", "‹20›"),
        (b"\n\n", "‹0A 0A›"),
        ("\u3000".encode(), "‹E3 80 80›"),  # a blank too
        ("\ufffd".encode(), "‹EF BF BD›"),  # the character U+FFFD itself
        (b"", "‹›"),
        ("മലയാളം".encode(), "'മലയാളം'"),
        ("می\u200cخواهم".encode(), "'می\u200cخواهم'"),  # a joiner is part of the word
        ("a\u202eb".encode(), "'a\\u202eb'"),  # a mark that would turn the text around is not
        (b"a\nb", "'a\\nb'"),
    ],
)
def test_a_token_is_shown_whole_or_as_bytes(token: bytes, text: str) -> None:
    assert token_text(token) == text
    assert (whole_text(token) is None) == text.startswith("‹")


def test_a_name_holds_what_can_be_drawn() -> None:
    assert named("ml", {"ml": "Malayalam"}) == "Malayalam (ml)"
    assert named("xx", {}) == named("xx", {"xx": "xx"}) == "xx"
    assert named("a\x00b\u202e", {}) == "a\ufffdb\ufffd"
    assert named("", {}) == "(no name)"
    assert named("fa", {"fa": "می\u200cخواهم"}) == "می\u200cخواهم (fa)"


def test_an_interval_that_says_nothing_is_called_so() -> None:
    assert interval(1.1, 1.18) == " (95 % interval 1.10 to 1.18)"
    assert interval(1.0, 3.0) == " (95 % interval 1.00 to 3.00)"
    assert interval(1.0001, 21.65) == " (95 % interval 1.00 to 21.6, too wide to say more)"
    assert interval(0.0, 1.0).endswith(", too wide to say more)")
    assert interval(None, 1.0) == interval(1.0, None) == ""


def test_a_list_is_cut_with_the_number_of_the_rest() -> None:
    assert [listed(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]
    assert listed([str(i) for i in range(20)], most=4) == "0, 1, 2 and 17 more"
