"""Finds tasks, models, objectives, judges and attentions by place: what is dropped where its kind lives is registered.

Tasks also come from user folders (``--tasks-dir``) and from the entry point group ``unreason.tasks``, attentions from
folders and ``unreason.attentions``; models from ``unreason.models``, judges from ``unreason.judges``. Nothing heavy is
imported before a thing is loaded.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

from suite.errors import UserError, unknown
from suite.task import Model, Task

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    from suite.attention.module import Attention
    from suite.judges.record import Judge

DEMO_MODEL = "smollm2-135m"

_Kind = TypeVar("_Kind")


def task_classes(tasks_dir: Path | None = None) -> dict[str, type[Task]]:
    """Every task by name: built in, from installed packages, and from `tasks_dir`; a later source replaces an earlier.

    Raises:
        UserError: `tasks_dir` is no folder, or a task file of it cannot be imported.
    """
    found = dict(_builtin_tasks())
    for entry in _entry_points("unreason.tasks"):
        found[entry.name] = entry.load()
    if tasks_dir is not None:
        if not tasks_dir.is_dir():
            raise UserError(f"--tasks-dir {tasks_dir}: no such folder")
        for file in sorted(tasks_dir.glob("*/task.py")):
            task = _only_subclass(_import_file(file, f"unreason_user_tasks.{file.parent.name}"), Task, str(file))
            found[task.name] = task
    return found


def load_task(name: str, options: Mapping[str, Any] | None = None, tasks_dir: Path | None = None) -> Task:
    """The task `name` with validated options.

    Args:
        name: as `unreason list` prints it.
        options: option name -> value; strings are converted as the option's type demands.
        tasks_dir: a further folder of tasks.

    Raises:
        UserError: unknown task, unknown option (with the nearest right name), or a value that does not fit.
    """
    classes = task_classes(tasks_dir)
    if name not in classes:
        raise unknown("task", name, classes, "`unreason list` shows them.")
    hint = f"`unreason list {name}` shows them; other flags: `unreason run --help`."
    return classes[name](validated(f"option of task {name}", classes[name].options_model(), options or {}, hint))


def validated(what: str, model: type[BaseModel], given: Mapping[str, Any], hint: str = "") -> Any:
    """An instance of the options model `model`; text with commas is a list where a list is wanted.

    Args:
        what: is asked for, for messages: "option of task X".

    Raises:
        UserError: unknown option (with the nearest right name), or a value that does not fit.
    """
    from pydantic import ValidationError

    found = dict(given)
    for key, value in found.items():
        if key not in model.model_fields:
            raise unknown(what, key, model.model_fields, hint)
        if isinstance(value, str) and get_origin(model.model_fields[key].annotation) in (list, tuple, set, frozenset):
            found[key] = [part.strip() for part in value.split(",")]
    try:
        return model(**found)
    except ValidationError as error:
        raise UserError(f"{what.removeprefix('option of ')}: {_first_problem(error)}") from None


def describe_tasks(tasks_dir: Path | None = None) -> list[dict[str, str]]:
    """One row a task: name, version, what it asks, its modes, and whether it has training texts."""
    return [
        {
            "task": task.name,
            "version": task.version,
            "title": task.title,
            "modes": ", ".join(task.modes),
            "training": "yes" if task.training_docs is not Task.training_docs or "trainer" in vars(task) else "no",
        }
        for task in task_classes(tasks_dir).values()
    ]


def describe_options(name: str, tasks_dir: Path | None = None) -> list[dict[str, str]]:
    """One row an option of the task `name`: flag, default, allowed values, description."""
    classes = task_classes(tasks_dir)
    if name not in classes:
        raise unknown("task", name, classes, "`unreason list` shows them.")
    fields = classes[name].options_model().model_json_schema()["properties"]
    return [
        {
            "option": "--" + key.replace("_", "-"),
            "default": "" if field.get("default") is None else str(field["default"]),
            "values": _allowed(field),
            "description": field.get("description", ""),
        }
        for key, field in fields.items()
    ]


def path_options(task: type[Task]) -> frozenset[str]:
    """The options of a task that are files or folders: where its data lies, not what it is."""
    fields = task.options_model().model_fields
    return frozenset(name for name, field in fields.items() if Path in (field.annotation, *get_args(field.annotation)))


def load_model(name: str, **options: Any) -> Model:
    """The model that `name` stands for: ``PROVIDER/REST``.

    Args:
        name: e.g. ``hf/gpt2@main``, ``hf/./my-model``, ``openai/gpt-5-mini``, ``scripted/constant``; ``demo`` is the
            small pretrained model of `unreason demo`, fetched when it is missing.
        options: passed on to the provider's ``load``; which it takes is the provider's affair.

    Raises:
        UserError: unknown provider, or an option that the provider does not take.
    """
    if name == "demo":
        from suite.pretrained import fetch

        fetch(DEMO_MODEL)
        name = f"hf/{DEMO_MODEL}"
    provider, _, rest = name.partition("/")
    places = model_providers()
    if provider not in places or not rest:
        raise unknown("model provider", provider, places, "A model is named PROVIDER/NAME, e.g. hf/gpt2.")
    load = importlib.import_module(places[provider]).load
    taken = inspect.signature(load).parameters
    for key in options:
        if key == "intervention" and key not in taken:
            raise UserError(f"intervention {options[key]}: {name} is not run here; it needs local weights (hf/ models)")
        if key not in taken:
            raise unknown(f"option of {provider} models", key, set(taken) - {"name"})
    model: Model = load(rest, **options)
    return model


def model_providers() -> dict[str, str]:
    """Provider name -> module; each has ``load(name, **options) -> Model``. An underscore is a hyphen in the name.

    A task whose own trainer makes models has the provider of its name, in ``tasks/NAME/model.py``.
    """
    import suite.models

    found = {
        module.name.replace("_", "-"): f"suite.models.{module.name}"
        for module in pkgutil.iter_modules(suite.models.__path__)
        if not module.name.startswith("_")
    }
    own = {folder: f"tasks.{folder}.model" for folder in _task_folders()}
    found.update({folder: place for folder, place in own.items() if importlib.util.find_spec(place) is not None})
    found.update({entry.name: entry.value for entry in _entry_points("unreason.models")})
    return found


def objectives() -> dict[str, str]:
    """Objective name -> module in `suite/finetune/objectives`."""
    import suite.finetune.objectives as place

    return {
        module.name: f"{place.__name__}.{module.name}"
        for module in pkgutil.iter_modules(place.__path__)
        if not module.name.startswith("_")
    }


def interventions() -> dict[str, str]:
    """Intervention name -> module in `suite/interventions`; what they share is a package there."""
    import suite.interventions as place

    return {
        module.name: f"{place.__name__}.{module.name}"
        for module in pkgutil.iter_modules(place.__path__)
        if not module.ispkg and not module.name.startswith("_")
    }


def judges(folder: Path | None = None) -> dict[str, str | Path]:
    """Judge name -> module, or file in the user's `folder`; a later source replaces an earlier.

    Each has ``load(name, **options) -> Judge``.

    Raises:
        UserError: `folder` is no folder.
    """
    import suite.judges.kinds as place

    found: dict[str, str | Path] = {
        module.name: f"{place.__name__}.{module.name}"
        for module in pkgutil.iter_modules(place.__path__)
        if not module.name.startswith("_")
    }
    found.update({entry.name: entry.value for entry in _entry_points("unreason.judges")})
    if folder is not None:
        if not folder.is_dir():
            raise UserError(f"--judges-dir {folder}: no such folder")
        found.update({file.stem: file for file in sorted(folder.glob("*.py")) if not file.name.startswith("_")})
    return found


def load_judge(name: str, folder: Path | None = None, /, **options: Any) -> Judge:
    """The judge that `name` stands for: ``KIND`` or ``KIND/REST``.

    Args:
        name: e.g. ``rules_free``, ``llm/gpt-5-mini``, ``nli/./my-model``.
        folder: a further folder of judges, a file each.
        options: passed on to the kind's ``load``; which it takes is the kind's affair.

    Raises:
        UserError: unknown kind, an option that the kind does not take, or a file that cannot be imported.
    """
    kind, _, rest = name.partition("/")
    places = judges(folder)
    if kind not in places:
        raise unknown("judge", kind, places, "A judge is named KIND or KIND/NAME, e.g. rules_free, llm/gpt-5-mini.")
    place = places[kind]
    if isinstance(place, Path):
        module = _import_file(place, f"unreason_user_judges.{kind}")
    else:
        module = importlib.import_module(place)
    load = getattr(module, "load", None)
    if load is None:
        raise UserError(f"{place}: no function load(name, **options); a judge needs one")
    taken = inspect.signature(load).parameters
    for key in options:
        if key not in taken:
            raise unknown(f"option of judge {kind}", key, set(taken) - {"name"})
    judge: Judge = load(rest, **options)
    return judge


def attentions(folder: Path | None = None) -> dict[str, str | Path]:
    """Attention mechanism name -> module, or file in the user's `folder`; a later source replaces an earlier.

    Raises:
        UserError: `folder` is no folder.
    """
    import suite.attention.mechanisms as place

    found: dict[str, str | Path] = {
        module.name: f"{place.__name__}.{module.name}"
        for module in pkgutil.iter_modules(place.__path__)
        if not module.name.startswith("_")
    }
    found.update({entry.name: entry.value for entry in _entry_points("unreason.attentions")})
    if folder is not None:
        if not folder.is_dir():
            raise UserError(f"folder of attentions {folder}: no such folder")
        found.update({file.stem: file for file in sorted(folder.glob("*.py")) if not file.name.startswith("_")})
    return found


def load_attention(name: str, folder: Path | None = None) -> type[Attention]:
    """The class of the attention mechanism `name`: the one subclass of `Attention` in its file.

    Raises:
        UserError: unknown mechanism, or its file cannot be imported or holds no mechanism of that name.
    """
    from suite.attention.module import Attention

    places = attentions(folder)
    if name not in places:
        raise unknown("attention", name, places, "`unreason attention verify` lists them.")
    place = places[name]
    if isinstance(place, Path):
        module = _import_file(place, f"unreason_user_attentions.{name}")
    else:
        module = importlib.import_module(place)
    found = _only_subclass(module, Attention, str(place))
    if getattr(found, "name", None) != name:
        raise UserError(f"{place}: its class is named {getattr(found, 'name', None)!r}; expected {name!r}")
    return found


@cache
def _builtin_tasks() -> Mapping[str, type[Task]]:
    found = {}
    for folder in _task_folders():
        place = f"tasks.{folder}.task"
        if importlib.util.find_spec(place) is None:
            continue  # a folder without task.py is no task
        module = importlib.import_module(place)
        task = _only_subclass(module, Task, module.__name__)
        found[task.name] = task
    return found


def _task_folders() -> list[str]:
    import tasks

    return [folder.name for folder in pkgutil.iter_modules(tasks.__path__) if folder.ispkg]


def _entry_points(group: str) -> Sequence[Any]:
    return _entry_points_on(tuple(sys.path), group)


@cache
def _entry_points_on(_path: tuple[str, ...], group: str) -> Sequence[Any]:
    """Kept for each search path: reading the metadata of every installed package takes a tenth of a second."""
    from importlib.metadata import entry_points

    return tuple(sorted(entry_points(group=group), key=lambda entry: entry.name))


def _only_subclass(module: ModuleType, base: type[_Kind], where: str) -> type[_Kind]:
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__
    ]
    if len(classes) != 1:
        raise UserError(f"{where}: expected one subclass of suite.{base.__name__}, found {len(classes)}")
    return classes[0]


def _import_file(file: Path, name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(f"{file}: cannot be imported: {type(error).__name__}: {error}") from error
    return module


def _allowed(field: Mapping[str, Any]) -> str:
    parts = field.get("anyOf", [field])
    items = [part.get("items", part) for part in parts]
    values = [str(value) for item in items for value in item.get("enum", [item["const"]] if "const" in item else [])]
    return ", ".join(values) or " or ".join(str(part["type"]) for part in parts if part.get("type", "null") != "null")


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    said = first["msg"].removeprefix("Value error, ")  # pydantic's own word for what validators say
    return f"option {where}: {said} (got {first['input']!r})" if where else said
