"""`harness baseline self-check`: what it leaves out is told, in the words of the fault."""

from pathlib import Path

from harness.testing import seal_scores


def test_runs_that_cannot_be_trusted_are_named_and_left_out(command):
    runs = [seal_scores(Path("s"), [1, 0, 1, seed % 2], seed=seed) for seed in range(5)]
    assert command("baseline", "set", "main", "--store", "s", "--task", "simulated").code == 0
    sound = command("baseline", "self-check", "main", "--store", "s")
    assert sound.errors == [] and "invalid" not in sound.err
    later = [seal_scores(Path("s"), [1, 1, 1, 0], seed=seed) for seed in (7, 8)]
    Path(later[0]["record"]).write_text("{")
    Path(later[1]["samples_path"]).write_bytes(b"PAR1")
    found = command("baseline", "self-check", "main", "--store", "s")
    told = [line for line in found.err.splitlines() if line.startswith("invalid, left out: ")]
    assert len(told) == 2 and {later[0]["record"] in told[0], later[1]["samples_path"] in told[1]} == {True}
    assert (found.code, found.out) == (sound.code, sound.out) and len(runs) == 5
