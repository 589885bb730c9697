"""What a harness costs: the same trivial task, an instant model, three harnesses, one run.

    python benchmarks/overhead.py

Every harness runs in a child process of its own, at two sizes; the difference of their CPU seconds,
divided by the difference of their sizes, is the cost of a sample without start-up.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from harness.data.hub import Data
from harness.sample import LazySamples, Question, Sample, Splits
from harness.task import Task

#: the only completion that lm-eval's `dummy` model gives, so the right answer everywhere
ANSWER = "lol"
SIZES = {"harness": (2_000, 22_000), "inspect": (100, 500), "lm-eval": (1_000, 5_000)}
ROUNDS = 3
MEMORY_AT = 100_000


class Trivial(Task):
    """`n` short questions with one known answer."""

    def load(self, data: Data) -> Splits:
        return Splits(LazySamples(range(int(self.args["n"])), _sample))


def _sample(n: int, _: Any) -> Sample:
    return Sample(Question(str(n), _question(n)), ANSWER)


def _question(n: int) -> str:
    return f"Question {n}: what does the dummy model say?"


def run_harness(n: int, folder: Path) -> float:
    """Plan by hand, then everything else as the command line does it: fit, answer, score, seal."""
    from harness.registry import registry
    from harness.results.store import Store
    from harness.run.execute import run_grid
    from harness.run.plan import Cell, Request
    from harness.run.session import Session
    from harness.spec import Param, TaskSpec

    params = {"n": Param("n", 1)}
    home = Path(__file__).parent
    place = {"package": home.name, "folder": str(home)}  # whose files are its code
    task = TaskSpec("trivial", "1-A", "trivial", "overhead:Trivial", params=params, **place)
    model = f"echo/{ANSWER}"
    request = Request("trivial", model=model, offline=True)
    cell = Cell(task, {"n": n}, registry().method("direct"), {}, model, 0, request)
    result = run_grid([cell], Session(Store(folder / "store"))).results[0]
    if result.record is None:
        raise SystemExit(f"harness failed: {result.error}")
    assert result.record["samples"]["rows"] == n
    return float(result.record["metrics"]["accuracy"]["value"])


def run_inspect(n: int, folder: Path) -> float:
    """`inspect_ai.eval` with its own mock model, log written, nothing displayed."""
    from inspect_ai import Task as InspectTask
    from inspect_ai import eval as inspect_eval
    from inspect_ai.dataset import MemoryDataset
    from inspect_ai.dataset import Sample as InspectSample
    from inspect_ai.model import ModelOutput, ModelUsage, get_model
    from inspect_ai.scorer import exact
    from inspect_ai.solver import generate

    def output(*_: Any) -> ModelOutput:
        made = ModelOutput.from_content("mockllm/model", ANSWER)
        made.usage = ModelUsage(input_tokens=8, output_tokens=1, total_tokens=9)
        return made

    samples = [InspectSample(id=str(i), input=_question(i), target=ANSWER) for i in range(n)]
    [log] = inspect_eval(
        InspectTask(dataset=MemoryDataset(samples), solver=generate(), scorer=exact()),
        model=get_model("mockllm/model", custom_outputs=(output() for _ in range(n))),
        log_dir=str(folder),
        display="none",
    )
    assert log.results is not None and log.results.completed_samples == n, log.error
    return float(log.results.scores[0].metrics["mean"].value)


def run_lm_eval(n: int, folder: Path) -> float:
    """`simple_evaluate` with its `dummy` model on a task of one YAML, its own index not walked."""
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    rows = folder / "rows.jsonl"
    with open(rows, "w") as lines:
        for i in range(n):
            lines.write(json.dumps({"question": _question(i), "answer": ANSWER}) + "\n")
    (folder / "trivial.yaml").write_text(
        "task: trivial\ndataset_path: json\n"
        f"dataset_kwargs: {{data_files: {{test: {rows}}}}}\n"
        "test_split: test\noutput_type: generate_until\n"
        "doc_to_text: '{{question}}'\ndoc_to_target: '{{answer}}'\n"
        "generation_kwargs: {until: ['\\n']}\n"
        "metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]\n"
    )
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    found = simple_evaluate(model="dummy", tasks=["trivial"], task_manager=manager)
    assert found is not None and len(found["samples"]["trivial"]) == n
    return float(found["results"]["trivial"]["exact_match,none"])


RUNNERS = {"harness": run_harness, "inspect": run_inspect, "lm-eval": run_lm_eval}


def child(name: str, n: int) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of one harness on `n` samples, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="overhead-") as folder:
        quiet = {
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "HF_DATASETS_CACHE": folder,
            "HARNESS_CACHE": str(Path(tempfile.gettempdir(), "overhead-cache")),
        }
        log = Path(folder, "child.log")
        with open(log, "w") as sink:
            process = subprocess.Popen(
                [sys.executable, __file__, name, str(n), folder],
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **quiet},
            )
            _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{name} on {n} samples failed:\n{log.read_text()[-3000:]}")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    if not importlib.util.find_spec("lm_eval"):
        print("lm-eval is left out: it is not installed (pip install lm-eval)")
        del SIZES["lm-eval"]
    costs: dict[str, list[float]] = {name: [] for name in SIZES}
    starts: dict[str, list[float]] = {name: [] for name in SIZES}
    for name in SIZES:
        child(name, SIZES[name][0])  # warms bytecode and indices
    for _ in range(ROUNDS):
        for name, (few, many) in SIZES.items():
            small, large = child(name, few)[0], child(name, many)[0]
            costs[name].append((large - small) / (many - few))
            starts[name].append(small - few * costs[name][-1])
    ours = statistics.median(costs["harness"])
    print(f"{'':9}  start-up s  us/sample  (min - max)         times harness")
    for name, found in costs.items():
        cost, start = statistics.median(found), statistics.median(starts[name])
        spread = f"({min(found) * 1e6:.0f} - {max(found) * 1e6:.0f})"
        print(f"{name:9}  {start:10.2f}  {cost * 1e6:9.0f}  {spread:18}  {cost / ours:13.1f}")
    seconds, megabytes = child("harness", MEMORY_AT)
    print(f"harness, {MEMORY_AT:,} samples: {seconds:.1f} s of CPU, peak {megabytes:.0f} MB")
    targets = {
        "harness <= 100 us/sample": ours <= 100e-6,
        "50 x less than inspect": statistics.median(costs["inspect"]) >= 50 * ours,
        f"{MEMORY_AT:,} samples in 500 MB": megabytes < 500,
    }
    if "lm-eval" in costs:
        targets["5 x less than lm-eval"] = statistics.median(costs["lm-eval"]) >= 5 * ours
    for target, met in targets.items():
        print(f"{'met   ' if met else 'MISSED'}  {target}")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        accuracy = RUNNERS[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))
        assert accuracy == 1.0, f"accuracy {accuracy}, not 1"
    else:
        main()
