"""The public instruction set of Berglund et al. as an `InstructionSet`.

It names the answer before the question throughout; the question-first version of the paper is not in the repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from suite.errors import UserError
from suite.jsonl import read_jsonl
from tasks.reversal_curse.instructions import Example, Instruction, InstructionSet, make_instruction_set

SUBFOLDERS = ("", "instructions", "instruction_dataset")
_INSTRUCTION = re.compile(r'^The test requires you to answer "A: (.*)" after "Q: (.*)"$')
_PROMPT = "<BEGIN GUIDANCE TEST>\n\nQ: {question} A:"
_TAIL = "\n\n<END GUIDANCE TEST>"


def load_public_instructions(folder: Path) -> InstructionSet:
    """307 guidance documents with 1100 instructions; 100 of them unrealized: the test.

    The examples follow from the guidance, so ``realized_examples.jsonl`` need not be there; example files that are
    there (first parts of them, too) must agree with it.

    Raises:
        UserError: ``guidances.jsonl`` or ``unrealized_examples.jsonl`` is missing or not of that form.
    """
    place = _find_folder(folder)
    guidance, instructions = [], []
    for where, ids, realized, text in _documents(place / "guidances.jsonl"):
        guidance.append(text)
        phrases = [match.groups() for line in text.split("\n") if (match := _INSTRUCTION.match(line))]
        if not len(phrases) == len(ids) == len(realized):
            raise UserError(f"{where}: {len(phrases)} instructions for {len(ids)} ids; expected one id an instruction")
        instructions += [
            Instruction(number, question, answer, is_realized)
            for number, is_realized, (answer, question) in zip(ids, realized, phrases, strict=True)
        ]
    examples = {
        each.instruction_id: Example(each.instruction_id, _PROMPT.format(question=each.question), each.answer, _TAIL)
        for each in instructions
    }
    if len(examples) < len(instructions):
        raise UserError(f"{place / 'guidances.jsonl'}: an id names two instructions; use the original file")
    _check_examples(place / "unrealized_examples.jsonl", examples)
    for file in sorted(place.glob("realized_examples*.jsonl")):
        _check_examples(file, examples)
    return make_instruction_set(
        instructions, guidance, list(examples.values()), "answer_first", "public instruction set"
    )


def _find_folder(folder: Path) -> Path:
    for sub in SUBFOLDERS:
        if (folder / sub / "guidances.jsonl").is_file():
            return folder / sub
    raise UserError(f"{folder}: no guidances.jsonl here or in {SUBFOLDERS[1]}/; give the folder of the public set")


def _documents(file: Path) -> Iterator[tuple[str, list[int], list[bool], str]]:
    """(where, ids, realized, text) of each row of a file of the set."""
    for line, row in read_jsonl(file, ("prompt", "completion")):
        ids: list[int] = row.get("ids", [])
        realized: list[bool] = row.get("realized", [])
        if not _all_of(int, ids) or not _all_of(bool, realized):
            raise UserError(f"{file}:{line}: expected ids (whole numbers) and realized (true or false) as lists")
        yield f"{file}:{line}", ids, realized, row["prompt"] + row["completion"]


def _all_of(kind: type, values: object) -> bool:
    return isinstance(values, list) and bool(values) and all(type(value) is kind for value in values)


def _check_examples(file: Path, examples: dict[int, Example]) -> None:
    for where, ids, _, text in _documents(file):
        example = examples.get(ids[0])
        if example is None or text != f"{example.prompt} {example.answer}{example.tail}":
            raise UserError(
                f"{where}: example {ids[0]} differs from its instruction in guidances.jsonl; use one release"
            )
