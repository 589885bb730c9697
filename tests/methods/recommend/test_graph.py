"""Propagation, losses and training against hand-made numbers, autograd and a set with known truth."""

import asyncio
import math

import numpy as np
import pytest
from scipy.sparse import csr_array

torch = pytest.importorskip("torch")

from harness.base.errors import UsageError  # noqa: E402
from harness.data.interactions import Interactions  # noqa: E402
from harness.job.drawn import Drawn  # noqa: E402
from harness.learning_curve import checked  # noqa: E402
from harness.methods.recommend.graph import core  # noqa: E402
from harness.methods.recommend.graph.method import validation_ndcg  # noqa: E402
from harness.methods.recommend.graph.train import Trainer  # noqa: E402
from harness.registry import load_method, registry  # noqa: E402
from harness.testing import check_method  # noqa: E402

GRAPH = csr_array(np.array([[1, 1, 0], [0, 1, 1]], np.float32))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


def test_propagation_by_hand():
    tables = torch.tensor([[1.5], [2.5], [1.0], [2.0], [3.0]])
    graph = core.adjacency(GRAPH)
    final = core.View(graph, 2).final(tables).ravel()
    assert final.tolist() == pytest.approx([1.65237, 2.62377, 1.08926, 2.13807, 2.32496], abs=1e-5)
    assert float(final[0] * final[4]) == pytest.approx(3.84169, abs=1e-5)
    assert core.View(graph, 0).final(tables).ravel().tolist() == tables.ravel().tolist()


@pytest.mark.parametrize("with_tables", [True, False])
def test_the_gradient_is_the_same_propagation(with_tables):
    rng = np.random.default_rng(0)
    taken = csr_array((rng.random((5, 7)) < 0.5).astype(np.float32))
    view = core.View(core.adjacency(taken), 3, with_tables)
    dense = core.adjacency(taken).to_dense()
    tables = torch.randn(12, 4, requires_grad=True)
    layers, layer = [tables], tables
    for _ in range(3):
        layer = dense @ layer
        layers.append(layer)
    final = torch.stack(layers if with_tables else layers[1:]).mean(dim=0)
    weight = torch.randn(12, 4)
    (final * weight).sum().backward()
    torch.testing.assert_close(view.final(tables.detach()), final.detach())
    nodes = torch.arange(12)
    torch.testing.assert_close(view.rows(tables.detach(), nodes), final.detach())
    torch.testing.assert_close(view.backward(nodes, weight, weight), tables.grad)


def test_noise_stays_in_the_orthant_and_has_its_length():
    tables = torch.randn(5, 6)
    clean, noisy = core.View(core.adjacency(GRAPH), 1, False), core.View(core.adjacency(GRAPH), 1, False, 0.1)
    gap = noisy.rows(tables, torch.arange(5)) - clean.final(tables)
    torch.testing.assert_close(gap.norm(dim=1), torch.full((5,), 0.1))
    assert (gap * clean.final(tables) >= 0).all()


def test_losses_by_hand():
    one, two = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 2.0]])
    assert float(core.bpr(one, one, two)) == pytest.approx(math.log(1 + math.exp(-0.5)))
    pairs = torch.eye(2)
    wanted = 2 * math.log(2 * (math.e**5 + 1) / math.e**5)
    assert float(core.supervised_contrast(pairs, pairs, 0.2)) == pytest.approx(wanted, abs=1e-5)
    assert wanted == pytest.approx(1.39973, abs=1e-5)
    logits = torch.tensor([[5.0, 0.0], [0.0, 5.0]])
    assert float(core.info_nce(pairs, pairs, 0.2)) == pytest.approx(
        float(torch.nn.functional.cross_entropy(logits, torch.arange(2)))
    )


def test_regulariser():
    rows = torch.randn(6, 4)
    once = [rows.square().sum(dim=1)] * 3
    twice = [part.repeat(2) for part in once]
    norm, squared = (float(core.norm_penalty(once, 1.0, form)) for form in (False, True))
    assert norm == pytest.approx(3 * float(rows.norm()) / 6)
    assert squared == pytest.approx(1.5 * float(rows.square().sum()) / 6)
    assert float(core.norm_penalty(twice, 1.0, False)) == pytest.approx(norm * math.sqrt(2) / 2)
    assert float(core.norm_penalty(twice, 1.0, True)) == pytest.approx(squared)


@pytest.mark.parametrize(("values", "wanted"), [((1, 1, 1, 1), 4), ((1, 0, 0, 0), 1), ((2, 1, 1, 0), 2.3811)])
def test_effective_rank(values, wanted):
    assert core.effective_rank(np.diag(values).astype(float)) == pytest.approx(wanted, abs=1e-4)


def test_pairs_cover_the_epoch_and_negatives_are_negative():
    rng = np.random.default_rng(0)
    dense = rng.random((30, 20)) < 0.6
    pairs = core.Pairs(csr_array(dense.astype(np.float32)))
    seen = [np.concatenate(part) for part in zip(*pairs.epoch(64, rng), strict=True)]
    assert sorted(zip(seen[0], seen[1], strict=True)) == sorted(zip(*np.nonzero(dense), strict=True))
    assert not dense[seen[0], seen[2]].any()
    full = core.Pairs(csr_array(np.ones((2, 3), np.float32)))
    assert len(list(full.epoch(4, rng))) == 2  # nothing to sample: it ends all the same


def test_dropped_edges():
    taken = csr_array(np.ones((40, 50), np.float32))
    left = core.without_edges(taken, 0.25, np.random.default_rng(0))
    assert left.nnz == pytest.approx(1500, abs=80) and left.shape == taken.shape


def blocks(n_blocks=3, size=14, seed=0):
    """Users take only items of their own block; two items of each are held out."""
    rng = np.random.default_rng(seed)
    full = np.kron(np.eye(n_blocks), np.ones((size, size)))
    known = full * (rng.random(full.shape) < 0.6)
    held = np.zeros_like(known)
    for user, row in enumerate(known):
        held[user, rng.choice(np.flatnonzero(row), 2, replace=False)] = 1
    names = [str(n) for n in range(len(full))]
    return Interactions(names, names, csr_array(known.astype("f4")), csr_array(held.astype("f4")))


class StubJob:
    """What of a job the trained methods use."""

    def __init__(self, data, seed=0):
        self.interactions, self.seed, self.access = data, seed, {}
        self.data = self.training = self.files = self
        self.drawn = Drawn("stub", lambda: ())
        self.drew = self.drawn.tell

    def progress(self, *seen):
        pass

    def curve(self, rows):
        self.learning_curve = checked(rows)

    def charge(self, purpose, usage):
        self.charged = purpose, usage.seconds

    def artifact(self, key):
        from contextlib import contextmanager
        from pathlib import Path
        from tempfile import mkdtemp

        from harness.job import Artifact

        @contextmanager
        def made():
            yield Artifact(Path(mkdtemp()), False)

        return made()


def learned(name, data, seed=0, **args):
    spec = registry().method(name)
    method = load_method(spec, spec.arguments(args))
    job = StubJob(data, seed)
    asyncio.run(method.fit(job))
    return method._score(np.arange(len(data.users))), job


@pytest.mark.parametrize("name", ["bpr-mf", "lightgcn", "sgl", "simgcl", "sgcl"])
def test_every_model_finds_the_blocks(name):
    data = blocks()
    args = {"contrast": "0.02"} if name == "simgcl" else {}  # more would spread the users of a block
    scores, job = learned(name, data, dim="8", lr="0.02", batch="64", epochs="40", patience="0", **args)
    own = np.kron(np.eye(3), np.ones((14, 14))).astype(bool)
    before = learned(name, data, dim="8", epochs="0")[0]

    def above(table):
        return (table[own].reshape(42, 14)[:, :, None] > table[~own].reshape(42, 28)[:, None, :]).mean()

    assert above(scores) > max(0.9, above(before))
    assert job.access["training_epochs"] == 40


@pytest.mark.parametrize("name", ["bpr-mf", "lightgcn", "sgl", "simgcl", "sgcl"])
def test_simgcl_alone_leaves_the_tables_out_of_its_mean(name):
    data, start = blocks(), np.ones((42, 2), "f4")
    args = registry().method(name).arguments({})
    read = "".join(list(name))  # as a spec is read: equal to a name in the code, and not the same object
    assert Trainer(read, args, data.known, start, start, 0)._view.with_tables == (name != "simgcl")


@pytest.mark.parametrize("name", ["bpr-mf", "lightgcn", "sgl", "sgcl"])
def test_a_step_has_the_gradient_that_autograd_finds_through_the_whole_graph(name):
    data, rng = blocks(), np.random.default_rng(0)
    start = rng.normal(size=(84, 4)).astype("f4")
    args = registry().method(name).arguments({"lr": "0"})
    trainer = Trainer(name, args, data.known, start[:42], start[42:], 0)
    views = [trainer._view, *trainer._contrasted()]
    user, item, negative = next(trainer._pairs.epoch(32, rng))
    trainer._step(views, user, item, negative)
    leaf = torch.from_numpy(start).requires_grad_()
    index = torch.from_numpy(np.concatenate([user, 42 + item, 42 + negative]))

    def whole(view):
        dense, layer, total = view.adjacency.to_dense(), leaf, leaf
        for _ in range(view.layers):
            layer = dense @ layer
            total = total + layer
        return total / (view.layers + 1)

    trainer._loss([whole(view) for view in views], leaf, index).backward()
    torch.testing.assert_close(trainer.tables.grad, leaf.grad, rtol=1e-4, atol=1e-6)


def test_same_seed_same_scores_and_other_seed_others():
    data = blocks()
    first, again, other = (learned("simgcl", data, seed, dim="4", epochs="2")[0] for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()


def test_models_that_start_and_shuffle_alike_drew_the_same():
    data = blocks()

    def told(name, seed=0, **more):
        return learned(name, data, seed, **{"dim": "4", "epochs": "1", "patience": "0"} | more)[
            1
        ].drawn.digest

    alike = [told(name) for name in ("bpr-mf", "lightgcn", "sgl", "simgcl", "sgcl")]
    assert len({*alike, told("lightgcn", lr="0.5")}) == 1
    assert len({alike[0], told("lightgcn", 1), told("lightgcn", dim="3"), told("lightgcn+mean")}) == 4


STOPPED = {"dim": "8", "lr": "0.05", "batch": "64", "epochs": "200", "patience": "3", "check": "2"}


def test_epochs_are_chosen_on_the_validation_part_and_all_that_is_known_is_trained_on():
    data = blocks()
    scores, job = learned("lightgcn", data, **STOPPED)
    measured = {row["step"]: row["dev"] for row in job.learning_curve if "dev" in row}
    chosen = max(measured, key=measured.get)
    assert 0 < chosen < max(measured) < 200  # the curve is that of the run that chose
    assert job.access == {
        "interactions_trained_on": data.known.nnz,
        "training_epochs": chosen,
        "epochs_until_stop": max(measured),
        "interactions_chosen_on": data.validation.nnz,
    }
    direct, other = learned("lightgcn", data, **{**STOPPED, "patience": "0", "epochs": str(chosen)})
    assert (scores == direct).all()  # the same as to have known the number of epochs beforehand
    assert set(other.access) == {"interactions_trained_on", "training_epochs"}
    assert job.charged[0] == "training" and job.charged[1] > job.learning_curve[-1]["wall_s"]


def test_without_refit_the_tables_of_the_best_epoch_answer():
    data = blocks()
    scores, job = learned("lightgcn", data, refit="false", **STOPPED)
    assert job.access["interactions_trained_on"] == data.training.nnz < data.known.nnz
    rest = Interactions(data.users, data.items, data.training, csr_array(data.known.shape, dtype="f4"))
    epochs = str(job.access["training_epochs"])
    direct, _ = learned("lightgcn", rest, **{**STOPPED, "patience": "0", "epochs": epochs})
    assert (scores == direct).all()


def test_a_start_of_user_means_is_refit_from_the_means_of_all_known_items():
    data = blocks()
    nothing = {**STOPPED, "epochs": "0"}
    scores, _ = learned("bpr-mf+mean", data, **nothing)
    direct, _ = learned("bpr-mf+mean", data, **{**nothing, "patience": "0"})
    kept, _ = learned("bpr-mf+mean", data, refit="false", **nothing)
    assert (scores == direct).all() and (scores != kept).any()


def test_patience_0_trains_on_everything_and_the_best_tables_are_kept():
    data = blocks()
    trainer = Trainer(
        "lightgcn",
        registry().method("lightgcn").arguments({}),
        data.known,
        np.ones((42, 2), "f4"),
        np.ones((42, 2), "f4"),
        0,
    )
    assert len(trainer._pairs) == data.known.nnz
    trainer.keep()
    kept = trainer.best()["item_table"].copy()
    trainer.epoch()
    assert (trainer.best()["item_table"] == kept).all() and (trainer.tables.numpy()[42:] != kept).any()


def test_validation_ndcg():
    held = csr_array(np.array([[0, 0, 0, 1], [0, 0, 0, 0], [1, 1, 0, 0]], np.float32))
    training = csr_array(np.array([[1, 0, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]], np.float32))
    users, items = np.eye(3, dtype="f4"), np.array([[9, 0, 1], [1, 0, 3], [2, 0, 2], [1.5, 0, 9]], np.float32)
    # user 0 sees 2, 3, 1 (0 is masked): rank 2; user 2 sees 1, 2, 0: ranks 1 and 3
    wanted = (1 / math.log2(3) + 1.5 / (1 + 1 / math.log2(3))) / 2
    assert validation_ndcg(users, items, training, held) == pytest.approx(wanted)


def test_the_last_epoch_is_checked_too():
    _, job = learned("lightgcn", blocks(), dim="8", lr="0.05", batch="64", epochs="7")
    assert [row["step"] for row in job.learning_curve if "dev" in row] == [0, 5, 7]


def test_what_can_not_be_trained_is_said():
    data = blocks()
    bare = Interactions(data.users, data.items, data.known, csr_array(data.known.shape, dtype="f4"))
    with pytest.raises(UsageError, match="there is none; -M patience=0"):
        learned("lightgcn", bare)
    learned("lightgcn", bare, patience="0", epochs="1", dim="2")
    with pytest.raises(UsageError, match="loss of epoch .* choose a smaller -M lr"):
        learned("bpr-mf", data, lr="1e38", epochs="9", dim="4", patience="0")


@pytest.mark.parametrize("name", ["lightgcn", "sgl+llminit-uni", "bpr-mf+lsa", "simgcl+shuffle", "sgcl+mean"])
def test_contract(name):
    check_method(name, dim=2, epochs=2)


def test_plugs_are_crossed_with_every_model():
    known = registry().methods
    for model in ("bpr-mf", "lightgcn", "sgl", "simgcl", "sgcl"):
        assert "item_texts" not in known[model].needs
        plugged = known[f"{model}+llminit-var"]
        assert plugged.settings == {"model": model, "start": "var"}
        assert set(plugged.needs) == {"interactions", "trainable", "item_texts", "embedder"}
        assert set(known[model].params) < set(plugged.params)
        assert "item_texts" in known[f"{model}+lsa"].needs and "embedder" not in known[f"{model}+lsa"].needs


def test_from_the_command_to_the_comparison(tmp_path, monkeypatch):
    """Texts, vectors, training and ranking in one command; seeds are the units of a comparison."""
    import json

    from click.testing import CliRunner

    from harness.cli import cli

    monkeypatch.chdir(tmp_path)
    lines = [" ".join([f"u{u}", *(f"i{(u * k + k) % 11}" for k in range(1, 7))]) for u in range(20)]
    (tmp_path / "train.txt").write_text("\n".join(lines))
    words = ["red", "green", "blue", "old", "new"]
    titles = [f"i{n},the {words[n % 5]} {words[n % 4]} {words[n % 3]} thing {n}" for n in range(11)]
    (tmp_path / "items.csv").write_text("\n".join(["item_id,title", *titles]))
    common = ["eval", "--task", "rec/custom", "-T", "train=train.txt"]
    done = CliRunner().invoke(
        cli,
        [
            *common,
            "-T",
            "items=items.csv",
            "--seeds",
            "2",
            "--method",
            "lightgcn,lightgcn+llminit-var",
            "--embedder",
            "lsa",
            "-M",
            "dim=4",
            "-M",
            "epochs=3",
            "--json",
        ],
    )
    assert done.exit_code == 0, done.output
    runs = json.loads(done.stdout)["runs"]
    assert [run["method"] for run in runs] == ["lightgcn"] * 2 + ["lightgcn+llminit-var"] * 2
    record = json.loads((tmp_path / runs[2]["record"]).read_text())
    read = record["data_access"]
    assert (
        read["training_epochs"] in (0, 3) and read["epochs_until_stop"] == 3 and read["item_texts_seen"] == 11
    )
    trained_on = [
        json.loads((tmp_path / run["record"]).read_text())["data_access"]["interactions_trained_on"]
        for run in runs
    ]
    assert set(trained_on) == {96}
    shown = CliRunner().invoke(cli, ["show", runs[2]["run_id"]]).output
    assert "interactions_trained_on: 96" in shown and "interactions_chosen_on: 19" in shown
    assert "trained on different" not in CliRunner().invoke(cli, ["compare", "--baseline", "lightgcn"]).output
    held_back = ["--method", "bpr-mf", "-M", "refit=false", "-M", "epochs=2", "-T", "items=items.csv"]
    assert CliRunner().invoke(cli, [*common, *held_back]).exit_code == 0
    said = CliRunner().invoke(cli, ["compare", "--baseline", "lightgcn"]).stderr
    assert "different numbers of interactions (bpr-mf (epochs=2, refit=false) x none: 77; lightgcn" in said
    assert record["subject"]["embedder"] and "trainable" in record["subject"]["data_access"]
    assert len({run["comparability_key"] for run in runs}) == 1
    done = CliRunner().invoke(cli, [*common, "--method", "lightgcn+lsa"])
    assert done.exit_code != 0 and "needs item_texts" in done.output + done.stderr


@pytest.mark.parametrize("name", ["lightgcn", "lightgcn+mean", "simgcl"])
def test_a_user_without_training_items_is_ranked_for(name):
    data = blocks()
    known = data.known.toarray()
    known[5] = 0
    nothing = csr_array(known.shape, dtype=np.float32)
    data = Interactions(data.users, data.items, csr_array(known), nothing)
    found, _ = learned(name, data, dim="4", epochs="2", patience="0")
    assert np.isfinite(found).all()
