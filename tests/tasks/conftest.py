"""Small made-up repositories in the shape of the Hub's, for data sets that no mirror has."""

import pyarrow
import pytest
import yaml
from pyarrow import parquet

from harness.data.hub import Data
from harness.registry import load_task, registry


class Hub:
    """A mirror folder; `add` puts a repository into it, one parquet file a split."""

    def __init__(self, folder):
        self.folder = folder

    def add(self, id, splits):
        """`splits` maps (config, split) to rows."""
        root, configs = self.folder / id, {}
        for (config, split), rows in splits.items():
            file = root / config / f"{split}.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            parquet.write_table(pyarrow.Table.from_pylist(rows), file)
            configs.setdefault(config, []).append({"split": split, "path": f"{config}/{split}.parquet"})
        front = {"configs": [{"config_name": name, "data_files": files} for name, files in configs.items()]}
        (root / "README.md").write_text(f"---\n{yaml.safe_dump(front)}---\nMade up for a test.\n")
        return self

    @property
    def data(self):
        return Data(mirror=self.folder, offline=True)

    def load(self, name, **args):
        spec = registry().task(name)
        task = load_task(spec, spec.arguments(args))
        return task, task.load(self.data)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    return Hub(tmp_path / "hub")
