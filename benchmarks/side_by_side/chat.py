"""The chat questions of ``benchmarks/harnesses.py`` as a task of inspect_ai: ``inspect eval chat.py -T data=FILE``."""

from inspect_ai import Task, task
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.scorer import match
from inspect_ai.solver import generate


@task
def chat(data: str) -> Task:
    fields = FieldSpec(input="question", target="answer", id="number")
    return Task(json_dataset(data, fields), solver=generate(), scorer=match(location="exact"))
