"""Masked language modelling for encoders: in every row one whole entity is hidden.

Source: Devlin et al., "BERT", arXiv 1810.04805, with entities hidden whole. What it teaches is filling a gap in the
trained word order; whether the other word order follows is what the task asks.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from suite.finetune.objectives import Batch, Encode, Objective, Passage, Row
from suite.task import TrainingDoc

if TYPE_CHECKING:
    import torch


class MaskedOptions(BaseModel):
    """What is hidden."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    whole: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the rows in which one whole entity is hidden; scores are of whole ones too.",
    )
    mask_rate: float = Field(0.15, gt=0, lt=1, description="Probability of each token in the other rows.")


class MaskedLanguageModel(Objective):
    """Each document once an epoch, loss on what is hidden."""

    name = "mlm"
    kinds: ClassVar[frozenset[str]] = frozenset({"masked"})
    options: MaskedOptions

    @classmethod
    def options_model(cls) -> type[BaseModel]:
        return MaskedOptions

    def rows(self, docs: Sequence[TrainingDoc], encode: Encode, _rng: random.Random) -> list[Row]:
        return encode([Passage(doc.text, doc.entities) for doc in docs])

    def prepare(self, _model: Any, tokenizer: Any) -> None:
        from suite.finetune.masking import mask_token_id

        self._mask_id = mask_token_id(tokenizer, None, self.name)

    def loss(self, model: Any, batch: Batch, rng: torch.Generator) -> torch.Tensor:
        from suite.finetune.masking import hidden_places, hide

        hidden = hidden_places(batch, rng, rate=self.options.mask_rate, whole=self.options.whole)
        return super().loss(model, hide(batch, hidden, self._mask_id), rng)
