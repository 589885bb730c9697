"""A plugin of pytest: it runs the tests that the file `MUTANTS_TESTS` lists, in that order."""

import os
from pathlib import Path


def pytest_collection_modifyitems(items, config):
    place = {
        name: at for at, name in enumerate(Path(os.environ["MUTANTS_TESTS"]).read_text("utf-8").split("\n"))
    }
    kept = [item for item in items if item.nodeid in place]
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in place])
    items[:] = sorted(kept, key=lambda item: place[item.nodeid])
