#!/usr/bin/env bash
# Two sets mastered, three sets not: small transformers from scratch that differ in the attention mask alone, over three
# seeds; the upper bound that is trained on three sets; facts told in one order; sets in the weights; and a real
# pretrained model as it comes. Results and comments: set_reasoning_masks.md. No GPU needed; a training takes one to two
# minutes of one core, facts half a minute. Interrupt it at will: the same command continues.
#
#   bash examples/set_reasoning_masks.sh
set -euo pipefail
train() { unreason finetune set_reasoning "$@"; }

train --masks encoder,decoder,prefix --train T2D --seeds 3 -o models/sets
train --masks decoder --train T3 --seeds 1 --steps 1500 -o models/sets    # the upper bound: size and steps suffice
train --data mask_reversal --masks encoder,decoder --seeds 1 -o models/facts
train --data set_ops_param --masks decoder --seeds 1 -o models/sets       # memberships in the weights

unreason models fetch smollm2-135m
unreason run set_reasoning -m hf/smollm2-135m --sizes 4 --overlaps uniform --vocabularies animals --per-cell 4 --max-tokens 40
# the same over the API path: start `python examples/serve_smollm2.py` in another terminal first
# unreason run set_reasoning -m openai/smollm2-135m --base-url http://127.0.0.1:8080/v1 --sizes 4 --overlaps uniform \
#     --vocabularies animals --per-cell 4 --max-tokens 40 --mode generate
unreason report
