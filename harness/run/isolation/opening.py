"""Opens a method behind the walls: for a cell, or only to be told the spec that its class declares."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import harness
from harness.base import paths
from harness.base.concurrent import run_sync
from harness.base.errors import HarnessError, PluginError, UsageError
from harness.method import Method
from harness.plugins.classes import NAME
from harness.plugins.fields import KEYS, checked_spec
from harness.plugins.files import is_address, read_address
from harness.plugins.installed import plain
from harness.registry import load_method, registry
from harness.run.isolation import forms
from harness.run.isolation.forms import breach, no_walls
from harness.run.isolation.method import Isolated
from harness.run.isolation.reach import MODULE, reach_of
from harness.run.isolation.worker import START_SECONDS, Worker, check_machine
from harness.run.prepare import Prepared
from harness.run.session import Session
from harness.spec import MethodSpec, TaskSpec

#: what a worker has no way to: weights, checklists made from targets
UNSUPPORTED = ("trainable", "checklist")
_TASKS = Path(harness.__file__).parent / "tasks" / "__init__.py"


def check_isolable(spec: MethodSpec) -> None:
    """Whether a method can be isolated.

    Raises:
        UsageError: it can't; says why.
    """
    lacking = [need for need in UNSUPPORTED if need in spec.needs]
    if lacking:
        raise UsageError(
            f"method {spec.name!r} needs {lacking[0]}, which --isolate doesn't carry to the process of a "
            "method; run it without --isolate"
        )
    if spec.implementation is not None:
        raise UsageError(
            f"method {spec.name!r} is a class of this process, which --isolate can't take out of it again; "
            "write it into a file and name it 'file.py:Class'"
        )
    check_machine()


def described(methods: str) -> str:
    """A comma list of methods where those at `file.py:Class` are known by name from now on, without a line of
    theirs having run in this process.

    Raises:
        UsageError: no such file or class.
        PluginError: a class declares no valid spec.
    """
    parts = [part.strip() for part in methods.split(",")]
    return ",".join(_spec_at(part).name if is_address(part) else part for part in parts if part)


def _spec_at(address: str) -> MethodSpec:
    check_machine()
    file, attribute = read_address(address, "method")
    path = Path(file).resolve()
    said = run_sync(_told(path, attribute))
    found = {name: value for name, value in said.items() if name in KEYS[MethodSpec]}
    name, entry = forms.text(said.get("name")), forms.text(said.get("entry"))
    if not NAME.fullmatch(name):
        raise PluginError(f"{file}: {name!r} is no name of a method")
    params = found.get("params")
    if type(params) is not dict or any(type(each) is not dict for each in params.values()):
        raise PluginError(f"{file}: its parameters can't be read")
    found["params"] = {
        key: {field: value for field, value in each.items() if field != "name"}
        for key, each in params.items()
    }
    spec = checked_spec(
        MethodSpec,
        name,
        found,
        where=entry,
        released=False,
        folder=str(path.parent),
        origin="file",
        path=str(path),
    )
    assert isinstance(spec, MethodSpec)
    return registry().methods.add(spec)


async def _told(path: Path, attribute: str) -> dict[str, Any]:
    """The spec of a class, as the class itself declares it in a worker."""
    found: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def hear(said: Mapping[str, Any]) -> None:
        if found.done():
            return
        if said.get("do") == "spec" and type(said.get("spec")) is dict:
            found.set_result(said["spec"])
        elif said.get("do") == "walls":
            gone(no_walls(said))
        else:
            kind = UsageError if said.get("own") == "UsageError" else PluginError
            text = said["text"] if kind is UsageError else f"{path.name} can't be imported{said['said']}"
            gone(kind(forms.text(text)))

    def gone(error: HarnessError) -> None:
        if not found.done():
            found.set_exception(error)

    blank = MethodSpec(
        path.stem, "", "", f"{path.name}:", origin="file", path=str(path), folder=str(path.parent)
    )
    worker = Worker(path.name, hear, gone)
    try:
        await worker.start(reach_of(blank, {}, None, _of_data(None)), _load(blank, None, attribute), [_TASKS])
        async with asyncio.timeout(START_SECONDS):
            return await found
    except TimeoutError:
        raise breach(path.name, f"it didn't say what it is within {START_SECONDS:g} s") from None
    finally:
        worker.close()


@asynccontextmanager
async def opened(prepared: Prepared, session: Session) -> AsyncIterator[Method]:
    """The method of a cell: in a worker of its own where the cell is isolated, which ends with the block.

    Raises:
        HarnessError: it can't be loaded, or kept apart.
    """
    cell = prepared.cell
    if not cell.request.isolate:
        yield load_method(cell.method, cell.method_args)
        return
    check_isolable(cell.method)
    apart = [session.store.root, *_of_data(cell.request.mirror)]
    apart += [Path(value) for name, value in cell.task_args.items() if _is_file(cell.task, name, value)]
    apart = [path.resolve() for path in apart]
    reach = reach_of(cell.method, cell.method_args, cell.task, apart)
    method = Isolated(prepared, session.notice)
    try:
        attribute = cell.method.entry.partition(":")[2]
        load = _load(cell.method, {"spec": plain(cell.method), "args": dict(cell.method_args)}, attribute)
        await method.worker.start(reach, load, [_TASKS, *(path for path in apart if path.exists())])
        await method.ready()
        yield method
    finally:
        await method.close()


def _load(spec: MethodSpec, more: Mapping[str, Any] | None, attribute: str) -> dict[str, Any]:
    file = spec.origin == "file"
    module = MODULE if file else spec.entry.partition(":")[0]
    named = spec.path if file else module
    return {"spec": None, "args": {}, **(more or {}), "module": module, "attribute": attribute, "file": named}


def _is_file(task: TaskSpec, name: str, value: Any) -> bool:
    """Whether an argument of the task names a file of the user's."""
    if not isinstance(value, str) or not value:
        return False
    if task.params[name].file:
        return Path(value).exists()
    return task.origin != "package" and Path(value).is_file()


def _of_data(mirror: str | None) -> list[Path]:
    """Where data sets lie: the mirror, and what was fetched from the Hub."""
    names = ("HARNESS_MIRROR", "HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE")
    named = (Path(name) for name in (mirror, *map(os.environ.get, names)) if name)
    return [paths.cache_dir(), Path.home() / ".cache" / "huggingface", *named]
