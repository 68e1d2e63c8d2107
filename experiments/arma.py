"""A linear network is a moving average: set its impulse responses beside those of the process.

python -m experiments.arma [--seed 0] [--plot arma.png]

On the left the forecast: what a value of 1, seen once, adds to the forecasts from then on. On the
right the process: what a shock of 1 adds to the values from then on, where the network's forecasts
take the place of the best ones.
"""

import argparse
import contextlib
import io
import json
import tempfile
from pathlib import Path

import numpy as np

from seqlearn import ARMA, ManyToMany, fit
from seqlearn.plots import style
from seqlearn.response import closed_loop, impulse_response

STEPS = 32


def fitted(seed: int) -> tuple[ManyToMany, dict[str, float]]:
    """Fit with the preset; give the network of the best validation and its test metrics."""
    quiet = ["--trainer.logger", "false", "--report", "false"]
    seeds = ["--seed_everything", str(seed), "--data.seed", str(seed)]
    with tempfile.TemporaryDirectory() as root, contextlib.redirect_stdout(io.StringIO()):
        fit.main(["--task", "arma", *seeds, *quiet, "--trainer.default_root_dir", root])
        (path,) = Path(root, "arma").glob("*/results.json")
        results = json.loads(path.read_text())
        network = ManyToMany.load_from_checkpoint(path.parent / results["checkpoint"])
    return network, results["metrics"]


def draw(pairs: dict[str, tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """Draw for each title the response of the process and that of the network."""
    apart = max(np.abs(process - network).max() for process, network in pairs.values())
    found = f"the network's weights are those of the process, at most {apart:.2g} apart"
    figure, axes = style.new(found, 1, len(pairs), size=(8, 3.4))
    for axis, (title, (process, network)) in zip(axes, pairs.items(), strict=True):
        axis.axhline(0, color="0.8", linewidth=1)
        axis.plot(process, color=style.TRUE, alpha=0.5, linewidth=5, label="process")
        axis.plot(network, "o", color=style.SAID, markersize=4, label="network")
        axis.set_title(title, fontsize=10)
        axis.set(xlabel="steps since", ylabel="added")
        style.legend(axis)
    style.save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the weights and of the data")
    parser.add_argument("--plot", type=Path, default="arma.png", help="where to draw")
    wanted = parser.parse_args()
    data = ARMA()
    network, metrics = fitted(wanted.seed)
    response = impulse_response(network, STEPS)
    pairs = {
        "what a value adds to the forecasts": (
            data.forecast_response(STEPS),
            response[:, 0, 0],
        ),
        "what a shock adds to the values": (
            data.impulse_response(STEPS),
            closed_loop(response)[:, 0, 0],
        ),
    }
    draw(pairs, wanted.plot)
    for name, value in metrics.items():
        if "mse_ratio" in name:
            print(f"{name}: {value:.4f} times the error of a Kalman filter")
    for title, (process, learnt) in pairs.items():
        print(f"{title}: at most {np.abs(process - learnt).max():.4f} apart")
        for who, values in (("process", process), ("network", learnt)):
            print(f"    {who}  {' '.join(f'{value:6.3f}' for value in values[:10])} ...")
    print(f"drawn: {wanted.plot}")


if __name__ == "__main__":
    main()
