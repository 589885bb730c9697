"""Which parts of a folder a worker may read when something near it is kept apart."""

import pytest

from harness.run.isolation.reach import _parts


@pytest.mark.parametrize(
    ("without", "found"),
    [
        ([], ["root"]),
        (["elsewhere"], ["root"]),
        (["root/b/data"], ["root/a.py", "root/b/code.py"]),
        (["root/b/data", "elsewhere"], ["root/a.py", "root/b/code.py"]),
        (["root/b"], ["root/a.py"]),
        (["root"], []),
        (["."], []),
    ],
)
def test_what_is_kept_apart_is_in_no_part(tmp_path, without, found):
    for name in ("root/a.py", "root/b/code.py", "root/b/data/rows.csv", "elsewhere/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    parts = _parts(tmp_path / "root", [tmp_path / name for name in without])
    assert [str(path.relative_to(tmp_path)) for path in parts] == found


def test_what_is_not_there_has_no_parts(tmp_path):
    assert _parts(tmp_path / "none", []) == []
