"""From drafts to the harness's instances, and from what its backends answer back to our responses.

A backend of the harness gets text, and gives a text or (log-probability, is greedy). What it does not say, the number
of tokens, is counted with its tokenizer where the model's arguments name one; our own backend says it itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lm_eval.api.instance import Instance

from suite.errors import UserError
from suite.task import (
    ContinuationScore,
    Draft,
    Failure,
    Generate,
    Loglikelihood,
    Prompt,
    Request,
    Response,
    Text,
    seamless,
)

ChatTemplate = Callable[..., Any]  # turns, add_generation_prompt -> text, or what an API backend sends


@dataclass
class Asked(Instance):
    """An instance that knows our request, for our own backend: continuation `part` of it, or the whole."""

    request: Request | None = None
    part: int = 0


class Scored(tuple[float, bool]):
    """(log-probability in nats, is greedy) as the harness wants it, with the number of tokens, or why there is none.

    `cut_tokens` is that of a `Response`.
    """

    tokens: int = 0
    cut_tokens: int = 0
    error: Failure | None = None


class Written(str):
    """A generated text with the reason for its end, see `suite.task.Text`, or why there is none."""

    finish: str = "stop"
    error: Failure | None = None


class TokenCounter:
    """Counts tokens as the model's tokenizer does.

    Args:
        model_args: arguments of the harness's model; ``tokenizer`` or ``pretrained`` names the tokenizer.
    """

    def __init__(self, model_args: Mapping[str, Any]) -> None:
        self._name = model_args.get("tokenizer") or model_args.get("pretrained")

    def of_continuation(self, context: str, continuation: str) -> int:
        """Tokens that `continuation` adds; characters where no tokenizer is known."""
        if self._tokenizer is None:
            return max(1, len(continuation))
        return max(1, self._count(context + continuation) - self._count(context.rstrip(" ")))

    def of_text(self, text: str) -> int | None:
        """Tokens of a written text; None where no tokenizer is known."""
        return None if self._tokenizer is None else self._count(text)

    def _count(self, text: str) -> int:
        assert self._tokenizer is not None
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    @cached_property
    def _tokenizer(self) -> Any:
        from transformers import AutoTokenizer

        if not isinstance(self._name, str):
            return None
        try:
            return AutoTokenizer.from_pretrained(self._name, local_files_only=True)
        except Exception:  # names of API models lead nowhere, in many ways
            return None


def instances(
    drafts: Sequence[Draft], doc: Mapping[str, Any], metadata: tuple[str, int, int], template: ChatTemplate | None
) -> list[Instance]:
    """What to ask for the drafts of a doc, each request once.

    Args:
        metadata: name of the harness's task, number of the doc, repeats.
        template: renders turns for this model; None if there is none.
    """
    asked: list[Instance] = []
    for request in distinct_requests(drafts):
        for part, (kind, arguments, repeats) in enumerate(_calls(request, template)):
            numbered = (*metadata[:2], repeats)
            asked.append(Asked(kind, dict(doc), arguments, len(asked), numbered, request=request, part=part))
    return asked


def distinct_requests(drafts: Iterable[Draft]) -> list[Request]:
    """The requests of `drafts`, each once, in their order."""
    return list({request.id: request for draft in drafts for request in draft.requests}.values())


def n_calls(request: Request) -> int:
    """How many instances a request becomes."""
    return len(request.continuations) if isinstance(request, Loglikelihood) else 1


def response(request: Request, answers: Sequence[Sequence[Any]], counter: TokenCounter) -> Response:
    """Our response from the answers to the instances of `request`, each a list of as many as it was repeated."""
    said = (one.error for repeated in answers for one in repeated if isinstance(one, Scored | Written))
    failure = next((error for error in said if error), None)
    if failure is not None:
        return Response(request.id, error=failure, error_detail="the backend has logged why")
    if isinstance(request, Loglikelihood):
        pairs = [repeated[0] for repeated in answers]
        if not all(math.isfinite(pair[0]) for pair in pairs):
            return Response(request.id, error="nan", error_detail="a log-probability that is not finite")
        context = _text(request.context)
        scores = tuple(
            ContinuationScore(
                float(pair[0]),
                pair.tokens if isinstance(pair, Scored) else counter.of_continuation(context, continuation),
                bool(pair[1]),
            )
            for pair, continuation in zip(pairs, request.continuations, strict=True)
        )
        cut = max((pair.cut_tokens for pair in pairs if isinstance(pair, Scored)), default=0)
        return Response(request.id, scores, cut_tokens=cut)
    assert isinstance(request, Generate)
    texts = answers[0]
    if not all(isinstance(text, str) for text in texts):
        return Response(request.id, error="empty", error_detail="the model gave no text")
    return Response(request.id, texts=tuple(_written(text, request, counter) for text in texts))


def _calls(request: Request, template: ChatTemplate | None) -> list[tuple[Any, tuple[Any, ...], int]]:
    """(type, arguments, repeats) of the instances of a request."""
    if isinstance(request, Loglikelihood):
        context = _rendered(request.context, template)
        return [("loglikelihood", (context, continuation), 1) for continuation in request.continuations]
    if not isinstance(request, Generate):
        raise UserError("backends of the harness do not embed; use `unreason run` with an embed/ model")
    settings: dict[str, Any] = {
        "until": list(request.stop),
        "max_gen_toks": request.max_tokens,
        "do_sample": request.temperature > 0,
        "temperature": request.temperature,
    }
    return [("generate_until", (_rendered(request.prompt, template, written=True), settings), request.n)]


def _rendered(prompt: Prompt, template: ChatTemplate | None, written: bool = False) -> Any:
    """The prompt as the backend wants it; to a backend that knows turns only, text is the user's turn."""
    plain = seamless(prompt)
    if isinstance(plain, str):
        if template is None or not (written and speaks_in_turns(template)):
            return plain
        plain = (("user", plain),)
    if template is None:
        raise UserError("a prompt in turns, though the model has no chat template; give --apply_chat_template")
    turns = [{"role": role, "content": content} for role, content in plain]
    return template(turns, add_generation_prompt=plain[-1][0] != "assistant")


def speaks_in_turns(template: ChatTemplate) -> bool:
    """Whether turns are sent as they are, to an API, and not rendered as text."""
    return not isinstance(template([{"role": "user", "content": "Hello"}], add_generation_prompt=True), str)


def _written(text: str, request: Generate, counter: TokenCounter) -> Text:
    if isinstance(text, Written):
        return Text(str(text), text.finish)
    n = counter.of_text(text)
    return Text(text, "length" if n is not None and n >= request.max_tokens else "stop")


def _text(prompt: Prompt) -> str:
    plain = seamless(prompt)
    return plain if isinstance(plain, str) else "\n".join(content for _, content in plain)
