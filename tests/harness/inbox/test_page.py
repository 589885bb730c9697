"""The page in a real browser: a person answers, late, twice, after a restart, and never by accident."""

import json
import re
import time

import pytest

from harness.human import queue as queues
from tests.browsing import browser  # noqa: F401
from tests.harness.inbox.conftest import serving

SCRIPT = '"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'


@pytest.fixture
def context(browser):  # noqa: F811
    with browser.new_context() as context:
        context.set_default_timeout(20_000)
        context.heard = []
        context.on("weberror", lambda e: context.heard.append(str(e.error)))
        yield context


def visit(context, http, queue):
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{http.server_port}/?token={queue.token()}")
    return page


def opened(page, text):
    """Waits until a request is open."""
    page.locator("#text", has_text=text).wait_for()


def waits(found, seconds=10):
    """What `found` gives, as soon as it gives something."""
    for _ in range(int(seconds / 0.02)):
        if value := found():
            return value
        time.sleep(0.02)
    raise AssertionError("it never came")


def chooses(page, id):
    page.locator(f"[data-id={id}]").click()


def test_two_wait_one_is_answered_late_and_the_page_is_closed_and_opened_again(context, queue, put, http):
    put("a1", "Which day?", dialogue=(("The assistant", "Hello."), ("You", "Hello too.")))
    put("b2", "Which hour?", sample="s2")
    page = visit(context, http, queue)
    assert "token" not in page.url
    opened(page, "Which day?")
    page.get_by_text("2 wait for you").wait_for()
    assert page.locator("#brief pre").inner_text() == "A secret."
    assert page.locator("#dialogue dd").all_inner_texts() == ["Hello.", "Hello too."]
    page.get_by_label("Your answer").fill("Mon")
    chooses(page, "b2")
    opened(page, "Which hour?")
    page.get_by_label("Your answer").fill("Ten")
    page.get_by_role("button", name="Send").click()
    assert waits(lambda: queue.said("b2")).text == "Ten"
    opened(page, "Which day?")
    page.close()

    again = context.new_page()
    again.goto(f"http://127.0.0.1:{http.server_port}/")
    opened(again, "Which day?")
    assert again.get_by_label("Your answer").input_value() == "Mon", "what was being typed is still there"
    again.get_by_label("Your answer").press_sequentially("x")
    again.get_by_label("Your answer").fill("Monday")
    again.get_by_role("button", name="Send").click()
    again.get_by_text("Nothing waits for you now").wait_for()
    late, early = queue.said("a1"), queue.said("b2")
    assert late.text == "Monday" and late.seconds > early.seconds > 0, "timed from when it was first shown"
    assert not again.locator("#open").is_visible() and context.heard == []


def test_every_kind_of_request_has_its_buttons(context, queue, put, http):
    call = ("pay", {"euros": 2})
    put("q", "Which colour?", choices=("red", "blue"))
    put("yes", "The red one.", "approval", call)
    put("no", "The red one.", "approval", call)
    put("other", "", "approval", call)
    put("plan", "1. Buy it.", "plan")
    put("move", "You do it.", "move", choices=("pay", "wait"))
    put("pass", "You do it.", "move", choices=("pay",))
    put("any", "Say it.", "question")
    page = visit(context, http, queue)

    def answer(id, act):
        chooses(page, id)
        page.locator(f"[data-id={id}][aria-current]").wait_for()
        act()
        return waits(lambda: queue.said(id)).text

    def press(name):
        page.get_by_role("button", name=name, exact=True).click()

    def fill(label, text):
        page.get_by_label(label).fill(text)

    assert answer("q", lambda: press("blue")) == "blue"
    assert answer("yes", lambda: press("Approve")) == "approve"
    assert answer("no", lambda: (fill("Reason", "too dear"), press("Reject"))) == "reject: too dear"
    shown = []
    other = json.dumps({"name": "pay", "arguments": {"euros": 1}})
    label = "The call that you want"
    said = answer(
        "other",
        lambda: (shown.append(page.get_by_label(label).input_value()), fill(label, other), press("Change")),
    )
    assert said == f"edit: {other}" and json.loads(shown[0]) == {"name": "pay", "arguments": {"euros": 2}}
    assert (
        answer("plan", lambda: (fill("The plan that you want", "1. Wait."), press("Change")))
        == "edit: 1. Wait."
    )
    chooses(page, "move")
    page.locator("[data-id=move][aria-current]").wait_for()
    assert "Tools: pay, wait" in page.locator("#form").inner_text()
    assert (
        answer("move", lambda: (fill("Calls as JSON", f"[{other}]"), press("Make the move"))) == f"[{other}]"
    )
    assert answer("pass", lambda: press("Decline")) == "decline"
    assert answer("any", lambda: (fill("Your answer", "it\nis \x1bit"), press("Send"))) == "it\nis it"
    assert context.heard == []


def test_a_reply_without_its_form_stays_and_says_why(context, queue, put, http):
    put("move", "You do it.", "move", choices=("pay",))
    page = visit(context, http, queue)
    opened(page, "You do it.")
    page.get_by_label("Calls as JSON").fill("pay two")
    page.get_by_role("button", name="Make the move").click()
    page.locator("#fault", has_text="can't be read").wait_for()
    assert page.get_by_label("Calls as JSON").input_value() == "pay two" and queue.said("move") is None
    page.get_by_role("button", name="Decline").click()
    assert waits(lambda: queue.said("move")).text == "decline"


def test_enter_approves_nothing(context, queue, put, http):
    put("pay", "The red one.", "approval", ("pay", {}))
    page = visit(context, http, queue)
    opened(page, "The red one.")
    page.get_by_label("Reason").fill("too dear")
    sent = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.get_by_label("Reason").press("Enter")
    page.wait_for_timeout(200)
    assert sent == [] and queue.said("pay") is None and context.heard == []


def test_of_two_pages_on_one_question_the_second_is_told(context, browser, queue, put, http):  # noqa: F811
    put("a1", "Which day?")
    first = visit(context, http, queue)
    with browser.new_context() as other:
        other.set_default_timeout(20_000)
        second = visit(other, http, queue)
        for page, day in ((first, "Monday"), (second, "Tuesday")):
            opened(page, "Which day?")
            page.get_by_label("Your answer").fill(day)
        second.route("**/waiting.json", lambda route: None)  # it looks no more, and so can't know
        first.get_by_role("button", name="Send").click()
        assert waits(lambda: queue.said("a1")).text == "Monday"
        second.get_by_role("button", name="Send").click()
        second.locator("#fault", has_text=re.compile("doesn't count.*Monday")).wait_for()
        assert second.get_by_role("button", name="Send").is_disabled()
    assert queue.said("a1").text == "Monday"


def test_a_question_that_nobody_waits_for_any_more_is_gone(context, queue, put, http):
    put("a1", "Which day?")
    page = visit(context, http, queue)
    opened(page, "Which day?")
    queue.give_up("a1", "The time for a reply is over.")
    page.get_by_text("Gone: The time for a reply is over.").wait_for()
    assert page.get_by_role("button", name="Send").is_disabled()
    queue._asker.release()  # its evaluation has ended
    page.get_by_text("Gone: Nobody waits for this any more.").wait_for()


def test_a_question_of_a_stopped_evaluation_is_told_apart_answered_or_removed(context, queue, put, http):
    put("a1", "Which day?")
    put("b2", "Which hour?")
    queue._asker.release()
    page = visit(context, http, queue)
    page.locator("[data-id=a1]").wait_for()
    assert page.locator("#waiting small").first.inner_text() == "question, sample s1 (not running)"
    chooses(page, "a1")
    page.get_by_text("kept for when it is started again").wait_for()
    page.get_by_label("Your answer").fill("Monday")
    page.get_by_role("button", name="Send").click()
    assert waits(lambda: queue.said("a1")).text == "Monday"
    page.locator("[data-id=a1]").wait_for(state="detached")
    page.get_by_role("button", name="Remove").click()
    page.locator("[data-id=b2]").wait_for(state="detached")
    assert queue.waiting() == []


def test_a_server_that_is_started_again_goes_on_with_the_open_page(context, queue, put):
    put("a1", "Which day?")
    with serving(queue) as http:
        port = http.server_port
        page = visit(context, http, queue)
        opened(page, "Which day?")
        page.get_by_label("Your answer").fill("Monday")
    page.get_by_role("button", name="Send").click()
    page.get_by_text(re.compile("nothing was sent")).wait_for()
    page.get_by_text(re.compile("start 'harness human serve' again")).wait_for()
    with serving(queues.Queue(queue.folder), port):
        page.get_by_text("1 waits for you").wait_for()
        assert page.get_by_label("Your answer").input_value() == "Monday"
        page.get_by_role("button", name="Send").click()
        assert waits(lambda: queue.said("a1")).text == "Monday"


def test_what_is_shown_is_text(context, queue, put, http):
    put("a1", SCRIPT, choices=(SCRIPT,), sample=SCRIPT, brief=SCRIPT, dialogue=((SCRIPT, SCRIPT),))
    put("b2", SCRIPT, "approval", (SCRIPT, {SCRIPT: SCRIPT}))
    page = visit(context, http, queue)
    for id in ("a1", "b2"):
        chooses(page, id)
        page.locator(f"[data-id={id}][aria-current]").wait_for()
        assert SCRIPT in page.locator("#text").inner_text()
        assert page.locator("img").count() == 0 and page.evaluate("window.pwned") is None


@pytest.mark.parametrize("width", [320, 1280])
def test_no_serious_barrier_to_anyone_at_any_width(context, queue, put, http, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    put("a1", "Which day? " + "x" * 300, choices=("Monday", "Tuesday"))
    put("b2", "Pay.", "approval", ("pay", {"to": "y" * 300}))
    page = visit(context, http, queue)
    page.set_viewport_size({"width": width, "height": 800})
    for id in ("a1", "b2"):
        chooses(page, id)
        page.locator(f"[data-id={id}][aria-current]").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found = axe.Axe().run(page).response["violations"]
            grave = [
                (v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")
            ]
            assert [(v["id"], v["nodes"][0]["html"]) for v in grave] == [], scheme
