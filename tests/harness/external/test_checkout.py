"""Files of official code that were copied in part are named, whatever lies beside them."""

from harness.external.checkout import _damaged


def test_every_file_that_cannot_be_read_is_named_and_no_other(tmp_path):
    whole = {"a.json": "{}", "c.toml": "x = 1", "b.md": "{", "deep/d.json": "[1]"}
    half = {"e.json": '{"a": 1', "f.toml": "x = ", "deep/g.json": ""}
    for name, text in (whole | half).items():
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(text)
    (tmp_path / "alone.json").write_text("{")
    wanted = {"needs": ["data", "alone.json", "data/b.md"]}
    assert sorted(_damaged(wanted, tmp_path)) == ["alone.json", *sorted(f"data/{name}" for name in half)]
