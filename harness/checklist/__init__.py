"""Checklists: what an agent's turns are judged by, the verdicts, and the reward that they make (CM2).

Facts, equations and names follow the notes on CM2 (arXiv 2602.12268) and its released code; where the two
differ, a named switch says which is meant.
"""

from harness.checklist.schema import Checklist, Evidence, Item
from harness.checklist.trajectory import Result, Step, ToolUse, Trajectory, Turn

__all__ = ["Checklist", "Evidence", "Item", "Result", "Step", "ToolUse", "Trajectory", "Turn", "Verdicts"]

#: verdicts[turn][step][item]: met after that step, or None where the judge failed; turns and steps as far as
#: the trajectory went
Verdicts = list[list[list[bool | None]]]
