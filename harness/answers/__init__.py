"""What a completion says its answer is, for every task alike: normalise, locate, read.

1. `normalise`: one spelling for characters; marks of templates and thoughts are no part of what was said.
2. `locate`: the places where an answer is stated, in every usual form.
3. `read`, and a reader for each kind of answer (`read_expression`, `read_choice`, ...): from a whole
   completion to a `Reading`, which is an answer or says why there is none.

Whether an answer is right is for the tasks. Nothing here raises, whatever the text, and every scan is linear.
"""

from harness.answers.arithmetic import read_arithmetic
from harness.answers.cells import read_cells
from harness.answers.choice import read_choice
from harness.answers.expression import read_expression
from harness.answers.locate import Statement, statements
from harness.answers.normalise import Said, as_written, normalise, said
from harness.answers.number import has_number, read_number
from harness.answers.reading import REASONS, Reading, Reason
from harness.answers.text import read_text

__all__ = [
    "REASONS",
    "Reading",
    "Reason",
    "Said",
    "Statement",
    "as_written",
    "has_number",
    "normalise",
    "read_arithmetic",
    "read_cells",
    "read_choice",
    "read_expression",
    "read_number",
    "read_text",
    "said",
    "statements",
]
