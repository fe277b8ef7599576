"""The report in a real browser: hostile text does nothing, and readers can sort, filter, search and turn pages."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report_runs import HOSTILE, curse_metrics, write_run

import suite
from suite.models.scripted import ScriptedModel
from suite.progress import Silent
from suite.report import build_report
from suite.store import Store

pytestmark = pytest.mark.slow
PHONE, DESK = {"width": 390, "height": 800}, {"width": 1280, "height": 900}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on PATH")
    with playwright.sync_playwright() as api:
        running = api.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report in which every text that comes from outside is hostile."""
    results = tmp_path_factory.mktemp("report")
    metrics = curse_metrics(HOSTILE, HOSTILE, control="ctx")
    write_run(results, "run-a", text=HOSTILE, n_samples=40, metrics=metrics)
    write_run(results, "run-b", text="plain", model="hf/tame")
    write_run(results, "run-c", text=HOSTILE, task=HOSTILE)
    keys = {
        "metric": HOSTILE,
        "model": HOSTILE,
        "source": HOSTILE,
        "verified": HOSTILE,
        "condition": {HOSTILE: HOSTILE},
    }
    Store(results).add_reference([{"task": "reversal_curse", "value": 0.9, **keys}])
    return build_report(results).parent


@pytest.fixture
def problems() -> Iterator[list[str]]:
    """What a page did that it must not: dialogs, errors, requests. Looked at when the test ends."""
    found: list[str] = []
    yield found
    assert found == []


def opened(browser: Any, file: Path, problems: list[str], size: dict[str, int], scheme: str = "light") -> Any:
    page = browser.new_page(viewport=size, color_scheme=scheme)
    page.on("dialog", lambda dialog: (problems.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("pageerror", lambda error: problems.append(f"error {error}"))
    page.on("console", lambda said: said.type in ("error", "warning") and problems.append(f"console {said.text}"))
    page.on("request", lambda sent: not sent.url.startswith(("file:", "data:")) and problems.append(sent.url))
    page.goto(file.as_uri())
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_is_quiet_and_fits_its_screen(
    browser: Any, site: Path, problems: list[str], size: dict[str, int], scheme: str
) -> None:
    files = sorted(site.glob("*.html"))
    assert len(files) == 7
    for file in files:
        page = opened(browser, file, problems, size, scheme)
        charts = page.locator("[data-chart]").count()
        for number in range(charts):
            page.locator("[data-chart]").nth(number).locator("svg").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], f"{file.name} scrolls sideways"
        assert page.locator("img[src=x]").count() == 0
        page.close()


def test_hostile_text_is_shown_as_text(browser: Any, site: Path, problems: list[str]) -> None:
    shown = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    page = opened(browser, site / "run-run-a.html", problems, DESK)
    assert "<img src=x onerror=alert(2)>" in page.inner_text("h1")
    page.locator("#browser details summary").first.click()
    assert shown in page.locator("#browser details[open] pre").first.inner_text()
    assert shown in page.inner_text("#metrics")
    page.close()
    page = opened(browser, site / "task-reversal_curse.html", problems, DESK)
    chart = page.locator("[data-chart=wordings] svg")
    chart.wait_for()
    for mark in chart.locator(".mark-rect path").all()[:3]:
        mark.hover(force=True)  # tooltips are HTML made from data
    assert shown in page.inner_text("#published")
    page.close()


ANSWERS = {
    "script": "<script>window.harmed = 1</script><img src=x onerror='window.harmed = 2'>{}",
    "half a surrogate pair and no characters": "half \ud83d half \udc00 \x00\x07\x1b[31m \ufffe \u2028\u2029 end",
    "one line of a megabyte": "ha" * 500_000,
    "marks that turn the direction of text": "\u202eevil\u202c \u200f\u2067abc\u2069 \u05d0\u05d1 {2, 3}",
    "combining marks without end": "e" + "\u0301" * 3000,
}


def test_hostile_answers_stay_inert_and_leave_the_page_quick(browser: Any, tmp_path: Path, problems: list[str]) -> None:
    """From the model through journal, database and export onto the screen."""
    texts = iter(list(ANSWERS.values()) * 100)
    model = ScriptedModel("hostile", text=lambda *_: next(texts))
    options = {"forms": ["i2"], "sizes": [4], "overlaps": ["uniform"], "vocabularies": ["animals"], "twins": False}
    given: dict[str, Any] = {"options": options, "modes": ["generate"], "results": tmp_path, "reporter": Silent()}
    run = suite.run("set_reasoning", model, limit=len(ANSWERS), **given)
    assert run.n_failed == 0
    began = time.monotonic()
    file = build_report(tmp_path).parent / f"run-{run.run_id}.html"
    page = opened(browser, file, problems, PHONE)
    shows(page, f"1 to {run.n_samples} of {run.n_samples}")
    for summary in page.locator("#browser details summary").all():
        summary.click()
    shown = "\n".join(page.locator("#browser details[open] pre").all_inner_texts())
    assert time.monotonic() - began < 20
    assert ANSWERS["script"] in shown
    assert "half ? half ?" in shown
    assert "996,000 characters more" in shown
    assert page.evaluate("window.harmed") is None
    assert page.evaluate("document.querySelectorAll('#browser script, #browser img').length") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    for box in page.locator("#browser details[open] pre").all():  # a mark turns nothing outside of its own text
        assert box.evaluate("node => getComputedStyle(node).unicodeBidi") in (
            "isolate",
            "plaintext",
            "isolate-override",
        )
    page.close()


def shows(page: Any, text: str) -> None:
    """Waits until the browser of samples says where it is."""
    from playwright.sync_api import expect

    expect(page.locator("#browser [role=status]")).to_have_text(text)


def test_readers_filter_search_and_turn_pages_of_samples(browser: Any, site: Path, problems: list[str]) -> None:
    page = opened(browser, site / "run-run-a.html", problems, DESK)
    shows(page, "1 to 25 of 40")
    page.get_by_role("button", name="next").click()
    shows(page, "26 to 40 of 40")
    page.select_option("#browser select[aria-label=outcome]", "=failures (no readable answer)")
    shows(page, "1 to 1 of 1")
    assert page.locator("#browser .outcome").all_inner_texts() == ["timeout"]
    page.select_option("#browser select[aria-label=outcome]", "")
    page.select_option("#browser select[aria-label=seen]", "=reverse")
    shows(page, "1 to 14 of 14")
    page.fill("#browser input[type=search]", "00001")
    shows(page, "1 to 1 of 1")
    page.fill("#browser input[type=search]", "no such text")
    shows(page, "no such samples")
    page.close()


def test_a_link_leads_back_to_what_was_looked_at(browser: Any, site: Path, problems: list[str]) -> None:
    page = opened(browser, site / "run-run-a.html", problems, DESK)
    page.select_option("#browser select[aria-label=seen]", "=reverse")
    page.fill("#browser input[type=search]", "0000")
    shows(page, "1 to 4 of 4")
    link = page.url
    page.close()
    again = browser.new_page()
    again.goto(link)
    shows(again, "1 to 4 of 4")
    assert again.input_value("#browser select[aria-label=seen]") == "=reverse"
    assert again.input_value("#browser input[type=search]") == "0000"
    again.close()


def test_the_keyboard_reaches_every_sample(browser: Any, site: Path, problems: list[str]) -> None:
    page = opened(browser, site / "run-run-a.html", problems, DESK)
    shows(page, "1 to 25 of 40")
    page.get_by_role("button", name="next").focus()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    heads = page.locator("#browser details")
    assert [heads.nth(number).get_attribute("open") is not None for number in range(3)] == [False, True, False]
    page.keyboard.press("n")
    shows(page, "26 to 40 of 40")
    page.close()


def test_a_hundred_thousand_samples_open_at_once(browser: Any, tmp_path: Path, problems: list[str]) -> None:
    """Only the index and the scripts with the samples on the screen are read."""
    from suite.report.browser import write_samples

    write_run(tmp_path, "run-a")
    site = build_report(tmp_path).parent
    (row,) = Store(tmp_path).samples("run-a", limit=1, with_text=True)
    shutil.rmtree(site / "run-run-a")
    write_samples(site / "run-run-a", ({**row, "doc_id": f"doc {number}"} for number in range(100_000)))
    read: list[str] = []
    page = browser.new_page(viewport=DESK)
    page.on("request", lambda sent: "run-run-a/" in sent.url and read.append(sent.url.rpartition("/")[2]))
    page.goto((site / "run-run-a.html").as_uri())
    shows(page, "1 to 25 of 100,000")
    assert read == ["index.js", "0.js"]
    page.goto((site / "run-run-a.html").as_uri() + "#at=99975")
    page.reload()
    shows(page, "99,976 to 100,000 of 100,000")
    assert read == ["index.js", "0.js", "index.js", "999.js"]
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser: Any, site: Path, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for file in sorted(site.glob("*.html")):
        context = browser.new_context(viewport=DESK, color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        page.goto(file.as_uri())
        page.wait_for_timeout(300)
        faults = axe.run(page).response["violations"]
        serious = [
            (fault["id"], fault["nodes"][0]["html"][:200])
            for fault in faults
            if fault["impact"] in ("serious", "critical")
        ]
        assert not serious, f"{file.name}: {serious}"
        context.close()


def test_readers_sort_and_filter_the_leaderboard(browser: Any, site: Path, problems: list[str]) -> None:
    page = opened(browser, site / "index.html", problems, DESK)
    rows = page.locator("#summary-1 tbody tr:visible")
    everything = rows.count()
    page.locator("#summary-1 th").filter(has_text="in reverse").get_by_role("button").click()
    column = page.locator("#summary-1 thead th").all_inner_texts().index("in reverse")
    values = page.eval_on_selector_all(
        "#summary-1 tbody tr", f"rows => rows.map(row => row.cells[{column}].dataset.value)"
    )
    numbers = [float(value) for value in values]
    assert numbers == sorted(numbers, reverse=True)
    page.select_option("[data-filters=summary-1] select[aria-label=mode]", "=generate")
    assert 0 < rows.count() < everything
    page.select_option("[data-filters=headlines] select[aria-label=task]", "=reversal_curse")
    assert set(page.locator("#headlines tbody tr:visible td:first-child").all_inner_texts()) == {"reversal_curse"}
    page.close()


def test_without_scripts_charts_are_pictures(browser: Any, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "task-reversal_curse.html").as_uri())
    picture = page.locator("[data-chart=em] img")
    assert picture.evaluate("image => image.naturalWidth") > 300
    context.close()
