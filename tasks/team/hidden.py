"""The task `team/hidden-constraints`: which offer is wanted only the person knows."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from harness.base.errors import UsageError
from harness.human import Brief, Fact
from harness.sample import Question, Sample
from harness.spec import TaskSpec
from harness.tasks.team.base import GeneratedTeamTask
from harness.tasks.team.offers import (
    FEATURES,
    MOST_OFFERS,
    MOST_VALUES,
    Offers,
    all_offers,
    features_of,
    toolbox,
)
from harness.world import Toolbox

POLICY = (
    "You book rooms for one person. Look at the offers, hold the one that the person wants, and pay it; a "
    "payment can't be undone. When it is paid, say so in a short message."
)
#: begins the line of a request that names what matters to the person
MATTERS = "What matters to me: "
REQUEST = (
    "Please book a room for our meeting and pay for it (my reference: {id}). One offer is the right one.\n"
    "{matters}\nI haven't said yet which I want."
)


class HiddenConstraints(GeneratedTeamTask):
    """k features with m equally likely values each, all m**k combinations on offer, one of them wanted:
    without asking nobody does better than m**-k. Reconstruction; the notes' minimal environment."""

    policy = POLICY

    def __init__(self, spec: TaskSpec, args: Mapping[str, Any]) -> None:
        super().__init__(spec, args)
        k, m = args["constraints"], args["values"]
        if not 1 <= k <= len(FEATURES):
            raise UsageError(f"{spec.name}: constraints={k} is not from 1 to {len(FEATURES)}")
        if not 2 <= m <= MOST_VALUES:
            raise UsageError(f"{spec.name}: values={m} is not from 2 to {MOST_VALUES}")
        if m**k > MOST_OFFERS:
            raise UsageError(
                f"{spec.name}: {k} constraints of {m} values make {m**k} offers, more than {MOST_OFFERS}"
            )

    def item(self, split: str, number: int, rng: random.Random) -> Sample:
        names = rng.sample(list(FEATURES), self.args["constraints"])
        values = {name: rng.sample(FEATURES[name][1], self.args["values"]) for name in names}
        offers = all_offers(values, rng)
        wanted = rng.choice(list(offers))
        id = f"{split}-{number}"
        request = REQUEST.format(id=id, matters=MATTERS + ", ".join(names))
        question = Question(id, request, metadata={"irreversible": ["pay_offer"]})
        return Sample(question, {"offers": offers, "values": values, "wanted": wanted})

    def toolbox(self) -> Toolbox:
        return toolbox()

    def state(self, sample: Sample) -> Offers:
        return Offers(sample.target["offers"])

    def done(self, state: Offers, sample: Sample) -> bool:
        return bool(state.paid == sample.target["wanted"])

    def gold(self, sample: Sample) -> dict[str, Any]:
        offer = {"offer": sample.target["wanted"]}
        return {"calls": [["hold_offer", offer], ["pay_offer", offer]], "said": ["Paid."]}

    def brief(self, sample: Sample) -> Brief:
        target = sample.target
        wanted = target["offers"][target["wanted"]]
        facts = tuple(
            Fact(name, wanted[name], FEATURES[name][0], tuple(values))
            for name, values in target["values"].items()
        )
        offer = {"offer": target["wanted"]}
        return self.person(
            goal="A room that is as you know, held and paid.",
            facts=facts,
            moves=(("hold_offer", offer), ("pay_offer", offer)),
        )

    def shown(self, sample: Sample, name: str, arguments: Mapping[str, Any]) -> str:
        return features_of(sample.target["offers"], arguments)
