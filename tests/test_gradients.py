"""Gradients by lag, against autograd by hand and closed forms."""

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn

from seqlearn.cells import CELLS
from seqlearn.data import SequenceBatch
from seqlearn.gradients import GradientFlow, gradient_norms
from seqlearn.modules import EncoderDecoder, ManyToMany, ManyToOne, OneToMany
from seqlearn.tasks import BinaryAdd


def batch(lengths=(6, 6, 6), classes=4, features=3, many=False):
    generator = torch.Generator().manual_seed(1)
    size, steps = len(lengths), max(lengths)
    targets = torch.randint(classes, (size, steps) if many else (size,), generator=generator)
    inputs = torch.randn(size, steps, features, generator=generator)
    return SequenceBatch(inputs, targets, torch.tensor(lengths))


def by_hand(module, one, steps):
    """||dL/ds_t|| of a single sequence, every step a leaf's descendant."""
    state, kept, x = None, [], one.inputs[:, :steps]
    for t in range(steps):
        state = module.cell(x[:, t : t + 1], state)[1]
        parts = state if isinstance(state, tuple) else (state,)
        for part in parts:
            part.retain_grad()
        kept.append(parts)
    outputs = module.head(parts[0][-1])
    target = one.targets if one.targets.ndim == 1 else one.targets[:, steps - 1]
    nn.functional.cross_entropy(outputs, target).backward()
    grads = [[p.grad for p in parts if p.grad is not None] for parts in kept]
    return torch.stack([torch.stack([g.norm() for g in each]).norm() for each in grads])


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(
    ("cell", "cell_args"),
    [
        ("rnn", None),
        ("rnn", {"nonlinearity": "sigmoid"}),
        ("gru", None),
        ("lstm", None),
        ("lstm", {"forget_bias": 2.0}),
        ("min_gru", None),
        ("min_lstm", None),
    ],
)
@pytest.mark.parametrize("kind", [ManyToOne, ManyToMany])
def test_they_are_those_of_autograd_for_every_sequence_from_its_own_end(
    kind, cell, cell_args, layers
):
    torch.manual_seed(0)
    module = kind(
        3, 4, "categorical", cell=cell, cell_args=cell_args, hidden_size=5, num_layers=layers
    )
    lengths = (6, 2, 4)
    given = batch(lengths, many=kind is ManyToMany)
    if kind is ManyToMany:
        for row, end in enumerate(lengths):
            given.targets[row, end:] = -100
    found = gradient_norms(module, given)
    alone = [
        by_hand(module, SequenceBatch(*(part[i : i + 1] for part in given)), n).flip(0)
        for i, n in enumerate(lengths)
    ]
    for lag in range(6):
        expected = torch.stack([curve[lag] for curve in alone if len(curve) > lag]).mean()
        torch.testing.assert_close(found[lag], expected)


def test_a_linear_unit_multiplies_them_by_its_weight_at_every_step():
    module = ManyToOne(
        1, 2, "categorical", cell_args={"nonlinearity": "identity"}, hidden_size=1
    ).double()
    for weight, factor in [(0.5, 0.5), (1.0, 1.0), (1.5, 1.5), (-2.0, 2.0)]:
        module.cell.weight_hh_l0.data.fill_(weight)
        curve = gradient_norms(module, batch((9, 9), classes=2, features=1))
        expected = curve[0] * factor ** torch.arange(9)
        torch.testing.assert_close(curve, expected.to(curve.dtype), rtol=1e-6, atol=1e-9)


def test_those_of_a_complex_state_shrink_as_it_does():
    module = ManyToOne(1, 2, "categorical", cell="lru", hidden_size=1).double()
    curve = gradient_norms(module, batch((9, 9), classes=2, features=1))
    radius = (-module.cell.layers[0].nu.exp()).exp().item()
    expected = curve[1] * radius ** torch.arange(8)
    torch.testing.assert_close(curve[1:], expected.to(curve.dtype), rtol=1e-6, atol=0)


def test_a_window_sees_nothing_beyond_its_size():
    module = ManyToOne(3, 4, "categorical", cell="window", cell_args={"size": 4}, hidden_size=5)
    curve = gradient_norms(module, batch((9, 9)))
    assert (curve[:4] > 0).all() and (curve[4:] == 0).all()


@pytest.mark.parametrize("cell", CELLS)
def test_to_measure_leaves_no_trace(cell):
    module = ManyToMany(3, 4, "categorical", cell=cell, hidden_size=5, num_layers=2, dropout=0.5)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    own, generator = module.cell, torch.get_rng_state()
    with torch.inference_mode():
        gradient_norms(module, batch(many=True))
    assert module.cell is own and module.training
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(p.grad is None for p in module.parameters())
    after = module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_every_kind_of_network_has_them():
    encoder = EncoderDecoder(3, 4, "categorical", cell="lstm", hidden_size=5)
    curve = gradient_norms(encoder, batch((6, 3, 5), many=True))
    assert curve.shape == (6,) and (curve > 0).all()
    unfold = OneToMany(3, 2, "regression", cell="gru", hidden_size=5)
    wave = SequenceBatch(torch.randn(4, 3), torch.randn(4, 7, 2), torch.full((4,), 7))
    curve = gradient_norms(unfold, wave)
    assert curve.shape == (7,) and (curve > 0).all()


class Own(nn.Module):
    """A cell whose readout is not its state."""

    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__()
        self.inner = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, state=None):
        h = x.new_zeros(len(x), self.inner.out_features) if state is None else state
        said = []
        for x_t in x.unbind(1):
            h = self.inner(torch.cat([x_t, h], 1)).tanh()
            said.append(2 * h)
        return torch.stack(said, 1), h


def test_a_cell_of_ones_own_has_them_too():
    curve = gradient_norms(ManyToOne(3, 4, "categorical", cell=Own, hidden_size=5), batch())
    assert curve.shape == (6,) and (curve > 0).all()


def test_the_callback_logs_the_curve_as_training_goes_on(tmp_path):
    data = BinaryAdd(batch_size=8, val_size=5)
    flow, logged = GradientFlow(every=3, examples=4), []
    module = ManyToMany.for_data(data, hidden_size=4)

    from seqlearn.loggers import MetricsFile

    class Log(MetricsFile):
        def log_metrics(self, metrics, step=None):
            logged.append((step, dict(metrics)))

    quiet = {
        "log_every_n_steps": 1,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "accelerator": "cpu",
    }
    trainer = Trainer(
        max_steps=7,
        callbacks=[flow],
        logger=Log(tmp_path / "x.csv"),
        enable_checkpointing=False,
        limit_val_batches=0,
        **quiet,
    )
    trainer.fit(module, data)
    assert list(flow.curves) == [3, 6]
    ours = [(step, found) for step, found in logged if any("gradient" in name for name in found)]
    assert [step for step, _ in ours] == [2, 5]
    assert list(ours[0][1]) == [f"gradient/norm@{lag}" for lag in (0, 1, 2, 4, 8)]
    assert ours[1][1]["gradient/norm@8"] == pytest.approx(float(flow.curves[6][8]))


@pytest.mark.parametrize("name", ["every", "examples"])
def test_numbers_of_the_callback_must_be_positive(name):
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1, got 0"):
        GradientFlow(**{name: 0})


class Turned(nn.Module):
    """PyTorch's GRU with its state turned around: the batch comes first, as (B, layers, 1, H)."""

    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__()
        self.inner = nn.GRU(input_size, hidden_size, num_layers, batch_first=True)

    def forward(self, x, state=None):
        start = None if state is None else state[:, :, 0].transpose(0, 1).contiguous()
        states, end = self.inner(x, start)
        return states, end.transpose(0, 1)[:, :, None]


def test_the_batch_may_lie_on_any_axis_of_a_state():
    networks = []
    for cell in ("gru", Turned):
        torch.manual_seed(0)
        arguments = {"cell": cell, "hidden_size": 5, "num_layers": 2}
        networks.append(EncoderDecoder(3, 4, "categorical", **arguments))
    plain, turned = networks
    given = batch((6, 2, 4), many=True)
    torch.testing.assert_close(turned.answer(given, 0), plain.answer(given, 0))
    torch.testing.assert_close(gradient_norms(turned, given), gradient_norms(plain, given))


class Named(nn.Module):
    """A cell with a state that cannot be handled."""

    def __init__(self, input_size, hidden_size, num_layers=1, dropout=0.0):
        super().__init__()
        self.inner = nn.GRU(input_size, hidden_size, batch_first=True)

    def forward(self, x, state=None):
        states, end = self.inner(x, state and state["h"])
        return states, {"h": end}


def test_a_state_of_another_make_is_refused():
    message = "a cell's state must be a tensor, or tensors in tuples, got a dict"
    with pytest.raises(ValueError, match=message):
        gradient_norms(ManyToOne(3, 4, "categorical", cell=Named, hidden_size=5), batch())
    with pytest.raises(ValueError, match=message):
        EncoderDecoder(3, 4, "categorical", cell=Named, hidden_size=5)
