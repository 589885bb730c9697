"""A person on the world's side: tools by which an agent asks, proposes and hands over, and the log of it."""

from harness.team.person import Person
from harness.team.tools import TOOLS
from harness.team.world import TeamWorld

__all__ = ["TOOLS", "Person", "TeamWorld"]
