"""What is read from an answer: what was meant (robust), and what the published runs would have read (paper)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocw_setup import GOLD, toy_wall, written

from suite.task import Text
from tasks.only_connect_wall.answers import score_text
from tasks.only_connect_wall.parsers import read_connections, read_groups, visible_text
from tasks.only_connect_wall.parsers_paper import paper_connections, paper_groups
from tasks.only_connect_wall.walls import Group, Wall

ROWS = [
    ["Par", "Birdie", "Ace", "Bogey"],
    ["$64,000", "1,000", "5, 6, 7, 8", "Rock and Roll"],
    ["Pole", "Swede", "Dane", "Tom Yum"],
    ["Iris", "Lens", "Pupil", "O"],
]
CLUES = [clue for row in ROWS for clue in row]
COMMAS = "\n".join(", ".join(row) for row in ROWS)
LAYOUTS = {
    "pipes": written(ROWS),
    "commas": COMMAS,
    "other case and spaces": COMMAS.upper().replace(", P", " ,  p"),
    "bullets and a full stop": "\n".join(f"- {', '.join(row)}." for row in ROWS),
    "numbers and bold": "\n".join(f"{n}. **{', '.join(row)}**" for n, row in enumerate(ROWS, 1)),
    "group labels": "\n".join(f"Group {n}: {', '.join(row)}" for n, row in enumerate(ROWS, 1)),
    "headings between": "\n\n".join(f"**Group {n}: of words**\n{', '.join(row)}" for n, row in enumerate(ROWS, 1)),
    "named groups": "\n".join(f"Golf scores: {', '.join(row)}" for row in ROWS),
    "connections after": "\n".join(f"{', '.join(row)}. Connection: Golf, more or less" for row in ROWS),
    "in brackets after": "\n".join(f"{', '.join(row)} (golf scores)" for row in ROWS),
    "dashes after": "\n".join(f"{', '.join(row)} - golf scores" for row in ROWS),
    "joined by and": "\n".join(f"{', '.join(row[:3])} and {row[3]}" for row in ROWS),
    "quoted": "\n".join(", ".join(f'"{clue}"' for clue in row) for row in ROWS),
    "semicolons": "\n".join("; ".join(row) for row in ROWS),
    "JSON lists": "```json\n" + json.dumps(ROWS) + "\n```",
    "JSON object": json.dumps({"groups": {f"group_{n}": row for n, row in enumerate(ROWS)}}),
    "JSON objects": json.dumps([{"label": "x", "clues": row} for row in ROWS]),
    "a clue a line": "\n\n".join("\n".join(["**Some name**", *(f"* {clue}" for clue in row)]) for row in ROWS),
    "prose around": f"Sure, here is the solved wall:\n\n{COMMAS}\n\nI hope that this helps you to win the next quiz!",
    "after a mark": f"First guess, it may be wrong: Par, Ace, Iris, Lens\nSolved wall:\n{COMMAS}",
    "a draft before": "\n".join(", ".join(reversed(row)) for row in zip(*ROWS, strict=True))
    + f"\nOn second thoughts these groups are not right at all, so here is my answer\n{COMMAS}",
    "a draft just before": "\n".join(", ".join(row) for row in zip(*ROWS, strict=True)) + "\n" + COMMAS,
    "an echo of the clues": f"Clues: {', '.join(CLUES)}\n\n{COMMAS}",
    "thinking": f"<think>Par, Ace, Iris, Lens\nhmm</think>\n{COMMAS}",
}


@pytest.mark.parametrize("text", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_a_solved_wall_is_read_in_any_layout(text: str) -> None:
    assert read_groups(visible_text(text), CLUES) == ROWS


def test_clues_without_separators_are_found_by_their_words() -> None:
    text = "Pole Swede Dane Tom Yum\nIris Lens Pupil O"
    assert read_groups(text, CLUES) == ROWS[2:]


def test_what_is_not_on_the_wall_is_kept_and_not_hidden() -> None:
    groups = read_groups("Par, Birdie, Ace, Eagle\nPole, Swede, Dane", CLUES)
    assert groups == [["Par", "Birdie", "Ace", "eagle"], ["Pole", "Swede", "Dane"]]


def test_typographic_variants_are_the_same_clue() -> None:
    assert read_groups("Mother’s  day | ﬁsh | A | b", ["Mother's Day", "Fish", "a", "B"]) == [
        ["Mother's Day", "Fish", "a", "B"]
    ]


@pytest.mark.parametrize(
    "text", ["", "   \n", "No idea.", "{" * 5000, "[" * 5000, "Par", "a, b", "\x007\x00, \x008\x00"]
)
def test_text_without_groups_has_none(text: str) -> None:
    assert read_groups(text, CLUES) == []


@given(st.text(max_size=300))
def test_no_text_breaks_the_readers(text: str) -> None:
    assert all(isinstance(clue, str) for row in read_groups(visible_text(text), CLUES) for clue in row)
    assert len(read_connections(text, ROWS)) == len(paper_connections(text)) == 4
    assert [len(row) for row in paper_groups(text)] == [4] * 4


@given(st.permutations(range(16)), st.sampled_from([" | ", ", ", "; "]))
def test_every_grouping_survives_writing_and_reading(order: list[int], separator: str) -> None:
    rows = [[CLUES[place] for place in order[at : at + 4]] for at in range(0, 16, 4)]
    assert read_groups("\n".join(separator.join(row) for row in rows), CLUES) == rows


STATUSES = [
    (written(GOLD), "stop", "ok"),
    (written([*GOLD, ["a1", "b1", "c1", "d1"]]), "length", "oversize"),
    (written(GOLD[:2]), "stop", "partial"),
    (written([*GOLD[:3], ["d1", "d2", "d3", "a1"]]), "stop", "duplicate"),
    (written([*GOLD[:3], ["d1", "d2", "d3", "zz"]]), "stop", "hallucinated"),
    (written([[*GOLD[0], "b1"], *GOLD[1:]]), "stop", "oversize"),
    ("", "stop", "empty"),
    ("Lovely puzzle.", "stop", "empty"),
    ("I'm sorry, but I can't help with that.", "stop", "refusal"),
    (written(GOLD), "content_filter", "refusal"),
    (written(GOLD[:2]), "length", "truncated"),
    ("<think>so many words", "length", "truncated"),
]


@pytest.mark.parametrize(
    ("text", "finish", "status"), STATUSES, ids=[f"{s}-{n}" for n, (_, _, s) in enumerate(STATUSES)]
)
def test_every_answer_has_one_status(text: str, finish: str, status: str) -> None:
    scores = score_text(toy_wall(), Text(text, finish))
    assert [name for name in scores.values if name.startswith("status_")] == [f"status_{status}"]
    if status in ("empty", "refusal", "truncated"):
        kept = {name: scores.values[name] for name in ("correct_groups", "solved", "clue_acc", "ari", "ami", "fms")}
        assert kept == dict.fromkeys(kept, 0.0) and scores.values["misplaced"] == 1.0
        assert scores.outcome != "correct"


def test_an_empty_answer_has_the_worst_published_distance() -> None:
    values = score_text(toy_wall(), Text("")).values
    assert (values["paper_wd"], values["paper_ari"], values["paper_fms"]) == (1.0, 0.0, 0.0)


# The parser of the published runs -------------------------------------------------------------------------------


def test_the_paper_parser_cuts_pads_and_drops_labels_and_connections() -> None:
    text = "Group 1: a, b, c, d, e\n\nGROUP2: f, g\nh, i, j, k. Connection: Letters, all of them"
    assert paper_groups(text) == [
        ["a", "b", "c", "d"],
        ["f", "g", "", ""],
        ["h", "i", "j", "k"],
        ["", "", "", ""],
    ]


def test_the_paper_parser_breaks_clues_that_the_robust_one_reads() -> None:
    text = "\n".join(f"{n}. {', '.join(row)}" for n, row in enumerate(ROWS, 1))
    assert paper_groups(text)[0] == ["1. Par", "Birdie", "Ace", "Bogey"]
    assert paper_groups(text)[1] == ["2. $64", "000", "1", "000"]
    assert read_groups(text, CLUES) == ROWS


def test_the_paper_parser_takes_a_name_a_line_so_an_echoed_heading_shifts_them() -> None:
    lines = [f"{', '.join(row)}. Connection: name {n}" for n, row in enumerate(ROWS)]
    assert paper_connections("\n".join(lines)) == ["name 0", "name 1", "name 2", "name 3"]
    assert paper_connections("\n".join(["Groups:", *lines])) == ["", "name 0", "name 1", "name 2"]
    assert paper_connections("\n\n".join(lines)) == ["name 0", "", "name 1", ""]


# Connections -------------------------------------------------------------------------------------------------------


def test_names_go_to_the_groups_that_they_were_written_beside() -> None:
    lines = [f"{' | '.join(row)} Connection: name {n}" for n, row in enumerate(ROWS)]
    assert read_connections("Groups:\n\n" + "\n\n".join(reversed(lines)), ROWS) == [f"name {n}" for n in range(4)]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"Connection: name {n}" for n in range(4)),
        "\n".join(f"{n + 1}. name {n}" for n in range(4)),
        "\n".join(f"{n + 1}) **name {n}**" for n in range(4)),
        json.dumps([f"name {n}" for n in range(4)]),
        json.dumps({str(n): f"name {n}" for n in range(4)}),
    ],
    ids=["lines", "numbered", "bold", "JSON list", "JSON object"],
)
def test_names_without_groups_are_taken_in_order(text: str) -> None:
    assert read_connections(text, ROWS) == [f"name {n}" for n in range(4)]


def test_a_missing_name_is_empty_and_stays_in_its_place() -> None:
    text = f"{', '.join(ROWS[3])}. Connection: eyes\n{', '.join(ROWS[0])}. Connection: golf"
    assert read_connections(text, ROWS) == ["golf", "", "", "eyes"]


def test_surplus_clues_are_left_out_or_counted() -> None:
    wall = toy_wall(set="extra", words=(*[clue for row in zip(*GOLD, strict=True) for clue in row], "z1", "z2"))
    assert isinstance(wall, Wall) and isinstance(wall.groups[0], Group)
    clean = score_text(wall, Text(written(GOLD))).values
    assert (clean["solved"], clean["n_surplus"], clean["n_hallucinated"]) == (1.0, 0.0, 0.0)
    wrong = score_text(wall, Text(written([[*GOLD[0][:3], "z1"], *GOLD[1:]]))).values
    assert (wrong["solved"], wrong["n_surplus"], wrong["n_hallucinated"]) == (0.0, 1.0, 0.0)
