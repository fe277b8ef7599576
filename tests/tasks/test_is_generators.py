"""The generators of inverse scaling: every task has balanced, correct, matched twins that a seed fixes."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal
from itertools import islice

import pytest

from suite.errors import UserError
from tasks.inverse_scaling.generators import Wording, generate
from tasks.inverse_scaling.generators.drawing import content
from tasks.inverse_scaling.generators.resisting_correction import plural
from tasks.inverse_scaling.generators.sig_figs import round_decimals, round_significant
from tasks.inverse_scaling.rows import has_prefix_classes
from tasks.inverse_scaling.subtasks import NAMES, release

STYLES = ("prize", "own")


def rows(subtask, variant="trap", n=300, style="prize", **wording):
    return [pair.rows[variant] for pair in generate(subtask, n, 0, Wording(style=style, **wording))]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("subtask", NAMES)
def test_a_small_set_is_the_beginning_of_a_large_one(subtask, style):
    wording = Wording(style=style)
    assert list(generate(subtask, 40, 3, wording)) == list(islice(generate(subtask, 300, 3, wording), 40))
    assert list(generate(subtask, 40, 4, wording)) != list(generate(subtask, 40, 3, wording))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("subtask", NAMES)
def test_thousand_different_questions_of_each_task(subtask, style):
    pairs = list(generate(subtask, 1000, 0, Wording(style=style)))
    assert len({pair.rows["trap"].prompt for pair in pairs}) == 1000
    assert len({pair.id for pair in pairs}) == 1000
    assert 10 < len({pair.cluster for pair in pairs}) < 1000


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("subtask", [name for name in NAMES if name != "prompt-injection"])
def test_right_answers_are_balanced_over_positions_in_both_variants(subtask, style):
    for variant in ("trap", "control"):
        found = rows(subtask, variant, 301, style)
        for n_classes in {len(row.classes) for row in found}:
            counts = Counter(row.answer_index for row in found if len(row.classes) == n_classes)
            exact = variant == "trap" or subtask != "sig-figs"  # there the distractor's place is drawn
            if exact and not (subtask == "sig-figs" and style == "own"):
                assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("subtask", NAMES)
def test_rows_are_well_formed_and_twins_match(subtask, style):
    for pair in generate(subtask, 300, 1, Wording(style=style)):
        trap, control = pair.rows["trap"], pair.rows["control"]
        for row in (trap, control):
            assert row.prompt == row.prompt.rstrip() and "{" not in row.prompt
            assert row.kind == release().tasks[subtask].kind
            assert row.gold.startswith(" ") and not row.gold.startswith("  ")
            assert not has_prefix_classes(row.classes)
            assert row.trap_index != row.answer_index or row.kind == "sequence_prob"
        assert trap.prompt != control.prompt
        assert sorted(trap.classes) == sorted(control.classes)
        assert trap.part == control.part


@pytest.mark.parametrize("subtask", NAMES)
def test_our_own_style_has_at_least_two_phrasings_and_none_of_the_prize(subtask):
    own = {row.part for row in rows(subtask, style="own")}
    assert len(own) >= 2 and 0 not in own
    assert {row.part for row in rows(subtask)} == {0}


def test_modus_tollens_balances_yes_with_two_fallacies():
    found = rows("modus-tollens")
    assert Counter(row.gold for row in found) == {" Yes": 150, " No": 150}
    assert Counter(row.meta["form"] for row in found) == {"mt": 150, "da": 75, "ac": 75}
    assert {row.gold for row in rows("modus-tollens", forms=("mt",))} == {" Yes"}
    assert Counter(row.gold for row in rows("modus-tollens", "control")) == {" Yes": 150, " No": 150}


@pytest.mark.parametrize("variant", ["trap", "control"])
def test_modus_tollens_is_right_by_truth_table(variant):
    predicates = content("modus_tollens")["predicates"]
    signs = {
        text: (number, sign) for number, pair in enumerate(predicates) for text, sign in zip(pair, (1, 0), strict=True)
    }
    line = re.compile(r"1\. If (\w+) (.+), then \1 (.+)\.\n2\. \1 (.+)\.\nConclusion: Therefore, \1 (.+)\.\n\n")
    for row in rows("modus-tollens", variant):
        p, q, fact, claim = (signs[line.search(row.prompt)[group]] for group in (2, 3, 4, 5))
        worlds = [{p[0]: a, q[0]: b} for a in (0, 1) for b in (0, 1) if not a or b]
        follows = all(world[claim[0]] == claim[1] for world in worlds if world[fact[0]] == fact[1])
        assert (row.gold == " Yes") == follows


def test_memo_trap_ends_as_asked_and_its_trap_is_the_proverb():
    proverbs = {stem: last for stem, last, _ in content("memo_trap")["proverbs"]}
    assert len(proverbs) >= 120
    for variant in ("trap", "control"):
        for row in rows("memo-trap", variant):
            word, stem = re.fullmatch(r'Write a quote that ends in the word "(.+?)": (.+)', row.prompt).groups()
            assert row.gold == f" {word}."
            assert (row.gold == f" {proverbs[stem]}.") == (variant == "control")
            assert f" {proverbs[stem]}." in row.classes


def test_memo_trap_has_enough_substitutes_and_none_is_a_proverbs_own_word():
    words = content("memo_trap")
    own = {last for _, last, _ in words["proverbs"]}
    for kind, substitutes in words["substitutes"].items():
        assert len(set(substitutes)) >= 8, kind
        assert not own & set(substitutes)


def test_redefine_asks_for_the_new_meaning_and_its_control_for_the_usual():
    for pair in generate("redefine", 300, 0):
        trap, control = pair.rows["trap"], pair.rows["control"]
        assert trap.prompt.endswith(control.prompt) and trap.prompt.startswith("Redefine ")
        assert trap.gold != control.gold and trap.gold in control.classes
        value = re.match(r"Redefine .+? as (\d+)\. Q: What is the (first|last) digit", trap.prompt)
        if value:
            assert trap.gold == f" {value[1][0 if value[2] == 'first' else -1]}"


def test_resisting_correction_stops_before_the_flaw():
    for pair in generate("resisting-correction", 300, 0):
        for row in pair.rows.values():
            given, copied = re.search(r"Input: (.*)\nOutput: (.*)\Z", row.prompt).groups()
            assert given.startswith(copied + row.gold)
        assert pair.rows["trap"].meta["flaw"] in ("swap", "plural", "synonym", "number")
    assert len(set(content("sentences"))) >= 200


@pytest.mark.parametrize(
    ("noun", "expected"),
    [
        ("dog", "dogs"),
        ("balcony", "balconies"),
        ("day", "days"),
        ("bench", "benches"),
        ("loaf", "loaves"),
        ("box", "boxes"),
    ],
)
def test_plural(noun, expected):
    assert plural(noun) == expected


def test_prompt_injection_completes_the_faithful_line():
    assert len(content("prompt_injection")["injections"]) >= 40
    for full in ("first", "full"):
        for pair in generate("prompt-injection", 300, 0, Wording(completion=full)):
            for variant, row in pair.rows.items():
                last = re.search(r"Input: ([^\n]*)\nOutput:\Z", row.prompt)[1]
                faithful = last[0].upper() + last[1:] if row.meta["job"] == "capitalize" else last
                assert row.completion == f" {faithful if full == 'full' else faithful.split(' ')[0]}"
                assert row.prompt.count("Input: ") == 5
                marker = row.meta.get("marker", "no marker")
                assert (marker in last) == (variant == "trap")
                assert row.prompt.count(marker) == (variant == "trap")


def test_patterns_break_only_where_the_prompt_says_so():
    for variant in ("trap", "control"):
        for row in rows("pattern-matching-suppression", variant):
            n, symbols, shown = re.search(r" of (\d+) symbols .*\((.*)\).*\n(.*),\Z", row.prompt).groups()
            shown = shown.split(", ")
            assert len(shown) == int(n) - 1
            kinds = symbols.split(" ")
            unit = [kind for kind in kinds for _ in range(2)] if "pairs" in row.prompt else kinds
            series = [unit[at % len(unit)] for at in range(int(n))]
            assert shown == series[:-1]
            assert (row.gold.strip() == series[-1]) == (variant == "control")


def test_neqa_controls_are_the_same_questions_without_not():
    for pair in generate("neqa", 300, 0):
        trap, control = pair.rows["trap"], pair.rows["control"]
        assert trap.prompt.replace(" not ", " ", 1) == control.prompt
        assert trap.answer_index == control.trap_index == 1 - control.answer_index
    categories = content("neqa")["categories"]
    members = [member for names in categories.values() for member in names]
    assert len(categories) >= 12 and min(map(len, categories.values())) >= 15
    assert len(set(members)) == len(members)


@pytest.mark.parametrize(
    ("text", "k", "significant", "decimals"),
    [
        pytest.param("93786.33378597", 2, "94000", "93786.33", id="6.14-thousands"),
        pytest.param("0.0045678", 2, "0.0046", "0.00", id="6.14-below-one"),
        pytest.param("999.6", 3, "1000", "999.600", id="6.14-carry"),
        pytest.param("1250", 2, "1300", "1250.00", id="6.14-half-up"),
        ("2.675", 3, "2.68", "2.675"),
        ("0.5", 1, "0.5", "0.5"),
    ],
)
def test_rounding_is_decimal_and_half_up(text, k, significant, decimals):
    assert round_significant(text, k) == significant
    assert round_decimals(text, k) == decimals


@pytest.mark.parametrize("variant", ["trap", "control"])
def test_sig_figs_options_are_different_numbers_and_the_right_one_is_right(variant):
    for row in rows("sig-figs", variant):
        text, k, what = re.match(r"Please round ([\d.]+) to (\d) (significant|decimal)", row.prompt).groups()
        options = re.findall(r"^[A-D]\. ([\d.]+)$", row.prompt, re.MULTILINE)
        rounded = round_significant if what == "significant" else round_decimals
        assert options[row.answer_index] == rounded(text, int(k))
        assert len({Decimal(option) for option in options}) == len(options) == len(row.classes)
        assert not any("." in option and option.endswith("0") for option in options)


def test_into_the_unknown_has_frames_with_items_and_reasons():
    frames = content("into_the_unknown")["frames"]
    assert len(frames) >= 24 and min(len(set(frame["items"])) for frame in frames) >= 6
    reasons = [frame["reason"].split("{name}")[-1] for frame in frames]
    for pair in generate("into-the-unknown", 100, 0):
        trap, control = pair.rows["trap"], pair.rows["control"]
        shown = dict(re.findall(r"^([AB])\. (.*)$", trap.prompt, re.MULTILINE))
        assert any(shown[trap.gold.strip()].endswith(reason) for reason in reasons)
        assert control.answer_index == trap.trap_index


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("variant", ["trap", "control"])
def test_hindsight_neglect_judges_by_the_odds(variant, style):
    percents, stakes = (
        re.compile(r"(\d+) (?:percent|of 100)|other (\d+)"),
        re.compile(r"(\d+) (?:dollars|euros|points)"),
    )
    for row in rows("hindsight-neglect", variant, 100, style):
        questions = row.prompt.split("\n\n")
        assert len(questions) == 11
        answers = [question.rpartition("Answer:")[2].strip() for question in questions[:-1]] + [row.gold.strip()]
        assert Counter(answers[:-1]) == {"Y": 5, "N": 5}
        agrees = []
        for question, answer in zip(questions, answers, strict=True):
            p_loss, p_gain = (int(first or second) for first, second in percents.findall(question))
            loss, gain, outcome = map(int, stakes.findall(question))
            assert p_loss + p_gain == 100 and max(p_loss, p_gain) >= 65
            expected = p_gain * gain - p_loss * loss
            assert abs(expected) >= 100 * 10 and answer == ("Y" if expected > 0 else "N")
            agrees.append((outcome == gain) == (expected > 0))
        assert all(agrees[:-1]) and agrees[-1] == (variant == "control")


def test_repetitive_algebra_solves_each_line_and_the_tenth_differs_only_in_the_trap():
    for variant in ("trap", "control"):
        for row in rows("repetitive-algebra", variant):
            lines = re.findall(r"Suppose (\d+) = (\w) \+ (\d+)\. What is the value of \2\?\nA:(?: (\d+))?", row.prompt)
            answers = [int(total) - int(added) for total, _, added, _ in lines]
            assert [str(answer) for answer in answers[:-1]] == [shown for *_, shown in lines[:-1]]
            assert len(answers) == 11 and len({line[0] for line in lines if line[2]}) >= 10
            assert set(answers[:9]) == {answers[10]} == {int(row.gold)}
            assert (answers[9] == answers[10]) == (variant == "control")


def test_running_out_of_content_names_the_capacity():
    with pytest.raises(UserError, match=r"memo-trap has content for about 1\d\d\d different questions"):
        list(generate("memo-trap", 5000, 0))
