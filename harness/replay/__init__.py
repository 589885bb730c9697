"""Tools of a recorded dialogue that answer again: recorded calls from the record, others by a model.

The order is that of CM2 (arXiv 2602.12268, section 4.3, and its released code): the tool must be one of the
dialogue's, a recorded call gets its recorded response, arguments are checked against the tool's schema, and
what is left is simulated.
"""

from harness.replay.records import Record
from harness.replay.simulator import Simulator
from harness.replay.tools import ReplayTools

__all__ = ["Record", "ReplayTools", "Simulator"]
