"""OpenAI's tables of tokens: taken where tiktoken has kept them, and never fetched."""

import hashlib

import pytest

from harness.model import tokens

NAME = "gpt-4o"


@pytest.mark.parametrize("variable", ["TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR", None])
@pytest.mark.parametrize("kept", [True, False])
def test_a_table_is_looked_for_where_tiktoken_keeps_it(monkeypatch, tmp_path, variable, kept):
    tiktoken = pytest.importorskip("tiktoken")
    for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    folder = tmp_path / "data-gym-cache"
    if variable is not None:
        folder = tmp_path / "own"
        monkeypatch.setenv(variable, str(folder))
    folder.mkdir()
    monkeypatch.setattr(tiktoken, "get_encoding", lambda name: f"the table {name}")
    if kept:
        (folder / hashlib.sha1(tokens.TABLES.format("o200k_base").encode()).hexdigest()).touch()
    assert tokens._tiktoken(NAME) == ("the table o200k_base" if kept else None)
    assert tokens._tiktoken("no-such-model") is None
