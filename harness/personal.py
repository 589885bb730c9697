"""What models are told of a user: one wording for every method, which the simulated person reads too.

The wording is ours. What the prompts must say is second-hand: PersonaAgent (arXiv 2506.06254) was not at
hand, nor any code of its authors; the contents follow third-party re-implementations that say to follow its
appendix.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.base import messages

if TYPE_CHECKING:
    from inspect_ai.model import ChatMessage

#: with these sentences begin the prompts that are no question of the task
SUMMARISE = "You write a short profile of one user from what this user did."
FEEDBACK = "You are a strict evaluator of an assistant that stands in for one user."
REWRITE = "You are a prompt engineer. You revise the system prompt of an assistant that serves one user."
#: what stands above records of a user in any prompt, and above results of a search
RECORDS = "What this user did before, oldest first:"
OBSERVATION = "Observation:"
NOTHING_FOUND = "nothing was found"
#: the head of the list of tools
TOOLS = "Tools, of which you use one a message:"
HISTORY, CORPUS = "search_history", "search_corpus"
#: the least tool uses that the persona's rules ask for
LEAST_TOOLS = 2

_REQUEST, _RESPONSE = "Request: ", "Response: "
_BETWEEN = "\n--\n"
_RECORD = re.compile(rf"^{_REQUEST}(.*?)^{_RESPONSE}(.*?)(?=^--$|\Z)", re.MULTILINE | re.DOTALL)
_ACTION = re.compile(rf"^\W{{0,4}}Action\W{{0,4}}:\s*({HISTORY}|{CORPUS})\W{{0,3}}:?\s*(.*)", re.MULTILINE)
_ANSWER = re.compile(r"^\W{0,4}Answer\W{0,4}:[*\s]*", re.MULTILINE)
_GENERIC = "You are a helpful personal assistant of one user."
_RULES = (
    "Rules for your tools, without exception:\n"
    "1. Think step by step about which information you need.\n"
    f"2. Use tools at least {LEAST_TOOLS} times before you answer.\n"
    "3. Use them precisely, and take the most accurate information that they give.\n"
    "4. Then give a clear, short answer without an explanation."
)


def records(pairs: Sequence[tuple[str, str]]) -> str:
    """Requests with the user's responses as text, for `read_records`."""
    return _BETWEEN.join(f"{_REQUEST}{_quoted(query)}\n{_RESPONSE}{_quoted(said)}" for query, said in pairs)


def _quoted(text: str) -> str:
    """A text in which no line looks like the start of a record or its end."""
    return re.sub(rf"^(?={_REQUEST}|{_RESPONSE}|--$)", " ", text.strip(), flags=re.MULTILINE)


def read_records(text: str) -> list[tuple[str, str]]:
    """The requests and responses that stand in a text as `records` writes them."""
    return [(query.strip(), said.strip().partition("\n\n")[0]) for query, said in _RECORD.findall(text)]


# -- memory and persona ------------------------------------------------------------------------------------


def profile_prompt(instruction: str, pairs: Sequence[tuple[str, str]]) -> list[ChatMessage]:
    """Asks for the semantic memory: a stable profile, from all that is known of the user."""
    parts = [
        SUMMARISE,
        f"The profile will help an assistant with this task: {instruction}",
        f"{RECORDS}\n\n{records(pairs)}",
        "Write at most 200 words: what this user likes and dislikes, how the user decides, and patterns that "
        "hold for new requests. State only what the records show. Reply with the profile alone.",
    ]
    return [messages.user("\n\n".join(parts))]


def first_persona(profile: str) -> str:
    """The persona before alignment, of a profile; a generic one without."""
    told = (
        f"Take more than {LEAST_TOOLS} actions, find out what the user prefers, and answer as the user would."
    )
    about = [f"About this user:\n{profile.strip()}"] if profile.strip() else []
    return "\n\n".join([f"{_GENERIC} {told}", *about, _RULES])


def generic_persona() -> str:
    """The system prompt of an agent that knows nothing of anybody."""
    return "You are a helpful assistant. Answer the request as well as you can."


def neutral_persona(characters: int) -> str:
    """A text of general advice that says nothing of anybody, as long as a persona is: whole sentences, the
    last one cut at a word."""
    advice = (
        "Read the request with care. Consider what is asked for before you answer. Keep to the form that the "
        "request names. Be polite and clear. Weigh each of the possible answers. Prefer plain words to rare "
        "ones. Check your answer once more before you give it. Do not add what nobody asked for. "
    )
    text = f"{generic_persona()} {advice * (characters // len(advice) + 1)}"
    return cut(text, characters)


def cut(text: str, characters: int) -> str:
    """A text of so many characters at most, cut at a space where there is one."""
    text = text.strip()
    if len(text) <= characters:
        return text
    return text[: characters + 1].rpartition(" ")[0] or text[:characters]


# -- alignment ---------------------------------------------------------------------------------------------


def feedback_prompt(query: str, wanted: str, said: str) -> list[ChatMessage]:
    """Asks what to change in the persona, given what the user truly answered and what the assistant said."""
    parts = [
        FEEDBACK,
        records([(query, wanted)]),
        f"The assistant said: {said.strip() or '(nothing)'}",
        "Say in at most three sentences how the assistant's system prompt should change, so that it answers "
        "as "
        "this user does. Consider (1) which search words find what matters for this user, (2) how earlier "
        "interactions and preferences should be used, (3) a description of the user that holds beyond this "
        "task.",
    ]
    return [messages.user("\n\n".join(parts))]


def rewrite_prompt(persona: str, feedback: Sequence[str]) -> list[ChatMessage]:
    """Asks for one rewrite of the persona from all feedback at once."""
    listed = "\n".join(f"[{n}] {each.strip()}" for n, each in enumerate(feedback, 1))
    parts = [
        REWRITE,
        f"The system prompt now:\n<<<\n{persona.strip()}\n>>>",
        f"What an evaluator said of simulated answers:\n<<<\n{listed}\n>>>",
        "Write a new system prompt that states what is particular to this user and tells the assistant to "
        "follow it, in a helpful and clear tone. Keep the rules for tools. Reply with the system prompt "
        "alone.",
    ]
    return [messages.user("\n\n".join(parts))]


def rewrite_parts(text: str) -> tuple[str, str] | None:
    """Persona and feedback of a prompt that `rewrite_prompt` made; None of another text."""
    found = re.findall(r"<<<\n(.*?)\n>>>", text, re.DOTALL)
    return (found[0], found[1]) if text.startswith(REWRITE) and len(found) == 2 else None


# -- actions -----------------------------------------------------------------------------------------------


def manual(corpus: bool, rounds: int) -> str:
    """How tools are used, for the end of a system prompt."""
    tools = [f"{HISTORY}: finds earlier requests of this user that are like your query, with the responses"]
    if corpus:
        tools.append(f"{CORPUS}: finds passages of general knowledge about your query")
    listed = "\n".join(f"- {tool}" for tool in tools)
    return (
        f"{TOOLS}\n{listed}\n\nTo use one, end your message with a line such as\nAction: {HISTORY}: a short "
        "query\nand wait for its observation. When you know enough, end with a line\nAnswer: your answer, in "
        f"the form that the request asks for\nAt most {rounds} actions are possible."
    )


def read_action(text: str) -> tuple[str, str] | None:
    """The tool that a message uses and its query, as long as no answer stands before it."""
    action, answer = _ACTION.search(text), _ANSWER.search(text)
    if action is None or (answer is not None and answer.start() < action.start()):
        return None
    return action[1], action[2].strip().strip("\"'`*[]")


def read_answer(text: str) -> str:
    """What follows the last `Answer:` of a message; all of it where there is none."""
    marks = list(_ANSWER.finditer(text))
    return text[marks[-1].end() :].strip() if marks else text.strip()
