"""The gradients by hand: those of autograd, those of small differences, and numbers of a lesson."""

import subprocess
import sys
from itertools import product

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from seqlearn import ManyToMany
from seqlearn.bptt import NONLINEARITIES, OUTPUTS, Weights, backward, clip, forward, loss, update

SHAPES = [  # B, T, F, H, C
    (1, 1, 1, 1, 1),
    (1, 5, 3, 4, 2),
    (3, 1, 2, 4, 3),
    (4, 6, 1, 3, 1),
    (2, 7, 5, 1, 4),
    (5, 20, 4, 8, 6),
]
CASES = list(product(SHAPES, NONLINEARITIES, OUTPUTS, ["every step", "last step"], [False, True]))
each_case = pytest.mark.parametrize(("shape", "nonlinearity", "output", "scored", "given"), CASES)


def problem(shape, output="softmax", scored="every step", given=True, seed=0):
    """Random weights, inputs, initial state and targets."""
    batch, steps, features, hidden, classes = shape
    rng = np.random.default_rng(seed)
    weights = Weights(
        weight_ih=rng.normal(size=(hidden, features)),
        weight_hh=rng.normal(size=(hidden, hidden)) / hidden**0.5,
        weight_hy=rng.normal(size=(classes, hidden)),
        bias_h=rng.normal(size=hidden),
        bias_y=rng.normal(size=classes),
    )
    inputs = rng.normal(size=(batch, steps, features))
    state = rng.normal(size=(batch, hidden)) if given else None
    axes = (batch, steps) if scored == "every step" else (batch,)
    soft = output == "softmax"
    targets = rng.integers(classes, size=axes) if soft else rng.normal(size=(*axes, classes))
    return weights, inputs, state, targets


def autograd(weights, inputs, state, targets, nonlinearity, output):
    """The loss, and its gradients by the weights and the initial state, as PyTorch finds them."""
    leaves = [torch.tensor(weight, requires_grad=True) for weight in weights]
    weight_ih, weight_hh, weight_hy, bias_h, bias_y = leaves
    zeros = np.zeros((len(inputs), len(bias_h)))
    start = torch.tensor(zeros if state is None else state, requires_grad=True)
    f = {"identity": lambda a: a}.get(nonlinearity) or getattr(torch, nonlinearity)
    h, total = start, 0
    steps = inputs.shape[1]
    for t, x in enumerate(torch.tensor(inputs).unbind(1)):
        h = f(F.linear(x, weight_ih, bias_h) + F.linear(h, weight_hh))
        z = F.linear(h, weight_hy, bias_y)
        every = targets.ndim == (2 if output == "softmax" else 3)
        if every or t == steps - 1:
            target = torch.tensor(targets[:, t] if every else targets)
            if output == "softmax":
                total = total + F.cross_entropy(z, target)
            else:
                total = total + F.mse_loss(z.sigmoid(), target, reduction="sum") / 2 / len(z)
    total.backward()
    return total.item(), [leaf.grad.numpy() for leaf in [*leaves, start]]


@each_case
def test_loss_and_gradients_are_those_of_autograd(shape, nonlinearity, output, scored, given):
    weights, inputs, state, targets = problem(shape, output, scored, given)
    trace = forward(weights, inputs, state, nonlinearity, output)
    expected_loss, expected = autograd(weights, inputs, state, targets, nonlinearity, output)
    assert loss(trace, targets) == pytest.approx(expected_loss, rel=0, abs=1e-10)
    gradients, of_state = backward(trace, targets)
    for gradient, wanted in zip([*gradients, of_state], expected, strict=True):
        np.testing.assert_allclose(gradient, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("scored", ["every step", "last step"])
def test_gradients_are_central_differences(nonlinearity, output, scored):
    weights, inputs, state, targets = problem((2, 4, 3, 4, 2), output, scored)
    gradients, of_state = backward(forward(weights, inputs, state, nonlinearity, output), targets)

    def differences(array):
        result = np.empty_like(array)
        for place in np.ndindex(array.shape):
            here, losses = array[place], []
            for shift in (1e-5, -1e-5):
                array[place] = here + shift  # in place, so that `weights` and `state` see it
                trace = forward(weights, inputs, state, nonlinearity, output)
                losses.append(loss(trace, targets))
            array[place] = here
            result[place] = (losses[0] - losses[1]) / 2e-5
        return result

    for gradient, array in zip([*gradients, of_state], [*weights, state], strict=True):
        np.testing.assert_allclose(gradient, differences(array), rtol=0, atol=1e-8)


GOLDEN = Weights(
    weight_ih=np.array(
        [
            [0.1, 0.2, 0.3],
            [0.4, 0.5, 0.6],
            [0.7, 0.8, 0.9],
            [0.2, 0.3, 0.4],
            [0.1, 0.1, 0.1],
            [0.3, 0.2, 0.1],
        ]
    ).T,  # the lesson multiplies a row of inputs from the left
    weight_hh=np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]]),
    weight_hy=np.array([[0.2, 0.1, 0.3], [0.3, 0.4, 0.5], [0.6, 0.7, 0.8]]),
    bias_h=np.full(3, 0.1),
    bias_y=np.full(3, 0.1),
)
PASS_DRIBBLE_SHOT = np.eye(6)[None, :3]
GOLDEN_STATES = [[0.1974, 0.2913, 0.3799], [0.5993, 0.7828, 0.8882], [0.8573, 0.9683, 0.9933]]
GOLDEN_OUTPUTS = [[0.2660, 0.3195, 0.4146], [0.1732, 0.2778, 0.5490], [0.1446, 0.2569, 0.5985]]


def test_golden_numbers_by_hand():
    trace = forward(GOLDEN, PASS_DRIBBLE_SHOT)
    assert trace.states[0].round(4).tolist() == GOLDEN_STATES
    assert trace.outputs[0].round(4).tolist() == GOLDEN_OUTPUTS


def test_golden_numbers_of_the_module():
    module = ManyToMany(6, 3, "categorical", cell="rnn", hidden_size=3).double()
    weight_ih, weight_hh, weight_hy, bias_h, bias_y = map(torch.from_numpy, GOLDEN)
    module.load_state_dict(
        {
            "cell.weight_ih_l0": weight_ih,
            "cell.weight_hh_l0": weight_hh,
            "cell.bias_ih_l0": bias_h,
            "cell.bias_hh_l0": torch.zeros(3),
            "head.weight": weight_hy,
            "head.bias": bias_y,
        }
    )
    inputs = torch.from_numpy(PASS_DRIBBLE_SHOT)
    with torch.no_grad():
        states, outputs = module.states(inputs)[0], module(inputs)[0].softmax(-1)
    assert states.numpy().round(4).tolist() == GOLDEN_STATES
    assert outputs.numpy().round(4).tolist() == GOLDEN_OUTPUTS


def test_clipping_limits_each_entry():
    gradients = Weights(*(np.array([-7.0, -5.0, 0.3, 5.1]) for _ in Weights._fields))
    assert [g.tolist() for g in clip(gradients, 5)] == [[-5.0, -5.0, 0.3, 5.0]] * 5
    assert gradients.bias_y[0] == -7  # a copy


def test_update_goes_down_the_gradient():
    weights = Weights(*(np.array([1.0, -2.0]) * k for k in range(1, 6)))
    gradients = Weights(*(np.array([10.0, 1.0]) * k for k in range(1, 6)))
    updated = update(weights, gradients, 0.5)
    assert [w.tolist() for w in updated] == [[-4.0 * k, -2.5 * k] for k in range(1, 6)]
    assert weights.weight_ih.tolist() == [1, -2]  # a copy


@pytest.mark.parametrize("output", OUTPUTS)
def test_steps_of_descent_lower_the_loss(output):
    weights, inputs, state, targets = problem((3, 6, 2, 8, 3), output)
    losses = []
    for _ in range(50):
        trace = forward(weights, inputs, state, output=output)
        losses.append(loss(trace, targets))
        weights = update(weights, backward(trace, targets)[0], 0.02)
    assert (np.diff(losses) < 0).all()


def test_a_sequence_can_be_read_in_parts():
    weights, inputs, state, _ = problem((2, 9, 3, 4, 2))
    whole = forward(weights, inputs, state)
    first = forward(weights, inputs[:, :4], state)
    second = forward(weights, inputs[:, 4:], first.states[:, -1])
    for name in ("states", "outputs"):
        parts = np.concatenate([getattr(first, name), getattr(second, name)], axis=1)
        np.testing.assert_allclose(parts, getattr(whole, name), rtol=0, atol=1e-15)


@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize(("given", "kept"), [("f4", "f4"), ("f8", "f8"), ("i8", "f8")])
def test_the_dtype_is_that_of_the_weights(nonlinearity, output, given, kept):
    weights, inputs, state, targets = problem((2, 4, 3, 4, 2), output)
    weights = Weights(*((3 * weight).astype(given) for weight in weights))
    trace = forward(weights, inputs, state, nonlinearity, output)
    gradients, of_state = backward(trace, targets)
    updated = update(weights, clip(gradients, 1.0), 0.1)
    arrays = [*trace.weights, *trace[3:], *gradients, of_state, *updated]
    assert {array.dtype for array in arrays} == {np.dtype(kept)}


@pytest.mark.parametrize("output", OUTPUTS)
def test_large_weights_do_not_overflow(output):
    weights, inputs, state, targets = problem((2, 4, 3, 4, 2), output)
    weights = Weights(*(1e4 * weight for weight in weights))
    trace = forward(weights, inputs, state, "sigmoid", output)
    expected, _ = autograd(weights, inputs, state, targets, "sigmoid", output)
    assert loss(trace, targets) == pytest.approx(expected)
    assert all(np.isfinite(gradient).all() for gradient in backward(trace, targets)[0])


def test_torch_is_not_imported():
    check = "import sys, seqlearn.bptt; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"weight_ih": np.ones(3)}, r"`weight_ih` must be of shape \(H, F\), got \(3,\)"),
        ({"weight_hh": np.ones((4, 3))}, r"`weight_hh` must be of shape \(4, 4\), got \(4, 3\)"),
        ({"weight_hy": np.ones((2, 3))}, r"`weight_hy` must be of shape \(C, 4\), got \(2, 3\)"),
        ({"bias_h": np.ones((1, 4))}, r"`bias_h` must be of shape \(4\), got \(1, 4\)"),
        ({"bias_y": np.ones(4)}, r"`bias_y` must be of shape \(2\), got \(4,\)"),
        ({"inputs": np.ones((5, 3))}, r"`inputs` must be of shape \(B, T, 3\), got \(5, 3\)"),
        ({"inputs": np.ones((2, 5, 4))}, r"`inputs` .* \(B, T, 3\), got \(2, 5, 4\)"),
        ({"inputs": np.ones((2, 0, 3))}, r"`inputs` .* \(B, T, 3\), got \(2, 0, 3\)"),
        ({"state": np.ones(4)}, r"`state` must be of shape \(2, 4\), got \(4,\)"),
        ({"nonlinearity": "cube"}, "`nonlinearity` must be one of tanh, sigmoid.* got 'cube'"),
        ({"output": "linear"}, "`output` must be one of softmax, sigmoid, got 'linear'"),
    ],
)
def test_forward_refuses_what_does_not_fit(changed, message):
    weights, inputs, state, _ = problem((2, 5, 3, 4, 2))
    replaced = {name: changed.pop(name) for name in Weights._fields if name in changed}
    arguments = {"inputs": inputs, "state": state, **changed}
    with pytest.raises(ValueError, match=message):
        forward(weights._replace(**replaced), **arguments)


@pytest.mark.parametrize("function", [loss, backward])
@pytest.mark.parametrize(
    ("output", "targets", "message"),
    [
        ("softmax", np.zeros((2, 4), int), r"\(2, 5\), or \(2,\) for the last step, got \(2, 4\)"),
        ("softmax", np.zeros((2, 5, 3), int), r"got \(2, 5, 3\)"),
        ("softmax", np.zeros((2, 5)), "`targets` must be class numbers from 0 to 2"),
        ("softmax", np.full((2, 5), 3), "`targets` must be class numbers from 0 to 2"),
        ("softmax", np.full((2, 5), -100), "`targets` must be class numbers from 0 to 2"),
        ("sigmoid", np.zeros((2, 5)), r"\(2, 5, 3\), or \(2, 3\) for the last step"),
    ],
)
def test_targets_must_fit_the_outputs(function, output, targets, message):
    weights, inputs, state, _ = problem((2, 5, 3, 4, 3))
    trace = forward(weights, inputs, state, output=output)
    with pytest.raises(ValueError, match=message):
        function(trace, targets)


@pytest.mark.parametrize("value", [0, -5])
def test_the_limit_of_clipping_is_above_zero(value):
    weights, *_ = problem((1, 1, 1, 1, 1))
    with pytest.raises(ValueError, match=f"`value` must be above 0, got {value}"):
        clip(weights, value)
