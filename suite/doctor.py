"""What is installed, what hardware there is, which providers have keys, and what to do about what is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

# distribution -> what one misses without it and how it is installed
_OPTIONAL = {
    "lm-eval": "needed for the harness: pip install 'unreason[lm-eval]'",
    "gguf": "needed once to convert the demo's model: pip install 'unreason[demo]'",
    "xllamacpp": "a local OpenAI-compatible server, used by slow tests: pip install 'unreason[dev]'",
    "polars": "RunResult.to_polars(): pip install polars",
}
_REQUIRED = (
    "torch",
    "transformers",
    "datasets",
    "peft",
    "accelerate",
    "openai",
    "duckdb",
    "altair",
    "typer",
    "pydantic",
)
# environment variable -> provider
_KEYS = {"OPENAI_API_KEY": "openai", "HF_TOKEN": "Hugging Face hub (gated models only)"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the diagnosis; `remedy` says what to do unless `state` is "ok"."""

    area: str
    name: str
    state: Literal["ok", "missing", "warning"]
    detail: str
    remedy: str = ""


def diagnose(results: Path = Path("results")) -> list[Finding]:
    """Looks at packages, hardware, keys (set or not, never their value), the cached model and the results folder."""
    return [*_packages(), *_hardware(), *_providers(), _pretrained(), _folder(results)]


def diagnose_endpoint(base_url: str, model: str | None = None) -> list[Finding]:
    """Tries an OpenAI-compatible server out: about twenty short calls.

    Args:
        base_url: e.g. ``http://127.0.0.1:8080/v1``.
        model: the name to ask for; by default the one that the server lists.

    Raises:
        UserError: no such server or model, or several models and none is named.
    """
    from suite.errors import UserError
    from suite.models.openai import load, served

    if model is None:
        names = served(base_url)
        if len(names) != 1:
            raise UserError(f"{base_url} lists {len(names)} models; name one with --model: {', '.join(names[:10])}")
        model = names[0]
    loaded = load(model, base_url=base_url)
    test, info = loaded.self_test(), loaded.info
    can = ", ".join(sorted(info.capabilities))
    found = [Finding("endpoint", base_url, "ok", f"answers for {model} (text prompts: {info.extra['text_prompts']})")]
    found.append(Finding("endpoint", "capabilities", "ok", can))
    check = test.likelihood
    if check.passed:
        detail = f"{check.generated_nats:.3f} nats when generated, {check.scored_nats:.3f} as given text"
        found.append(Finding("endpoint", "log-probabilities", "ok", detail))
    else:
        remedy = "mode loglikelihood is refused here; use mode generate or first_token, or a local hf/ model"
        found.append(Finding("endpoint", "log-probabilities", "warning", check.reason, remedy))
    for option, honoured in test.honoured.items():
        state: Literal["ok", "warning"] = "ok" if honoured else "warning"
        found.append(Finding("endpoint", option, state, "has its effect" if honoured else "is ignored or refused"))
    return found


def findings_json(findings: list[Finding]) -> list[dict[str, Any]]:
    """The findings as plain mappings."""
    return [asdict(finding) for finding in findings]


def _packages() -> list[Finding]:
    found = []
    for name in (*_REQUIRED, *_OPTIONAL):
        try:
            found.append(Finding("package", name, "ok", version(name)))
        except PackageNotFoundError:
            required = name in _REQUIRED
            remedy = f"pip install {name}" if required else _OPTIONAL[name]
            found.append(Finding("package", name, "missing" if required else "warning", "not installed", remedy))
    return found


def _hardware() -> list[Finding]:
    import psutil

    memory = psutil.virtual_memory()
    found = [
        Finding("hardware", "processors", "ok", f"{os.cpu_count()} logical"),
        Finding("hardware", "memory", "ok", f"{memory.total / 2**30:.1f} GiB, {memory.available / 2**30:.1f} GiB free"),
    ]
    if importlib.util.find_spec("torch") is None:
        return found
    import torch

    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(index)
            found.append(
                Finding("hardware", f"cuda:{index}", "ok", f"{card.name}, {card.total_memory / 2**30:.1f} GiB")
            )
    elif torch.backends.mps.is_available():
        found.append(Finding("hardware", "mps", "ok", "Apple GPU"))
    else:
        found.append(Finding("hardware", "accelerator", "ok", "none found; models run on the processor"))
    return found


def _providers() -> list[Finding]:
    found = []
    for variable, provider in _KEYS.items():
        if os.environ.get(variable):
            found.append(Finding("provider", provider, "ok", f"{variable} is set"))
        else:
            found.append(
                Finding("provider", provider, "warning", f"{variable} is not set", f"export {variable}=... to use it")
            )
    base = os.environ.get("OPENAI_BASE_URL")
    if base:
        found.append(Finding("provider", "OpenAI-compatible server", "ok", "OPENAI_BASE_URL is set"))
    return found


def _pretrained() -> Finding:
    from suite.pretrained import located

    folder = located("smollm2-135m")
    if folder is not None:
        return Finding("model", "smollm2-135m", "ok", str(folder))
    return Finding("model", "smollm2-135m", "warning", "not fetched yet", "unreason models fetch smollm2-135m")


def _folder(results: Path) -> Finding:
    place = next(folder for folder in (results.resolve(), *results.resolve().parents) if folder.exists())
    if not os.access(place, os.W_OK):
        return Finding("storage", str(results), "missing", "not writable", "choose another folder with --results")
    free = shutil.disk_usage(place).free / 2**30
    if free < 1:
        return Finding("storage", str(results), "warning", f"{free:.2f} GiB free", "free some space, or use --results")
    return Finding("storage", str(results), "ok", f"writable, {free:.0f} GiB free")
