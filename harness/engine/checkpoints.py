"""Checkpoints of a training, whichever engine makes them: whole or not at all, the last two, and the peak.

A checkpoint is a folder `checkpoint-N`; what makes it whole is the file with the course's state, which is
written last. A kill leaves the checkpoint before it.
"""

from __future__ import annotations

import json
import logging
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.errors import UsageError

if TYPE_CHECKING:
    from harness.engine.course import Course

#: what a checkpoint of ours has beside weights and optimiser
STATE = "course.json"
#: checkpoints that are kept
KEPT = 2
#: what is copied from a policy's folder beside the weights
BESIDE = (
    "tokenizer*",
    "special_tokens_map.json",
    "vocab*",
    "merges.txt",
    "generation_config.json",
    "chat_template*",
)


def last(folder: Path) -> Path | None:
    """The newest whole checkpoint; what a kill left half-written is removed."""
    found = _numbered(folder)
    whole = [path for path in found if (path / STATE).is_file()]
    for path in [*(path for path in found if path not in whole), *folder.glob("*.part")]:
        shutil.rmtree(path, ignore_errors=True)
    return whole[-1] if whole else None


def _numbered(folder: Path) -> list[Path]:
    found = [path for path in folder.glob("checkpoint-*") if path.name.rpartition("-")[2].isdigit()]
    return sorted(found, key=lambda path: int(path.name.rpartition("-")[2]))


def drop_old(folder: Path) -> None:
    """Removes all but the last two checkpoints."""
    for path in _numbered(folder)[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)


def write_state(course: Course, engine: str, place: Path) -> None:
    """Writes the course's part of a checkpoint, its state last."""
    course.save(place)
    part = place / f"{STATE}.part"
    part.write_text(json.dumps({"engine": engine, "state": course.state()}), "utf-8")
    part.rename(place / STATE)


def read_state(course: Course, engine: str, place: Path) -> None:
    """Puts a course where it was when the checkpoint was written.

    Raises:
        UsageError: another engine wrote it.
    """
    kept = json.loads((place / STATE).read_text("utf-8"))
    if kept["engine"] != engine:
        raise UsageError(
            f"the checkpoint in {place} is of the engine {kept['engine']}, and this is {engine}; name that "
            f"engine (-M engine={kept['engine']}), or remove the folder to train anew"
        )
    course.restore(kept["state"])
    course.load(place)


def peak(folder: Path, step: int) -> Path:
    """Where the weights of a step with the best score on dev so far are kept."""
    return folder / f"peak-{step}"


def keep(model: Any, course: Course, folder: Path) -> None:
    """Keeps the present weights where the step just done is the best on dev so far."""
    if course.peak != course.step:
        return
    part = folder / "peak.part"
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(part)
    shutil.rmtree(peak(folder, course.step), ignore_errors=True)
    part.rename(peak(folder, course.step))


def drop_old_peaks(course: Course, folder: Path) -> None:
    """Removes peaks that a run which goes on from the checkpoint just written never asks for again."""
    for old in folder.glob("peak-*"):
        if course.peak is not None and old != peak(folder, course.peak):
            shutil.rmtree(old, ignore_errors=True)


def save_policy(model: Any, folder: Path, source: Path, weights: Path | None = None) -> None:
    """Writes a policy that transformers and vLLM load, with the model's weights or those kept in `weights`;
    the tokenizer is that of `source`."""
    folder.mkdir(parents=True, exist_ok=True)
    if weights is None:
        model.save_pretrained(folder)
    else:
        shutil.copytree(weights, folder, dirs_exist_ok=True)
    for pattern in BESIDE:
        for file in source.glob(pattern):
            shutil.copyfile(file, folder / file.name)


def quiet() -> None:
    """Keeps transformers' bars and notices off the terminal."""
    import transformers

    # the name that releases before 5.23 know
    warnings.filterwarnings("ignore", message=".*past_key_values", category=FutureWarning)
    # transformers' logging has no types
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.getLogger("accelerate").setLevel(logging.ERROR)
