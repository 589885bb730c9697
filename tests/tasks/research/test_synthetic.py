"""Generated worlds: what they hold, and a solver by rule that knows nothing but questions and documents."""

import re

import pytest

from harness.base.errors import UsageError
from harness.tasks.research.generate import RANGE, world
from harness.testing import check_task

_FACT = re.compile(r"The (\w+) of (\w+) is (\w+)\.")


def facts(documents):
    """What documents say, but for those that were withdrawn."""
    return {
        _FACT.fullmatch(text).groups()[:2]: _FACT.fullmatch(text)[3] for text in documents if text[0] == "T"
    }


def solve(question, documents):
    """The answer by rule, None where a fact is missing."""
    known = facts(documents)
    asked = re.search(r"(?:What is|Find) ((?:the \w+ of )+)(\w+)", question)
    at = asked[2]
    for relation in reversed(re.findall(r"the (\w+) of", asked[1])):
        at = known.get((relation, at))
        if at is None:
            return None
    number = int(at)
    for sign, operand in re.findall(r"(add|multiply by) (\d+)", question):
        number = (number + int(operand) if sign == "add" else number * int(operand)) % RANGE
    return str(number)


MADE = world(48, [1, 2, 3, 4], [0, 2, 4], 8, 0.5, 0)
TEXTS = [fact.text for fact in MADE.facts]


def test_every_question_is_solved_from_its_evidence_and_from_all_documents():
    for problem in MADE.problems:
        own = [fact.text for fact in problem.chain]
        assert solve(problem.question, own) == problem.answer == solve(problem.question, TEXTS)


def test_without_any_one_document_of_the_evidence_there_is_no_answer():
    for problem in MADE.problems:
        for fact in problem.chain:
            assert solve(problem.question, [text for text in TEXTS if text != fact.text]) is None


def test_cells_are_crossed_and_distractors_share_one_thing():
    assert {(len(p.chain), p.steps) for p in MADE.problems} == {
        (h, a) for h in (1, 2, 3, 4) for a in (0, 2, 4)
    }
    evidence = {fact.document for problem in MADE.problems for fact in problem.chain}
    others = [fact for fact in MADE.facts if fact.document not in evidence and not fact.withdrawn]
    assert len(others) == 8 * len(evidence)
    pairs = [(fact.subject, fact.relation) for fact in MADE.facts if not fact.withdrawn]
    assert len(set(pairs)) == len(pairs)
    withdrawn = [fact for fact in MADE.facts if fact.withdrawn]
    assert 0.3 < len(withdrawn) / len(evidence) < 0.7
    said = {(fact.subject, fact.relation): fact.object for fact in MADE.facts if not fact.withdrawn}
    assert all(said[fact.subject, fact.relation] != fact.object for fact in withdrawn)


@pytest.mark.parametrize(("distractors", "of_subject", "of_relation"), [(1, 1, 0), (2, 1, 1), (3, 2, 1)])
def test_distractors_share_the_subject_and_the_relation_in_turn(distractors, of_subject, of_relation):
    made = world(40, [1], [0], distractors, 0, 0)
    chains = [fact for problem in made.problems for fact in problem.chain]
    others = [fact for fact in made.facts if fact.document not in {each.document for each in chains}]
    for fact in chains:
        assert sum(other.subject == fact.subject for other in others) == of_subject
    strangers = [other for other in others if other.subject not in {fact.subject for fact in chains}]
    assert len(strangers) == of_relation * len(chains)
    assert {other.relation for other in strangers} <= {fact.relation for fact in chains}


def test_answers_are_spread_so_that_a_guess_is_at_chance():
    answers = [int(problem.answer) for problem in world(2000, [1], [0, 2, 4], 0, 0, 1).problems]
    assert max(answers.count(n) for n in range(RANGE)) < 45  # 20 expected each; 5 standard errors above is 42
    assert set(answers) == set(range(RANGE))


def test_the_same_seed_is_the_same_world(load):
    one, two, other = (load("research/synthetic", items=6, world=seed) for seed in (0, 0, 1))
    assert one.splits.corpus.digest == two.splits.corpus.digest != other.splits.corpus.digest
    assert len(one.splits.corpus) == sum(9 * len(s.target["facts"]) for s in one.splits.test)


def test_the_contract():
    check_task("research/synthetic", items=12)


@pytest.mark.parametrize(
    "args", [{"hops": [0]}, {"arithmetic": []}, {"items": 0}, {"contradictions": 2.0}, {"k": 0}]
)
def test_arguments_out_of_range_are_one_line(load, args):
    with pytest.raises(UsageError, match=next(iter(args))) as raised:
        load("research/synthetic", **args)
    assert "\n" not in str(raised.value)
