"""The wheel in an environment of its own, used from a folder whose names clash with everything."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: what a machine-learning repository has beside a notebook
CLASHING = (
    "tasks.py",
    "methods/__init__.py",
    "leaderboard.py",
    "data.py",
    "model/__init__.py",
    "tests/__init__.py",
)
LISTED = "import harness.registry as r; k = r.registry(); print(len(k.tasks), len(k.methods), k.faults)"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"  # a build leaves a copy of the package where it is made
    left = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests")
    large = str(ROOT), {"results"}  # at the top; harness/results is a part of the package
    shutil.copytree(
        ROOT,
        source,
        symlinks=True,
        ignore=lambda folder, names: left(folder, names) | (large[1] if folder == large[0] else set()),
    )
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"),
            *("--disable-pip-version-check", "-w", place, source),
        ],
        check=True,
        env={**os.environ, "PYTHONPATH": ""},
    )
    (file,) = place.glob("method_harness-*.whl")
    return file


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """An interpreter with the wheel; what the harness depends on comes from this environment."""
    place = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    (site,) = place.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    return place / "bin" / "python"


@pytest.fixture
def clashing(tmp_path):
    for name in CLASHING:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("raise ImportError('a module of the folder was imported')\n")
    return tmp_path


def run(python, folder, *arguments, **environment):
    return subprocess.run(
        [python, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HARNESS_CACHE": str(folder / "cache"), **environment},
        capture_output=True,
        text=True,
    )


def test_the_only_name_at_the_top_is_harness_and_its_data_are_there(wheel):
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"harness"}
    parts = ("py.typed", "tasks/math/task.toml", "methods/direct/method.toml", "inbox/assets/page.js")
    for part in (f"harness/{name}" for name in parts):
        assert part in names
    for file in (ROOT / "harness" / "model" / "pocket").glob("*/*"):
        assert str(file.relative_to(ROOT)) in names or "__pycache__" in file.parts
    for ending in (".safetensors", ".jsonl.gz", ".html", ".css", ".js", "run.v4.schema.json"):
        assert any(name.endswith(ending) for name in names), f"no {ending} in the wheel"
    in_checkout = subprocess.run(
        ["git", "ls-files", "*.toml"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    specs = [f"harness/{name}" for name in in_checkout.split() if name.startswith(("tasks/", "methods/"))]
    assert specs and set(specs) <= set(names)


@pytest.mark.parametrize("how", ["-c", "PYTHONPATH", "pytest"])
def test_a_folder_of_clashing_names_hides_nothing(python, clashing, how):
    if how == "pytest":
        test = clashing / "test_it.py"
        test.write_text(
            f"def test_it():\n    {LISTED.replace('; ', chr(10) + '    ')}\n    assert not k.faults\n"
        )
        done = run(python, clashing, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", str(test))
    else:
        done = run(python, clashing, "-c", LISTED, **({"PYTHONPATH": "."} if how == "PYTHONPATH" else {}))
    assert done.returncode == 0, done.stdout + done.stderr
    tasks, methods, faults = next(line for line in done.stdout.splitlines() if line.endswith("[]")).split(
        " ", 2
    )
    assert int(tasks) > 80 and int(methods) > 60 and faults == "[]"


def test_python_m_harness_measures_there(python, clashing):
    asked = ("--task", "arc1d", "-T", "level=1", "--method", "direct", "--limit", "2", "--offline", "--json")
    done = run(python, clashing, "-m", "harness", "eval", *asked)
    assert done.returncode == 0, done.stderr
    assert '"method": "direct"' in done.stdout and (clashing / "results").is_dir()
