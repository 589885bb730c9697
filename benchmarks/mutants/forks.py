"""Runs pytest in forks of a process that has imported what is never mutated: to import takes longer than most
tests. A line of JSON in (the arguments of `become`), the process's id out, then its exit code."""

import gc
import importlib
import json
import os
import resource
import sys
import threading

LIBRARIES = (
    *(
        "pytest",
        "hypothesis",
        "numpy",
        "pandas",
        "pyarrow.parquet",
        "scipy.stats",
        "scipy.sparse",
        "scipy.optimize",
    ),
    *("inspect_ai.model", "openai", "aiohttp", "pydantic", "click", "yaml", "genai_prices", "jsonschema"),
)


def main() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    assert threading.active_count() == 1, "threads do not live on in a fork"
    gc.freeze()
    while line := sys.stdin.readline():
        asked = json.loads(line)
        process = os.fork()
        if process == 0:
            become(**asked)
        print(process, flush=True)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def become(cwd: str, env: dict[str, str], out: str, seconds: int, arguments: list[str]) -> None:
    """Goes on as `python -m pytest` would there, for so many seconds of CPU at most."""
    import pytest

    os.setsid()
    code = 70
    try:
        file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(file, 1), os.dup2(file, 2), os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
        os.chdir(cwd)
        os.environ.update(env)
        sys.path.insert(0, cwd)
        code = int(pytest.main(arguments))
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
