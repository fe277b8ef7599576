"""A word-level tokenizer made from the training texts, for models that are trained from scratch.

A token is a word with the space before it, or a run of punctuation inside or at the end of a word; so texts come back
from their tokens as they were, and a continuation (" " + word) is made of the same tokens as in the training text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

START, END, PAD, UNKNOWN, MASK = "<start>", "<end>", "<pad>", "<unknown>", "<mask>"


def train_tokenizer(texts: Iterable[str], for_encoder: bool = False) -> Any:
    """A `PreTrainedTokenizerFast` that knows every word of `texts`, and adds the start token by default.

    The same texts give the same tokenizer, whatever their order. An encoder's has a mask token, and ends texts as well.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    splitter = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=True),
            # punctuation stands alone unless it is a word by itself: "▁mole" "." but "▁?"
            pre_tokenizers.Split(Regex(r"(?<=[^▁])[^\w\s▁]+"), behavior="isolated"),
        ]
    )
    words = {word for text in texts for word, _ in splitter.pre_tokenize_str(text)}
    special = [START, END, PAD, UNKNOWN, *([MASK] if for_encoder else [])]
    vocabulary = {word: number for number, word in enumerate([*special, *sorted(words)])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always", split=True)
    tail = f" {END}" if for_encoder else ""
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A{tail}",
        pair=f"{START} $A $B{tail}",
        special_tokens=[(START, vocabulary[START]), (END, vocabulary[END])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        pad_token=PAD,
        unk_token=UNKNOWN,
        # the space before a gap belongs to the gap, as the space before a word does
        mask_token=AddedToken(MASK, lstrip=True, special=True) if for_encoder else None,
        clean_up_tokenization_spaces=False,
        padding_side="right",
    )
