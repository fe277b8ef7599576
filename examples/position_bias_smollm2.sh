#!/usr/bin/env bash
# Position bias of a real pretrained model on public data: options of ARC in every cyclic order, with letters that stay,
# travel or are left out, and key-value retrieval with the asked pair first, in the middle and last.
#
#   bash examples/position_bias_smollm2.sh ARC_FILE KV_FILE
#
# ARC_FILE  the four-option ARC test as CSV, or ARC-Challenge-Test.jsonl (or the hub id allenai/ai2_arc)
# KV_FILE   kv-retrieval-75_keys.jsonl.gz of github.com/nelson-liu/lost-in-the-middle
# No GPU needed. On one thread of a busy two-core machine: 5 minutes for ARC, 20 for the pairs, of which the first 5 of
# each record are shown. All 75 are 5,400 tokens, and over a minute a prompt on such a machine: give
# --k 75 --slots 0,37,74 where there is a GPU.
set -euo pipefail
arc=${1:?give the ARC test} kv=${2:?give the key-value file}

unreason models fetch smollm2-135m
unreason run position_bias -m demo --data "$arc" --items 100 --mode loglikelihood
unreason run position_bias -m demo --data "$kv" --items 100 --k 5 --slots 0,2,4 --mode loglikelihood
unreason report
