"""BICO: next-token training mixed with masked denoising under full attention, for causal models.

Source: Lv et al., "Are We Falling in a Middle-Intelligence Trap? An Analysis and Mitigation of the Reversal Curse",
arXiv 2311.07468. A coin decides for each batch. In a denoising batch every token sees every unmasked token on both
sides, and the label of a masked token is asked, as ever, of the position before it, so the output head keeps its
meaning. Keys on the right are rotated as if they stood as far on the left (`suite.finetune.folding`). Answers always
come from the stock causal model.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from suite.errors import UserError
from suite.finetune.objectives import Batch, Encode, Objective, Passage, Row
from suite.task import TrainingDoc

if TYPE_CHECKING:
    import torch


class BicoOptions(BaseModel):
    """What is hidden, and how often."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    denoise: float = Field(0.5, ge=0, le=1, description="Share of the batches that are denoised; 0 is `ntp`.")
    mask_rate: float = Field(0.15, gt=0, lt=1, description="Probability that a token is hidden (the paper's 0.15).")
    mask_unit: Literal["token", "span"] = Field(
        "span",
        description="token: the paper's. span: in half of the rows one whole entity is hidden instead, which learns "
        "from far less data.",
    )
    mask_token: str | None = Field(
        None, min_length=1, description="A token of the vocabulary; default: the mask token, else the pad token."
    )
    fold: bool = Field(True, description="Rotate keys on the right as if they stood on the left (ablation: no).")


class Bico(Objective):
    """Plain batches and denoising ones, by a fair coin."""

    name = "bico"
    options: BicoOptions

    @classmethod
    def options_model(cls) -> type[BaseModel]:
        return BicoOptions

    def check(self, config: Any, docs: Sequence[TrainingDoc]) -> None:
        from suite.finetune.folding import check_foldable

        check_foldable(config, self.name)
        if self.options.mask_unit == "span":
            for doc in docs:
                if not doc.entities:
                    raise UserError(
                        f"objective bico, mask_unit=span: doc {doc.id} has no entity spans; "
                        "use --objective-option mask_unit=token"
                    )

    def rows(self, docs: Sequence[TrainingDoc], encode: Encode, _rng: random.Random) -> list[Row]:
        return encode([Passage(doc.text, doc.entities) for doc in docs])

    def prepare(self, model: Any, tokenizer: Any) -> None:
        from suite.finetune.folding import Folding
        from suite.finetune.masking import mask_token_id

        self._mask_id = mask_token_id(tokenizer, self.options.mask_token, self.name)
        self._folding = Folding(model, fold=self.options.fold)

    def loss(self, model: Any, batch: Batch, rng: torch.Generator) -> torch.Tensor:
        import torch

        from suite.finetune.masking import hidden_places, hide

        if float(torch.rand((), generator=rng)) >= self.options.denoise:
            return super().loss(model, batch, rng)
        whole = 0.5 if self.options.mask_unit == "span" else 0.0
        hidden = hidden_places(batch, rng, rate=self.options.mask_rate, whole=whole)
        noisy = replace(hide(batch, hidden, self._mask_id), attention_mask=batch.attention_mask.masked_fill(hidden, 0))
        with self._folding:
            return super().loss(model, noisy, rng)

    def restore(self, _model: Any) -> None:
        self._folding.remove()
