"""Training: makes a model folder out of a task's texts, which the ordinary task then evaluates.

Objectives are one file each in `objectives`; models from scratch are described in ``configs/*.json``.
"""

from suite.finetune.settings import LoraSettings
from suite.finetune.training import TrainingResult, finetune_task, train

__all__ = ["LoraSettings", "TrainingResult", "finetune_task", "train"]
