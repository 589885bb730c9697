"""Colours, well and badly scored."""

from harness.sample import Question, Sample, Score, Splits
from harness.task import Task

NAMES = ("red", "green", "blue")


class Colours(Task):
    instruction = "Name the colour."

    def load(self, data):
        return Splits(
            [
                Sample(Question(str(n), f"{NAMES[n % 3]} {n}", choices=NAMES), NAMES[n % 3])
                for n in range(self.args["items"])
            ]
        )

    def parse(self, text, question):
        return next((name for name in NAMES if name in text), None)


class Whole(Colours):
    def score_all(self, samples, outcomes):
        for sample, outcome in zip(samples, outcomes, strict=True):
            yield Score({"accuracy": float(outcome.answer == sample.target)})


class BrokenGrader(Colours):
    def score(self, sample, outcome):
        raise ValueError("no grade")


class Judged(Colours):
    async def judge(self, sample, outcome, judge):
        output = await judge.generate(sample.question, self.ask(sample.question), purpose="judge")
        return f"{outcome.answer}, says {output.completion}" if sample.id != "0" else None

    def score(self, sample, outcome):
        if ", says" not in outcome.answer:
            raise ValueError("needs a judge")
        return Score({"accuracy": float(sample.target in outcome.answer)})


class BrokenWhole(Colours):
    def score_all(self, samples, outcomes):
        raise ValueError("no grades")


class BrokenLoad(Colours):
    def load(self, data):
        raise ValueError("no data")
