#!/usr/bin/env bash
# Objectives against the reversal curse: (1) a tiny rotary model from scratch, every objective, three seeds, at equal
# tokens; (2) the binding set, where concepts are predicted (jepa), at the surface and the concept level;
# (3) facts of a first stage asked again after a second; (4) chains of definitions; (5) a real pretrained model with LoRA
# on public facts. No GPU needed; in processor time of one core (1) takes under an hour, (2) three quarters, (3) and (4)
# ten minutes each, (5) half an hour. Results and comments: reversal_curse_objectives.md.
#
#   bash examples/reversal_curse_objectives.sh [FOLDER]    the public name_description files, for (5)
set -euo pipefail

unreason finetune reversal_curse --style demo --controls none --scratch tiny-llama --objective all --seeds 3 \
    --budget tokens --out models/objectives --results results/objectives
unreason finetune reversal_curse --style demo --controls none --scratch tiny-llama --seeds 1 \
    --objective spt,masked,reverse,both_orders --budget epochs --out models/objectives --results results/objectives
unreason report --results results/objectives

binding="reversal_curse --kind binding --style demo --controls none --scratch tiny-llama --batch-size 128 --lr 0.002"
own="jepa:modules=separate:next_token=0"
unreason finetune $binding --steps 750 --objective "$own,$own:memory=true,jepa:next_token=0,ntp" --seeds 3 \
    --out models/binding --results results/binding
unreason finetune $binding --steps 750 --name-words 1 --objective "$own,ntp" --seeds 3 \
    --out models/concepts --results results/concepts

unreason finetune reversal_curse --style demo --controls none --scratch tiny-llama --objective ntp,bico,reverse \
    --before group=both --steps 300 --seeds 2 --out models/stages --results results/stages

unreason finetune forward_chaining --problems 10 --depth 3 --scratch tiny-llama --batch-size 128 --lr 0.002 \
    --steps 1000 --objective "ntp,both_orders,$own" --seeds 1 --out models/chains --results results/chains

if [ $# -gt 0 ]; then
    unreason finetune reversal_curse --model demo --lora --data "$1" --facts 6 --train-templates 10 \
        --test-templates 2 --controls none --steps 180 --objective ntp,bico,reverse --seeds 1 \
        --out models/smollm2-objectives --results results/smollm2-objectives
fi
