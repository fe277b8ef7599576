"""Local models through transformers: causal LMs, encoders, PEFT adapters; ``load`` is what the registry calls.

The way of a request: `tokenization` -> `prefix` (what is computed once) -> `scoring` or `encoder` or `generation`.
Nothing heavy is imported before a model is loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from suite.errors import UserError
from suite.task import Embed, Generate, Loglikelihood, ModelInfo, Request, Response, Segmented

if TYPE_CHECKING:
    from suite.interventions import Intervention

_WINDOW = 1024  # requests planned together; a header common to all of them is computed once a window


def load(
    name: str,
    device: str | None = None,
    dtype: str | None = None,
    batch_tokens: int | None = None,
    adapter: str | None = None,
    chat: bool | None = None,
    trust_remote_code: bool = False,
    intervention: str | None = None,
    masking: str | None = None,
) -> HFModel:
    """Loads ``hf/NAME``.

    Args:
        name: a local folder, a hub id with or without ``@revision``, or a model that `unreason models fetch` brought.
        device: "cuda", "cuda:N", "mps", "cpu"; None picks the first that is there.
        dtype: "float32", "bfloat16", "float16"; None: bfloat16 on a GPU that has it, else float32.
        batch_tokens: tokens a batch; None picks by memory. Halved whenever memory runs out.
        adapter: folder of a PEFT adapter to put on top of the model.
        chat: None offers chat prompts if the tokenizer has a chat template; False never does, True insists.
        trust_remote_code: run Python code from the repository; off unless asked for.
        intervention: ``NAME`` or ``NAME:FLAG,...`` of `suite.interventions`, for prompts in segments; others are
            answered as ever.
        masking: encoders: what is masked beside the token that is scored: "token" (nothing), "word" (later pieces of
            its word) or "whole" (all of the continuation); None: "whole" if it was trained here on whole entities,
            else "word".

    Raises:
        UserError: one line that says what is missing and how to mend it; said before weights are read where possible.
    """
    if batch_tokens is not None and (type(batch_tokens) is not int or batch_tokens < 1):
        raise UserError(f"batch_tokens {batch_tokens!r}: expected a positive number of tokens")
    for option, value in (("chat", chat), ("trust_remote_code", trust_remote_code)):
        if value not in (None, True, False):
            raise UserError(f"{option} {value!r}: expected true or false")
    from suite.models.hf.loading import find, load_weights

    source = find(name, adapter, bool(trust_remote_code))
    change = None if intervention is None else _intervention(name, intervention, source)
    loaded = load_weights(source, device, dtype, bool(trust_remote_code))
    has_template = bool(loaded.tokenizer.chat_template)
    if chat and not has_template:
        raise UserError(f"hf/{name}: its tokenizer has no chat template; leave chat out")
    if masking is not None and source.kind != "masked":
        raise UserError(f"masking {masking}: hf/{name} is no encoder; leave it out")
    return HFModel(name, loaded, has_template if chat is None else chat, batch_tokens, change, masking)


def _intervention(name: str, spec: str, source: Any) -> Intervention:
    """The intervention `spec`, if the model found at `source` can be run under it; no weights are read."""
    from transformers import AutoConfig

    from suite.interventions import load_intervention
    from suite.interventions.segments.support import check_config, check_type
    from suite.models.hf.loading import read_json

    found = load_intervention(spec)
    if source.kind != "causal":
        raise UserError(f"hf/{name} is an encoder; intervention {spec} changes how decoders attend")
    check_type(read_json(source.folder / "config.json").get("model_type"))
    check_config(AutoConfig.from_pretrained(source.folder, local_files_only=True))
    return found


class HFModel:
    """A local model that answers requests; see `load`."""

    info: ModelInfo

    def __init__(
        self,
        name: str,
        loaded: Any,
        chat: bool,
        batch_tokens: int | None,
        intervention: Intervention | None = None,
        masking: str | None = None,
    ) -> None:
        from suite.models.hf.batching import GENERATION_FACTOR, Batches, automatic_tokens, keep_freed_memory
        from suite.models.hf.card import model_info
        from suite.models.hf.tokenization import Tokenization

        self.info = model_info(name, loaded, chat, intervention, masking)
        is_encoder = loaded.source.kind == "masked"
        self._tokenization = Tokenization(
            loaded.tokenizer,
            self.info.context_length,
            whole=is_encoder,
            chat=chat,
            layouts=intervention is not None,
            canonical=intervention is not None and intervention.is_canonical,
        )
        keep_freed_memory()
        tokens = batch_tokens or automatic_tokens(loaded.model)
        self._generator = None
        if is_encoder:
            from suite.models.hf.encoder import EncoderScorer

            ahead = self.info.extra["masking"]
            self._scorer: Any = EncoderScorer(loaded.model, self._tokenization, Batches(tokens), ahead)
        else:
            from suite.models.hf.generation import Generator
            from suite.models.hf.scoring import Scorer

            self._scorer = Scorer(loaded.model, Batches(tokens), intervention)
            room = Batches(tokens * GENERATION_FACTOR)
            self._generator = Generator(loaded.model, self._tokenization, room, intervention)

    def answer(self, requests: Iterable[Request]) -> Iterator[Response]:
        """Answers every request once, not in order; plans over windows of requests, so streams may be endless."""
        from suite.models.hf.scoring import answer

        stream = iter(requests)
        while window := list(islice(stream, _WINDOW)):
            ready: list[Request] = []
            for request in window:
                refusal = self._refusal(request)
                if refusal is None:
                    ready.append(request)
                else:
                    yield Response(request.id, error="client_error", error_detail=refusal)
            questions = [request for request in ready if isinstance(request, Loglikelihood)]
            yield from answer(self._scorer, self._tokenization, questions)
            if self._generator is not None:
                yield from self._generator.answer([request for request in ready if isinstance(request, Generate)])

    @property
    def tokenizer(self) -> Any:
        """The transformers tokenizer."""
        return self._tokenization.tokenizer

    def score_tokens(self, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[tuple[float, bool]]:
        """(log-probability in nats, is greedy) of each pair's second tokens after its first, of which there is one."""
        from suite.models.hf.tokenization import Target

        targets = [
            Target(number, 0, tuple(context), len(context), tuple(tail)) for number, (context, tail) in enumerate(pairs)
        ]
        found = {part.target.request: (part.logprob, part.is_greedy) for part in self._scorer.score(targets)}
        return [found[number] for number in range(len(pairs))]

    def _refusal(self, request: Request) -> str | None:
        if isinstance(request, Generate) and self._generator is None:
            return f"{self.info.name} is an encoder, which scores text and does not write it"
        if isinstance(request, Embed):
            return f"{self.info.name} gives no embeddings; use an embed/ model"
        prompt = request.context if isinstance(request, Loglikelihood) else request.prompt
        if isinstance(prompt, str) or (isinstance(prompt, Segmented) and not self._tokenization.chat):
            return None
        if not self._tokenization.tokenizer.chat_template:
            return f"{self.info.name} has no chat template; ask with a plain prompt"
        from jinja2 import TemplateError

        try:
            self._tokenization.text(prompt)
        # Templates refuse roles and orders as they please.
        except (TemplateError, IndexError, ValueError, UserError) as error:
            return f"the chat template of {self.info.name} refuses this chat: {error}"
        return None
