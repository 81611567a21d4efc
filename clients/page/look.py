"""Open pages in Chromium, act as people do, and print what is seen.

The input is a JSON list of steps; the output has one result for each.

Called with `{"browser", "page", "axe", "scheme", "steps"}` as JSON. A step is a list: what to do, and with what.
"""

import json
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

SIZE = {"width": 1440, "height": 1000}
READY = "html[data-ready]"


def main(asked):
    """Run the steps on a page."""
    with sync_playwright() as playwright:
        # A container has no sandbox of its own, and the page is ours.
        browser = playwright.chromium.launch(executable_path=asked["browser"], args=["--no-sandbox"])
        context = browser.new_context(viewport=SIZE, color_scheme=asked.get("scheme", "light"), offline=True)
        page = context.new_page()
        seen = {"requests": [], "messages": []}
        page.on("request", lambda request: seen["requests"].append(request.url))
        page.on("console", lambda message: seen["messages"].append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: seen["messages"].append(f"error: {error}"))
        page.on("dialog", lambda dialog: (seen["messages"].append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(asked["page"])
        page.wait_for_selector(READY)
        results = [run(page, asked, *step) for step in asked["steps"]]
        browser.close()
    return {"results": results, **seen}


def run(page, asked, what, *words):
    """Run one step and return its result."""
    return STEPS[what](page, asked, *words)


def check(page, asked):
    """Return what axe finds."""
    page.evaluate(Path(asked["axe"]).read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run(document)).violations")
    return [f"{each['id']}: {each['help']}: {node['html'][:200]}" for each in found for node in each["nodes"][:2]]


def settle(page, act, milliseconds):
    """Do something, and wait until the page has followed."""
    act()
    page.wait_for_timeout(milliseconds)


def print_page(page, _asked):
    """Return how many rows the printed table has."""
    page.emulate_media(media="print")
    page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
    return page.locator(".tabulator-print-table tbody tr").count()


def measure(page, asked, times):
    """Return for each of several openings how many seconds the page's thread worked.

    Until the table was there.
    """
    found = []
    for _ in range(times):
        other = page.context.new_page()
        session = page.context.new_cdp_session(other)
        # Other processes of a busy machine do not count.
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        other.goto(asked["page"])
        other.wait_for_selector(READY)
        metrics = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
        found.append(metrics["TaskDuration"])
        other.close()
    return found


STEPS = {
    "axe": check,
    "click": lambda page, _, where: page.locator(where).first.click(),
    "fill": lambda page, _, *words: settle(page, lambda: page.fill(*words), 300),
    "select": lambda page, _, *words: settle(page, lambda: page.select_option(*words), 300),
    "press": lambda page, _, key: settle(page, lambda: page.keyboard.press(key), 200),
    "focus": lambda page, _, where: page.locator(where).first.focus(),
    "texts": lambda page, _, where: page.locator(where).all_inner_texts(),
    "count": lambda page, _, where: page.locator(where).count(),
    "evaluate": lambda page, _, script: page.evaluate(script),
    "print": print_page,
    "open": measure,
}

print(json.dumps(main(json.loads(sys.argv[1]))))
