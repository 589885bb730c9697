"""Agents as the messages that their server sends, one after another: what is wanted, disturbed in one way."""

import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: more moves than any benchmark has room for
FOREVER = 400


class Scripted(ThreadingHTTPServer):
    """OpenAI's protocol, spoken by scripts: for every model the messages that it sends in turn, as JSON, of
    which the last is said again and again; or a function of the request's messages that gives one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, scripts):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scripts, self.lock = scripts, threading.Lock()
        self.rewind()
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def rewind(self):
        """Every script from its beginning; gives what was asked since the last time, by model: messages and
        tools of every request, in order."""
        told = getattr(self, "asked", {})
        self.places, self.asked = dict.fromkeys(self.scripts, 0), {name: [] for name in self.scripts}
        return told

    def next(self, body):
        script = self.scripts[body["model"]]
        self.asked[body["model"]].append({"messages": body["messages"], "tools": body.get("tools")})
        if callable(script):
            return script(body["messages"])
        with self.lock:
            place = self.places[body["model"]]
            self.places[body["model"]] += 1
        return script[min(place, len(script) - 1)]

    def stop(self):
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        return None

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        probe = body.get("max_tokens") == 1  # whether the model can be asked: no call of the run
        said = words("Hi") if probe else self.server.next(body)
        answer = {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": said}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        }
        raw = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


_numbers = itertools.count()


def words(text):
    return {"role": "assistant", "content": text}


def calls(*made, text=None, key=None):
    """A message with calls: pairs of a name and the text of its arguments."""
    return {
        "role": "assistant",
        "content": text,
        "tool_calls": [
            {
                "id": key or f"call_{next(_numbers)}",
                "type": "function",
                "function": {"name": name, "arguments": arguments},
            }
            for name, arguments in made
        ],
    }


def dumped(wanted):
    return [(name, json.dumps(arguments)) for name, arguments in wanted]


class Wanted:
    """What is right in one item: turns of calls, after each of which the agent says `closing`.

    `at_once`: the benchmark hears one message alone, so that all calls stand in it; `optional`: a parameter
    of the first call that may be null; `giant`: a call with a long result.
    """

    def __init__(self, turns, closing="Done.", at_once=False, optional="note", giant=None):
        self.turns, self.closing, self.at_once = turns, closing, at_once
        self.optional, self.giant = optional, giant
        self.first = next(call for turn in turns for call in turn)

    def messages(self, change=lambda made: dumped(made), at_once=False, **more):
        made = []
        for turn in self.turns:
            steps = [turn] if (at_once or self.at_once) and turn else [[call] for call in turn]
            made += [calls(*change(step), **more) for step in steps]
            made.append(words(self.closing))
        return made


def _plain(wanted):
    return wanted.messages()


def _parallel(wanted):
    return wanted.messages(at_once=True)


def _text_plus_call(wanted):
    return wanted.messages(text="On it.")


def _none_values(wanted):
    def with_none(made):
        return dumped([(name, {**given, wanted.optional: None}) for name, given in made])

    return wanted.messages(with_none)


def _unicode(wanted):
    def escaped(made):
        return [(name, _escaped(json.dumps(given))) for name, given in made]

    return wanted.messages(escaped, text="Gewiß 🙂 \u2028 \u202e")


def _escaped(text):
    """JSON with every letter within its texts escaped."""
    inside, made = False, []
    for before, letter in zip(" " + text, text, strict=False):
        inside ^= letter == '"' and before != "\\"
        made.append(f"\\u{ord(letter):04x}" if inside and letter.isalpha() and before != "\\" else letter)
    return "".join(made)


def _duplicate_ids(wanted):
    return wanted.messages(at_once=True, key="call_same")


def _before(*arguments):
    """A first call of what is wanted with other arguments, then all that is wanted."""

    def script(wanted):
        name, _ = wanted.first
        return [calls(*((name, text) for text in arguments)), *wanted.messages()]

    return script


def _unknown_tool(wanted):
    return [calls(("open_door", "{}")), *wanted.messages()]


def _loop(wanted):
    return [calls(*dumped([wanted.first])) for _ in range(FOREVER)]


def _empty_move(wanted):
    return [words(""), *wanted.messages()]


def _null_move(wanted):
    return [words(None), *wanted.messages()]


def _giant_result(wanted):
    return [calls(*dumped([wanted.giant])), *wanted.messages()]


def _refusal(wanted):
    return [words("I'm sorry, I can't help with that.")]


def _thoughts_in_the_text(wanted):
    thought = "<think>What now?\n</think>\n\n"
    made = wanted.messages(text=f"{thought}On it.")
    return [m if "tool_calls" in m else words(f"{thought}{m['content']}") for m in made]


def thinking(wanted):
    """What is wanted, with thoughts in a field of their own."""
    return [{**message, "reasoning_content": "What now?"} for message in wanted.messages()]


def dressed(wanted):
    """What is wanted, with the fields that servers add to the protocol's."""
    nothing = {"refusal": None, "annotations": [], "audio": None, "function_call": None, "tool_calls": []}
    details = [{"type": "reasoning.text", "text": "What now?", "format": "unknown", "index": 0}]
    thoughts = {"reasoning": "What now?", "reasoning_details": details}
    made = [{**nothing, **(thoughts if k % 2 else {}), **m} for k, m in enumerate(wanted.messages())]
    for call in (call for message in made for call in message["tool_calls"]):
        call |= {"index": 0, "extra_content": {"google": {"thought_signature": "abc"}}}
    return made


def _code_as_text(wanted):
    name, given = wanted.first
    hostile = dict.fromkeys(given, "__import__('os').getpid()") | {"x) or exit(": "1"}
    return [calls((name, json.dumps(hostile))), *wanted.messages()]


KINDS = {
    "plain": _plain,
    "parallel": _parallel,
    "text-plus-call": _text_plus_call,
    "none-values": _none_values,
    "unicode": _unicode,
    "duplicate-ids": _duplicate_ids,
    "unknown-tool": _unknown_tool,
    "loop": _loop,
    "empty-move": _empty_move,
    "null-move": _null_move,
    "broken-json": _before('{"a": '),
    "non-object": _before("5", "[1, 2]"),
    "no-arguments": _before(""),
    "giant-result": _giant_result,
    "refusal": _refusal,
    "thoughts": _thoughts_in_the_text,
    "code-as-text": _code_as_text,
}

#: other ways to write the arguments of a call, given its first parameter and that one's value
FORMS = {
    "object": lambda name, value: json.dumps({name: value}),
    "number": lambda name, value: "5",
    "text": lambda name, value: '"x"',
    "null": lambda name, value: "null",
    "empty-text": lambda name, value: '""',
    "list": lambda name, value: "[1, 2]",
    "nothing": lambda name, value: "",
    "stray-quote": lambda name, value: f'{json.dumps({name: value})}"',
    "trailing-comma": lambda name, value: f"{json.dumps({name: value})[:-1]},}}",
    "yaml": lambda name, value: f"{name}: {value}",
    "text-of-json": lambda name, value: json.dumps(json.dumps({name: value})),
    "key-twice": lambda name, value: f'{{"{name}": 0, {json.dumps({name: value})[1:]}',
    "bare-value": lambda name, value: str(value),
}
