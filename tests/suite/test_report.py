"""The report: the same bytes each time, nothing untrusted as HTML, one line for what cannot be done."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from suite.errors import UserError
from suite.report import build_report
from suite.report.charts import scripts
from suite.report.queries import MOST_SAMPLES
from suite.store import Store

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028'\"{{7*7}}<!--"


def write_run(results: Path, run_id: str, *, text: str = "plain", n_samples: int = 12) -> None:
    """A finished run of the reversal curse whose every text column holds `text`."""
    name = re.sub(r"[^\w-]", "_", run_id)
    folder = results / "runs" / name
    folder.mkdir(parents=True)
    cells = [("n2d_only", "n2d", "same"), ("n2d_only", "d2n", "reverse"), ("both", "d2n", "same")]
    run = {
        "run_id": name,
        "task": "reversal_curse",
        "task_version": text,
        "dataset_hash": text,
        "model": f"hf/{text}",
        "model_fingerprint": text,
        "model_info": {"parameters": 10, "dtype": text},
        "options": {"note": text},
        "mode": "generate+loglikelihood",
        "status": "complete",
        "n_docs": n_samples,
        "n_samples": n_samples,
        "n_failed": 1,
        "prompt_tokens": 5,
        "completion_tokens": 6,
        "cost_usd": 0.0,
        "seconds": 1.5,
        "libraries": {"torch": text},
        "training": {"objective": text, "steps": 2, "seed": 0, "loss_curve": [[1, 2.0], [2, 1.0]]},
    }
    samples: list[dict[str, Any]] = []
    for i in range(n_samples):
        group, direction, seen = cells[i % 3]
        condition = {"track": "nd", "group": group, "direction": direction, "seen": seen, "control": "none"}
        samples.append(
            {
                "sample_id": f"s{i:05}",
                "doc_id": f"{text}{i:05}",
                "mode": "loglikelihood",
                "condition": {**condition, "template": f"{text}-{i % 2}"},
                "cluster": f"{text}{i // 3}",
                "target": text,
                "request_ids": ["r"],
                "requests": [{"type": "loglikelihood", "context": text, "continuations": [text, "b"]}],
                "responses": [{"request_id": "r", "scores": [[-1.0, 2, True], [-2.5, 2, False]]}],
                "scores": {"d": 1.5, "rr": 0.5},
                "outcome": "error" if i == 0 else "wrong",
                "answer": text,
                "error": "timeout" if i == 0 else None,
            }
        )
    metrics = [
        {
            "name": name,
            "mode": "generate",
            "condition": {"group": group, "direction": direction, "seen": seen, "control": "none", **extra},
            "value": 0.5,
            "stderr": 0.1,
            "ci_low": 0.25,
            "ci_high": 0.75,
            "n": 12,
            "n_clusters": 4,
            "higher_is_better": True,
            "headline": name == "em",
            "note": text,
        }
        for group, direction, seen in cells
        for name, extra in [("em", {}), ("mrr", {}), ("em_by_template", {"template": text})]
    ]
    (folder / "run.json").write_text(json.dumps(run))
    (folder / "journal.jsonl").write_text("".join(json.dumps(row) + "\n" for row in samples))
    (folder / "metrics.json").write_text(json.dumps(metrics))
    Store(results).ingest(folder)
    if name != run_id:  # as an imported run may be called
        with duckdb.connect(str(results / "unreason.duckdb")) as connection:
            for table in ("runs", "samples", "metrics"):
                connection.execute(f"UPDATE {table} SET run_id = ? WHERE run_id = ?", [run_id, name])


@pytest.fixture(autouse=True)
def _no_bundling(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Bundling the chart scripts takes seconds and is the same each time; the browser test needs the real ones."""
    if "slow" not in request.keywords:
        scripts.cache_clear()
        monkeypatch.setattr("suite.report.site.scripts", lambda: "")


def test_the_same_database_gives_the_same_bytes(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a")
    write_run(tmp_path, "run-b", text="other")
    sites = []
    for name in ("first", "second"):
        build_report(tmp_path, out=tmp_path / name)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        sites.append({path.relative_to(tmp_path / name): path.read_bytes() for path in files})
    assert sites[0] == sites[1]
    assert {Path("index.html"), Path("methods.html"), Path("task-reversal_curse.html")} <= set(sites[0])


def test_the_key_finding_comes_from_the_figures(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a")
    page = build_report(tmp_path).read_text("utf-8")
    assert "as trained 0.50, in reverse 0.50" in page
    assert "0.250 to 0.750" in page


def test_untrusted_text_is_escaped_everywhere(tmp_path: Path) -> None:
    write_run(tmp_path, HOSTILE, text=HOSTILE)
    build_report(tmp_path)
    pages = list((tmp_path / "report").glob("*.html"))
    assert len(pages) == 4
    for page in pages:
        html = page.read_text("utf-8")
        assert "<script>alert" not in html
        assert "<img" not in re.sub(r'<noscript><img src="charts/[\w.-]+" alt="[^"<>]*"></noscript>', "", html)
        assert "49" not in re.findall(r"\{\{7\*7\}\}|'\"49", html)
    for script in (tmp_path / "report").glob("*.js"):
        assert script.read_text("utf-8").isascii(), "U+2028 would end a line of the script"


def test_an_imported_run_id_cannot_leave_the_folder(tmp_path: Path) -> None:
    results = tmp_path / "deep" / "results"
    write_run(results, "../../../planted")
    build_report(results)
    assert not [path for path in tmp_path.rglob("*planted*") if path.suffix == ".html"]
    assert len(list((results / "report").glob("run-*.html"))) == 1


def test_a_large_run_shows_a_bounded_number_of_samples_and_says_so(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a", n_samples=MOST_SAMPLES + 30)
    build_report(tmp_path)
    assert f"The first {MOST_SAMPLES:,} of {MOST_SAMPLES + 30:,} samples" in (
        tmp_path / "report" / "run-run-a.html"
    ).read_text("utf-8")


def test_published_figures_stand_apart(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a")
    row = {"task": "reversal_curse", "metric": "em", "model": "GPT-X", "value": 0.9, "source": "a paper"}
    Store(tmp_path).add_reference([row])
    build_report(tmp_path)
    assert "GPT-X" not in (tmp_path / "report" / "index.html").read_text("utf-8")
    page = (tmp_path / "report" / "task-reversal_curse.html").read_text("utf-8")
    assert page.index("Published figures") < page.index("GPT-X")


def test_an_empty_database_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unreason demo"):
        build_report(tmp_path)


def test_a_folder_of_other_files_is_not_replaced(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="other files than a report"):
        build_report(tmp_path, out=tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years of work"
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="is a file"):
        build_report(tmp_path, out=tmp_path / "file")


def test_a_failed_build_leaves_the_earlier_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "run-a")
    before = build_report(tmp_path).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("suite.report.site._write_script", full)
    with pytest.raises(UserError, match="No space left"):
        build_report(tmp_path)
    assert (tmp_path / "report" / "index.html").read_bytes() == before
    assert not list(tmp_path.glob(".report-*"))


@pytest.mark.slow
def test_hostile_text_does_nothing_in_a_real_browser(tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    browser_path = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
    if browser_path is None:
        pytest.skip("no Chromium on PATH")
    write_run(tmp_path, "run-a", text=HOSTILE)
    build_report(tmp_path)
    problems: list[str] = []
    with playwright.sync_playwright() as api:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = api.chromium.launch(executable_path=browser_path, args=arguments)
        for scheme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme=scheme)
            page.on("dialog", lambda dialog: (problems.append(f"dialog {dialog.message}"), dialog.dismiss()))
            page.on("pageerror", lambda error: problems.append(f"error {error}"))
            page.on("console", lambda said: said.type == "error" and problems.append(f"console {said.text}"))
            page.on(
                "request",
                lambda request: not request.url.startswith(("file:", "data:")) and problems.append(request.url),
            )
            for name in ("index", "task-reversal_curse", "run-run-a", "methods"):
                page.goto((tmp_path / "report" / f"{name}.html").as_uri())
                page.wait_for_load_state("load")
                width = page.evaluate("document.documentElement.scrollWidth")
                assert width <= 390, f"{name} scrolls sideways on a phone ({width} px)"
            page.goto((tmp_path / "report" / "task-reversal_curse.html").as_uri())
            page.wait_for_selector("[data-chart=em] svg")
            page.goto((tmp_path / "report" / "run-run-a.html").as_uri())
            assert "<img src=x onerror=alert(2)>" in page.inner_text("#browser")
            page.select_option("#browser select[aria-label=outcome]", "=timeout")
            assert page.inner_text("#browser [role=status]") == "1 to 1 of 1"
        browser.close()
    assert problems == []
