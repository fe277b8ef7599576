"""Puts the segment attention into a stock transformers model for the time of a context, and takes it out again.

Three entrances, none of which changes the model's code. A registered attention function computes the attention. A
hook on the rotary embedding answers with no rotation, so that this function and the cache get keys as they were
projected. Hooks around the decoder check every call, and bring segments into canonical order and states back.

A context belongs to the thread (or task) that entered it: other threads use the same model undisturbed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from suite.errors import UserError
from suite.interventions.segments.attention import Arrangement, Attention, phase_table
from suite.interventions.segments.layout import Layout
from suite.interventions.segments.positions import geometry
from suite.interventions.segments.support import check_model

# Not a word in it that transformers takes for a kernel of its own ("flash", "sdpa", "flex", "/", "|").
IMPLEMENTATION = "segment_invariant"
_MORE_POSITIONS = 256  # phases made ahead, so that generation need not extend them at every token

_active: ContextVar[tuple[Installation, ...]] = ContextVar("active interventions", default=())
_lock = threading.Lock()
_users: WeakKeyDictionary[torch.nn.Module, list[Any]] = WeakKeyDictionary()  # base -> [contexts, its own attention]


@contextmanager
def installed(model: Any, layout: Layout, arrangement: Arrangement, canonical_order: bool) -> Iterator[Installation]:
    """Within, this thread's calls of `model` go through the segment attention.

    Raises:
        UserError: a model that cannot be served, with the reason.
    """
    check_model(model)
    installation = Installation(model.base_model, layout, arrangement, canonical_order)
    with ExitStack() as stack:
        stack.enter_context(_attention_of(model))
        for handle in installation.hooks():
            stack.callback(handle.remove)
        token = _active.set((*_active.get(), installation))
        stack.callback(_active.reset, token)
        yield installation


class Installation:
    """One context's share in a model: the layout in force, and what one call hands on to its layers."""

    def __init__(self, base: Any, layout: Layout, arrangement: Arrangement, canonical_order: bool) -> None:
        self.base, self.layout, self.arrangement = base, layout, arrangement
        self.canonical_order = canonical_order
        self.dtype = torch.float64 if base.dtype == torch.float64 else torch.float32
        self.layers = {id(module) for module in base.modules()}
        self._caches: WeakKeyDictionary[Any, Layout] = WeakKeyDictionary()  # what lies in each cache
        self._current = layout  # the layout of the call under way
        self._back: torch.Tensor | None = None  # (B, Q) where the states of this call's prompt belong
        self._length = 0  # tokens of this call, cached ones included
        self._phases = torch.empty(0)
        self._frequencies = torch.empty(0)
        self._sharpening = 1.0

    def adopt(self, cache: Any) -> None:
        """Vouches for a cache that this context did not see filled, a copy of one: it holds `layout` as it stands.

        With canonical order on, its segments lie in canonical order.
        """
        self._caches[cache] = self.layout

    def hooks(self) -> list[Any]:
        """Puts the hooks in place and returns their handles."""
        return [
            self.base.register_forward_pre_hook(self._before, with_kwargs=True),
            self.base.register_forward_hook(self._after, with_kwargs=True),
            self.base.rotary_emb.register_forward_hook(self._unrotated),
        ]

    def attend(
        self, module: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float | None
    ) -> torch.Tensor:
        """(B, Q, H, D) the attention's output in the precision of `query`; computed in fp32 at least."""
        phases = self._phases
        if not getattr(module, "use_rope", True):  # SmolLM3 has layers without positions
            phases = torch.ones_like(phases)
        with torch.autocast(query.device.type, enabled=False):
            output = Attention(
                query.to(self.dtype),
                key.to(self.dtype),
                value.to(self.dtype),
                phases.to(query.device),
                geometry(self._current, query.device),
                self.arrangement,
                query.shape[-1] ** -0.5 if scaling is None else scaling,
                self._sharpening,
            ).output()
        return output.to(query.dtype).transpose(1, 2).contiguous()

    def _before(self, _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any] | None:
        if not self._is_mine():
            return None
        tokens = args[0] if args else kwargs.get("input_ids")
        given: Any = kwargs.get("inputs_embeds") if tokens is None else tokens
        cache = kwargs.get("past_key_values")
        done = 0 if cache is None else int(cache.get_seq_length())
        self._length = done + given.shape[1]
        self._check(kwargs, done)
        self._back = None
        if done:
            if cache not in self._caches:
                raise UserError(
                    "segments: this cache was filled outside of this context, with keys of another kind; "
                    "run the prompt within it, or `adopt` a copy of a cache that was"
                )
            self._current = self._caches[cache]
            return None
        self._current = self.layout
        if not self.canonical_order:
            return None
        if tokens is None:
            raise UserError("segments: canonical order goes by tokens; pass input_ids, or set canonical_order=False")
        tokens = self._reorder(tokens)
        return ((tokens, *args[1:]), kwargs) if args else (args, {**kwargs, "input_ids": tokens})

    def _check(self, kwargs: dict[str, Any], done: int) -> None:
        layout, mask, positions = self.layout, kwargs.get("attention_mask"), kwargs.get("position_ids")
        if getattr(kwargs.get("past_key_values"), "is_compileable", False):
            raise UserError("segments: static caches are not supported; leave the cache to generate")
        if mask is not None and (not isinstance(mask, torch.Tensor) or mask.dim() != 2 or not mask.all()):
            raise UserError("segments: padding and masks are not supported; batch only prompts of one layout")
        if positions is not None:
            expected = torch.arange(done, self._length, device=positions.device)
            if not torch.equal(positions, expected.expand_as(positions)):
                raise UserError("segments: positions follow from the layout; leave position_ids out")
        if self._length < layout.end or 0 < done < layout.end:
            raise UserError(
                f"segments: {self._length} tokens end inside the segments, which end at {layout.end}; "
                "pass the whole prompt at once"
            )
        if self._length == layout.end:
            raise UserError("segments: nothing comes after the segments; a suffix of at least one token is needed")

    def _reorder(self, tokens: torch.Tensor) -> torch.Tensor:
        """`tokens` (B, Q) with every row's segments in canonical order; keeps the way back for `_after`."""
        rows = tokens[:, : self.layout.end].tolist()
        orders = [self.layout.order(row) for row in rows]
        layouts = {self.layout.reordered(order) for order in orders}
        if len(layouts) > 1:
            raise UserError(
                "segments: in canonical order the rows of this batch differ in layout; ask them one at a time"
            )
        self._current = layouts.pop()
        if all(order == tuple(range(len(order))) for order in orders):
            return tokens
        suffix = list(range(self.layout.end, tokens.shape[1]))
        sources = torch.tensor([self.layout.sources(order) + suffix for order in orders], device=tokens.device)
        self._back = sources.argsort(dim=1)
        return tokens.gather(1, sources)

    def _after(self, _: Any, __: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        if not self._is_mine():
            return
        if isinstance(output, tuple):
            raise UserError("segments: tuples are not supported as output; leave return_dict=False out")
        cache = output.get("past_key_values") if kwargs.get("past_key_values") is None else kwargs["past_key_values"]
        if cache is not None:
            self._caches[cache] = self._current
        if self._back is None:
            return
        output.last_hidden_state = self._returned(output.last_hidden_state)
        if output.get("hidden_states") is not None:
            output.hidden_states = tuple(self._returned(states) for states in output.hidden_states)

    def _returned(self, states: torch.Tensor) -> torch.Tensor:
        assert self._back is not None
        return states.gather(1, self._back.to(states.device)[:, :, None].expand(-1, -1, states.shape[-1]))

    def _unrotated(self, rotary: Any, _: tuple[Any, ...], output: tuple[torch.Tensor, torch.Tensor]) -> Any:
        """No rotation in place of the model's; its frequencies, which may depend on length, are noted."""
        if not self._is_mine():
            return None
        frequencies = rotary.inv_freq
        stale = self._frequencies.shape != frequencies.shape or not torch.equal(self._frequencies, frequencies)
        if stale or len(self._phases) < self._length:
            self._frequencies = frequencies.clone()
            self._phases = phase_table(frequencies, self._length + _MORE_POSITIONS, self.dtype)
        self._sharpening = float(rotary.attention_scaling) ** 2
        cos, sin = output
        return torch.ones_like(cos), torch.zeros_like(sin)

    def _is_mine(self) -> bool:
        """Whether this call is made by the thread that entered the context, and no inner one has taken over."""
        own = [installation for installation in _active.get() if installation.base is self.base]
        return bool(own) and own[-1] is self


def _attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """The registered attention function: that of the context in force, else the stock one."""
    for installation in reversed(_active.get()):
        if id(module) in installation.layers:
            if dropout:
                raise UserError("segments: attention dropout is not supported; call model.eval()")
            return installation.attend(module, query, key, value, scaling), None
    return sdpa_attention_forward(module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **kwargs)


@contextmanager
def _attention_of(model: Any) -> Iterator[None]:
    """Within, `model` calls the registered function; its own returns when the last context is left."""
    with _lock:
        entry = _users.setdefault(model.base_model, [0, model.config._attn_implementation])
        if entry[0] == 0:
            model.set_attn_implementation(IMPLEMENTATION)
        entry[0] += 1
    try:
        yield
    finally:
        with _lock:
            entry[0] -= 1
            if entry[0] == 0:
                del _users[model.base_model]
                model.set_attn_implementation(entry[1])


AttentionInterface.register(IMPLEMENTATION, _attend)
AttentionMaskInterface.register(IMPLEMENTATION, sdpa_mask)  # for the other threads; the segment attention needs none
