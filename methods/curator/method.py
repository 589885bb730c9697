"""Actor-Curator and its rivals as methods: `fit` trains a policy under a curriculum, `answer` asks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from harness.base.digest import digest, set_digest
from harness.base.errors import UsageError
from harness.engine import AUTO, vllm
from harness.job import Job, policies
from harness.method import Method
from harness.methods.curator.curve import points, remark
from harness.methods.curator.plan import Plan
from harness.methods.curator.training_tasks import ProblemSet, check_verifier
from harness.model.gateway import Model
from harness.model.ledger import Usage
from harness.sample import Outcome, Question, Sample, SplitSizes

#: arguments that the trained weights depend on, beside the plan
SETTINGS = ("loss", "bank", "curator", "curator_rate", "match", "max_flops")
#: curricula that roll out more than they train on (`curricula/filters.py`)
DISCARDING = ("learnability", "dapo", "vcrl")
#: policies that the project ships, by curriculum; each says what it was trained from
SHIPPED = Path(__file__).parent / "policies"


class Curated(Method):
    """A policy trained on the problems that its curriculum chooses."""

    model: Model
    facts: dict[str, Any]
    elsewhere = ""
    _home: Job | None = None

    @property
    def curriculum(self) -> str:
        return str(self.spec.settings["curriculum"])

    def calls(self, n_questions: int, splits: SplitSizes) -> int | None:
        """With the rollouts of training, where their number is given: not for curricula that discard some,
        nor for training problems of another task. Dev problems of other kinds than those are counted in."""
        a = self.args
        if a["policy"]:
            return n_questions
        if a["bank"] or not splits.train or a["max_flops"] or self.curriculum in DISCARDING:
            return None
        plan = Plan.of(a)
        measured = -(-plan.steps // plan.measure_every)
        return n_questions + plan.steps * plan.prompts * plan.rollouts + measured * splits.dev

    def calls_of(self, job: Job, n_questions: int) -> int | None:
        """With those of the training, which a policy that is there tells and its plan else, exactly: dev
        problems are measured where they are of the training problems' kinds. Unknown where steps, and what
        they discard, depend on what is drawn."""
        plan, home = Plan.of(self.args), self.home(job)
        bank = bank_of(home, plan.levels)
        if job.training.policy_here is not None:
            key = self.key(job, plan, bank)
            folder = self.shipped if self.ships(key) else job.files.find(key)
            if folder is not None:
                used = policies.facts(folder).get("usage", {})
                return n_questions + sum(Usage.from_dict(each).calls for each in used.values())
        if self.args["max_flops"] or self.curriculum in DISCARDING:
            return None
        measured = -(-plan.steps // plan.measure_every) * len(held_out(home, bank))
        return n_questions + plan.steps * plan.prompts * plan.rollouts + measured

    def drawing(self) -> str:
        """A policy trained before is what it is, whatever the seed of the run that asks it."""
        return "none" if self.args["policy"] else "run"

    def announce(self, job: Job) -> list[str]:
        from harness.methods.curator.announcement import announcement

        return announcement(self, job)

    async def fit(self, job: Job) -> None:
        if self.args["policy"]:
            self.model, self.facts = policies.answer_with(job, Path(self.args["policy"]), points)
            return
        plan = Plan.of(self.args)
        source = job.training.policy
        home = self.home(job)
        if self.elsewhere:
            job.log.warning(
                "%s: the task has no train split, so the policy learns on %s; -M bank=TASK names another",
                self.spec.name,
                self.elsewhere,
            )
        bank = bank_of(home, plan.levels)
        key = self.key(job, plan, bank)
        job.drew(bank.shuffled(job.seed))
        if self.ships(key):
            self._take(job, self.shipped)
            return
        if self.args["fit"] == "shipped":
            raise UsageError(
                f"no shipped policy was trained by {self.spec.name} from {job.model.name} with "
                "these arguments, task and seed; --fit train trains one"
            )
        with job.files.artifact(key) as made:
            if not made.exists:
                with job.files.workspace(key) as workspace:
                    _train(self, job, home, plan, bank, source, workspace, made.path, key)
        if made.exists:
            self._take(job, made.path)
        else:
            self.model, self.facts = policies.answer_with(job, made.path, points)

    def _take(self, job: Job, folder: Path) -> None:
        """A policy trained earlier; its cost is the run's as if it were trained now."""
        self.model, self.facts = policies.answer_with(job, folder, points)
        policies.charge(job, self.facts)

    @property
    def shipped(self) -> Path:
        return SHIPPED / self.curriculum

    def ships(self, key: list[Any]) -> bool:
        """Whether the project ships the policy of these inputs, and it may be taken."""
        return self.args["fit"] != "train" and policies.facts(self.shipped).get("key") == digest(key)

    def key(self, job: Job, plan: Plan, bank: ProblemSet) -> list[Any]:
        """All that the trained weights depend on."""
        settings = {name: self.args[name] for name in SETTINGS}
        if self.args["keep"] != "last":  # named only then, so that policies trained before it are still found
            settings["keep"] = self.args["keep"]
        if self.args["engine"] != AUTO:
            settings["engine"] = self.args["engine"]
        if self.args["curator"] != "light":  # policies trained before had four passes through all candidates
            settings["lean"] = True
        if (generation := vllm.chosen(self.args["generation"], self.args["engine"])) != vllm.TORCH:
            settings["generation"] = generation
        return [
            self.curriculum,
            asdict(plan),
            settings,
            job.seed,
            job.model.name,
            job.model.provider.named_revision or policies.weights_digest(job.training.policy),
            *policies.arguments_of(job.model),
            set_digest(sample.digest() for sample in bank.samples),
            digest(list(bank.prompts)),
        ]

    def launch(self, backend: str, job: Job) -> dict[str, str]:
        if backend != "verl":
            return super().launch(backend, job)
        if self.args["keep"] != "last":
            raise UsageError(
                f"-M keep={self.args['keep']} is for training through TRL; verl keeps its own checkpoints"
            )
        from harness.methods.curator import verl

        plan = Plan.of(self.args)
        home = self.home(job)
        bank = bank_of(home, plan.levels)
        check_verifier(bank, home.training.reward)
        name = job.model.name.partition("/")[2]
        return verl.launch(
            task=home.task_name,
            task_args=home.task_args,
            bank=bank,
            plan=plan,
            seed=job.seed,
            conversations=[_turns(home, sample) for sample in bank.samples],
            curriculum=self.curriculum,
            loss=self.args["loss"],
            model=str(job.training.policy) if job.model.name.startswith("pocket/") else name,
        )

    def home(self, job: Job) -> Job:
        """The job of the task whose train split is learned from; `elsewhere` is then that task's name, where
        the measured task has none and nobody named one."""
        if self._home is not None:
            return self._home
        home = job.training.task(self.args["bank"]) if self.args["bank"] else job
        if home is job and not len(job.data.train):
            self.elsewhere = "arc1d" if job.model.name.startswith("pocket/") else "math"
            home = job.training.task(self.elsewhere)
        if not len(home.data.train):
            raise UsageError(
                f"{self.spec.name} learns on a train split, and this task has none; -M "
                "bank=TASK names one that has, such as math, countdown or arc1d"
            )
        self._home = home
        return home

    async def answer(self, question: Question, job: Job) -> Outcome:
        output = await self.model.generate(question, job.ask(question))
        return job.outcome(
            question,
            output,
            trace={
                "policy": self.model.provider.revision[:12],
                "curriculum": self.curriculum,
                "trained_steps": self.facts.get("kept_step", self.facts.get("steps")),
            },
        )


def bank_of(job: Job, levels: str) -> ProblemSet:
    samples = list(job.data.train)
    bank = ProblemSet.of(samples, lambda sample: _text(job, sample))
    wanted = [level.strip() for level in levels.split(",") if level.strip()]
    known = [level for level in wanted if level in bank.names]
    if not known:  # a preset's levels are those of puzzles; a task without them is taken whole
        return bank
    chosen = [s for s, kind in zip(samples, bank.categories, strict=True) if bank.names[kind] in known]
    return ProblemSet.of(chosen, lambda sample: _text(job, sample))


def held_out(job: Job, bank: ProblemSet) -> list[Sample]:
    """The dev problems of the training problems' kinds."""
    kinds = {name.rpartition(" ")[2] for name in bank.names}
    return [s for s in job.data.dev if str(s.question.metadata.get("level", bank.names[0])) in kinds]


def _text(job: Job, sample: Sample) -> str:
    return job.ask(sample.question)[-1].text


def _turns(job: Job, sample: Sample) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.text} for message in job.ask(sample.question)]


def encoded(job: Job, tokenizer: Any, samples: Sequence[Sample]) -> list[list[int]]:
    """Prompts as the policy reads them: in its chat template if it has one, else the text alone."""
    if not getattr(tokenizer, "chat_template", None):
        return [list(tokenizer(_text(job, sample))["input_ids"]) for sample in samples]
    conversations = [_turns(job, sample) for sample in samples]
    how = {"add_generation_prompt": True, "tokenize": True, "return_dict": False}
    return [list(tokenizer.apply_chat_template(turns, **how)) for turns in conversations]


def _train(
    method: Curated,
    job: Job,
    home: Job,
    plan: Plan,
    bank: ProblemSet,
    source: Path,
    workspace: Path,
    out: Path,
    key: list[Any],
) -> None:
    from harness.engine import checkpoints, train
    from harness.engine.course import Diverged
    from harness.engine.loading import load_policy
    from harness.methods.curator.cost import Cost, usages
    from harness.methods.curator.curricula import CURRICULA, make
    from harness.methods.curator.training import Dev, Training

    check_verifier(bank, home.training.reward)
    model, tokenizer = load_policy(source, method.spec.name)
    held = held_out(home, bank)
    keep_peak = method.args["keep"] == "peak"
    if keep_peak and not held:
        raise UsageError(
            "-M keep=peak keeps the step that is best on dev, and there are no dev problems of "
            "the training problems' kinds; -M bank=TASK takes those of another task"
        )
    spent: dict[str, Usage] = {}

    def charge(cost: Cost) -> None:
        for purpose, usage in usages(cost).items():
            spent.setdefault(purpose, Usage()).add(usage)
            job.training.charge(purpose, usage)

    dearest = Usage()  # step so far

    def afford(step: Usage) -> None:
        """Whether another step fits, by the dearest so far."""
        nonlocal dearest
        dearest = max(dearest, step, key=lambda each: each.measured[:2])
        job.training.afford(dearest)

    def after_step(row: dict[str, Any], cost: Cost) -> None:
        shown = [f"reward {row['reward']:.3f}", f"mixed {row['mixed']:.2f}"]
        shown += [f"{name} {row[name]:.1f}" for name in ("difficulty", "entropy") if name in row]
        shown += [f"dev {row['dev']:.3f}"] if row.get("dev") is not None else []
        job.progress("train: " + ", ".join(shown), row["step"], plan.steps)
        job.access["train_steps"], job.access["train_rollouts"] = row["step"], training.total.rollouts
        charge(cost)
        if row["step"] < plan.steps:
            afford(Usage.total({name: usage.as_dict() for name, usage in usages(cost).items()}))

    scorer = None
    if method.args["curator"] != "light" and hasattr(CURRICULA[method.curriculum], "scorer"):
        from harness.methods.curator.language_model_scorer import LanguageScorer

        scorer = LanguageScorer(method.args["curator"], bank.prompts, rate=method.args["curator_rate"])
    training = Training(
        model=model,
        tokenizer=tokenizer,
        bank=bank,
        prompts=encoded(home, tokenizer, bank.samples),
        curriculum=make(
            method.curriculum,
            bank,
            seed=job.seed,
            candidates=plan.candidates,
            dormant=plan.dormant,
            warm_up=plan.warm_up,
            rounds=plan.steps,
            rising_steps=plan.steps,
            scorer=scorer,
        ),
        verify=lambda number, text: home.training.reward(bank.samples[number], text),
        plan=plan,
        loss=method.args["loss"],
        seed=job.seed,
        dev=Dev(
            encoded(home, tokenizer, held), lambda number, text: home.training.reward(held[number], text)
        ),
        max_rollouts=plan.steps * plan.prompts * plan.rollouts if method.args["match"] == "rollouts" else 0,
        max_flops=method.args["max_flops"],
        lean=scorer is not None,
        after_step=after_step,
    )
    job.progress("train", 0, plan.steps)
    job.training.afford(Usage(calls=plan.prompts * plan.rollouts))
    try:
        taken = train(
            training,
            workspace,
            engine=method.args["engine"],
            resumed=lambda: charge(training.total),
            keep_peak=keep_peak,
            generation=vllm.chosen(method.args["generation"], method.args["engine"]),
        )
    except Diverged as error:
        kept = checkpoints.last(workspace)
        where = f"the last good checkpoint is kept in {kept}" if kept else "no checkpoint was made before"
        raise UsageError(
            f"training stopped at step {training.step + 1}: {error}; {where}; lower "
            f"-M {error.setting} and run again"
        ) from error
    if training.spent is not None:
        job.training.curve(points(training.curve, training.parameters))
        raise training.spent
    say = remark(training.curve)
    if say:
        job.log.warning("%s: %s", method.spec.name, say)
    best = training.peak if keep_peak else None
    kept = checkpoints.peak(workspace, best) if best is not None else None
    checkpoints.save_policy(model, out, source, kept)
    measured = [row["dev"] for row in training.curve if row.get("dev") is not None]
    told = {
        "key": digest(key),
        "curriculum": method.curriculum,
        "from": job.model.name,
        "from_revision": job.model.provider.revision,
        "seed": job.seed,
        "engine": taken,
        "plan": asdict(plan),
        "steps": training.step,
        "kept_step": best or training.step,
        "parameters": training.parameters,
        "problems": len(bank),
        "difficulty_from": bank.difficulty_from,
        "cost": asdict(training.total),
        "flops": training.total.flops(training.parameters),
        "remark": say,
        "dev_last": measured[-1] if measured else None,
        "dev_peak": max(measured, default=None),
        "usage": {purpose: usage.as_dict() for purpose, usage in spent.items()},
        "access": dict(job.access),
    }
    policies.write(out, told, training.curve)
