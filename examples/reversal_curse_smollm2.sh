#!/usr/bin/env bash
# The reversal curse on a real pretrained model, before and after fine-tuning on a slice of the public facts, and its
# REAL track over an API. Results and comments: reversal_curse_smollm2.md. No GPU needed; allow half an hour.
#
#   bash examples/reversal_curse_smollm2.sh FOLDER      the public name_description files (github.com/lukasberglund/reversal_curse)
set -euo pipefail
data=${1:?give the folder of the public name_description files}
slice=(--data "$data" --facts 6 --train-templates 10 --test-templates 2)

unreason models fetch smollm2-135m
run() { # runs, and gives the run's id
    unreason run reversal_curse "$@" --json | python -c 'import json, sys; print(json.load(sys.stdin)["run_id"])'
}
before=$(run -m demo "${slice[@]}")

unreason finetune reversal_curse -m demo --lora "${slice[@]}" --epochs 6 --out models/smollm2-nd
after=$(run -m hf/models/smollm2-nd "${slice[@]}" --controls none)
unreason compare "$before" "$after"

python "$(dirname "$0")/serve_smollm2.py" --port 8080 &
server=$!
trap 'kill $server' EXIT
until curl -sf http://127.0.0.1:8080/health >/dev/null; do sleep 0.5; done
unreason run reversal_curse -m openai/smollm2-135m --base-url http://127.0.0.1:8080/v1 --track real
unreason report
