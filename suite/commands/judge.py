"""Commands that label stored answers: judges, people's annotation, and how far they agree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from suite import console
from suite.commands.options import RESULTS, AsJson, OneRun, Results, TasksDir

app = typer.Typer()
annotate = typer.Typer(help="Labels by people: sheets out, labels in.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(annotate, name="annotate")

Sheet = Annotated[Path, typer.Argument(help="A sheet, .csv or .jsonl.")]


@app.command()
def judge(
    run_id: OneRun,
    judge: Annotated[str, typer.Option("--judge", "-j", help="rules_free, llm/NAME, nli/FOLDER_OR_HUB_ID, slots.")],
    judge_option: Annotated[
        list[str] | None, typer.Option("--judge-option", "-J", help="NAME=VALUE for the judge, e.g. votes=3.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="An OpenAI-compatible server, e.g. http://127.0.0.1:8080/v1.")
    ] = None,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Units that could not be judged count as unresolved.")
    ] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Judge again what this judge has judged before.")] = False,
    judges_dir: Annotated[Path | None, typer.Option(help="A further folder of judges (NAME.py).")] = None,
    tasks_dir: TasksDir = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Let a judge label a stored run. The same command continues an interrupted sitting.

    \b
    Examples:
      unreason judge latest --judge rules_free
      unreason judge hilt-gpt2 --judge llm/gpt-5-mini -J votes=3
      unreason judge latest --judge llm/local --base-url http://127.0.0.1:8080/v1
      unreason judge latest --judge nli/./my-nli-model -J closed_world=true
      unreason judge latest --judge mine --judges-dir my_judges
    """
    from suite.arguments import model_options
    from suite.judges.run import judge_run
    from suite.progress import reporter

    result = judge_run(
        run_id,
        judge,
        options=model_options(judge_option, base_url),
        results=results,
        tasks_dir=tasks_dir,
        judges_dir=judges_dir,
        allow_missing=allow_missing,
        fresh=fresh,
        reporter=reporter(silent=as_json),
    )
    if as_json:
        console.print_json(result.to_json())
        return
    print(result.summary())
    rows = [
        {"name": one.name, "condition": one.condition, "value": one.value, "ci_low": one.ci_low, "ci_high": one.ci_high}
        | {"n": one.n, "n_clusters": one.n_clusters, "note": one.note}
        for one in result.metrics
    ]
    columns = ["name", "condition", "value", "95 % interval", "n", "n_clusters", "note"]
    console.print_table(console.with_interval(rows), columns, empty="no metrics")
    for line in result.warnings:
        console.say(line)


@app.command()
def agreement(
    run_id: OneRun,
    judge: Annotated[str | None, typer.Option(help="Only this judge; default: all.")] = None,
    against: Annotated[str | None, typer.Option(help="Whose labels are the truth; default: people's.")] = None,
    arm: Annotated[str, typer.Option(help="Condition key of the arms of the index.")] = "orientation",
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Compare the judges of a run with people and with each other. With corrected rates (PPI++).

    \b
    Examples:
      unreason agreement latest
      unreason agreement latest --judge rules_free --against slots --json
    """
    from suite.judges.comparison import compare_judges

    found = compare_judges(run_id, judge=judge, against=against, arm=arm, results=results)
    if as_json:
        console.print_json(found.to_json())
        return
    _print_people(found)
    _print_quality(found)
    _print_corrections(found)
    _print_by_canaries(found)
    for note in found.notes:
        print(note)


@annotate.command("export")
def export_sheet(
    run_ids: Annotated[list[str], typer.Argument(help="Runs whose units go to people.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Sheet to write, .csv or .jsonl.")] = Path("annotation.csv"),
    sample: Annotated[int | None, typer.Option(help="Units drawn at random per model; none: all.")] = None,
    annotators: Annotated[int, typer.Option(help="People among whom the units are dealt out.")] = 1,
    overlap: Annotated[float, typer.Option(help="Share of the units that everybody labels.")] = 0.0,
    seed: Annotated[int, typer.Option(help="Of draw and order.")] = 0,
    wording: Annotated[
        str, typer.Option(help="How intrinsic and extrinsic are explained: occurrence or elaboration.")
    ] = "occurrence",
    tasks_dir: TasksDir = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Write units as a sheet for people. Models stay hidden.

    \b
    Examples:
      unreason annotate export latest --sample 200 --annotators 2 --overlap 0.2
    """
    from suite.errors import unknown
    from suite.judges.human import WORDINGS
    from suite.judges.human import export_sheet as write

    if wording not in WORDINGS:
        raise unknown("wording", wording, WORDINGS)
    found = write(
        run_ids,
        out,
        results=results,
        sample=sample,
        annotators=annotators,
        overlap=overlap,
        seed=seed,
        wording=wording,  # type: ignore[arg-type]
        tasks_dir=tasks_dir,
    )
    if as_json:
        console.print_json({"sheet": str(found.sheet), "units": found.units, "rows": found.rows})
        return
    print(f"{found.sheet}: {found.units} units in {found.rows} rows")
    print(f"next: unreason annotate page {found.sheet}  |  unreason annotate import {found.sheet}")


@annotate.command("page")
def annotation_page(
    sheet: Sheet,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Page to write; default beside the sheet.")] = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Write a sheet as one HTML page. It works offline, from disk.

    \b
    Examples:
      unreason annotate page annotation.csv
    """
    from suite.judges.annotation_page import write_page

    page = write_page(sheet, out or sheet.with_suffix(".html"), results)
    if as_json:
        console.print_json({"page": str(page)})
        return
    print(f"page: {page}")


@annotate.command("import")
def import_sheet(
    sheet: Sheet,
    mace: Annotated[bool, typer.Option("--mace", help="Join people's labels by MACE instead of by majority.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad rows out instead of stopping.")] = False,
    tasks_dir: TasksDir = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Store people's labels. Each person's, and all joined as the judge `human`.

    \b
    Examples:
      unreason annotate import annotation.csv
      unreason annotate import annotation-labels.jsonl --mace
    """
    from dataclasses import asdict

    from suite.judges.human import import_sheet as read

    say = (lambda _: None) if as_json else console.say
    method: Any = "mace" if mace else "majority"
    found = read(sheet, results=results, method=method, skip_bad=skip_bad, say=say, tasks_dir=tasks_dir)
    if as_json:
        console.print_json(asdict(found))
        return
    people = ", ".join(f"{name} {count}" for name, count in found.labels.items()) or "no labels"
    print(f"{people}; {found.units} units joined, {found.blank} rows blank, {found.skipped} bad rows left out")
    for person, trust in found.trust.items():
        print(f"{person}: knows the label with probability {trust:.2f}")


def _print_people(found: Any) -> None:
    rows = [
        {"who": who, "coefficient": one.name, "value": one.value, "ci_low": one.ci_low, "ci_high": one.ci_high}
        | {"observed": one.observed, "prevalence": one.prevalence, "n": one.n, "note": one.reason}
        for who, one in found.people
    ]
    if rows:
        columns = ["who", "coefficient", "value", "95 % interval", "observed", "prevalence", "n", "note"]
        console.print_table(console.with_interval(rows), columns, title="people")


def _print_quality(found: Any) -> None:
    rows = [
        {
            "judge": one.judge,
            "truth": one.truth,
            "kappa": one.agreement.value,
            "ci_low": one.agreement.ci_low,
            "ci_high": one.agreement.ci_high,
            "observed": one.agreement.observed,
            "sensitivity": one.sensitivity.value,
            "specificity": one.specificity.value,
            **one.binary,
            "n": one.n,
            "unresolved": one.unresolved,
            "note": one.agreement.reason,
        }
        for one in found.judges
    ]
    columns = ["judge", "truth", "kappa", "95 % interval", "observed", "sensitivity", "specificity"]
    columns += ["tp", "fn", "fp", "tn", "n", "unresolved", "note"]
    if rows:
        console.print_table(console.with_interval(rows), columns, title="judges, on whether a unit is hallucinated")


def _print_corrections(found: Any) -> None:
    rows = []
    for one in found.corrections:
        shown: list[tuple[str, Any, str]] = [("share hallucinated, PPI++", one.rate, "")]
        for index in one.indices:
            name = f"index, w = {index.weight:g}"
            shown.append((f"{name}, people alone", index.human, ""))
            shown.append((f"{name}, PPI++", index.ppi, index.note or f"the judge alone says {index.naive:.2f}"))
        for figure, value, note in shown:
            rows.append(
                {"judge": one.judge, "figure": figure, "note": note}
                | (
                    {"value": value.value, "ci_low": value.ci_low, "ci_high": value.ci_high, "n": value.n}
                    if value
                    else {}
                )
            )
    if rows:
        columns = ["judge", "figure", "value", "95 % interval", "n", "note"]
        console.print_table(console.with_interval(rows), columns, title="corrected by people's labels")


def _print_by_canaries(found: Any) -> None:
    rows = [
        {"judge": one.judge, "the judge's share": one.naive, "value": one.rate.value, "n": one.rate.n_unlabelled}
        | {"ci_low": one.rate.ci_low, "ci_high": one.rate.ci_high}
        | {"note": "" if one.rate.value is not None else "no better than chance on canaries"}
        for one in found.by_canaries
    ]
    if rows:
        columns = ["judge", "the judge's share", "value", "95 % interval", "n", "note"]
        title = "share hallucinated, if judges err here as on canaries (Rogan-Gladen); people's labels would tell more"
        console.print_table(console.with_interval(rows), columns, title=title)
