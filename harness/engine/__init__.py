"""Training: what moves a policy's weights, whatever chose and judged its rollouts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.base.errors import UsageError

if TYPE_CHECKING:
    from harness.engine.course import Course

#: the choices of -M engine
AUTO, PLAIN, TRL = "auto", "plain", "trl"
ENGINES = (AUTO, PLAIN, TRL)
#: policies below so many parameters cost an engine more in overhead than in arithmetic
SMALL = 5_000_000


def chosen(engine: str, parameters: int, generation: str = "torch") -> str:
    """The engine for a policy of so many parameters: what is named; for `auto`, `plain` below five million
    parameters and `trl` above, and where vLLM draws, which TRL brings.

    Raises:
        UsageError: `plain` is named, and vLLM is to draw.
    """
    if engine == PLAIN and generation == "vllm":
        raise UsageError(
            "vLLM draws through TRL, and not through the plain engine: take -M engine=trl, or "
            "-M generation=torch"
        )
    if engine != AUTO:
        return engine
    return PLAIN if parameters < SMALL and generation != "vllm" else TRL


def train(
    course: Course,
    folder: Path,
    *,
    engine: str = AUTO,
    resumed: Callable[[], None] = lambda: None,
    keep_peak: bool = False,
    generation: str = "torch",
) -> str:
    """Runs a course from the last whole checkpoint in `folder`, or from the start, until its steps are done
    or `course.finish_step` ends it. The same course gives the same weights bit for bit, killed or not, on one
    machine and CPU thread.

    Args:
        engine: `plain`, `trl` or `auto` (`chosen`).
        resumed: called once a checkpoint was read.
        keep_peak: keep the weights of `course.peak` in `checkpoints.peak(folder, course.peak)`.
        generation: what draws rollouts, `torch` or `vllm`; vLLM needs a `course.DrawnCourse`.

    Returns:
        The engine that was taken.

    Raises:
        Diverged: a loss, gradient, weight or probability is not finite, or the weights exploded; the last
            good checkpoint stays.
        UsageError: the engine is not installed or can't train this; checkpoints stay.
    """
    taken = chosen(engine, sum(p.numel() for p in course.model.parameters()), generation)
    if taken == PLAIN:
        from harness.engine import plain

        plain.train(course, folder, resumed=resumed, keep_peak=keep_peak)
    else:
        from harness.engine import trl

        trl.train(course, folder, resumed=resumed, keep_peak=keep_peak, generation=generation)
    return taken
