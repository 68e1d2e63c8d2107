"""What a run leaves to look at, on Weights & Biases too: pictures, examples, a text."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import WandbLogger

from seqlearn.examples import Example
from seqlearn.safe_wandb import staging, tell

ROWS = 100
"""Examples of the table, at most."""

# The first line end is not shown: without it that of a text would not be.
PAGE = '<meta charset="utf-8"><pre style="white-space: pre-wrap">\n{}</pre>'


def log(
    logger: WandbLogger,
    pictures: Mapping[str, Path],
    examples: Sequence[Example],
    sample: str | None,
) -> None:
    """Add pictures, a table of examples and a text to a run, at the last step that was logged.

    Args:
        logger: Where the run is recorded.
        pictures: PNG files by their names.
        examples: What the network said.
        sample: What it wrote, if it writes.
    """
    run = logger.experiment
    if run.disabled:
        return
    try:
        with staging():
            run.log(gather(pictures, examples, sample))
    except ConnectionError:  # its process has died: the end will say so
        pass
    except Exception as error:  # of many kinds, and the run folder has it all anyway
        tell(f"records no pictures: {str(error) or type(error).__name__}")


def gather(
    pictures: Mapping[str, Path], examples: Sequence[Example], sample: str | None
) -> dict[str, Any]:
    """Turn everything into what Weights & Biases shows."""
    import wandb

    found: dict[str, Any] = {
        f"plots/{name}": wandb.Image(str(path)) for name, path in pictures.items()
    }
    if examples:
        rows = [list(example) for example in examples[:ROWS]]
        found["examples"] = wandb.Table(columns=list(Example._fields), data=rows)
    if sample is not None:
        # Without what is injected by default: a style sheet that the network would be asked for.
        found["sample"] = wandb.Html(PAGE.format(escape(sample)), inject=False)
    return found
