"""The network and the task of a run, from its checkpoint."""

from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from typing import Any

from seqlearn.checkpoints import OWN, read
from seqlearn.data import SequenceDataModule
from seqlearn.errors import CheckpointError, is_own_bug
from seqlearn.identity import mismatch, stranger
from seqlearn.modules import MODULES, SequenceModule
from seqlearn.record import Record, RecordError
from seqlearn.tasks import TASKS


def load(record: Record) -> tuple[SequenceModule, SequenceDataModule]:
    """Load the network and the task of a run.

    Raises:
        RecordError: If the checkpoint or a class is gone, damaged, of another run or version.
    """
    path, config = record.checkpoint, record.config
    try:
        checkpoint = read(path)
    except CheckpointError as error:
        raise RecordError(record.folder, f"has a damaged checkpoint: {error}") from error
    task, said = config.get("task"), checkpoint.get(OWN)
    if not said:
        raise RecordError(path, "does not say what run it is of")
    if reason := stranger(said, task):
        raise RecordError(path, reason)
    if task and task not in TASKS:
        raise RecordError(record.folder, f"is of a task that this version has not: {task}")
    data = TASKS[task] if task else named(config["data"], SequenceDataModule)
    module = MODULES[data.mapping] if task else named(config["model"], SequenceModule)
    if reason := mismatch(said, config, ("data", "model")):
        raise RecordError(path, f"is of another run: {reason}")
    # A text that a task takes its characters from may have changed since.
    same = {field.name for field in fields(data)} & {"vocabulary"}
    known = {name: checkpoint["hyper_parameters"][name] for name in same}
    try:
        network = module.load_from_checkpoint(path, map_location="cpu", weights_only=True)
        return network, data.load_from_checkpoint(path, weights_only=True, **known)
    except Exception as error:  # whatever their arguments and weights no longer fit
        if is_own_bug(error):
            raise
        raise RecordError(path, f"cannot be asked again: {error}") from error


def named(given: Mapping[str, Any], kind: type = object) -> Any:
    """Import the class of a configuration's ``class_path``, one of this kind.

    Raises:
        RecordError: If it cannot be imported, or is of another kind.
    """
    path = str(given.get("class_path"))
    module, _, name = path.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except Exception as error:  # of any kind, as it is the user's own code that is run
        reason = f"cannot be imported, a class that the run needs: {error}"
        raise RecordError(path, f"{reason}; go to its folder, or set PYTHONPATH") from error
    if not isinstance(found, type) or not issubclass(found, kind):
        raise RecordError(path, f"is no {kind.__name__}, as it was for the run")
    return found
