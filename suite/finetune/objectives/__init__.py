"""Training objectives, one file each: what such a file provides, and how it is found.

A file ``objectives/NAME.py`` defines one subclass of `Objective`; dropping it here registers it. It may work at
three depths, and needs to override no more than its own:

- `rows` makes the training rows of an epoch out of documents (reversed or permuted copies are made here);
- `loss` turns a padded batch into a number (masking, coins, attention masks, contrasts over entity spans);
- `prepare` and `restore` change the model before training and hand a stock model back after it.

All randomness comes from the generators that are passed in, which depend on seed, epoch and step alone; so a
resumed training sees what an undisturbed one would have seen.
"""

from __future__ import annotations

import importlib
import inspect
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from suite.errors import UserError, unknown
from suite.task import TrainingDoc

if TYPE_CHECKING:
    import torch
    from pydantic import BaseModel

Span = tuple[int, int]
IGNORED = -100  # label of positions without loss, as transformers has it


@dataclass(frozen=True, slots=True)
class Passage:
    """A text before tokenisation; `spans` are character ranges that the objective wants back as token ranges."""

    text: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One training row in tokens.

    Attributes:
        tokens: the start tokens that the tokenizer adds by default, the text, and the end token.
        text: range of the text's own tokens in `tokens`.
        spans: the passage's spans as token ranges: every token that overlaps the characters.
    """

    tokens: tuple[int, ...]
    text: Span
    spans: tuple[Span, ...] = ()


Encode = Callable[[Sequence[Passage]], list[Row]]


@dataclass(frozen=True, slots=True)
class Batch:
    """A padded batch (B rows, T tokens), padding on the right.

    Attributes:
        input_ids: (B, T) token ids.
        attention_mask: (B, T) 1 for tokens, 0 for padding.
        labels: (B, T) the token ids again, -100 at padding: loss on every token.
        rows: the B rows.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor
    rows: Sequence[Row]


class Objective:
    """What is trained: rows out of documents, and a loss out of a batch."""

    name: ClassVar[str]
    kinds: ClassVar[frozenset[str]] = frozenset({"causal"})  # kinds of model it can train: "causal", "masked"
    least_batch: ClassVar[int] = 1  # rows that a batch needs

    def __init__(self, options: BaseModel) -> None:
        self.options = options

    @classmethod
    def options_model(cls) -> type[BaseModel]:
        """The pydantic model of the options; by default there are none."""
        from pydantic import ConfigDict, create_model

        return create_model("NoOptions", __config__=ConfigDict(extra="forbid", frozen=True))

    def check(self, config: Any, docs: Sequence[TrainingDoc]) -> None:
        """Raises `UserError` where this objective cannot train a model of `config` on `docs`; nothing is loaded yet.

        Args:
            config: the transformers config of the model.
        """

    def words(self) -> tuple[str, ...]:
        """Texts besides the documents' own that a tokenizer made from the data must know (markers)."""
        return ()

    def rows(self, docs: Sequence[TrainingDoc], encode: Encode, rng: random.Random) -> list[Row]:
        """The rows of one epoch, in any order and of the same number in every epoch.

        Args:
            encode: tokenises passages; what it has seen before costs nothing.
            rng: this epoch's own; objectives without randomness leave it alone.
        """
        raise NotImplementedError

    def prepare(self, model: Any, tokenizer: Any) -> None:
        """Changes the model before training (attention functions, further modules)."""

    def added(self, model: Any) -> torch.nn.Module | None:  # noqa: ARG002
        """The module that `prepare` put into the model, which checkpoints must hold; None if there is none."""
        return None

    def loss(self, model: Any, batch: Batch, rng: torch.Generator) -> torch.Tensor:  # noqa: ARG002 (for subclasses)
        """The loss of a batch, a scalar; by default next-token cross-entropy in nats, a mean over its tokens.

        Args:
            rng: this step's own.
        """
        output = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.labels)
        loss: torch.Tensor = output.loss
        return loss

    def readout(self, model: Any, docs: Sequence[TrainingDoc], encode: Encode) -> list[dict[str, Any]]:  # noqa: ARG002
        """What the trained model answers otherwise than by its text, before `restore`.

        Rows of name, condition, value and n; they go into `training.json`, and stand beside the task's
        metrics under their own names.
        """
        return []

    def restore(self, model: Any) -> None:
        """Undoes `prepare`, so that the saved model loads anywhere."""


def load_objective(name: str, options: Mapping[str, Any] | None = None) -> Objective:
    """The objective `name` with validated options.

    Raises:
        UserError: unknown objective or option (with the nearest right name), or a value that does not fit.
    """
    from pydantic import ValidationError

    from suite.registry import objectives

    places = objectives()
    if name not in places:
        raise unknown("objective", name, places)
    objective = _objective_of(places[name])
    model = objective.options_model()
    for key in options or {}:
        if key not in model.model_fields:
            raise unknown(f"option of objective {name}", key, model.model_fields)
    try:
        return objective(model(**(options or {})))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"objective {name}, option {where}: {first['msg']} (got {first['input']!r})") from None


def all_words() -> list[str]:
    """What a vocabulary must know besides the documents if any objective may follow; by their default options."""
    from suite.registry import objectives

    return [word for name in objectives() for word in load_objective(name).words()]


def _objective_of(place: str) -> type[Objective]:
    module = importlib.import_module(place)
    (objective,) = (
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Objective) and value.__module__ == module.__name__
    )
    return objective
