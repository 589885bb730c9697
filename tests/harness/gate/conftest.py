"""What the tests of the gate share."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def simulation():
    """The module of the gate's long simulations."""
    spec = importlib.util.spec_from_file_location("gate_simulation", ROOT / "benchmarks/simulations/gate.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where a dataclass looks itself up
    spec.loader.exec_module(module)
    return module
