"""A linear network is a moving average, and learns that of the process."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer

from seqlearn.modules import ManyToMany
from seqlearn.response import closed_loop, impulse_response
from seqlearn.tasks import ARMA

LINEAR = {"cell": "rnn", "cell_args": {"nonlinearity": "identity"}}


def network(inputs, outputs, **arguments):
    torch.manual_seed(0)
    return ManyToMany(inputs, outputs, "regression", **arguments).double()


@pytest.mark.parametrize(("inputs", "outputs", "layers"), [(1, 1, 1), (3, 2, 1), (2, 4, 3)])
def test_a_linear_network_is_a_moving_average_of_its_inputs(inputs, outputs, layers):
    linear = network(inputs, outputs, hidden_size=5, num_layers=layers, **LINEAR)
    response = impulse_response(linear, 12)
    assert response.shape == (12, outputs, inputs)
    x = torch.randn(4, 12, inputs, dtype=torch.float64)
    with torch.no_grad():
        said, constant = linear(x).numpy(), linear(torch.zeros_like(x)).numpy()
    for t in range(12):
        average = sum(x[:, t - k].numpy() @ response[k].T for k in range(t + 1))
        assert said[:, t] == pytest.approx(constant[:, t] + average, abs=1e-12)


def test_the_weights_of_one_layer_are_powers_of_its_recurrence():
    linear = network(2, 3, hidden_size=4, **LINEAR)
    into, on = linear.cell.weight_ih_l0.detach().numpy(), linear.cell.weight_hh_l0.detach().numpy()
    out = linear.head.weight.detach().numpy()
    expected = [out @ np.linalg.matrix_power(on, k) @ into for k in range(8)]
    assert impulse_response(linear, 8) == pytest.approx(np.array(expected), abs=1e-12)


def test_a_tanh_network_is_no_moving_average():
    tanh = network(1, 1, hidden_size=5)
    x = torch.zeros(1, 6, 1, dtype=torch.float64)
    x[0, 0] = 3
    with torch.no_grad():
        said = (tanh(x) - tanh(torch.zeros_like(x)))[0].numpy()
    assert np.abs(said - 3 * impulse_response(tanh, 6)[:, :, 0]).max() > 0.01


def test_looking_at_the_response_leaves_the_network_as_it_was():
    linear = network(1, 1, dropout=0.5, num_layers=2, **LINEAR)
    for training in (True, False):
        linear.train(training)
        one, other = impulse_response(linear, 5), impulse_response(linear, 5)
        assert (one == other).all()  # nothing is dropped
        assert linear.training == linear.cell.training == training


@pytest.mark.parametrize("size", [1, 2])
def test_closing_the_loop_is_feeding_forecasts_back(size):
    linear = network(size, size, hidden_size=4, **LINEAR)
    for bias in (linear.cell.bias_ih_l0, linear.cell.bias_hh_l0, linear.head.bias):
        torch.nn.init.zeros_(bias)
    expected = np.empty((9, size, size))
    for j in range(size):
        values = torch.eye(size, dtype=torch.float64)[None, None, j]  # a shock, then none
        for _ in range(8):
            with torch.no_grad():
                values = torch.cat([values, linear(values)[:, -1:]], 1)
        expected[:, :, j] = values[0].numpy()
    assert closed_loop(impulse_response(linear, 9)) == pytest.approx(expected, abs=1e-12)


def test_a_fitted_linear_network_responds_as_the_process_does():
    torch.manual_seed(0)
    data = ARMA()
    linear = ManyToMany.for_data(
        data,
        hidden_size=8,
        optimizer=lambda weights: torch.optim.Adam(weights, lr=0.03),
        lr_scheduler=lambda adam: torch.optim.lr_scheduler.LinearLR(adam, 1.0, 0.01, 300),
        **LINEAR,
    )
    Trainer(max_steps=300, gradient_clip_val=1.0, limit_val_batches=0, barebones=True).fit(
        linear, data
    )
    response = impulse_response(linear, 32)
    assert response.ravel() == pytest.approx(data.forecast_response(32), abs=0.03)
    assert closed_loop(response).ravel() == pytest.approx(data.impulse_response(32), abs=0.06)


@pytest.mark.slow
def test_the_experiment_prints_how_near_the_responses_are_and_draws_them(monkeypatch, capsys):
    from experiments import arma

    monkeypatch.setattr("sys.argv", ["arma.py", "--plot", "both.png"])
    arma.main()
    said = capsys.readouterr().out
    ratios = [float(ratio) for ratio in re.findall(r"mse_ratio@\d+: ([\d.]+)", said)]
    apart = [float(most) for most in re.findall(r"at most ([\d.]+) apart", said)]
    assert len(ratios) == len(apart) == 2
    assert max(ratios) < 1.02 and max(apart) < 0.05
    assert Path("both.png").read_bytes().startswith(b"\x89PNG")
