"""`UnreasonLM`: our local models as a backend of the harness, ``--model unreason --model_args pretrained=...``.

What contexts share is computed once (`suite.models.hf`). Requests of our own tasks are answered as `unreason run` has
them answered, segments of prompts and interventions included; those of the harness's tasks from their text.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from suite.errors import UserError
from suite.lm_eval.asking import Asked, Scored, Written
from suite.registry import load_model
from suite.task import Generate, Loglikelihood, Request, Response

_LONGEST = 2048  # tokens of a rolling window for a model that names no bound
_TAKEN_ELSEWHERE = ("batch_size", "max_batch_size")  # batches are sized by tokens here, by themselves
_log = logging.getLogger(__name__)


class UnreasonLM(LM):
    """A local model, loaded as ``hf/PRETRAINED``.

    Args:
        pretrained: a folder or hub id; `revision` of the latter. "demo" is the small model of `unreason demo`.
        peft: folder of an adapter.
        device: the harness says "cuda:0" by default, which is taken as "a GPU if there is one".
        dtype: "auto" is the model's default here, see `suite.models.hf.load`.
        more: its other options: batch_tokens, chat, intervention.

    Raises:
        UserError: an option that there is not, or whatever loading finds.
    """

    def __init__(
        self,
        pretrained: str,
        revision: str | None = None,
        peft: str | None = None,
        device: str | None = None,
        dtype: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__()
        options = {"device": _present(device), "dtype": None if dtype == "auto" else dtype, "adapter": peft}
        options |= {name: value for name, value in more.items() if name not in _TAKEN_ELSEWHERE}
        name = f"{pretrained}@{revision}" if revision else pretrained
        self._model: Any = load_model(name if name == "demo" else f"hf/{name}", **options)
        if "generate" not in self._model.info.capabilities:
            raise UserError(f"{pretrained} is an encoder, and lm-eval asks decoders; use `unreason run`")

    @property
    def tokenizer(self) -> Any:
        return self._model.tokenizer

    @property
    def tokenizer_name(self) -> str:
        return str(self.tokenizer.name_or_path).replace("/", "__")

    @property
    def max_length(self) -> int:
        return self._model.info.context_length or _LONGEST

    def get_model_info(self) -> dict[str, Any]:
        """The model's card, for the file of results."""
        info = self._model.info
        return {
            "model_num_parameters": info.parameters,
            "model_dtype": info.dtype,
            "model_revision": info.revision or "",
            "model_sha": info.fingerprint,
        }

    def chat_template(self, chat_template: bool | str = False) -> str | None:  # noqa: ARG002
        template: str | None = self.tokenizer.chat_template
        return template

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        return str(
            self.tokenizer.apply_chat_template(
                chat_history,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
                continue_final_message=not add_generation_prompt,
            )
        )

    def loglikelihood(self, requests: Sequence[Instance]) -> list[tuple[float, bool]]:
        """(log-probability in nats, is greedy) of each; NaN where a text cannot be scored, which is also logged."""
        wanted: dict[str, list[tuple[int, int]]] = {}  # request id -> (place in `requests`, which continuation)
        asked: dict[str, Request] = {}
        for request, places in _likelihoods(requests, self._plain):
            asked[request.id] = request
            wanted.setdefault(request.id, []).extend(places)
        found: dict[int, Scored] = {}
        for response in self._model.answer(asked.values()):
            _warn(response)
            for place, part in wanted[response.request_id]:
                found[place] = _scored(response, part)
                self.cache_hook.add_partial("loglikelihood", requests[place].args, found[place])
        return [found[place] for place in range(len(requests))]

    def loglikelihood_rolling(self, requests: Sequence[Instance]) -> list[float]:
        """Log-probability in nats of whole texts, in windows where they are longer than the model's."""
        totals = []
        prefix = self.tokenizer.bos_token_id if self.tokenizer.bos_token_id is not None else self.tokenizer.eos_token_id
        for request in requests:
            (text,) = request.args
            tokens = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            windows = get_rolling_token_windows(tokens, prefix, self.max_length, context_len=1)
            pairs = [make_disjoint_window(window) for window in windows]
            totals.append(sum(logprob for logprob, _ in self._model.score_tokens(pairs)))
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, totals[-1])
        return totals

    def generate_until(self, requests: Sequence[Instance]) -> list[str]:
        """A text each; an instance that is there several times, for repeats, gets as many texts."""
        repeats: dict[int, list[int]] = {}  # an instance -> its places
        for place, instance in enumerate(requests):
            repeats.setdefault(id(instance), []).append(place)
        wanted: dict[str, list[list[int]]] = {}
        asked: dict[str, Request] = {}
        for places in repeats.values():
            request = self._written(requests[places[0]], len(places))
            asked[request.id] = request
            wanted.setdefault(request.id, []).append(places)
        found: dict[int, str] = {}
        for response in self._model.answer(asked.values()):
            _warn(response)
            for places in wanted[response.request_id]:
                for number, place in enumerate(places):
                    found[place] = _text(response, number)
                    self.cache_hook.add_partial("generate_until", requests[place].args, found[place])
        return [found[place] for place in range(len(requests))]

    def _written(self, instance: Instance, n: int) -> Generate:
        request = getattr(instance, "request", None)
        if isinstance(request, Generate) and request.n == n:
            return request
        prompt, settings = instance.args
        until = settings.get("until") or ()
        is_drawn = settings.get("do_sample") or "do_sample" not in settings
        return Generate(
            self._plain(prompt),
            stop=(until,) if isinstance(until, str) else tuple(until),
            max_tokens=int(settings.get("max_gen_toks", 256)),
            temperature=float(settings.get("temperature", 0.0)) if is_drawn else 0.0,
            n=n,
        )

    def _plain(self, text: str) -> str:
        """The text of a prompt; a start token that a chat template wrote is not to stand there twice."""
        start = self.tokenizer.bos_token
        adds_it = start and self.tokenizer("a")["input_ids"][:1] == [self.tokenizer.bos_token_id]
        return text.removeprefix(start) if adds_it else text


def _likelihoods(
    instances: Sequence[Instance], plain: Callable[[str], str]
) -> Iterator[tuple[Loglikelihood, list[tuple[int, int]]]]:
    """Requests with (place of an instance, its continuation): our own as they are, others by context."""
    by_context: dict[str, list[int]] = {}
    for place, instance in enumerate(instances):
        request = instance.request if isinstance(instance, Asked) else None
        if isinstance(request, Loglikelihood):
            yield request, [(place, instance.part)]
        else:
            by_context.setdefault(instance.args[0], []).append(place)
    for context, places in by_context.items():
        stem = context.rstrip()  # the harness counts white space at its end as part of what is scored
        parts = tuple(context[len(stem) :] + instances[place].args[1] for place in places)
        request = Loglikelihood(plain(stem), parts)
        yield request, [(place, part) for part, place in enumerate(places)]


def _scored(response: Response, part: int) -> Scored:
    if response.error:
        found = Scored((float("nan"), False))
        found.error = response.error
        return found
    score = response.scores[part]
    found = Scored((score.logprob, score.is_greedy))
    found.tokens, found.cut_tokens = score.tokens, response.cut_tokens
    return found


def _text(response: Response, number: int) -> Written:
    """The text; an empty one where there is none, since the harness's cache cannot hold None."""
    found = Written("" if response.error else response.texts[number].text)
    found.error = response.error
    if not response.error:
        found.finish = response.texts[number].finish
    return found


def _warn(response: Response) -> None:
    if response.error:
        _log.warning("not answered (%s): %s", response.error, response.error_detail)


def _present(device: str | None) -> str | None:
    import torch

    if device is None or (device.startswith("cuda") and not torch.cuda.is_available()):
        return None
    return device
