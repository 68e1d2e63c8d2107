"""The layers of `kernels`: exact against autograd, PyTorch's cells and the equations in NumPy."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import gradcheck
from torch.func import functional_call, grad, jvp
from torch.nn import functional as F
from torch.nn.utils import parametrize
from torch.nn.utils.rnn import pack_sequence

from seqlearn import bptt
from seqlearn.cells import GRU, RNN
from seqlearn.kernels import NONLINEARITIES, Elman, Gated, run
from seqlearn.states import step

PARTS = ("x", "state", "w_ih", "w_hh", "b_ih", "b_hh")
OURS = {
    "rnn": (RNN, nn.RNN, {}),
    "relu": (RNN, nn.RNN, {"nonlinearity": "relu"}),
    "gru": (GRU, nn.GRU, {}),
}
CELLS = {
    **{word: (RNN, {"nonlinearity": word}) for word in NONLINEARITIES},
    "gru": (GRU, {}),
}
each_cell = pytest.mark.parametrize("cell", CELLS)
each_pair = pytest.mark.parametrize("cell", OURS)


def make(cell, *sizes, **arguments):
    torch.manual_seed(0)
    kind, own = CELLS[cell]
    return kind(*sizes, **own, **arguments)


def pair(cell, *sizes, **arguments):
    """Our cell and PyTorch's, with the same weights."""
    ours, theirs, own = OURS[cell]
    torch.manual_seed(0)
    one, other = ours(*sizes, **own, **arguments), theirs(*sizes, batch_first=True, **arguments)
    if "nonlinearity" in own:
        other = theirs(*sizes, batch_first=True, **own, **arguments)
    other.load_state_dict(one.state_dict())
    return one, other


def randn(*shape, dtype=torch.float32, seed=0, **how):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype, **how)


def is_ours(tensor):
    return type(tensor.grad_fn).__name__ in ("ElmanBackward", "GatedBackward")


NEEDED = [PARTS, *((part,) for part in PARTS), ("x", "b_hh"), ("state", "b_ih", "w_ih")]


@each_cell
@pytest.mark.parametrize("needed", NEEDED, ids="+".join)
@pytest.mark.parametrize(
    ("batch", "steps", "given"), [(1, 1, True), (3, 1, False), (1, 4, False), (3, 4, True)]
)
def test_gradients_are_small_differences(cell, needed, batch, steps, given):
    if not given:
        needed = {*needed, "x"}  # or nothing might need one
    gates = 3 if cell == "gru" else 1
    shapes = [(batch, steps, 2), (batch, 3), (3 * gates, 2), (3 * gates, 3), *[(3 * gates,)] * 2]
    values = [
        randn(*shape, seed=k, dtype=torch.float64).requires_grad_(name in needed)
        for k, (name, shape) in enumerate(zip(PARTS, shapes, strict=True))
    ]
    if not given:
        values[1] = None
    layer, more = (Gated, ()) if cell == "gru" else (Elman, (cell,))
    assert gradcheck(lambda *v: layer.apply(*v, *more), values)


@each_cell
@pytest.mark.parametrize(("layers", "given"), [(1, True), (2, False), (3, True)])
def test_gradients_of_a_stack_are_small_differences(cell, layers, given):
    module = make(cell, 2, 3, layers).double()
    names = [name for name, _ in module.named_parameters()]
    x, state = randn(2, 4, 2, dtype=torch.float64), randn(layers, 2, 3, dtype=torch.float64)

    def answer(x, state, *weights):
        arguments = (x, state if given else None)
        states, end = functional_call(module, dict(zip(names, weights, strict=True)), arguments)
        assert is_ours(states)
        return states, end

    weights = [weight.detach().clone() for weight in module.parameters()]
    assert gradcheck(answer, [part.requires_grad_() for part in (x, state, *weights)])


@each_pair
@pytest.mark.parametrize("read", ["states", "end", "both"])
@pytest.mark.parametrize(
    ("layers", "dtype", "given", "dropout"),
    [
        (1, torch.float32, False, 0.0),
        (1, torch.float32, True, 0.0),
        (1, torch.float64, True, 0.0),
        (3, torch.float32, True, 0.0),
        (3, torch.float64, False, 0.5),
        (2, torch.float32, True, 0.5),
    ],
)
def test_they_are_pytorchs_cells(cell, read, layers, dtype, given, dropout):
    ours, theirs = (one.to(dtype) for one in pair(cell, 3, 16, num_layers=layers, dropout=dropout))
    found = []
    for module in (ours, theirs):
        x = randn(5, 12, 3, dtype=dtype, requires_grad=True)
        state = randn(layers, 5, 16, dtype=dtype, seed=1, requires_grad=True)
        torch.manual_seed(1)
        states, end = module(x, state if given else None)
        assert is_ours(states) == (module is ours)
        weighted = {"states": [states], "end": [end], "both": [states, end]}[read]
        # Means, so that rounding does not add up.
        sum((part * randn(*part.shape, dtype=dtype, seed=2)).mean() for part in weighted).backward()
        leaves = [x, *([state] if given else []), *module.parameters()]
        found.append([states, end, *(leaf.grad for leaf in leaves)])
    limit = 1e-6 if dtype == torch.float32 else 1e-14
    for one, other in zip(*found, strict=True):
        assert one.dtype == other.dtype and one.stride() == other.stride()
        torch.testing.assert_close(one, other, rtol=0, atol=limit)


@pytest.mark.parametrize("nonlinearity", NONLINEARITIES)
@pytest.mark.parametrize("scored", ["every step", "last step"])
def test_they_are_the_equations_in_numpy(nonlinearity, scored):
    assert set(NONLINEARITIES) == set(bptt.NONLINEARITIES)
    module = make(nonlinearity, 3, 5).double()
    head, x, start = nn.Linear(5, 4).double(), randn(6, 7, 3).double(), randn(1, 6, 5).double()
    targets = torch.arange(42).view(6, 7) % 4
    states, end = module(x, start.requires_grad_())
    z = head(states) if scored == "every step" else head(end[0])
    targets = targets if scored == "every step" else targets[:, -1]
    loss = F.cross_entropy(z.flatten(0, -2), targets.flatten(), reduction="sum") / 6
    loss.backward()
    w_ih, w_hh, b_ih, b_hh = module.all_weights[0]
    weights = bptt.Weights(
        *(w.detach().numpy() for w in (w_ih, w_hh, head.weight, b_ih + b_hh, head.bias))
    )
    trace = bptt.forward(weights, x, start[0].detach(), nonlinearity)
    np.testing.assert_allclose(states.detach(), trace.states, rtol=0, atol=1e-14)
    gradients, of_start = bptt.backward(trace, targets)
    for one, other in [
        (w_ih.grad, gradients.weight_ih),
        (w_hh.grad, gradients.weight_hh),
        (b_ih.grad, gradients.bias_h),
        (b_hh.grad, gradients.bias_h),
        (start.grad[0], of_start),
    ]:
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)


@each_cell
def test_a_second_derivative_is_refused(cell):
    module, x = make(cell, 3, 4), randn(2, 5, 3).requires_grad_()
    message = r"^a cell has no second derivatives; .* torch.nn.(RNN|GRU) with `cell_args` \{'batch"
    with pytest.raises(RuntimeError, match=message):
        torch.autograd.grad(module(x)[0].sum(), x, create_graph=True)


@each_cell
def test_what_is_changed_before_the_way_back_is_noticed(cell):
    changed = "modified by an inplace operation"
    module = make(cell, 3, 4)
    states, _ = module(randn(2, 5, 3))
    with torch.no_grad():
        states.mul_(2)
    with pytest.raises(RuntimeError, match=changed):
        states.sum().backward()
    states, _ = module(randn(2, 5, 3))
    with torch.no_grad():
        module.weight_hh_l0.mul_(2)
    with pytest.raises(RuntimeError, match=changed):
        states.sum().backward()
    start = randn(1, 2, 4)
    states, _ = module(randn(2, 5, 3), start)
    start.zero_()
    with pytest.raises(RuntimeError, match=changed):
        states.sum().backward()


@each_cell
@pytest.mark.parametrize("layers", [1, 2])
def test_the_end_is_the_callers_own(cell, layers):
    module, found = make(cell, 3, 4, layers), []
    for touch in (False, True):
        module.zero_grad()
        states, end = module(randn(2, 5, 3))
        kept = states.detach().clone()
        if touch:
            end.detach_().zero_()
        assert torch.equal(states, kept)
        states.sum().backward()
        found.append([weight.grad.clone() for weight in module.parameters()])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


@each_cell
def test_the_inputs_may_be_written_over(cell):
    module, found = make(cell, 3, 4), []
    for touch in (False, True):
        module.zero_grad()
        x = randn(2, 5, 3)
        states, _ = module(x)
        if touch:
            x.zero_()
        states.sum().backward()
        found.append([weight.grad.clone() for weight in module.parameters()])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


@each_cell
def test_one_can_go_back_twice_where_that_was_asked_for(cell):
    module = make(cell, 3, 4, 2)
    loss = module(randn(2, 5, 3))[0].square().sum()
    loss.backward(retain_graph=True)
    once = [weight.grad.clone() for weight in module.parameters()]
    loss.backward()
    for weight, grad_ in zip(module.parameters(), once, strict=True):
        torch.testing.assert_close(weight.grad, 2 * grad_)
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()


@each_cell
def test_gradients_of_two_weights_do_not_share_memory(cell):
    module = make(cell, 3, 4)
    module(randn(2, 5, 3))[0].sum().backward()
    places = {weight.grad.data_ptr() for weight in module.parameters()}
    assert len(places) == 4


@each_cell
def test_what_needs_no_gradient_has_none(cell):
    module = make(cell, 3, 4).requires_grad_(False)
    assert not any(part.requires_grad for part in module(randn(2, 5, 3)))
    x = randn(2, 5, 3).requires_grad_()
    module(x)[0].sum().backward()
    assert x.grad.abs().sum() > 0 and module.weight_hh_l0.grad is None


@each_cell
@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))]
)
def test_a_copy_does_the_same(cell, copied):
    module = make(cell, 3, 4)
    module(randn(2, 5, 3))[0].sum().backward()
    other = copied(module)
    assert torch.equal(other(randn(2, 5, 3))[0], module(randn(2, 5, 3))[0])


@each_pair
def test_reparametrized_weights_are_used(cell):
    class Half(nn.Module):
        def forward(self, weight):
            return weight / 2

    found = []
    for module in pair(cell, 3, 4):
        parametrize.register_parametrization(module, "weight_hh_l0", Half())
        states, _ = module(randn(2, 5, 3))
        states.sum().backward()
        found.append([states, module.parametrizations.weight_hh_l0.original.grad])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@each_pair
def test_hooks_see_what_they_see_of_pytorch(cell):
    found = []
    for module in pair(cell, 3, 4):
        seen = []
        module.register_full_backward_hook(
            lambda _, into, out, seen=seen: seen.extend((*into, *out))
        )
        module.weight_hh_l0.register_hook(seen.append)
        states, end = module(randn(2, 5, 3).requires_grad_())
        (states.sum() + end.sum()).backward()
        found.append(seen)
    assert len(found[0]) == len(found[1]) == 4
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@each_cell
def test_they_are_deterministic(cell):
    module, found = make(cell, 3, 4, 2), []
    torch.use_deterministic_algorithms(True)  # it also fills what is new with NaN
    try:
        for _ in range(2):
            module.zero_grad()
            states, end = module(randn(2, 5, 3), randn(2, 2, 4))
            (states.sum() + end.sum()).backward()
            found.append([states, end, *(weight.grad for weight in module.parameters())])
    finally:
        torch.use_deterministic_algorithms(False)
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other) and one.isfinite().all()


def look(module, how, x):
    """Run a cell in a way that is not plain training."""
    if how == "no gradient":
        with torch.no_grad():
            return module(x)[0]
    if how == "inference":
        with torch.inference_mode():
            return module(x)[0]
    if how == "autocast":
        with torch.autocast("cpu", torch.bfloat16):
            return module(x)[0]
    if how == "one sequence":
        return module(x[0])[0]
    if how == "one step":
        return step(module, x[:, 0])[0]
    if how == "packed":
        return module(pack_sequence([x[0], x[1, :3]]))[0].data
    if how == "traced":
        return torch.jit.trace(module, x)(x)[0]
    if how == "derivative forward":
        return jvp(lambda x: module(x)[0], (x,), (x,))[1]
    if how == "functional gradient":
        weights = {name: weight.detach() for name, weight in module.named_parameters()}
        return grad(lambda w: functional_call(module, w, (x,))[0].sum())(weights)["weight_hh_l0"]
    assert how == "exported"
    return torch.export.export(module, (x,)).module()(x)[0]


WAYS = [
    "no gradient",
    "inference",
    "autocast",
    "one sequence",
    "one step",
    "packed",
    "traced",
    "derivative forward",
    "functional gradient",
    "exported",
]


@each_pair
@pytest.mark.filterwarnings("ignore")  # of tracing and export about PyTorch's own cells
@pytest.mark.parametrize("how", WAYS)
def test_where_they_do_not_fit_pytorchs_are_taken(cell, how):
    ours, theirs = pair(cell, 3, 4)
    one, other = look(ours, how, randn(2, 5, 3)), look(theirs, how, randn(2, 5, 3))
    assert one.dtype == other.dtype and torch.equal(one, other)


@each_pair
def test_without_a_gradient_they_are_for_long_sequences(cell):
    ours, theirs = pair(cell, 3, 4)
    with torch.no_grad():
        for steps in (15, 16):
            one, other = ours(randn(2, steps, 3))[0], theirs(randn(2, steps, 3))[0]
            torch.testing.assert_close(one, other, rtol=0, atol=1e-6 if steps == 16 else 0.0)


def test_many_gated_units_and_sequences_are_pytorchs():
    small, large = (GRU(2, 256)(randn(size, 2, 2))[0] for size in (256, 257))
    assert is_ours(small) and not is_ours(large)


@pytest.mark.parametrize("nonlinearity", ["sigmoid", "identity"])
@pytest.mark.parametrize("how", ["no gradient", "inference", "one step"])
def test_what_pytorch_does_not_have_is_the_same_everywhere(nonlinearity, how):
    module, x = make(nonlinearity, 3, 4, 2), randn(2, 5, 3)
    expected = module(x[:, :2])[0][:, 0] if how == "one step" else module(x)[0]
    torch.testing.assert_close(look(module, how, x), expected.detach(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("nonlinearity", ["sigmoid", "identity"])
def test_in_mixed_precision_they_stay_as_precise_as_their_weights(nonlinearity):
    module, x = make(nonlinearity, 3, 4, 2), randn(2, 5, 3).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        states, end = module(x, randn(2, 2, 4))
    expected, _ = module(x.float(), randn(2, 2, 4))
    assert states.dtype == end.dtype == torch.float32 and torch.equal(states, expected)
    states.sum().backward()
    assert module.weight_hh_l0.grad.dtype == torch.float32


@each_cell
def test_half_precision(cell):
    whole = make(cell, 3, 4)
    half = copy.deepcopy(whole).bfloat16()
    for module, dtype in ((whole, torch.float32), (half, torch.bfloat16)):
        states, _ = module(randn(2, 5, 3).to(dtype))
        assert states.dtype == dtype
        states.float().sum().backward()
    for one, other in zip(whole.parameters(), half.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad.float(), rtol=0.05, atol=0.1)


@each_cell
def test_no_sequence_at_all(cell):
    module = make(cell, 3, 4)
    states, end = module(randn(0, 5, 3))
    assert states.shape == (0, 5, 4) and end.shape == (1, 0, 4)
    states.sum().backward()
    assert module.weight_hh_l0.grad.abs().sum() == 0


@each_cell
@pytest.mark.parametrize(
    ("x", "state"),
    [((2, 5, 4), None), ((2, 0, 3), None), ((2, 5, 3), (2, 2, 4)), ((2, 5, 3), (1, 3, 4))],
)
def test_what_does_not_fit_the_cell_is_refused(cell, x, state):
    with pytest.raises((RuntimeError, IndexError)):
        make(cell, 3, 4)(randn(*x), None if state is None else randn(*state))


def test_the_start_is_not_written_to():
    start = randn(1, 2, 4)
    for cell in CELLS:
        layer = Gated if cell == "gru" else Elman
        run(layer, make(cell, 3, 4), randn(2, 5, 3), start, *(() if cell == "gru" else (cell,)))
        assert torch.equal(start, randn(1, 2, 4))


@each_cell
def test_each_weight_has_a_gradient_of_its_own(cell):
    module = make(cell, 2, 3)
    weights = list(module.parameters())
    states = module(randn(2, 4, 2))[0]
    assert is_ours(states)
    gradients = torch.autograd.grad(states.sum(), weights)
    assert len({gradient.data_ptr() for gradient in gradients}) == len(weights)


@each_cell
def test_what_is_saved_may_be_kept_elsewhere_in_another_layout(cell):
    module = make(cell, 2, 3)
    expected = torch.autograd.grad(module(randn(2, 4, 2))[0].sum(), list(module.parameters()))
    contiguous = torch.autograd.graph.saved_tensors_hooks(torch.Tensor.contiguous, lambda x: x)
    with contiguous:
        total = module(randn(2, 4, 2))[0].sum()
    found = torch.autograd.grad(total, list(module.parameters()))
    for one, other in zip(expected, found, strict=True):
        torch.testing.assert_close(one, other)


@each_cell
def test_inputs_of_another_size_or_kind_are_named(cell):
    module = make(cell, 2, 3)
    with pytest.raises(RuntimeError, match=r"input_size.*2.*5"):
        module(randn(2, 4, 5))
    with pytest.raises(ValueError, match="dtype"):
        module(randn(2, 4, 2, dtype=torch.float64))
