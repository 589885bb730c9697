"""A plugin of pytest: it runs the tests that the file `MUTANTS_TESTS` lists as chosen, in that order, and
cases of theirs that nobody knew: a changed constant may be in a name."""

import json
import os
from pathlib import Path


def pytest_collection_modifyitems(items, config):
    lists = json.loads(Path(os.environ["MUTANTS_TESTS"]).read_text("utf-8"))
    place, known = {name: at for at, name in enumerate(lists["chosen"])}, {*lists["known"]}
    functions = {name.partition("[")[0]: at for name, at in place.items()}
    at = {}
    for item in items:
        if item.nodeid in place:
            at[item] = place[item.nodeid]
        elif item.nodeid not in known and (function := item.nodeid.partition("[")[0]) in functions:
            at[item] = functions[function]
    config.hook.pytest_deselected(items=[item for item in items if item not in at])
    items[:] = sorted(at, key=at.__getitem__)
