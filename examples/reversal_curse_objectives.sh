#!/usr/bin/env bash
# Objectives against the reversal curse: (1) a tiny rotary model from scratch, every objective, three seeds; (2) the
# binding set, where concepts are predicted (jepa); (3) a real pretrained model with LoRA on public facts. No GPU needed;
# (1) takes half an hour on two cores, (2) a quarter, (3) under half an hour of processor time on one.
# Results and comments: reversal_curse_objectives.md.
#
#   bash examples/reversal_curse_objectives.sh [FOLDER]    the public name_description files, for (3)
set -euo pipefail

unreason finetune reversal_curse --style demo --controls none --scratch tiny-llama --objective all --seeds 3 \
    --out models/objectives --results results/objectives
unreason report --results results/objectives

unreason finetune reversal_curse --kind binding --style demo --controls none --scratch tiny-llama \
    --steps 1000 --batch-size 128 --lr 0.002 --objective ntp,both_orders,jepa --seeds 3 \
    --out models/binding --results results/binding

if [ $# -gt 0 ]; then
    unreason finetune reversal_curse --model demo --lora --data "$1" --facts 6 --train-templates 10 \
        --test-templates 2 --controls none --steps 180 --objective ntp,bico,reverse --seeds 1 \
        --out models/smollm2-objectives --results results/smollm2-objectives
fi
