"""What all tests share."""

import hypothesis
import pytest

from tests.warm import Warm

# how long an example takes says something of the machine, nothing of the code
hypothesis.settings.register_profile("steady", deadline=None)
hypothesis.settings.load_profile("steady")


@pytest.fixture(scope="session")
def warm():
    """Starts Python processes that need not import the harness: see tests/warm.py."""
    made = Warm()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _width(monkeypatch):
    """Tables are as wide as in a pipe, whatever a library has said of the terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)
