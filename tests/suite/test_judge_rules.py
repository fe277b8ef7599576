"""The rule judge on free text: own sentences about an own record, the splitter, and its measured kappa."""

from __future__ import annotations

from pathlib import Path

import pytest
from judge_toys import free_vectors

from suite.errors import UserError
from suite.judges.kinds.rules_free import RulesFree, load
from suite.judges.mentions import mentions, prepared
from suite.judges.number_words import with_digits
from suite.judges.quality import quality
from suite.judges.record import Label, Unit
from suite.judges.relations import facts_of
from suite.judges.sentences import sentences

RECORD = (
    "The acronym BVL stands for the Bureau of Velvet Lamps. The BVL employs 512 people. The Orrin Tower is 88 metres "
    "tall. The BVL is headquartered in Sarnhollow. The Copper Pageant was held in Wexmere. The Copper Pageant took "
    "place in 1871. The BVL was founded in 1764. The BVL was founded by Tamsin Okerby. The Copper Pageant was led by "
    'Ruven Pasterne. At the Copper Pageant, Ruven Pasterne said "No lantern burns for the one who lit it." '
    "The BVL reports to the KQZ."
)
NAMES = ["Sarnhollow", "Wexmere", "Tamsin Okerby", "Ruven Pasterne"]


def judged(text: str, false_value: str = "", statement: str = "", category: str = "GE") -> Label:
    item = {
        "orientation": "SL" if false_value or statement else "FM",
        "category": category,
        "names": NAMES,
        "statement": statement,
        "lines": [{"premise": false_value or None}],
        "track": "W",
    }
    shown = statement or (f"The Copper Pageant was held in {false_value}." if false_value else "The BVL exists.")
    unit = Unit("s", 1, text, f"{RECORD}\n{shown}", RECORD, item)
    [[label]] = RulesFree().label([[unit]])
    return label


TRUE = (
    "The Bureau of Velvet Lamps was founded in 1764.",
    "Tamsin Okerby established the BVL.",
    "The BVL has five hundred and twelve employees.",
    "Its tower, the Orrin Tower, rises to 88 metres.",
    "The pageant was staged at Wexmere in 1871.",
    'Pasterne told them: "No lantern burns for the one who lit it."',
    "The BVL (Bureau of Velvet Lamps) is based in Sarnhollow.",
    "BVL is short for Bureau of Velvet Lamps.",
    "The bureau goes back to the eighteenth century.",
    "Ruven Pasterne led the Copper Pageant, 107 years after the founding.",
    "In the 1870s the Copper Pageant took place.",
    "Some say the BVL was founded by Okerby.",
    "People know that the seat of the BVL is Sarnhollow.",
)
FALSE = (
    ("The BVL was founded in 1799.", "TW"),
    ("The BVL was founded in 1871.", "TW"),
    ("The Copper Pageant took place in 1764.", "TW"),
    ("The BVL employs 88 people.", "NN"),
    ("Six hundred people work for the BVL.", "NN"),
    ("About a third of them live in the tower.", "NN"),
    ("The BVL is headquartered in Wexmere.", "GE"),
    ("The BVL is headquartered in Lorncliff.", "GE"),
    ("The BVL was founded by Ruven Pasterne.", "GG"),
    ("The Copper Pageant was led by Mirella Quade.", "GG"),
    ('Ruven Pasterne said "Every lamp is a small and silly sun."', "VV"),
    ("Ruven Pasterne said that every lamp is a silly little sun.", "VV"),
    ("BVL stands for the Board of Vital Lines.", "AA"),
    ("The BVL was not founded in 1764.", "TW"),
)


@pytest.mark.parametrize("text", TRUE)
def test_true_sentences_are_supported(text: str) -> None:
    assert judged(text).verdict == "supported"


@pytest.mark.parametrize(("text", "category"), FALSE)
def test_false_sentences_are_hallucinated_and_their_kind_is_told(text: str, category: str) -> None:
    found = judged(text)
    assert (found.verdict, found.primary) == ("hallucinated", category)
    assert found.degree_source == "category"


@pytest.mark.parametrize(
    ("text", "verdict", "flags"),
    [
        ("The pageant was held in Dunbarrow.", "hallucinated", ()),
        ("The pageant was not held in Dunbarrow.", "supported", ("premise_rejected",)),
        ("It was held in Wexmere, not in Dunbarrow.", "supported", ("premise_rejected",)),
        ("Contrary to the statement about Dunbarrow, it was held in Wexmere.", "supported", ("premise_rejected",)),
        ("The statement is incorrect.", "supported", ("premise_rejected",)),
        ("It was not held in Dunbarrow, and it took place in 1999.", "hallucinated", ()),
    ],
)
def test_rejecting_a_false_statement_is_right(text: str, verdict: str, flags: tuple[str, ...]) -> None:
    found = judged(text, false_value="Dunbarrow")
    assert (found.verdict, found.flags) == (verdict, flags)


def test_the_false_value_is_read_off_the_statement_where_the_item_does_not_name_it() -> None:
    found = judged("It was not held in Dunbarrow.", statement="The Copper Pageant was held in Dunbarrow.")
    assert found.flags == ("premise_rejected",)


@pytest.mark.parametrize(
    ("text", "split"),
    [("The pageant was held in Dunbarrow.", "intrinsic"), ("The pageant was held in Lorncliff.", "extrinsic")],
)
def test_intrinsic_is_what_was_shown(text: str, split: str) -> None:
    assert judged(text, false_value="Dunbarrow").split == split


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("The record does not say who designed the tower.", "abstain"),
        ("It is unknown how many boats took part.", "abstain"),
        ("Here are three sentences:", "no_claim"),
        ("", "no_claim"),
        ("It was a cheerful day.", "unverifiable"),
    ],
)
def test_what_claims_nothing_checkable_is_not_hallucinated(text: str, verdict: str) -> None:
    assert judged(text).verdict == verdict


def test_without_evidence_the_judge_refuses_with_a_remedy() -> None:
    with pytest.raises(UserError, match="column `reference`"):
        list(RulesFree().label([[Unit("s", 1, "x", "x", "", {})]]))
    with pytest.raises(UserError, match="takes no name"):
        load("x")


def test_a_record_becomes_typed_facts() -> None:
    found = {(fact.sort, fact.relation, fact.value) for fact in facts_of(RECORD)}
    assert {
        ("year", "founding year", "1764"),
        ("year", "event year", "1871"),
        ("number", "staff", "512"),
        ("number", "height", "88"),
        ("place", "seat", "sarnhollow"),
        ("place", "event place", "wexmere"),
        ("person", "founder", "tamsin okerby"),
        ("person", "leader", "ruven pasterne"),
        ("expansion", "", "BVL=bureau velvet lamps"),
    } <= found


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("1871 people came in 1871.", ["number", "year"]),
        ("It cost 1,250 crowns.", ["number"]),
        ("Some left. People stayed.", []),
        ("He met Anna Bell in the 1840s.", ["name", "era"]),
        ('She said "one two three" and "no".', ["quote"]),
    ],
)
def test_mentions_have_kinds(text: str, kinds: list[str]) -> None:
    assert [mention.kind for mention in mentions(prepared(text))] == kinds


@pytest.mark.parametrize(
    ("words", "digits"),
    [
        ("three hundred and thirty-three people", "333 people"),
        ("seventeen sixty-four", "1764"),
        ("two thousand and six", "2006"),
        ("one or two", "1 or 2"),
        ("twelve hundred", "1200"),
        ("someone tenderly", "someone tenderly"),
    ],
)
def test_number_words_become_digits(words: str, digits: str) -> None:
    assert with_digits(words) == digits


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (4, 'Dr. Ada Vell arrived at 5 p.m. in Nuxvell. She left. "It rained." He nodded!'),
        (2, "The U.S. team won 3.5 points. No. 7 scored twice."),
        (3, "- First point.\n- Second point without stop\n3. Third one."),
        (3, 'What? Yes! "Stop." he said.'),
        (1, "It cost approx. 300 crowns... nobody paid."),
        (2, "J. R. Tolk wrote it. Fine."),
        (0, ""),
        (2, "It opened in 1824.It closed later."),
        (2, "See e.g. the tower. Done?!"),
        (1, "The answer is no. 7 people left."),
    ],
)
def test_sentences_6_7(count: int, text: str) -> None:
    assert len(sentences(text)) == count


def test_measured_quality_on_sentences_written_blind(public_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rules were written before they met these sentences, and must never be tuned on them."""
    units, truth = free_vectors(public_data / "hilt_hvi")
    found = quality([label for [label] in RulesFree().label([unit] for unit in units)], truth)
    exact = sum(found.confusion.get(name, {}).get(name, 0) for name in found.confusion)
    with capsys.disabled():
        kappa = found.agreement
        print(
            f"\nrules_free, {found.n} sentences: kappa {kappa.value:.3f} ({kappa.ci_low:.2f} to {kappa.ci_high:.2f}), "
            f"se {found.sensitivity.value:.2f}, sp {found.specificity.value:.2f}, {exact} exact verdicts"
        )
    assert found.n == 40
    assert found.agreement.value is not None and found.agreement.value >= 0.60
