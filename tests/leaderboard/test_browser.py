"""The site in a real browser, from `file://`: quiet, usable, accessible, and deaf to hostile content.

Screenshots of four widths are kept in build/screenshots.
"""

import json
import re
import threading
from pathlib import Path

import pytest

from harness.human.queue import FOLDER, Queue
from harness.human.shown import Shown
from harness.leaderboard import site as sites
from harness.leaderboard.live import Live
from harness.leaderboard.server import server
from harness.run.journal import Journal
from harness.spec import MetricRange
from harness.testing import seal_scores
from tests.browsing import browser  # noqa: F401

SHOTS = Path(__file__).parents[2] / "build" / "screenshots"
WIDTHS = (320, 768, 1280, 1920)
KINDS = ("index", "tasks/sums", "tasks/arc1d", "methods/vote", "grids/index", "runs/index", "run")


@pytest.fixture
def visit(browser):  # noqa: F811
    """Opens pages and remembers what they complain of and ask for."""
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:
        heard = []
        context.set_default_timeout(20_000)
        context.on("console", lambda m: heard.append(f"console {m.type}: {m.text}"))
        context.on("weberror", lambda e: heard.append(f"error: {e.error}"))
        context.on("dialog", lambda d: (heard.append(f"dialog: {d.message}"), d.dismiss()))
        context.on("request", lambda r: r.url.startswith(("file:", "data:")) or heard.append(r.url))

        def visit(url, page=None):
            page = page or context.new_page()
            page.goto(url)
            return page

        visit.heard = heard
        yield visit


def address(site, kind, state=""):
    if kind == "run":
        kind = "runs/" + sorted(p.stem for p in (site / "runs").glob("*.html") if p.stem != "index")[0]
    return (site / f"{kind}.html").as_uri() + (f"#{state}" if state else "")


def settled(page):
    """Waits until what was asked of the page has been drawn and it has nothing left to do. A browser without
    a screen sometimes draws nothing until it is asked again, for ever: after 5 seconds it goes on."""
    page.evaluate(
        "() => Promise.race([new Promise((done) => setTimeout(done, 5000)), new Promise((done) => "
        "requestAnimationFrame(() => requestAnimationFrame(() => requestIdleCallback(done))))])"
    )


def column(page, table, name):
    """The shown cells of a column."""
    return page.evaluate(
        """([table, name]) => {
          const heads = [...document.querySelectorAll(`#${table} thead th`)];
          const at = heads.findIndex((head) => head.innerText.trim().replace(/\\W+$/, "") === name);
          return [...document.querySelectorAll(`#${table} tbody tr`)].filter((row) => !row.hidden)
            .map((row) => row.cells[at].innerText.split("\\n")[0].trim());
        }""",
        [table, name],
    )


@pytest.mark.parametrize("kind", KINDS)
def test_pages_open_from_the_disk_without_a_word_or_a_request(site, visit, kind):
    page = visit(address(site, kind))
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_timeout(300)
    assert visit.heard == []
    assert page.title().endswith("harness")


def test_figures_are_drawn_in_the_colours_of_the_theme(site, visit):
    page = visit(address(site, "tasks/sums"))
    page.wait_for_selector(".plot .main-svg")
    colour = "document.querySelector('.plot .ytick text').style.fill"
    light = page.evaluate(colour)
    page.locator("#theme").click()
    page.locator("#theme").click()
    page.wait_for_function(f"{colour} !== '{light}'")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert visit.heard == []


def test_sorting_goes_down_up_and_back(site, visit):
    page = visit(address(site, "index"))
    original = column(page, "results", "value")
    head = page.locator("#results thead th", has_text="value").get_by_role("button")
    head.click()
    numbers = [float(v.split()[0]) for v in column(page, "results", "value")]
    assert numbers == sorted(numbers, reverse=True) and len(set(numbers)) > 3
    assert page.locator("#results th[aria-sort=descending]").count() == 1
    head.press("Enter")  # from the keyboard as well
    numbers = [float(v.split()[0]) for v in column(page, "results", "value")]
    assert numbers == sorted(numbers)
    head.click()
    assert column(page, "results", "value") == original


def test_unknown_prices_sort_last_both_ways(site, visit):
    page = visit(address(site, "tasks/sums"))
    for order in ("desc", "asc"):
        page.goto(address(site, "tasks/sums", f"rows-1.sort=USD-{order}"))
        page.reload()
        assert column(page, "rows-1", "USD")[-1] == "?"


def test_filters_narrow_rows_matrices_and_columns(site, visit):
    page = visit(address(site, "index"))
    page.locator("select[data-filter=method]").select_option("vote")
    assert set(column(page, "results", "method")) == {"vote"}
    heads = page.locator(".matrix thead th[data-method]:visible").all_inner_texts()
    assert set(heads) == {"vote"}
    page.locator("select[data-filter=model]").select_option("test/large")
    assert column(page, "results", "model") == ["test/large"]
    assert page.locator("[data-matrix]:visible h2").all_inner_texts() == ["test/large"]
    assert "1 of" in page.locator("[data-count]").inner_text()
    page.get_by_role("button", name="Reset").click()
    page.get_by_label("Find").fill("FLAKY")
    assert column(page, "results", "method") == ["flaky"]


def test_a_permalink_restores_what_was_chosen(site, visit):
    page = visit(address(site, "index"))
    page.locator("select[data-filter=task]").select_option("sums")
    page.locator("#results thead th", has_text="tokens").get_by_role("button").click()
    shown, link = column(page, "results", "tokens"), page.url
    assert "task=sums" in link and "results.sort=tokens-desc" in link
    other = visit(link)
    assert column(other, "results", "tokens") == shown
    assert other.locator("select[data-filter=task]").input_value() == "sums"
    other.evaluate("location.hash = 'method=vote'")
    other.wait_for_function("document.querySelector('[data-filter=method]').value === 'vote'")
    assert set(column(other, "results", "method")) == {"vote"}


def test_the_baseline_of_a_forest_can_be_chosen_and_linked_to(site, visit):
    page = visit(address(site, "tasks/sums"))
    block = page.locator("[data-switch=baseline]").first
    assert block.locator("[data-case=direct]").is_visible()
    block.get_by_label("Baseline").select_option("vote")
    block.locator("[data-case=vote] .main-svg").first.wait_for()
    assert not block.locator("[data-case=direct]").is_visible()
    again = visit(page.url)
    assert again.locator("[data-switch=baseline] [data-case=vote]").first.is_visible()
    block.locator("[data-case=vote] details summary").click()
    assert "direct x test/large" in block.locator("[data-case=vote] table").inner_text()


def run_page(store, site, method, model):
    for path in store.rglob("run.json"):
        record = json.loads(path.read_text())
        if (record["method"]["name"], record["model"], record["seed"]) == (method, model, 0):
            return (site / f"runs/{record['run_id'][:12]}.html").as_uri()
    raise LookupError(method)


def test_a_conversation_of_agents_is_drawn_round_by_round(store, site, visit):
    page = visit(run_page(store, site, "flaky", "test/small") + "#attempt=1%2F0")
    graphs = page.locator(".attempts details[open] .conversation svg")
    graphs.first.wait_for()
    assert graphs.count() == 3  # two rounds, and credits over rounds
    assert (
        graphs.nth(1).get_attribute("aria-label") == "Round 2: 2 hears 1, 1 hears 3 of the round before, "
        "1 hears 1 of the round before"
    )
    assert graphs.nth(1).locator("circle").count() == 3 and graphs.nth(1).locator(".adversary").count() == 1
    assert graphs.nth(0).locator(".adversary").count() == 0
    sizes = [float(each.get_attribute("r")) for each in graphs.nth(1).locator("circle").all()]
    assert sizes[0] > sizes[1] > sizes[2]
    assert graphs.nth(1).locator("circle").nth(2).get_attribute("fill") == "none"
    assert "adversaries, for D: 2 from round 2" in page.locator(".conversation p").inner_text()
    assert visit.heard == []


def test_a_timeline_shows_who_acted_and_the_curves_of_effort_are_drawn(teams, tmp_path, visit):
    sites.build(teams, tmp_path / "site")
    page = visit(
        run_page(teams, tmp_path / "site", "ask-when-uncertain", "sim/clerk") + "#attempt=test-0%2F0"
    )
    lanes = page.locator(".attempts details[open] svg.timeline")
    lanes.wait_for()
    told = lanes.get_attribute("aria-label")
    assert told.startswith(
        "Who acted, in order. agent: list_offers; agent: ask_human; human: question (7.5 s)"
    )
    asked = told.count("human: question")
    assert lanes.locator("g.acts.human").count() == asked + told.count("human: refused") > asked
    hollow = lanes.locator('g.acts.human rect[fill="none"]')
    assert hollow.count() == told.count("human: refused") == 1
    assert (
        f"The person acted {asked} times" in page.locator(".attempts details[open] p.soft").last.inner_text()
    )
    (task,) = (tmp_path / "site/tasks").glob("*.html")
    page = visit(task.as_uri())
    for heading in ("Net utility over the price", "success against the person's effort"):
        drawn = page.locator("figure", has_text=heading).last.locator(".plot")
        drawn.scroll_into_view_if_needed()
        drawn.locator(".scatterlayer .trace").first.wait_for()
        assert drawn.locator(".scatterlayer .trace").count() == 2
    assert visit.heard == []


def test_attempts_are_filtered_searched_opened_and_linked_to(store, site, visit):
    page = visit(run_page(store, site, "flaky", "test/small"))
    items = page.locator(".attempts > li")
    items.first.wait_for()
    assert page.locator("#attempts output").inner_text() == "60 of 60 attempts"
    assert items.count() == 50
    page.get_by_role("button", name="Show more").click()
    assert items.count() == 60
    page.get_by_label("Outcome").select_option("error")
    assert items.count() == 10
    items.nth(1).locator("summary").click()
    items.nth(1).get_by_text("the model is gone").first.wait_for()
    page.wait_for_function("location.hash.includes('attempt=6%2F0')")
    other = visit(page.url)
    other.locator(".attempts details[open]").wait_for()
    assert other.get_by_label("Outcome").input_value() == "error"
    assert "the model is gone" in other.locator(".attempts details[open]").inner_text()
    other.get_by_label("Outcome").select_option("")
    other.get_by_label("Find").fill("answer is 59")
    assert other.locator(".attempts > li .id").all_inner_texts() == ["59"]
    assert visit.heard == []


def test_an_attempt_shows_question_target_answer_and_every_metric(tmp_path, visit):
    seal_scores(
        tmp_path / "results", [0.25, 1.0, 0.0], metric_range=MetricRange(0.0, 1.0, lower_is_better=True)
    )
    sites.build(tmp_path / "results", tmp_path / "site")
    page = visit(address(tmp_path / "site", "run"))
    items = page.locator(".attempts > li")
    items.first.wait_for()
    assert items.locator(".tag").all_inner_texts() == ["scored"] * 3  # a graded metric has no right and wrong
    items.first.locator("summary").click()
    body = items.first.locator(".attempt")
    assert "accuracy 0.25" in body.inner_text()
    told = dict(zip(body.locator("h3").all_inner_texts(), body.locator("pre").all_inner_texts(), strict=True))
    assert told["Question"] == "item-0" and told["Target"] == "right" and told["Answer as read"] == "wrong"
    assert "lower is better" in page.locator("#metrics").inner_text() and visit.heard == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contours_are_drawn_and_their_line_is_seen_on_either_page(tmp_path, visit, theme):
    for reasoning in (500, 2000, 8000):
        for searches in (1, 4, 16):
            seal_scores(
                tmp_path / "results",
                [float(n < 10 + reasoning / 400 + searches) for n in range(60)],
                method_args={"reasoning": reasoning, "searches": searches},
                used={"reasoning_tokens": reasoning, "retrieved_tokens": 100 * searches},
                draws="none",
            )
    sites.build(tmp_path / "results", tmp_path / "site")
    page = visit(address(tmp_path / "site", "tasks/simulated"))
    page.emulate_media(color_scheme=theme)
    figure = page.locator('.plot[aria-label*="over reasoning and searches"]')
    figure.scroll_into_view_if_needed()
    figure.locator(".contourlayer path").first.wait_for(state="attached")
    marks = figure.locator(".xtick text").all_text_contents()
    assert "0.5" in marks and "5" in marks, marks
    line = figure.locator(".legendlines path.js-line").first.evaluate("e => getComputedStyle(e).stroke")
    behind = page.evaluate("getComputedStyle(document.body).backgroundColor")
    numbers = [[int(part) for part in re.findall(r"\d+", colour)[:3]] for colour in (line, behind)]
    assert sum(abs(a - b) for a, b in zip(*numbers, strict=True)) > 150, (line, behind)
    assert visit.heard == []


def test_the_keyboard_reaches_everything(store, site, visit):
    page = visit(run_page(store, site, "flaky", "test/small"))
    page.locator(".attempts > li").first.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.press("Escape")
    page.locator(".attempts summary").first.focus()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    assert page.locator(".attempts > li").nth(1).locator("details[open]").count() == 1


def test_a_task_argument_over_sections_has_its_curve(site, visit):
    page = visit(address(site, "tasks/arc1d") + "#across")
    page.locator("#across .main-svg").first.wait_for()
    assert "ranks nothing" in page.locator("#across").inner_text()
    assert page.locator("h2", has_text="level=1").count() >= 1


@pytest.mark.parametrize("kind", KINDS)
def test_no_serious_barrier_to_anyone(site, visit, kind):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    page = visit(address(site, kind))
    page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        settled(page)
        found = axe.Axe().run(page).response["violations"]
        grave = [
            (v["id"], [n["html"][:200] for n in v["nodes"][:3]])
            for v in found
            if v["impact"] in ("serious", "critical")
        ]
        assert grave == [], scheme


@pytest.mark.parametrize("kind", KINDS)
def test_pages_fit_every_width(site, visit, kind):
    page = visit(address(site, kind))
    SHOTS.mkdir(parents=True, exist_ok=True)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.reload()  # figures are laid out for the width they find
        if kind == "run":
            page.locator(".attempts > li").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        height = min(page.evaluate("document.documentElement.scrollHeight"), 5000)
        page.set_viewport_size({"width": width, "height": height})
        settled(page)
        page.screenshot(path=SHOTS / f"{kind.replace('/', '-')}-{width}.png")


def test_hostile_content_is_text(hostile, tmp_path, visit):
    site = tmp_path / "site"
    sites.build(hostile, site)
    page = None
    for path in sorted(site.rglob("*.html")):
        page = visit(path.as_uri(), page)
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        if path.parent.name == "runs" and path.stem != "index":
            page.locator(".attempts .attempt pre").first.wait_for()
            titles = set(page.locator(".attempts .attempt h3").all_inner_texts())
            assert titles >= {"Question", "Target", "Answer as read"}
        assert page.evaluate("window.pwned") is None, path
        assert page.locator("main img").count() == 0
    assert visit.heard == []
    assert "<script>" in page.locator("main").inner_text()


def test_the_live_view_shows_progress_and_reloads(seal_run, tmp_path, visit):
    root = tmp_path / "results"
    seal_run(root, [1.0, 0.0])
    (tmp_path / "site").mkdir()
    live = Live(root, sites.Options(), tmp_path / "site")
    live.follow()
    http = server(live, 0)
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    try:
        with Journal(root / ".running" / "abc") as journal:
            journal.describe("sums x vote <b>", 4, {})
            journal.append({"n": 0, "epoch": 0, "status": "ok"})
            page = visit(f"http://localhost:{http.server_port}/#task=sums")
            page.get_by_text("1 of 4 attempts").wait_for()
            assert "sums x vote <b>" in page.locator(".live").inner_text()
            journal.remove()
        seal_run(root, [1.0, 1.0], method="vote")
        live.follow()
        page.locator("#results td", has_text="vote").first.wait_for()
        assert page.url.endswith("#task=sums")
    finally:
        http.shutdown()
        http.server_close()


def test_the_live_view_links_to_the_page_where_people_answer(seal_run, tmp_path, visit):
    root = tmp_path / "results"
    seal_run(root, [1.0, 0.0])
    (tmp_path / "site").mkdir()
    live, queue = Live(root, sites.Options(), tmp_path / "site"), Queue(root / FOLDER)
    live.follow()
    http = server(live, 0)
    threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
    try:
        for id in ("a1", "b2"):
            queue.ask(id, Shown("s", 0, "", (), "Which day?"), "browser")
        page = visit(f"http://localhost:{http.server_port}/")
        page.get_by_text("2 questions wait for a person: harness human serve shows the page").wait_for()
        queue.reply("a1", "Monday")
        lock = queue.serve("http://127.0.0.1:1/")
        page.get_by_text("1 question waits for a person: answer").wait_for()
        assert page.get_by_role("link", name="answer").get_attribute("href") == "http://127.0.0.1:1/"
        assert queue.token() not in page.content(), "whoever reads the board can't answer for a person"
        queue.reply("b2", "Monday")
        page.locator(".live").wait_for(state="hidden")
        lock.release()
    finally:
        http.shutdown()
        http.server_close()
