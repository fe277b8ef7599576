"""Building the report: the same bytes each time, nothing untrusted as HTML, one line for what cannot be done."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from report_runs import HOSTILE, write_run

from suite.errors import UserError
from suite.report import build_report, site
from suite.report.charts import scripts
from suite.report.content import TaskPage
from suite.report.queries import RunView
from suite.store import Store


@pytest.fixture(autouse=True)
def _no_bundling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bundling the chart scripts takes seconds and is the same each time."""
    scripts.cache_clear()
    monkeypatch.setattr("suite.report.site.scripts", lambda: "")


def content(site: Path) -> dict[str, bytes]:
    return {str(path.relative_to(site)): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def test_the_site_has_a_leaderboard_a_page_a_task_a_page_a_run_and_the_methods(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a")
    index = build_report(tmp_path)
    assert index == tmp_path / "report" / "index.html"
    files = set(content(tmp_path / "report"))
    assert {"index.html", "methods.html", "task-reversal_curse.html", "run-run-a.html"} <= files
    charts = {"em", "mrr", "contrast", "wordings"}
    assert {f"charts/task-reversal_curse-{key}.svg" for key in charts} | {"charts/run-run-a-training.svg"} <= files


def test_the_same_database_gives_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a")
    write_run(tmp_path, "run-b", text="other")
    build_report(tmp_path, out=tmp_path / "first")
    build_report(tmp_path, out=tmp_path / "again")
    code = (
        "import suite.report.site as site\nfrom suite.report import build_report\nsite.scripts = lambda: ''\n"
        f"build_report({str(tmp_path)!r}, out={str(tmp_path / 'second')!r}, run_ids=['run-b', 'run-a'])"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    first = content(tmp_path / "first")
    assert first == content(tmp_path / "again")
    assert first == content(tmp_path / "second"), "neither the process nor the order of the ids matters"


def test_untrusted_text_is_escaped_everywhere(tmp_path: Path) -> None:
    write_run(tmp_path, HOSTILE, text=HOSTILE)
    Store(tmp_path).add_reference(
        [{"task": "reversal_curse", "metric": HOSTILE, "model": HOSTILE, "value": 0.9, "source": HOSTILE}]
    )
    build_report(tmp_path)
    pages = list((tmp_path / "report").glob("*.html"))
    assert len(pages) == 4
    for page in pages:
        html = page.read_text("utf-8")
        assert "<script>alert" not in html
        assert "<img" not in re.sub(r'<noscript><img src="charts/[\w.-]+" alt="[^"<>]*"></noscript>', "", html)
        assert "'\"49" not in html, "a template ran what a model wrote"
    for script in (tmp_path / "report").glob("run-*/*.js"):
        assert script.read_text("utf-8").isascii(), "U+2028 would end a line of the script"


@pytest.mark.parametrize("run_id", ["../../../planted", "a/../../planted", "x" * 300, ""])
def test_an_imported_run_id_cannot_leave_the_folder(tmp_path: Path, run_id: str) -> None:
    results = tmp_path / "deep" / "results"
    write_run(results, run_id)
    build_report(results)
    assert not [path for path in tmp_path.rglob("*planted*") if path.suffix == ".html"]
    assert len(list((results / "report").glob("run-*.html"))) == 1


def test_every_sample_of_a_large_run_lies_in_a_numbered_script(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a", n_samples=1234)
    build_report(tmp_path)
    folder = tmp_path / "report" / "run-run-a"
    index = json.loads((folder / "index.js").read_text("utf-8").removeprefix("window.SAMPLES=").rstrip(";\n"))
    assert index["total"] == 1234
    assert all(len(column) == 1234 for column in index["columns"].values())
    docs = []
    for number in range(-(-1234 // index["size"])):
        text = (folder / f"{number}.js").read_text("utf-8").removeprefix(f"window.SAMPLE_PART({number},")
        docs += [row["doc"] for row in json.loads(text.removesuffix(");\n"))]
    assert docs == [f"plain{number:05}" for number in range(1234)]
    assert {file.name for file in folder.iterdir()} == {"index.js", *(f"{number}.js" for number in range(13))}


def test_an_answer_of_many_megabytes_does_not_make_such_a_page(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a", text="plain" * 200_000, n_samples=2, metrics=[], training=None, model="hf/m")
    build_report(tmp_path)
    assert "996,000 characters more" in (tmp_path / "report" / "run-run-a" / "0.js").read_text("utf-8")


def test_only_the_runs_that_were_asked_for_are_shown(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a", model="hf/alpha")
    write_run(tmp_path, "run-b", model="hf/omega")
    index = build_report(tmp_path, run_ids=["run-b"]).read_text("utf-8")
    assert "omega" in index and "alpha" not in index
    with pytest.raises(UserError, match="unknown run 'run-x'"):
        build_report(tmp_path, run_ids=["run-x"])


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


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="is a file; choose a folder with --out"):
        build_report(tmp_path, out=tmp_path / "file")
    with pytest.raises(UserError, match=r"choose another folder with --out$") as caught:
        build_report(tmp_path, out=tmp_path / "file" / "site")
    assert "\n" not in str(caught.value)


def test_a_failed_build_leaves_the_earlier_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "run-a")
    before = build_report(tmp_path).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("suite.report.site.write_script", full)
    with pytest.raises(UserError, match="No space left"):
        build_report(tmp_path)
    assert (tmp_path / "report" / "index.html").read_bytes() == before
    assert not list(tmp_path.glob(".report-*"))


def test_a_second_build_replaces_the_whole_site(tmp_path: Path) -> None:
    write_run(tmp_path, "run-a")
    build_report(tmp_path)
    (tmp_path / "report" / "run-gone.html").write_text("of an earlier build")
    build_report(tmp_path)
    assert not (tmp_path / "report" / "run-gone.html").exists()


@pytest.mark.parametrize("key", ["published", "summary", "explorer", "metrics"])
def test_a_chart_may_be_called_as_an_element_of_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """A filter finds its table by id: with two elements of one id it would take the chart's heading for it."""
    write_run(tmp_path, "run-a")
    Store(tmp_path).add_reference(
        [{"task": "reversal_curse", "metric": "em", "model": "m", "value": 0.9, "source": "s"}]
    )
    page = site._page

    def renamed(task: str, runs: Sequence[RunView]) -> TaskPage:
        made = page(task, runs)
        return replace(made, figures=[replace(made.figures[0], key=key)])

    monkeypatch.setattr(site, "_page", renamed)
    html = build_report(tmp_path).with_name("task-reversal_curse.html").read_text("utf-8")
    ids = re.findall(r'\bid="([^"]*)"', html)
    assert f"figure-{key}" in ids and {"published", "summary"} <= set(ids)
    assert len(ids) == len(set(ids))
