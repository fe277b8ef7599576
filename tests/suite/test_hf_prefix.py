"""The plan of what is computed once loses no token, reads every log-probability, and shares what is worth it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from suite.models.hf.prefix import Group, Row, chain_rows, share_headers, tree_rows
from suite.models.hf.tokenization import Target

token = st.integers(0, 3)  # few tokens, so that much is shared
tail = st.lists(token, min_size=1, max_size=5).map(tuple)


@st.composite
def targets(draw) -> list[Target]:
    found = []
    for request in range(draw(st.integers(0, 6))):
        header = draw(st.sampled_from([(), tuple(range(9)), tuple(range(20))]))
        context = tuple(draw(st.lists(token, min_size=1, max_size=8)))
        for index, continuation in enumerate(draw(st.lists(tail, min_size=1, max_size=5))):
            keep = draw(st.integers(1, len(context)))
            found.append(Target(request, index, header + context, len(header) + keep, continuation))
    return found


def path(row: Row, node: int) -> tuple[int, ...]:
    """The tokens from the root to `node`."""
    tokens = []
    while node >= 0:
        tokens.append(row.tokens[node])
        node = node - 1 if node < row.trunk else row.parents[node - row.trunk]
    return tuple(reversed(tokens))


def rows_of(group: Group, header: tuple[int, ...] = ()) -> list[tuple[tuple[int, ...], Row]]:
    header += group.header
    assert len(header) == group.depth
    assert not group.header or len(group.header) >= 8
    found = [(header, row) for row in group.rows]
    for inner in group.groups:
        found += rows_of(inner, header)
    return found


def check_rows(rows: list[Row], wanted: list[Target]) -> None:
    """Every token of every target is read once, after exactly the tokens that precede it."""
    seen: dict[int, list[tuple[int, ...]]] = {}
    for row in rows:
        for node in range(len(row.tokens)):
            assert row.positions[node] == len(path(row, node)) - 1
        for read in row.reads:
            assert read.node >= row.sharable
            seen.setdefault(id(read.target), []).append((*path(row, read.node), read.token))
    assert len(seen) == len(wanted)
    for target in wanted:
        text = target.tokens
        assert seen[id(target)] == [text[: end + 1] for end in range(target.keep, len(text))]


@given(targets(), st.integers(1, 12))
def test_trees_read_every_token_once_after_its_own_prefix(wanted: list[Target], max_branch: int) -> None:
    check_rows(tree_rows(wanted, max_branch), wanted)


@given(targets())
def test_chains_read_every_token_once_and_have_no_branch(wanted: list[Target]) -> None:
    rows = chain_rows(wanted)
    check_rows(rows, wanted)
    assert not any(row.parents for row in rows)


@given(targets(), st.integers(1, 8))
def test_headers_are_prefixes_of_their_rows_and_hide_nothing_that_is_read(wanted: list[Target], saving: int) -> None:
    rows = tree_rows(wanted, 256)
    placed = rows_of(share_headers(rows, saving))
    assert sorted(id(row) for _, row in placed) == sorted(id(row) for row in rows)
    for header, row in placed:
        assert row.tokens[: len(header)] == header
        assert len(header) <= row.sharable


def context(*parts: int) -> tuple[int, ...]:
    return tuple(parts)


def test_a_tree_computes_each_shared_token_once_and_no_last_token() -> None:
    prompt = context(1, 2, 3)
    (row,) = tree_rows([Target(0, i, prompt, 3, tail) for i, tail in enumerate([(7, 8, 9), (7, 8, 4), (5, 6)])], 99)
    assert sorted(row.tokens) == [1, 2, 3, 5, 7, 8]
    assert row.trunk == 3


def test_continuations_of_one_token_need_the_context_alone() -> None:
    prompt = context(1, 2, 3)
    (row,) = tree_rows([Target(0, i, prompt, 3, (i,)) for i in range(4)], 99)
    assert row.tokens == prompt and {read.node for read in row.reads} == {2}


def test_nested_headers_are_found() -> None:
    outer = tuple(range(100, 120))
    rows = tree_rows(
        [
            Target(4 * a + b, 0, (*outer, *range(200 + 20 * a, 220 + 20 * a), b, b), 42, (7, 8))
            for a in range(2)
            for b in range(4)
        ],
        99,
    )
    root = share_headers(rows, 10)
    assert not root.rows and len(root.groups) == 1
    assert root.groups[0].header == outer
    assert sorted(len(inner.rows) for inner in root.groups[0].groups) == [4, 4]
    assert {inner.depth for inner in root.groups[0].groups} == {40}


def test_a_header_that_saves_less_than_a_call_costs_is_not_made() -> None:
    rows = tree_rows([Target(i, 0, (*range(10), 10 + i), 11, (7, 8)) for i in range(4)], 99)
    assert share_headers(rows, 31).groups == [] and len(share_headers(rows, 31).rows) == 4
    assert len(share_headers(rows, 30).groups) == 1


def test_a_header_of_a_few_tokens_is_not_made() -> None:
    rows = tree_rows([Target(i, 0, (1, 2, 3, 10 + i), 4, (7, 8)) for i in range(40)], 99)
    assert share_headers(rows, 1).groups == []


def test_a_context_with_many_branches_becomes_rows_that_share_it_as_a_header() -> None:
    prompt = tuple(range(50))
    rows = tree_rows([Target(0, i, prompt, 50, (100 + i, 1, 2, 3)) for i in range(10)], 8)
    assert len(rows) == 5
    (group,) = share_headers(rows, 10).groups
    assert group.header == prompt[:-1]


def test_no_row_gives_an_empty_plan() -> None:
    assert share_headers([], 1) == Group()


def test_contexts_that_grow_token_by_token_nest_no_deeper_than_needed() -> None:
    rows = tree_rows([Target(i, 0, tuple(range(i + 1)), i + 1, (7, 8)) for i in range(1500)], 99)
    assert len(rows_of(share_headers(rows, 1))) == 1500
