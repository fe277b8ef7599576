"""An annotation sheet as one HTML file that works from disk, offline, by mouse or by keyboard.

Labels are kept in the browser's storage with every key press and leave it as a JSONL sheet, by download.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

from suite.identity import digest
from suite.jsonl import write_text
from suite.judges.human import WORDINGS, read_manifests
from suite.judges.record import Degree, Split, Verdict
from suite.judges.sheet import COLUMNS, read_sheet
from suite.judges.taxonomy import CATEGORIES

_TEMPLATES = Path(__file__).resolve().parent / "templates"
_MEANINGS = {
    "supported": "the reference says so, or the sentence rejects what is false",
    "hallucinated": "the reference contradicts it, or does not hold it",
    "abstain": "says that the answer is not known",
    "no_claim": "claims nothing",
    "unverifiable": "an opinion, or cannot be checked",
    "unresolved": "you cannot decide",
}


def write_page(sheet: Path, out: Path, results: Path = Path("results")) -> Path:
    """Writes the page of a sheet.

    Raises:
        UserError: the sheet cannot be read, or the page cannot be written.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    rows = [row for _, row in read_sheet(sheet)]
    _, designs = read_manifests(Path(results))
    wording = designs.get(rows[0]["unit_key"], {}).get("wording", "occurrence")
    data = {
        "key": "unreason-annotation-" + digest([[row["unit_key"], row["annotator"]] for row in rows], 16),
        "columns": COLUMNS,
        "rows": rows,
        "verdicts": [[name, _MEANINGS[name]] for name in get_args(Verdict)],
        "categories": list(CATEGORIES.items()),
        "splits": list(get_args(Split)),
        "degrees": list(get_args(Degree)),
        "file": sheet.with_suffix("").name + "-labels.jsonl",
    }
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    # inside a script nothing is escaped but what could end it, or start a comment
    text = json.dumps(data, ensure_ascii=True, sort_keys=True).replace("<", "\\u003c").replace(">", "\\u003e")
    page = environment.get_template("annotate.html").render(data=text, wording=WORDINGS[wording], n=len(rows))
    write_text(out, page)
    return out
