"""What weights on this machine are: one digest of all that their answers depend on."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.base import paths
from harness.base.digest import digest, file_digest

#: endings of what is loaded: weights, configuration, tokenizer, chat template, code of the model's own
LOADED = {
    *(".safetensors", ".bin", ".pt", ".pth", ".gguf", ".json", ".jinja", ".model", ".txt", ".tiktoken"),
    ".py",
}
#: what a training leaves beside weights, and nobody loads to answer
BESIDE = ("training", "trainer_state", "training_args", "optimizer", "scheduler", "rng_state", "README")


def folder_revision(folder: Path) -> str:
    """The digest (64 hex digits) of a folder of weights; copies of it have the same. A file is read once
    while its size and time of change stay, as reading gigabytes takes long. Empty where nothing is there.

    Raises:
        OSError: a file can't be read.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        return file_digest(folder) if folder.is_file() else ""
    note = paths.cache_dir() / "weights" / f"{digest(str(folder))}.json"
    known = _read(note)
    found = {file.name: _stamped(file, known.get(file.name)) for file in _loaded(folder)}
    if not found:
        return ""
    if found != known:
        _write(note, found)
    revision = digest([[name, sha] for name, (_, _, sha) in sorted(found.items())])
    where = paths.cache_dir() / "weights" / revision
    if not where.is_file():
        _write(where, str(folder))
    return revision


def folder_of(revision: str) -> Path | None:
    """Where weights of a revision lie on this machine, None where that isn't known or no longer so."""
    kept = _read(paths.cache_dir() / "weights" / revision) if len(revision) == 64 else None
    if not isinstance(kept, str) or not Path(kept).is_dir() or folder_revision(Path(kept)) != revision:
        return None
    return Path(kept)


def hub_revision(repository: str, revision: str = "", offline: bool = False) -> str:
    """The commit of a repository of the Hub whose weights would be loaded; empty where neither the Hub nor
    this machine tells."""
    from huggingface_hub import HfApi, hf_hub_download

    try:
        if not offline:
            return str(HfApi().model_info(repository, revision=revision or None, timeout=5).sha or "")
    except Exception:  # no network, or no such repository: what is on this machine would be loaded
        pass
    try:
        # a file that every model has; it lies in a folder named by the commit
        file = hf_hub_download(repository, "config.json", revision=revision or None, local_files_only=True)
    except Exception:  # not here: who loads the weights says what is wrong
        return ""
    return Path(file).parent.name


def _loaded(folder: Path) -> Iterator[Path]:
    for file in sorted(folder.iterdir()):
        if file.suffix in LOADED and not file.name.startswith((".", *BESIDE)) and file.is_file():
            yield file


def _stamped(file: Path, known: Any) -> list[Any]:
    """Size, time of change and digest of a file."""
    status = file.stat()
    stamp = [status.st_size, status.st_mtime_ns]
    if isinstance(known, list) and known[:2] == stamp:
        return known
    return [*stamp, file_digest(file)]


def _read(note: Path) -> Any:
    try:
        return json.loads(note.read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _write(note: Path, content: Any) -> None:
    """A cache: one that can't be written costs time."""
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        part = note.with_name(f"{uuid.uuid4().hex}.part")
        part.write_text(json.dumps(content), "utf-8")
        part.replace(note)
    except OSError:
        pass
