"""What is computed once: a plan that turns continuations into rows, and rows into groups that share a header.

A **row** is a tree of tokens: a context (the trunk) with the continuations that branch off it; every token of the
tree is computed once, and the last token of a continuation, which nothing is conditioned on, not at all. A **group**
is a header common to several rows, computed once, with its rows and its subgroups. All of this is bookkeeping on
integers; `suite.models.hf.scoring` runs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from suite.models.hf.tokenization import Target, Tokens, common_prefix

_MIN_HEADER = 8  # tokens; contexts that grow word by word would else nest as deep as they are long


@dataclass(frozen=True, slots=True)
class Read:
    """One log-probability to read: of `token`, from the logits at the row's node `node`."""

    target: Target
    node: int
    token: int


@dataclass(frozen=True, slots=True)
class Row:
    """A tree of tokens, parents before children.

    Attributes:
        tokens: (n_nodes,) token of each node; the first `trunk` nodes are a chain.
        positions: (n_nodes,) depth of each node, its position in the text.
        parents: parent of each node after the trunk.
        reads: what to read off; the first read stands at node `sharable`, so earlier nodes may come from a header.
    """

    tokens: Tokens
    positions: Tokens
    parents: Tokens
    reads: tuple[Read, ...]
    sharable: int

    @property
    def trunk(self) -> int:
        return len(self.tokens) - len(self.parents)


@dataclass(slots=True)
class Group:
    """Rows that share their first `depth` tokens. `header` is what this group adds to its parent's header."""

    header: Tokens = ()
    depth: int = 0
    rows: list[Row] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)


def tree_rows(targets: Iterable[Target], max_branch: int) -> list[Row]:
    """One row a context, or more where its branches together have over `max_branch` nodes."""
    by_context: dict[Tokens, list[Target]] = {}
    for target in targets:
        by_context.setdefault(target.context, []).append(target)
    rows = []
    for same in by_context.values():
        part: list[Target] = []
        nodes = 0
        for target in sorted(same, key=lambda target: target.tail):  # neighbours share their first tokens
            if part and nodes + len(target.tail) > max_branch:
                rows.append(_row(part))
                part, nodes = [], 0
            part.append(target)
            nodes += len(target.tail)
        rows.append(_row(part))
    return rows


def chain_rows(targets: Iterable[Target]) -> list[Row]:
    """One row for each different text without its last token: continuations of one token share it.

    For architectures whose attention cannot be told to follow a tree.
    """
    by_text: dict[Tokens, list[Target]] = {}
    for target in targets:
        by_text.setdefault(target.tokens[:-1], []).append(target)
    return [_row(same) for same in by_text.values()]


def share_headers(rows: Sequence[Row], min_saving: int) -> Group:
    """Groups rows under common headers, nested, wherever a header of some length saves at least
    `min_saving` tokens.

    Args:
        rows: in any order.
        min_saving: what one more call of the model costs, in tokens.
    """
    rows = sorted(rows, key=lambda row: row.tokens[: row.trunk])
    heads = [row.tokens[: row.sharable] for row in rows]
    # common[i]: tokens that rows i-1 and i share; the minimum over a span is what the whole span shares.
    common = [0] + [common_prefix(a, b) for a, b in pairwise(heads)]
    root = Group()
    pending = [(0, len(rows), root)] if rows else []
    while pending:
        low, high, group = pending.pop()
        if high - low == 1:
            group.rows.append(rows[low])
            continue
        shared = min(common[low + 1 : high], default=0)
        length = shared - group.depth
        if length >= _MIN_HEADER and length * (high - low - 1) >= min_saving:
            inner = Group(header=heads[low][group.depth : shared], depth=shared)
            group.groups.append(inner)
            group = inner
        cuts = [i for i in range(low + 1, high) if common[i] == shared]
        pending.extend((a, b, group) for a, b in zip([low, *cuts], [*cuts, high], strict=True))
    return root


def _row(targets: Sequence[Target]) -> Row:
    texts = [target.tokens for target in targets]
    inputs = [text[:-1] for text in texts]
    trunk = common_prefix(min(inputs), max(inputs))  # of all of them, since these two differ the earliest
    tokens, positions, parents = list(inputs[0][:trunk]), list(range(trunk)), []
    child: dict[tuple[int, int], int] = {}  # (parent, token) -> node
    reads = []
    for target, text in zip(targets, texts, strict=True):
        branch = [trunk - 1]  # the node that stands at depth trunk - 1, trunk, ...
        for depth in range(trunk, len(text) - 1):
            node = child.setdefault((branch[-1], text[depth]), len(tokens))
            if node == len(tokens):
                tokens.append(text[depth])
                positions.append(depth)
                parents.append(branch[-1])
            branch.append(node)
        for depth in range(target.keep, len(text)):
            last = depth - 1
            reads.append(Read(target, last if last < trunk else branch[last - trunk + 1], text[depth]))
    sharable = min(target.keep for target in targets) - 1
    return Row(tuple(tokens), tuple(positions), tuple(parents), tuple(reads), sharable)
