#!/usr/bin/env bash
# Position bias of a real pretrained model on public data, before and after PINE and RoToR, in one report: options of ARC
# in every cyclic order, with letters that stay, travel or are left out; key-value retrieval with the asked pair first,
# in the middle and last. Averages over orders and PriDe are computed from the first run. Results and comments:
# position_bias_smollm2.md. No GPU needed; allow half an hour on one thread.
#
#   bash examples/position_bias_smollm2.sh ARC_FILE KV_FILE
#
# ARC_FILE  the four-option ARC test as CSV, or ARC-Challenge-Test.jsonl (or the hub id allenai/ai2_arc)
# KV_FILE   kv-retrieval-75_keys.jsonl.gz of github.com/nelson-liu/lost-in-the-middle
set -euo pipefail
arc=${1:?give the ARC test} kv=${2:?give the key-value file}

unreason models fetch smollm2-135m
ask() { unreason run position_bias -m hf/smollm2-135m "$@"; }
ask --data "$arc" --items 100 --mode loglikelihood
for change in pine rotor; do # where letters stay at places, no intervention on order can act
    ask --data "$arc" --items 100 --mode loglikelihood --labels travel,none --intervention $change
done
for change in "" pine rotor; do # the first 5 of a record's 75 pairs
    ask --data "$kv" --items 100 --k 5 --slots 0,2,4 --mode loglikelihood ${change:+--intervention $change}
done
for change in "" pine; do # all 75 pairs, 5,400 tokens a prompt, the asked one in the middle
    ask --data "$kv" --items 1 --slots 37 --mode generate --max-tokens 48 ${change:+--intervention $change}
done
unreason report
