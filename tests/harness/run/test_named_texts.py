"""Which texts of a source may name a file that is one of its causes: not those that it writes."""

import ast

import pytest

from harness.run.imports import _texts


@pytest.mark.parametrize(
    "source, causes",
    [
        ("open('in.txt')", {"in.txt"}),
        ("open('in.txt', 'r')", {"in.txt"}),
        ("open('in.txt', encoding='utf-8')", {"in.txt", "utf-8"}),
        ("open('log.txt', 'w')", set()),
        ("open('log.txt', mode='a')", set()),
        ("open('log.txt', 'r+')", set()),
        ("open('log.txt', 'w', -1, 'cp1252')", {"cp1252"}),
        ("Path('log.txt').write_text(read('in.txt'))", set()),
        ("Path('log.txt').write_text(made, 'in.txt')", {"in.txt"}),
        ("frame.to_csv('out.csv', read('in.txt'))", {"in.txt"}),
        ("frame.to_csv('out.csv', columns=read('in.txt'))", {"in.txt"}),
        ("log = Path('log.txt')\nlog.touch()", set()),
        ("log = Path('log.txt')\nlog.read_text()", {"log.txt"}),
        ("x = 'a'\ny = 'two\\nlines'\nz = ' led'\nw = 'ab'", {"ab"}),
        (f"x = '{'a' * 199}'", {"a" * 199}),
        (f"x = '{'a' * 200}'", set()),
    ],
)
def test_of_a_source(source, causes):
    found = set(_texts(ast.parse(source)))
    assert found - {"w", "a", "r", "r+"} == causes
