"""Scripts in every text that a record, an answer or a question may hold: none is one on the site."""

import html.parser
import re

import pytest

from harness.leaderboard.site import Options, build
from tests.leaderboard.conftest import _seal_run

pytestmark = pytest.mark.faults
PAYLOADS = [
    "</script><script>pwned()</script>",
    '"><img src=x onerror=pwned()>',
    "'><svg onload=pwned()>",
    "<iframe srcdoc='<script>pwned()</script>'>",
    "javascript:pwned()",
    "[x](javascript:pwned())",
    "{{ 7 * 7 }}{% raw %}",
    "{{ ''.__class__.__mro__ }}",
    "--><script>pwned()</script><!--",
    "]]><script>pwned()</script>",
    "<!--<script>",
    "\u2028pwned()\u2029",
    '\\"};pwned();//',
    "`${pwned()}`",
    "<a href='data:text/html,<script>pwned()</script>'>x</a>",
    "<style>@import 'http://evil'</style>",
    "<base href=http://evil>",
    "<meta http-equiv=refresh content=0;url=http://evil>",
    "&lt;script&gt;pwned()&lt;/script&gt;",
    "\x00<script>pwned()</script>",
    "<scr\x00ipt>pwned()</scr\x00ipt>",
    "\x1b[31m\u202e<b>",
    "<math><mi xlink:href='javascript:pwned()'>",
    "$\\href{javascript:pwned()}{x}$",
    "=HYPERLINK(1)\\input{/etc/passwd}%",
]


class Page(html.parser.HTMLParser):
    """What of a page could act."""

    def __init__(self, text):
        super().__init__()
        self.acts = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag in ("iframe", "object", "embed", "base", "math", "img"):
            self.acts.append(tag)
        if tag == "script" and not re.fullmatch(r"(\.\./)*assets/[a-z.]+\.js", values.get("src", "")):
            if values.get("type") != "application/json" and "src" not in values:
                self.acts.append(values)
        for name, value in attributes:
            acting = re.match(r"\s*(javascript|data|vbscript):", value or "", re.IGNORECASE)
            if (
                name.startswith("on")
                or name in ("action", "formaction")
                or (acting and not (tag == "link" and name == "href"))
            ):
                self.acts.append((tag, name, value))


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_no_text_acts(tmp_path, payload):
    seal_run = _seal_run()
    plain = payload.replace("\x00", "")
    for model in ("m/a", f"m/{plain}"):
        texts = {name: lambda n: f"{n} {plain}" for name in ("completion", "sample_id", "question")}
        seal_run(tmp_path / "results", [1.0, 0.0, 1.0], model=model, **texts)
    build(tmp_path / "results", tmp_path / "site", Options())
    pages = [*(tmp_path / "site").rglob("*.html")]
    assert len(pages) > 5
    for path in pages:
        text = path.read_text("utf-8")
        assert Page(text).acts == [], path
        assert ">49<" not in text
    for path in (tmp_path / "site").rglob("*.js"):
        assert "</script" not in path.read_text("utf-8").lower() or path.parent.name == "assets"
