"""Vanishing and exploding gradients in one picture.

    python -m experiments.vanishing_gradients

Above, how much of the gradient comes back over so many steps before any training, and what that
means for learning: the accuracy on `first_symbol`, by the number of steps to remember. Below, the
same for a tanh network whose recurrent weights are too large, and its training with and without
clipping. It takes about two minutes and writes vanishing_gradients.png.
"""

import argparse
import logging
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor

from seqlearn import FirstSymbol, ManyToOne
from seqlearn.gradients import gradient_norms
from seqlearn.plots import style

CELLS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn": ("rnn", {}),
    "gru": ("gru", {}),
    "lstm": ("lstm", {}),
    "lstm, forget bias 4": ("lstm", {"forget_bias": 4.0}),  # gates that forget 2 % a step
}
CLIPS: dict[str, dict[str, Any]] = {
    "no clipping": {},
    "norm clipped at 1": {"gradient_clip_val": 1.0},
    "values clipped at 0.1": {"gradient_clip_val": 0.1, "gradient_clip_algorithm": "value"},
}
HIDDEN, LAGS, GAINS = 32, 100, (1.0, 2.0, 3.0, 4.0, 6.0)


def curve(cell: str, cell_args: dict[str, Any], seeds: int) -> Tensor:
    """Give the gradient norm by lag of untrained networks, its geometric mean over seeds."""
    data = FirstSymbol(steps=LAGS + 1)
    batch = data.dataset("val").batch(range(64))
    logs = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        network = ManyToOne.for_data(data, cell=cell, cell_args=cell_args, hidden_size=HIDDEN)
        logs.append(gradient_norms(network.double(), batch).log())
    return torch.stack(logs).mean(0).exp()


class Losses(Callback):
    """Keep the loss of every step."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def on_train_batch_end(  # noqa: D102
        self, trainer: Trainer, pl_module: Any, outputs: Any, *_: Any
    ) -> None:
        self.values.append(float(outputs["loss"]))


def train(
    steps: int, cell: str, cell_args: dict[str, Any], optimizer: Any, **settings: Any
) -> tuple[float, list[float]]:
    """Fit `first_symbol` over so many steps: the accuracy on new sequences, and the losses."""
    torch.manual_seed(0)
    data, losses = FirstSymbol(steps=steps, test_lengths=(steps,)), Losses()
    network = ManyToOne.for_data(
        data, cell=cell, cell_args=cell_args, hidden_size=HIDDEN, optimizer=optimizer
    )
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(
        **{**quiet, "enable_model_summary": False, "limit_val_batches": 0, **settings},
        callbacks=[losses],
    )
    trainer.fit(network, data)
    (scores,) = trainer.test(network, data, verbose=False)
    return scores[f"test/accuracy@{steps}"], losses.values


def adam(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=0.005)


def sgd(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.1)


def smooth(values: Sequence[float], window: int = 20) -> Tensor:
    """Average over the last few."""
    return torch.tensor(values).unfold(0, window, 1).mean(1)


def draw(delays: Sequence[int], budget: int, seeds: int, path: Path) -> None:
    """Measure, print and draw all four panels."""
    title = "Gradients vanish or explode over time; open gates keep them, clipping bounds them"
    figure, axes = style.new(title, 2, 2, size=(9, 7))
    ((flow, reached), (blown, clipped)) = axes
    looks = list(zip(style.COLORS, style.MARKS, strict=True))
    for (name, (cell, cell_args)), (color, mark) in zip(CELLS.items(), looks, strict=False):
        look = {"color": color, "marker": mark, "label": name, "markersize": 5}
        norms = curve(cell, cell_args, seeds)
        flow.semilogy(norms, markevery=20, **look)
        found = [
            train(n, cell, cell_args, adam, max_steps=budget, gradient_clip_val=1.0)[0]
            for n in delays
        ]
        reached.plot(delays, found, **look | {"label": None})  # as on the left
        print(f"{name:<20} gradient over {LAGS} steps {norms[-1]:.0e}; accuracy", end=" ")
        print(", ".join(f"{n}: {value:.2f}" for n, value in zip(delays, found, strict=True)))
    for gain, (color, mark) in zip(GAINS, looks, strict=False):
        norms = curve("rnn", {"gain": gain}, seeds)
        blown.semilogy(norms, markevery=20, color=color, marker=mark, label=f"x {gain:g}")
        print(f"rnn, recurrent weights x {gain:g}: gradient over {LAGS} steps {norms[-1]:.0e}")
    for (name, settings), (color, _) in zip(CLIPS.items(), looks, strict=False):
        accuracy, losses = train(30, "rnn", {"gain": 2.5}, sgd, max_steps=budget, **settings)
        clipped.plot(losses, color=color, alpha=0.2, linewidth=0.7)
        clipped.plot(range(19, budget), smooth(losses), color=color, label=name)
        print(f"rnn, recurrent weights x 2.5, {name}: accuracy over 30 steps {accuracy:.2f}")
    reached.axhline(0.25, color="gray", linestyle=":", label="chance")
    clipped.axhline(math.log(4), color="gray", linestyle=":", label="chance")
    reached.set(xscale="log", xticks=delays, xticklabels=delays, ylim=(0, 1.05))
    reached.minorticks_off()
    flow.set(ylim=(1e-24, 1e1))
    clipped.set(ylim=(0, 3))
    named = [
        (flow, "The gradient vanishes; open gates keep it", "lag (steps)", "gradient norm"),
        (
            reached,
            f"So what is far is not learnt ({budget} updates)",
            "steps to remember",
            "accuracy",
        ),
        (blown, "Large recurrent weights: it explodes", "lag (steps)", "gradient norm"),
        (clipped, "Clipping makes such a network learn", "update", "loss (nats)"),
    ]
    for axis, title, below, beside in named:
        axis.set_title(title, fontsize=10)
        axis.set(xlabel=below, ylabel=beside)
        style.legend(axis)
    style.save(figure, path)
    print(f"written: {path}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--delays", type=int, nargs="+", default=[2, 5, 10, 20, 50, 100, 200])
    parser.add_argument("--budget", type=int, default=600, help="updates of each fit (600)")
    parser.add_argument("--seeds", type=int, default=5, help="untrained networks a curve (5)")
    parser.add_argument("--out", type=Path, default="vanishing_gradients.png", help="the picture")
    wanted = parser.parse_args(arguments)
    warnings.filterwarnings("ignore")  # Lightning's, on loaders and logging of short fits
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_num_threads(1)  # of so small a network more only wait for each other
    draw(wanted.delays, wanted.budget, wanted.seeds, wanted.out)


if __name__ == "__main__":
    main()
