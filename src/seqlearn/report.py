"""What a run came to: one table and a few examples, for people to read."""

from collections.abc import Mapping, Sequence

import torch
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqlearn.data import SequenceBatch, SequenceDataModule
from seqlearn.modules import SequenceModule

MISTAKE = r"\[[^\[\] ]+\]|✗"


def table(data: SequenceDataModule, metrics: Mapping[str, float], stage: str) -> Table:
    """Set out the metrics, a row for each length."""
    names = dict.fromkeys(name.partition("@")[0].removeprefix(f"{stage}/") for name in metrics)
    rows = dict.fromkeys(name.partition("@")[2] for name in metrics)
    grid = Table("length", *names, title=f"{type(data).__name__}: {stage}", box=box.SIMPLE_HEAD)
    for column in grid.columns:
        column.justify, column.overflow = "right", "fold"
    for length in rows:
        end = f"@{length}" if length else ""
        trained = "  (trained)" if length == str(data.length) else ""
        values = (number(metrics[f"{stage}/{name}{end}"]) for name in names)
        grid.add_row(f"{length or 'as trained'}{trained}", *values)
    return grid


def comparison(data: SequenceDataModule) -> str:
    """Say what simple predictors and the optimum reach at the training length."""
    values = ", ".join(f"{name} {number(value)}" for name, value in data.baselines().items())
    return f"For comparison, {data.metric} at length {data.length}: {values}"


def number(value: float) -> str:
    """Write a metric so that 1.0000 means exactly that, and small ones can be told apart."""
    if 0.99995 <= value < 1:
        value = 0.9999
    return f"{value:.1e}" if 0 < abs(value) < 1e-3 else f"{value:.4f}"


def examples(module: SequenceModule, data: SequenceDataModule, count: int = 5) -> list[str]:
    """Describe what the network says to the first test examples of the training length."""
    dataset = data.dataset("test", data.curve[0])
    batch = dataset.batch(range(min(count, len(dataset))))
    module.eval()
    with torch.inference_mode():
        outputs = module.answer(SequenceBatch(*(part.to(module.device) for part in batch)), 0)
    return data.describe(batch, module.objective.predict(outputs).cpu())


def show(
    data: SequenceDataModule,
    metrics: Mapping[str, float],
    stage: str,
    lines: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> None:
    """Print the table, the examples with their mistakes marked, and the notes."""
    console = Console(highlight=False)
    console.print(table(data, metrics, stage))
    console.print(comparison(data), soft_wrap=True)
    for line in lines:
        text = Text(f"  {line}")
        text.highlight_regex(MISTAKE, "bold red")
        text.highlight_regex("✓", "green")
        console.print(text, soft_wrap=True)
    for note in notes:
        console.print(Text(note), soft_wrap=True)
