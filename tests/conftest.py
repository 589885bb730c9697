"""What all tests share."""

import hypothesis
import pytest

# how long an example takes says something of the machine, nothing of the code
hypothesis.settings.register_profile("steady", deadline=None)
hypothesis.settings.load_profile("steady")


@pytest.fixture(autouse=True)
def _width(monkeypatch):
    """Tables are as wide as in a pipe, whatever a library has said of the terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)
