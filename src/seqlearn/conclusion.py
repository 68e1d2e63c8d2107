"""The end of a fit: its results in a file, in pictures, on Weights & Biases, in the terminal."""

import os
from collections.abc import Mapping
from datetime import datetime
from importlib.metadata import version
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import WandbLogger

from seqlearn import loggers, media, report, terminal
from seqlearn.answers import ask
from seqlearn.data import SequenceDataModule
from seqlearn.errors import say
from seqlearn.goals import met
from seqlearn.modules import SequenceModule
from seqlearn.record import FORMAT, LAST, Record
from seqlearn.run import Run
from seqlearn.summary import rows

SHOWN = 5
"""Examples in the terminal."""


def results(
    run: Run,
    module: SequenceModule,
    data: SequenceDataModule,
    metrics: Mapping[str, float],
    steps: int,
) -> dict[str, Any]:
    """Say what a run came to, for programs: what stands in ``results.json``."""
    goal = None if data.goal is None else {"bound": data.goal, "met": met(data, metrics)}
    return {
        "format": FORMAT,
        "version": version("seqlearn-lightning"),
        "task": run.task,
        "cell": module.hparams["cell"],
        "hidden_size": module.hidden_size,
        "parameters": sum(weights.numel() for weights in module.parameters()),
        "seed": run.config["seed_everything"],
        "finished": f"{datetime.now().astimezone():%Y-%m-%dT%H:%M:%S%z}",
        "steps": steps,
        "seconds": round(run.seconds, 2),
        "checkpoint": run.kept(),
        "metric": data.metric,
        "length": data.length,
        "measure": data.measure,
        "goal": goal,
        "metrics": dict(metrics),
        "baselines": data.baselines(),
    }


def conclude(
    run: Run | None,
    trainer: Trainer,
    module: SequenceModule,
    data: SequenceDataModule,
    metrics: Mapping[str, float],
) -> None:
    """Write down what a run came to, and show it.

    The results come first: what fails after them costs a picture or a page, not the run.

    Args:
        run: The run; None if no folder is wanted.
        trainer: The Trainer, after the test.
        module: The network, with the weights to judge the run by.
        data: The task.
        metrics: Those of the test.

    Raises:
        RunError: If the results cannot be written.
    """
    steps = trainer.global_step
    if run:
        run.write_results(results(run, module, data, metrics, steps))
    answers = ask(module, data, report.EXAMPLES)
    examples, faults = report.described(data, answers)
    notes = []
    if run:
        folder = os.path.relpath(run.folder)
        threads = "one thread" if (n := torch.get_num_threads()) == 1 else f"{n} threads"
        notes.append(f"{steps} steps in {run.seconds:.1f} s on {threads}; run folder: {folder}")
        if run.kept() == LAST:
            notes.append("never validated: these are the last weights, maybe not the best")
        pictures = {}
        if run.config["report"]:
            made = report.publish(Record(run.folder), module, data, answers, examples)
            pictures = made.pictures
            faults += made.faults
            if made.page:
                notes.append(f"to look at: {os.path.relpath(made.page)}")
        for logger in trainer.loggers:
            if isinstance(logger, WandbLogger):
                media.log(logger, pictures, examples, answers.text)
                notes += filter(None, [loggers.finish(logger)])
    for fault in faults:
        say("fit", fault)
    found = rows(data, metrics, "test")
    terminal.show(data, found, examples[:SHOWN], answers.text, notes)
