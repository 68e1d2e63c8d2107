"""Forward and backward of every cell, beside PyTorch's own and the matrix peak of the machine.

A row is one layer of H units that reads B sequences of T steps, and the gradients of its weights.
Where PyTorch has no such cell (sigmoid, identity, window), its tanh network stands in its place.
"""

import argparse
import gc
from collections.abc import Callable, Iterator
from itertools import product

import torch
from experiments.speed.timing import Row, in_turns, many, positive, ratio, repeats, spread
from torch import nn

from seqlearn.cells import CELLS, PYTORCHS, make_cell
from seqlearn.kernels import NONLINEARITIES

OWN: dict[str, tuple[type[nn.RNNBase], int]] = {"gru": (nn.GRU, 3), "lstm": (nn.LSTM, 4)}
"""PyTorch's cells of more gates than one, and how many."""

FEATURES = 2  # of an input step: the two bits of an addition
PEAK = 512  # rows and columns of the matrices whose product stands for the peak


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=list(CELLS))
    parser.add_argument("--hidden", nargs="+", type=positive, default=[16, 64, 256], metavar="H")
    parser.add_argument("--batch", nargs="+", type=positive, default=[32, 256, 2048], metavar="B")
    parser.add_argument("--steps", nargs="+", type=positive, default=[8, 16, 32], metavar="T")
    parser.add_argument("--threads", type=positive, default=1)
    parser.add_argument("--rounds", type=positive, default=25)
    parser.add_argument("--milliseconds", type=positive, default=10, help="of each time taken")
    parser.add_argument("--no-grad", action="store_true", help="forward alone, as in evaluation")


def measure(wanted: argparse.Namespace) -> Iterator[Row]:
    before = torch.get_num_threads()
    torch.set_num_threads(wanted.threads)
    gc.freeze()  # what is there stays: collecting before each time taken is then quick
    try:
        for cell in wanted.cells:
            words = NONLINEARITIES if cell == "rnn" else [""]
            for word, *sizes in product(words, wanted.hidden, wanted.batch, wanted.steps):
                yield compare(wanted, cell, word, *sizes)
    finally:
        gc.unfreeze()
        torch.set_num_threads(before)


def compare(
    wanted: argparse.Namespace, cell: str, word: str, hidden: int, batch: int, steps: int
) -> Row:
    how = {"nonlinearity": word} if word else {}
    ours = make_cell(cell, (FEATURES, hidden), **how)
    kind, gates = OWN.get(cell, (nn.RNN, 1))
    theirs = kind(FEATURES, hidden, batch_first=True, **(how if word in PYTORCHS else {}))
    x, gradient = torch.randn(batch, steps, FEATURES), torch.randn(batch, steps, hidden)
    run = forward if wanted.no_grad else both_ways
    square = torch.randn(PEAK, PEAK)
    things: dict[str, Callable[[], object]] = {
        "ours": run(ours, x, gradient),
        "theirs": run(theirs, x, gradient),
        "peak": lambda: square @ square,
    }
    count = repeats(things["ours"], wanted.milliseconds / 1000)
    times = in_turns(
        {"ours": many(things["ours"], count), "theirs": many(things["theirs"], count)}
        | {"peak": things["peak"]},
        wanted.rounds,
    )
    once = [time / count for time in times["ours"]]
    # Of the products, forward: each weight with each step. Backward: once more for the gradients
    # of the weights, and once more for what goes back through the recurrent ones.
    inputs, recurrent = gates * FEATURES * hidden, gates * hidden * hidden
    if cell == "window":
        inputs, recurrent = FEATURES * hidden * ours.size, 0
    factor = (1, 1) if wanted.no_grad else (2, 3)
    work = 2 * batch * steps * (factor[0] * inputs + factor[1] * recurrent)
    rate = [work / time / 1e9 for time in once]
    peak = [2 * PEAK**3 / time / 1e9 for time in times["peak"]]
    return {
        "cell": f"{cell} {word}".strip(),
        "H": hidden,
        "B": batch,
        "T": steps,
        "µs a step": spread(1e6 * time / steps for time in once),
        "PyTorch's time / ours": ratio(times["theirs"], times["ours"]),
        "GFLOP/s": spread(rate).median,
        "of a matrix product": spread(peak).median,
        "share": ratio(rate, peak),
    }


def both_ways(cell: nn.Module, x: torch.Tensor, gradient: torch.Tensor) -> Callable[[], object]:
    parameters = list(cell.parameters())

    def run() -> None:
        for parameter in parameters:
            parameter.grad = None
        cell(x)[0].backward(gradient)

    return run


def forward(cell: nn.Module, x: torch.Tensor, _: torch.Tensor) -> Callable[[], object]:
    return torch.no_grad()(lambda: cell(x))
