"""Log-likelihoods of causal models: every shared token is computed once, every score is as if it were computed alone.

Requests become targets (`tokenization`), targets become rows and groups (`prefix`), and groups are run here: header
first, then its rows in batches (`forward`). Sums of log-probabilities are taken in fp32 from the logits as the model
gives them. The first call proves on the model at hand that sharing changes nothing; where it does (an architecture
that mixes tokens by other means than masked attention), texts are run whole. Under an intervention, prompts in
segments share what the continuations of one prompt have in common, and batches hold rows of one layout.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import torch

from suite.interventions import Intervention, Layout
from suite.models.hf.batching import Batches
from suite.models.hf.forward import Header, chain_logits, extend, tree_logits
from suite.models.hf.prefix import Group, Row, chain_rows, share_headers, tree_rows
from suite.models.hf.tokenization import Target, Tokenization, Tokens, Unscorable
from suite.task import ContinuationScore, Loglikelihood, Response

_ENCODE_AT_ONCE = 64  # requests; joint token lists are long, and are dropped once the shared part is known
_MAX_BRANCH = 256  # nodes beside the trunk: attention is dense, though branches do not see each other
# What one more call of the model costs, in tokens: next to nothing on a CPU, much on a device that waits for it.
_CALL_COST = {"cpu": 96}
_CALL_COST_ELSEWHERE = 1024


@dataclass(frozen=True, slots=True)
class Part:
    """What one batch found for one target; `seconds` is its share of the batch."""

    target: Target
    logprob: float
    is_greedy: bool
    seconds: float


@dataclass(slots=True)
class _Pending:
    """A request with the scores of its continuations so far."""

    request: Loglikelihood
    prompt_tokens: int = 0
    is_split: bool = False
    cut_tokens: int = 0
    seconds: float = 0.0
    found: dict[int, ContinuationScore] = field(default_factory=dict)

    def response(self) -> Response:
        scores = tuple(self.found[i] for i in range(len(self.request.continuations)))
        bad = [i for i, score in enumerate(scores) if not math.isfinite(score.logprob)]
        if bad:
            detail = f"log-probability {scores[bad[0]].logprob} of {self.request.continuations[bad[0]]!r}"
            return Response(self.request.id, error="nan", error_detail=detail, latency_s=self.seconds)
        return Response(
            self.request.id,
            scores,
            prompt_tokens=self.prompt_tokens,
            is_split=self.is_split,
            cut_tokens=self.cut_tokens,
            latency_s=self.seconds,
        )


def answer(scorer: Scorer, tokenization: Tokenization, requests: Sequence[Loglikelihood]) -> Iterator[Response]:
    """Responses to `requests`, each as soon as its last continuation is scored.

    `prompt_tokens` of a response counts the context and its continuations, each once.
    """
    pending: dict[int, _Pending] = {}
    targets: list[Target] = []
    numbered = list(enumerate(requests))
    for at in range(0, len(numbered), _ENCODE_AT_ONCE):
        for found in tokenization.targets(numbered[at : at + _ENCODE_AT_ONCE]):
            if isinstance(found, Unscorable):
                yield Response(requests[found.request].id, error=found.error, error_detail=found.detail)
                continue
            opened = _Pending(requests[found.request], len(found.context), found.is_split, found.cut)
            waiting = pending.setdefault(found.request, opened)
            waiting.prompt_tokens += len(found.tail)
            targets.append(found)
    for request in requests:
        if not request.continuations:
            yield Response(request.id)
    for part in scorer.score(targets):
        waiting = pending[part.target.request]
        waiting.seconds += part.seconds
        waiting.found[part.target.index] = ContinuationScore(part.logprob, len(part.target.tail), part.is_greedy)
        if len(waiting.found) == len(waiting.request.continuations):
            yield pending.pop(part.target.request).response()


class Scorer:
    """Scores targets with a causal model; those that have a layout, under `intervention`."""

    def __init__(self, model: Any, batches: Batches, intervention: Intervention | None = None) -> None:
        self.model = model
        self.batches = batches
        self.intervention = intervention
        self._vocabulary = model.get_input_embeddings().weight.shape[0]
        self._width = model.get_input_embeddings().weight.shape[-1]
        self._window = full_attention_window(model.config.get_text_config())

    def score(self, targets: Sequence[Target]) -> Iterator[Part]:
        """Yields one part for each target, in the order in which batches end."""
        trees: list[Target] = []
        chains: list[Target] = []
        by_prompt: dict[tuple[Layout, Tokens], list[Target]] = {}
        for target in targets:
            if target.layout is not None:
                by_prompt.setdefault((target.layout, target.context), []).append(target)
                continue
            fits = self._window is None or target.keep + len(target.tail) <= self._window
            (trees if fits and self.can_share else chains).append(target)
        cost = _CALL_COST.get(self.model.device.type, _CALL_COST_ELSEWHERE)
        yield from self._run(share_headers(tree_rows(trees, _MAX_BRANCH), cost), Header(), tree=True)
        yield from self._run(Group(rows=chain_rows(chains)), Header(), tree=False)
        yield from self._laid_out(by_prompt)

    def _laid_out(self, prompts: Mapping[tuple[Layout, Tokens], Sequence[Target]]) -> Iterator[Part]:
        """Scores each prompt's targets under the intervention; rows without a header, with others of their layout."""
        alone: dict[Layout, list[Row]] = {}
        for (layout, _), targets in prompts.items():
            rows = chain_rows(targets)
            depth = min(row.sharable for row in rows)
            if len(rows) > 1 and depth > layout.end:
                yield from self._run(Group(rows[0].tokens[:depth], depth, rows), Header(), tree=False, layout=layout)
            else:
                alone.setdefault(layout, []).extend(rows)
        for layout, rows in alone.items():
            yield from self._run(Group(rows=rows), Header(), tree=False, layout=layout)

    @cached_property
    def can_share(self) -> bool:
        """Whether trees and headers leave the scores of this model as they are, proved on a few tokens."""
        context = tuple((7 * i + 3) % self._vocabulary for i in range(10))
        a, b, c = context[:3]
        targets = [
            Target(0, 0, context, 10, (a, b, c)),
            Target(0, 1, context, 10, (a, c, c)),
            Target(0, 2, context, 10, (b, c)),
            Target(1, 0, (*context[:9], a, c), 11, (b, c)),
        ]
        allowed = 1e-3 if self.model.dtype == torch.float32 else 0.3
        try:
            chains, trees = Group(rows=chain_rows(targets)), Group(rows=tree_rows(targets, _MAX_BRANCH))
            headed = share_headers(tree_rows(targets, 4), min_saving=1)
            alone = {_key(part): part.logprob for part in self._run(chains, Header(), tree=False)}
            if not all(math.isfinite(logprob) for logprob in alone.values()):
                return True  # broken weights, which each response will report
            shared = [part for plan in (trees, headed) for part in self._run(plan, Header(), tree=True)]
            worst = max(abs(part.logprob - alone[_key(part)]) for part in shared)
        except Exception as error:  # an architecture may refuse a mask or a cache in its own way
            worst = math.inf
            reason = f"{type(error).__name__}: {error}"
        else:
            reason = f"scores would move by {worst:.2g} nats"
        if not worst <= allowed:
            name = type(self.model).__name__
            warnings.warn(f"{name} cannot share prefixes ({reason}); texts are run whole", stacklevel=2)
        return worst <= allowed

    def _run(self, group: Group, parent: Header, tree: bool, layout: Layout | None = None) -> Iterator[Part]:
        header = parent
        if group.header:
            (header,) = self.batches.run([group.header], len, partial(self._extend, parent, layout))
        work = partial(self._batch, header, tree, layout)
        for parts in self.batches.run(group.rows, partial(self._cost, header), work):
            yield from parts
        for inner in group.groups:
            yield from self._run(inner, header, tree, layout)

    @contextmanager
    def _under(self, layout: Layout | None) -> Iterator[Callable[[Any], None]]:
        """Within, the model runs as prompts of `layout` ask; gives what is to be told of caches."""
        if layout is None or self.intervention is None:
            yield lambda _: None
            return
        with self.intervention.apply(self.model, layout) as installation:
            yield installation.adopt

    @torch.inference_mode()
    def _extend(self, parent: Header, layout: Layout | None, headers: Sequence[Tokens]) -> Header:
        with self._under(layout):
            return extend(self.model, parent, headers[0])

    def _cost(self, header: Header, row: Row) -> int:
        """Tokens of a row, and what its copy of the header and its logits weigh beside them."""
        logits = len(row.reads) * self._vocabulary // (32 * self._width)
        return len(row.tokens) - header.length + header.length // 8 + logits

    @torch.inference_mode()
    def _batch(self, header: Header, tree: bool, layout: Layout | None, rows: Sequence[Row]) -> list[Part]:
        started = time.perf_counter()
        places: dict[tuple[int, int], int] = {}  # (row, node) -> line of the logits
        reads = [(i, read) for i, row in enumerate(rows) for read in row.reads]
        lines = [places.setdefault((i, read.node), len(places)) for i, read in reads]
        where = torch.tensor(list(places))
        if tree:
            logits = tree_logits(self.model, header, rows, where)
        else:
            with self._under(layout) as announce:
                logits = chain_logits(self.model, header, rows, where, announce)
        logits = logits.float()
        line = torch.tensor(lines, device=logits.device)
        token = torch.tensor([read.token for _, read in reads], device=logits.device)
        logprobs = (logits[line, token] - logits.logsumexp(-1)[line]).tolist()
        greedy = (logits.argmax(-1)[line] == token).tolist()
        sums: dict[int, tuple[Target, float, bool]] = {}
        for (_, read), logprob, best in zip(reads, logprobs, greedy, strict=True):
            target, total, all_best = sums.get(id(read.target), (read.target, 0.0, True))
            sums[id(target)] = target, total + logprob, all_best and best
        seconds = (time.perf_counter() - started) / len(sums)
        return [Part(target, total, best, seconds) for target, total, best in sums.values()]


def full_attention_window(config: Any) -> int | None:
    """The longest text, in tokens, in which every token sees all before it; None if there is no bound.

    Beyond it sliding windows begin to hide tokens, or rotary positions change with the length of the text; masks of
    trees know of neither.
    """
    bounds = []
    if getattr(config, "use_sliding_window", True):
        layers = getattr(config, "layer_types", None) or ["sliding_attention"]
        if any(kind != "full_attention" for kind in layers):
            bounds += [getattr(config, key, None) for key in ("sliding_window", "attention_chunk_size", "window_size")]
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") in ("dynamic", "longrope"):
        bounds.append(rope.get("original_max_position_embeddings") or config.max_position_embeddings)
    return min((bound for bound in bounds if isinstance(bound, int)), default=None)


def _key(part: Part) -> tuple[int, int]:
    return part.target.request, part.target.index
