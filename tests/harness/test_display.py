"""Tables on terminals of every width: every figure stays legible, only the shape changes."""

import pytest

from harness.display.layout import print_table

NAMES = ("task", "method", "model", "value", "picture", "verdict")
ROWS = [
    ["arc1d", "self-consistency", "pocket/grid", "+1.0 [-2.5, +4.5]", "|--o--|", "not shown"],
    ["countdown", "direct", "pocket/grid", "+10.0 [+1.3, +19.2]", "  |-o-|", "better"],
]


def printed(monkeypatch, capsys, width, rows=ROWS, **more):
    monkeypatch.setenv("COLUMNS", str(width))
    print_table(NAMES, rows, right=["value"], titles=3, keep=["task"], spare=["picture"], **more)
    return capsys.readouterr().out


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_nothing_is_cut_off_and_no_line_is_too_long(monkeypatch, capsys, width):
    out = printed(monkeypatch, capsys, width)
    assert "…" not in out and max(map(len, out.splitlines())) <= width
    for row in ROWS:
        for name, cell in zip(NAMES, row, strict=True):
            assert cell.strip() in out or name == "picture"


def test_the_shape_follows_the_width(monkeypatch, capsys):
    assert "picture" in printed(monkeypatch, capsys, 120) and "in every row" not in printed(
        monkeypatch, capsys, 120
    )
    narrower = printed(monkeypatch, capsys, 75)
    assert "in every row: model pocket/grid" in narrower and narrower.count("pocket/grid") == 1
    paragraphs = printed(monkeypatch, capsys, 50)
    assert "countdown, direct" in paragraphs and "verdict better" in paragraphs


def test_a_column_that_is_empty_in_every_row_says_nothing_above_it(monkeypatch, capsys):
    rows = [[row[0], row[1], "", *row[3:]] for row in ROWS]
    for width in (40, 60, 75, 120):
        assert "in every row: \n" not in printed(monkeypatch, capsys, width, rows)


def test_one_row_keeps_its_columns_or_becomes_a_paragraph(monkeypatch, capsys):
    assert "arc1d, self-consistency, pocket/grid" in printed(monkeypatch, capsys, 50, ROWS[:1])


def test_names_do_not_drive_the_terminal(monkeypatch, capsys):
    evil = [["\x1b[2J\x07task\n", "[red]m[/red]", "x", "1", "", "better"]]
    for width in (40, 120):
        out = printed(monkeypatch, capsys, width, evil)
        assert "\x1b" not in out and "\x07" not in out and "[red]m[/red]" in out
