"""The annotation page in a real browser, from disk: by keyboard and mouse, reloaded, downloaded; nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from judge_toys import TASKS, finished_run

from suite.judges.annotation_page import write_page
from suite.judges.human import export_sheet, import_sheet
from suite.judges.sheet import read_sheet
from suite.store import Store

pytestmark = pytest.mark.slow
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> =SUM(A1) 'quoted' \"doubly\" \u2028 {{7*7}}."
LINES = f"The Hall of Arven was founded in 1999. {HOSTILE}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on PATH")
    with playwright.sync_playwright() as api:
        running = api.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture
def problems() -> Iterator[list[str]]:
    """What a page did that it must not: errors, dialogs of its own, requests."""
    found: list[str] = []
    yield found
    assert found == []


def opened(context: Any, page_file: Path, problems: list[str]) -> Any:
    page = context.new_page()
    page.on("pageerror", lambda error: problems.append(f"error {error}"))
    page.on("console", lambda said: said.type in ("error", "warning") and problems.append(f"console {said.text}"))
    page.on("request", lambda sent: not sent.url.startswith(("file:", "data:", "blob:")) and problems.append(sent.url))
    page.on("dialog", lambda said: (said.type != "beforeunload" and problems.append(said.message), said.accept()))
    page.goto(page_file.as_uri())
    return page


def test_an_annotation_round_trip_loses_nothing(browser: Any, tmp_path: Path, problems: list[str]) -> None:
    run_id = finished_run(tmp_path, n=3, text=lambda *_: LINES)
    sheet = tmp_path / "sheet.csv"
    export = export_sheet([run_id], sheet, results=tmp_path, tasks_dir=TASKS, annotators=2, overlap=1.0)
    rows = [row for _, row in read_sheet(sheet)]
    file = write_page(sheet, tmp_path / "page.html", tmp_path)
    context = browser.new_context(accept_downloads=True)
    page = opened(context, file, problems)
    status = page.locator("#where")
    assert status.inner_text() == f"1 of {export.units}, 0 labelled"
    assert page.locator("#unit_text").inner_text() == rows[0]["unit_text"]

    expected: dict[tuple[str, str], dict[str, str]] = {}
    mine = [row for row in rows if row["annotator"] == "a1"]
    for number, row in enumerate(mine[:-1]):  # the last one stays blank
        if number % 2:
            page.keyboard.press("1")
            expected[row["unit_key"], "a1"] = {"verdict": "supported"}
        else:
            for key in ("2", "u", "t", "e", "o", "c"):
                page.keyboard.press(key)
            page.keyboard.type('note: j 1 "so" – =x\n')
            page.keyboard.press("Escape")
            expected[row["unit_key"], "a1"] = {
                "verdict": "hallucinated",
                "categories": "TW;NN",
                "split": "extrinsic",
                "degree": "moderate",
                "note": 'note: j 1 "so" – =x\n',
            }
        page.keyboard.press("n" if number % 3 else "j")
    assert status.inner_text() == f"{len(mine)} of {len(mine)}, {len(mine) - 1} labelled"

    page.reload()  # as if the browser had been closed
    assert status.inner_text() == f"1 of {len(mine)}, {len(mine) - 1} labelled"
    assert page.locator("#verdict input:checked").get_attribute("value") == "hallucinated"

    page.select_option("#annotator", "a2")
    page.locator("#verdict label", has_text="abstain").click()
    first_of_a2 = next(row for row in rows if row["annotator"] == "a2")
    expected[first_of_a2["unit_key"], "a2"] = {"verdict": "abstain"}
    with page.expect_download() as saving:
        page.get_by_role("button", name="download labels").click()
    saved = tmp_path / saving.value.suggested_filename
    saving.value.save_as(saved)
    assert saved.name == "sheet-labels.jsonl"

    blank = dict.fromkeys(("verdict", "categories", "split", "degree", "note"), "")
    found = [row for _, row in read_sheet(saved)]
    assert found == [{**row, **blank, **expected.get((row["unit_key"], row["annotator"]), {})} for row in rows]

    result = import_sheet(saved, results=tmp_path, tasks_dir=TASKS)
    assert (dict(result.labels), result.blank) == ({"human/a1": 8, "human/a2": 1}, 9)
    labels = Store(tmp_path).labels(run_id, "human/a1")
    assert sum(label.verdict == "hallucinated" for label in labels) == 4
    assert {label.raw for label in labels if label.split} == {'note: j 1 "so" – =x\n'}
    context.close()


def test_leaving_hallucinated_clears_what_belongs_to_it(browser: Any, tmp_path: Path, problems: list[str]) -> None:
    run_id = finished_run(tmp_path, n=1, text=lambda *_: LINES)
    export_sheet([run_id], tmp_path / "s.csv", results=tmp_path, tasks_dir=TASKS)
    context = browser.new_context()
    page = opened(context, write_page(tmp_path / "s.csv", tmp_path / "p.html", tmp_path), problems)
    assert page.locator("#split input").first.is_disabled()
    for key in ("2", "t", "i", "m"):
        page.keyboard.press(key)
    assert page.locator("input:checked").count() == 4
    page.keyboard.press("1")
    assert page.locator("input:checked").count() == 1
    page.keyboard.press("x")
    assert page.locator("input:checked").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()
