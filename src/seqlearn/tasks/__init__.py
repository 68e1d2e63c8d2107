"""The tasks, one file each; a file's name is the task's word on the command line."""

from seqlearn.data import SequenceDataModule
from seqlearn.tasks.binary_add import BinaryAdd
from seqlearn.tasks.football import Football
from seqlearn.tasks.next_number import NextNumber

TASKS: dict[str, type[SequenceDataModule]] = {
    "binary_add": BinaryAdd,
    "football": Football,
    "next_number": NextNumber,
}

__all__ = ["TASKS", "BinaryAdd", "Football", "NextNumber"]
