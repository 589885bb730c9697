"""What an embedder behind a server is, offline and at an address where it was never asked."""

import json

import pytest

from harness.base import paths
from harness.base.errors import UsageError
from harness.model.cache import Cache
from harness.model.embed_endpoint import Endpoint
from harness.model.server_info import Told


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Keeps what servers told of `openai/small`: addresses and the weights that they named."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/new")

    def keep(*told):
        cache = Cache(paths.cache_dir() / "vectors.sqlite")
        for place, root in told:
            row = {"origin": place, "told": {"about": {"root": root}, "beside": {}, "engine": "x"}}
            cache.keep_identity("openai/small", "", place, json.dumps(row))
        cache.close()

    return keep


@pytest.mark.parametrize(
    "told, name, revision",
    [
        ((), "openai/small", None),
        ((), "openai/small?revision=r1", None),
        ((("http://a/v1", "w1"),), "openai/small", "w1"),
        ((("http://a/v1", "w1"), ("http://b/v1", "w1")), "openai/small", "w1"),
        ((("http://a/v1", "w1"), ("http://b/v1", "w2")), "openai/small", None),
        ((("http://a/v1", "w1"), ("http://b/v1", "w2")), "openai/small?revision=r1", "r1"),
        ((("http://a/v1", "w1"),), "openai/small?revision=r1", "r1"),
    ],
)
def test_it_is_what_all_servers_told_or_what_is_named(kept, told, name, revision):
    kept(*told)
    if revision is None:
        with pytest.raises(
            UsageError, match="embedder openai/small was never opened at http://127.0.0.1:1/new"
        ):
            Endpoint(name, offline=True)
    else:
        told = Told({"root": revision}).revision("small")
        assert Endpoint(name, offline=True).revision == (revision if "?" in name else told)
