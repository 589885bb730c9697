"""Stores to make boards of: one of really run cells and sealed ones, one full of hostile names."""

import importlib.util
from pathlib import Path

import pytest

from harness.leaderboard import site as sites
from harness.results.store import Store
from harness.run.execute import run_grid
from harness.run.plan import Request, plan
from harness.run.session import Session
from tests.conversations import conversation

ROOT = Path(__file__).parents[2]

SCRIPT = "</script><script>window.pwned=1</script>"
IMAGE = '"><img src=x onerror="window.pwned=1">'


def _seal_run():
    """`seal_run` of benchmarks/stores.py, which is no package."""
    spec = importlib.util.spec_from_file_location("benchmark_stores", ROOT / "benchmarks/stores.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.seal_run


@pytest.fixture(scope="session")
def seal_run():
    return _seal_run()


def run(root, method, model="pocket/grid", level=1, **more):
    """Really runs arc1d."""
    task_args = {"level": level, **more.pop("task_args", {})}
    request = Request("arc1d", method, model, task_args, offline=True, limit=16, **more)
    grid = run_grid(plan(request), Session(Store(root)))
    assert all(result.record for result in grid.results), grid.results


def learning_curve(seed, rate):
    """A learning curve of 60 steps, measured every tenth."""
    return [
        {
            "step": n,
            "rollouts": 16 * n,
            "reward": 0.2 + rate * n / 2 + 0.01 * (n % 2),
            **({"dev": 0.3 + rate * (n // 10) + 0.02 * seed} if n % 10 == 0 else {}),
        }
        for n in range(1, 61)
    ]


@pytest.fixture(scope="session")
def store(tmp_path_factory, seal_run):
    """arc1d really run (two keys, a sweep, a stopped run, a simulated one), and sealed runs with seeds,
    groups, failures and prices."""
    place = tmp_path_factory.mktemp("store")
    root = place / "results"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(place / "cache"))
        run(root, "direct,best-of-n")
        run(root, "direct", level=2)
        run(root, "direct", level=3)
        for samples in (2, 4, 8):
            run(root, "self-consistency", method_args={"samples": samples})
        run(root, "cot", budget_calls=5)
        run(root, "direct", model="echo/blah", task_args={"style": "compact"})
    for model in ("test/small", "test/large"):
        for seed in (0, 1):
            weak = [float((n + seed) % 3 == 0) for n in range(60)]
            strong = [1.0 if n % 4 else score for n, score in enumerate(weak)]
            groups = [f"passage {n // 2}" for n in range(60)]
            seal_run(root, weak, model=model, seed=seed, groups=groups, cost_usd=0.001)
            seal_run(
                root,
                strong,
                model=model,
                seed=seed,
                method="vote",
                groups=groups,
                calls=8,
                cost_usd=0.008,
                access={"labels_seen": 40, "pool_size": 200},
                curve=learning_curve(seed, 0.01 if model == "test/small" else 0.02),
            )
    flaky = [None if n % 6 == 0 else 1.0 for n in range(60)]
    talk = {"trace": lambda n: conversation() if n == 1 else None}
    seal_run(root, flaky, method="flaky", model="test/small", cost_usd=None, **talk)
    return root


@pytest.fixture(scope="session")
def site(store, tmp_path_factory):
    target = tmp_path_factory.mktemp("built") / "site"
    sites.build(store, target)
    return target


@pytest.fixture(scope="session")
def hostile(tmp_path_factory, seal_run):
    """Every name and every text that an outsider may choose tries to get out of its place."""
    root = tmp_path_factory.mktemp("hostile") / "results"
    names = [SCRIPT, IMAGE, "{{ 7 * 7 }}", "a|b`c`[x](javascript:alert(1))", "../../up", "=1+1\\input{x}%"]
    for n, name in enumerate(names):
        for method in (f"m{SCRIPT}", f"direct{IMAGE}"):
            seal_run(
                root,
                [float(k % (2 + len(method) % 3) == 0) for k in range(12)],
                task=f"{name}{n % 2}",
                method=method,
                model=f"model/{name}",
                method_args={name: n},
                completion=lambda k, name=name: f"{name} {k} \u2028 {IMAGE}\n" + "x" * 30_000,
                sample_id=lambda k, name=name: f"{SCRIPT}{k}{name}",
                question=lambda k, name=name: f"{name} {SCRIPT} {k}?",
                target=lambda k, name=name: {"wanted": [IMAGE, name, k]},
                trace=lambda k, name=name: {
                    name: [IMAGE, SCRIPT, k],
                    **conversation(f"{IMAGE}{SCRIPT}{name}"),
                },
            )
    return root


@pytest.fixture(scope="session")
def teams(tmp_path_factory):
    """Two policies at two budgets, two seeds each."""
    root = tmp_path_factory.mktemp("teams")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_CACHE", str(root / "cache"))
        for budget in (1, 2):
            request = Request(
                "team/hidden-constraints",
                "autonomous,ask-when-uncertain",
                "sim/clerk",
                task_args={"items": 6, "train": 1, "human_budget": budget},
                method_args={"ask-when-uncertain.measure": "self-rating"},
                roles={"human": "sim/human"},
                seeds=2,
            )
            grid = run_grid(plan(request), Session(Store(root / "store")))
            assert all(result.record for result in grid.results), grid.results
    return root / "store"
