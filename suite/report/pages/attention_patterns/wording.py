"""The words of the attention patterns' page and of its part in the methods."""

from __future__ import annotations

MEASURES = (
    "Whether an attention mechanism that replaces softmax attention keeps what it can do in the four patterns "
    "(noncausal and causal, self and cross), from which length it is cheaper, and what happens beyond the training "
    "length. Eleven cells of pattern and task are trained with one shared backbone, in which only the attention of the "
    "cell's pattern is swapped. The tasks are generated twins of the published ones: their figures are not comparable "
    "with published ones, and neither are those of the two sizes."
)
METHODS = (
    (
        "compositional index (CI)",
        "Each measure becomes z = sign (x - mean) / sd over the mechanisms of the report (vanilla included; sdpa, "
        "the same function, and the control none left out). A task's score is the mean z of its measures, CI the "
        "mean of the task scores of a pattern; a mechanism that lacks a task has none. The robust form takes "
        "median and 1.4826 MAD, and ln of perplexities. Differences of about one sd are within what seeds change.",
    ),
    (
        "benefit of attention",
        "The task score of vanilla less that of none, a control whose output at each place is its own value (in cross "
        "patterns its own query). At or below 0, the task needs no attention of that pattern at this size.",
    ),
    (
        "efficiency length",
        "The length at which a mechanism becomes cheaper than a baseline and stays so, between two measured "
        "lengths interpolated in logarithms; < and > where it is beyond them. The fit of Zhang et al. (2023) is "
        "where a parabola through the baseline's costs meets a line through the mechanism's; none where they do "
        "not meet. Baselines are vanilla, with explicit scores, and sdpa, the fused kernel; a mechanism wins only "
        "against both.",
    ),
    (
        "time_s, peak_bytes, flops",
        "One forward pass of the mechanism alone (two heads of 64, one sequence, no gradients). Time is the median of "
        "three passes, of the processor on a CPU, with quartiles; peak_bytes the largest sum of live tensors that the "
        "pass made, which repeats exactly but does not see buffers inside a fused kernel.",
    ),
    (
        "ppl_ratio",
        "Perplexity at a length divided by that at the training length, over the tokens that the task scores. A "
        "learned position encoding ends at the training length, and ALiBi needs a softmax of logits: no value there.",
    ),
)
