"""Every backend of lm-evaluation-harness as a model of ours: ``lm-eval/BACKEND:NAME=VALUE,...``.

The harness's backends take text and say little: no number of tokens, no cost, no reason why a text ended. What a
backend can do is found out by asking it once when it is loaded.
"""

from __future__ import annotations

import inspect
import json
import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from suite.errors import UserError, unknown
from suite.identity import digest
from suite.task import (
    Capability,
    ContinuationScore,
    Embed,
    Generate,
    Loglikelihood,
    ModelInfo,
    Prompt,
    Request,
    Response,
    Text,
    seamless,
)

_WINDOW = 512  # requests handed over at once: answers reach the journal in between
_PROMPT = "The capital of France is"
_NONSENSE = " zxqvk"
_log = logging.getLogger(__name__)


def load(
    name: str, batch_size: int | str | None = None, device: str = "cuda:0", chat: bool | None = None
) -> LmEvalModel:
    """Loads ``lm-eval/NAME``.

    Args:
        name: a backend and its arguments as for ``lm_eval --model BACKEND --model_args ARGUMENTS``, with a colon
            between, e.g. ``hf:pretrained=gpt2,dtype=float32``.
        batch_size, device: as for lm_eval; its default device means a GPU if there is one.
        chat: None offers chat prompts if the backend has a chat template; False never does, True insists.

    Raises:
        UserError: the harness is missing, no such backend, or arguments that it does not take.
    """
    backend, _, arguments = name.partition(":")
    if any("key" in part.partition("=")[0].lower() for part in arguments.split(",")):
        raise UserError("lm-eval/ models: keys are read from the environment only (OPENAI_API_KEY, ANTHROPIC_API_KEY)")
    try:
        import lm_eval.models  # noqa: F401
        from lm_eval.api.registry import model_registry
    except ImportError as error:
        raise UserError(f"lm-evaluation-harness is missing ({error}); pip install 'unreason[lm-eval]'") from None
    if backend not in model_registry:
        raise unknown("backend of lm-eval", backend, model_registry.keys())
    settings = {"batch_size": batch_size, "device": device}
    try:
        lm = model_registry.get(backend).create_from_arg_string(arguments, settings)
    except Exception as error:  # each backend refuses in its own way
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"lm-eval/{name} cannot be loaded: {type(error).__name__}: {said}") from error
    found = LmEvalModel(name, lm, chat)
    if chat and "chat" not in found.info.capabilities:
        raise UserError(f"lm-eval/{name} has no chat template; leave chat out")
    return found


@dataclass(frozen=True, slots=True)
class _Call:
    """What backends read of the harness's instances."""

    args: tuple[Any, ...]

    @property
    def arguments(self) -> tuple[Any, ...]:
        return self.args


class LmEvalModel:
    """A backend of the harness that answers requests; see `load`."""

    info: ModelInfo

    def __init__(self, name: str, lm: Any, chat: bool | None = None) -> None:
        self._name, self._lm = name, lm
        self._turns = chat is not False and self._has_turns()
        self._turns_only = self._turns and not isinstance(self._template((("user", "Hello"),)), str)
        capabilities: set[Capability] = {"generate", "chat"} if self._turns else {"generate"}
        if not self._turns_only and self._gives_logprobs():
            capabilities.add("loglikelihood")
        told = dict(lm.get_model_info()) if hasattr(lm, "get_model_info") else {}
        told = {key: value if isinstance(value, int) else str(value) for key, value in told.items()}
        parameters = told.get("model_num_parameters")
        length = getattr(lm, "max_length", None)
        self.info = ModelInfo(
            name=f"lm-eval/{name}",
            provider="lm-eval",
            fingerprint=digest(["lm-eval", name, told, self._turns]),
            capabilities=frozenset(capabilities),
            parameters=parameters if isinstance(parameters, int) and parameters > 0 else None,
            context_length=length if isinstance(length, int) else None,
            revision=str(told["model_sha"]) if told.get("model_sha") else None,
            dtype=str(told["model_dtype"]).removeprefix("torch.") if told.get("model_dtype") else None,
            extra={"harness": told},
        )

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        """Answers every request once; the harness sees a window of them at a time."""
        stream = iter(requests)
        while window := list(islice(stream, _WINDOW)):
            yield from self._scored([request for request in window if isinstance(request, Loglikelihood)])
            by_n: dict[int, list[Generate]] = {}
            for request in window:
                if isinstance(request, Generate):
                    by_n.setdefault(request.n, []).append(request)
                elif isinstance(request, Embed):
                    yield Response(request.id, error="client_error", error_detail="backends of lm-eval do not embed")
            for group in by_n.values():
                yield from self._written(group)

    def _scored(self, requests: Sequence[Loglikelihood]) -> Iterator[Response]:
        calls = [_Call((self._text(one.context), part)) for one in requests for part in one.continuations]
        found = iter(self._all("loglikelihood", calls))
        for request in requests:
            pairs = [next(found) for _ in request.continuations]
            failed = next((pair for pair in pairs if isinstance(pair, str)), None)
            if failed is not None:
                yield Response(request.id, error="tokenization", error_detail=failed)
            elif not all(math.isfinite(pair[0]) for pair in pairs):
                yield Response(request.id, error="nan", error_detail="a log-probability that is not finite")
            else:
                counts = [self._count(request, part) for part in request.continuations]
                scores = (
                    ContinuationScore(float(logprob), tokens, bool(greedy))
                    for (tokens, _), (logprob, greedy) in zip(counts, pairs, strict=True)
                )
                yield Response(request.id, tuple(scores), cut_tokens=max((cut for _, cut in counts), default=0))

    def _written(self, requests: Sequence[Generate]) -> Iterator[Response]:
        calls = [_Call((self._asked(one.prompt), _settings(one))) for one in requests for _ in range(one.n)]
        found = iter(self._all("generate_until", calls))
        for request in requests:
            texts = [next(found) for _ in range(request.n)]
            if all(isinstance(text, str) for text in texts):
                yield Response(request.id, texts=tuple(Text(text) for text in texts))
            else:
                yield Response(request.id, error="empty", error_detail="the backend gave no text")

    def _all(self, method: str, calls: list[_Call]) -> list[Any]:
        """The answers to `calls`. A failed assertion says that a text has no tokens left: then one by one, as text."""
        if not calls:
            return []
        ask = getattr(self._lm, method)
        quiet = {"disable_tqdm": True} if "disable_tqdm" in inspect.signature(ask).parameters else {}
        try:
            return list(ask(calls, **quiet))
        except AssertionError as error:
            if len(calls) == 1:
                return [f"the backend refuses {calls[0].args!r} {error}".strip()]
        return [answer for call in calls for answer in self._all(method, [call])]

    def _count(self, request: Loglikelihood, continuation: str) -> tuple[int, int]:
        """Tokens of a continuation, and those that the backend cuts off before it, as backends do without being asked.

        Characters, and 0, where the backend shows no tokenizer.
        """
        try:
            context = self._text(request.context)
            whole, alone = self._lm.tok_encode(context + continuation), self._lm.tok_encode(context.rstrip(" "))
        except (AttributeError, NotImplementedError, TypeError):
            return max(1, len(continuation)), 0
        window = self.info.context_length
        last = 0 if self._is_remote() else 1  # a local model need not read the last token
        room = len(whole) if window is None else window + last
        return max(1, len(whole) - len(alone)), max(0, len(whole) - room)

    def _asked(self, prompt: Prompt) -> Any:
        plain = seamless(prompt)
        if isinstance(plain, str):
            return self._template((("user", plain),)) if self._turns_only else plain
        return self._template(plain)

    def _text(self, prompt: Prompt) -> str:
        plain = seamless(prompt)
        return plain if isinstance(plain, str) else str(self._template(plain))

    def _template(self, turns: Sequence[tuple[str, str]]) -> Any:
        messages = [{"role": role, "content": content} for role, content in turns]
        return self._lm.apply_chat_template(messages, add_generation_prompt=turns[-1][0] != "assistant")

    def _has_turns(self) -> bool:
        try:
            return bool(self._template((("user", "Hello"),)))
        except Exception:  # backends without a template say so in many ways
            return False

    def _gives_logprobs(self) -> bool:
        """Whether it has them, and, if they come from a server, whether they agree with what it writes."""
        try:
            [(probe, _)] = self._lm.loglikelihood([_Call((_PROMPT, " Paris"))])
        except NotImplementedError:
            return False
        except Exception as error:
            _log.warning("lm-eval/%s gives no log-probabilities: %s: %s", self._name, type(error).__name__, error)
            return False
        if not self._is_remote():
            return math.isfinite(probe)
        return self._passes_self_test()

    def _passes_self_test(self) -> bool:
        """A server that shifts scores by a token calls none of its own tokens greedy."""
        settings = {"until": [], "max_gen_toks": 1, "do_sample": False, "temperature": 0.0}
        [token] = self._lm.generate_until([_Call((_PROMPT, settings))])
        if not token:
            return False
        calls = [_Call((_PROMPT, token)), _Call((_PROMPT, _NONSENSE))]
        (scored, greedy), (nonsense, _) = self._lm.loglikelihood(calls)
        if not greedy or nonsense >= scored:
            _log.warning(
                "lm-eval/%s: log-probabilities are not used: the server writes %s after %r, which it then scores "
                "with %.2f nats%s",
                *(self._name, json.dumps(token), _PROMPT, scored, "" if greedy else ", not as the likeliest"),
            )
            return False
        return True

    def _is_remote(self) -> bool:
        from lm_eval.models.api_models import TemplateAPI

        return isinstance(self._lm, TemplateAPI)


def _settings(request: Generate) -> dict[str, Any]:
    """As the harness's tasks say it; a backend may change what it is given."""
    return {
        "until": list(request.stop),
        "max_gen_toks": request.max_tokens,
        "do_sample": request.temperature > 0,
        "temperature": request.temperature,
    }
