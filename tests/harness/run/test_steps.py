"""Whose fault a step of a run is where code of a plugin would have ended the process in a task of its own."""

from contextlib import contextmanager

import pytest

from harness.base import loops
from harness.base.errors import PluginError, UsageError
from harness.plugins.classes import spec_of
from harness.run.plugin_errors import step
from harness.testing import TinyTask


@pytest.fixture
def escape(monkeypatch):
    """What a task left behind, known at the end of a block."""
    left = []

    @contextmanager
    def escaped():
        found = []
        try:
            yield found
        finally:
            found += left

    monkeypatch.setattr(loops, "escaped", escaped)
    return left


def raised(error):
    with pytest.raises(Exception) as found, step(spec_of(TinyTask), "fit"):
        if error is not None:
            raise error
    return found.value


@pytest.mark.parametrize("error", [None, PluginError("what came of it")])
def test_the_wish_to_end_the_process_is_the_fault_also_where_a_plugins_error_came_of_it(escape, error):
    escape.append(SystemExit(3))
    found = raised(error)
    assert isinstance(found, PluginError) and "fit of" in str(found) and "called sys.exit(3)" in str(found)


@pytest.mark.parametrize("error", [UsageError("ask otherwise"), PluginError("its own")])
def test_an_error_with_a_meaning_is_raised_as_it_was(escape, error):
    if isinstance(error, UsageError):
        escape.append(SystemExit(3))
    assert raised(error) is error
