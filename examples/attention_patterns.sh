#!/usr/bin/env bash
# What attention mechanisms can do, learn and cost: the checks of every declared pattern, then the whole bench of the tiny
# size (fifteen mechanisms, eleven cells, one seed, costs up to 8,192 positions, perplexity beyond the training length) and
# its report. Results and comments: attention_patterns.md. No GPU needed. Interrupt it at will: the same command continues.
#
#   bash examples/attention_patterns.sh
set -euo pipefail

unreason attention verify
unreason attention bench    # a process a core; half an hour on two cores that do nothing else
unreason report

# a slice of two to three minutes, as for continuous integration
# unreason attention bench --mechanisms vanilla,none,performer --cells CS/lm_periodic,NC/lstf_seasonal \
#     --experiments support,cost,quality --lengths 128,256,512,1024 --results /tmp/slice
