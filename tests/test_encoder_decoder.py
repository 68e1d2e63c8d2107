"""An encoder and a decoder: what passes from one to the other, and what the decoder reads."""

import pytest
import torch
from lightning.pytorch import Trainer

from feedback import CELLS, OBJECTIVES, Half, by_hand, transparent, truth
from seqlearn.data import SequenceBatch
from seqlearn.modules import EncoderDecoder
from seqlearn.objectives import Sampling
from seqlearn.tasks import DecimalAdd, NextNumber, Reverse

each_cell = pytest.mark.parametrize("cell", CELLS)
each_objective = pytest.mark.parametrize("objective", OBJECTIVES)
LENGTHS = torch.tensor([5, 1, 3, 3])


def build(objective, cell="rnn", size=3, **arguments):
    torch.manual_seed(0)
    inputs = size if cell == "window" else 4  # its state is what it read: see below
    return EncoderDecoder(inputs, size, objective, **{"hidden_size": 7, **CELLS[cell], **arguments})


def shown(network):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(4, 5, network.input_size, generator=generator)


def trainer(**settings):
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return Trainer(**quiet, enable_model_summary=False, accelerator="cpu", **settings)


def loop(network, objective, targets=None):
    """Each sequence by itself, cut to its length, encoded and decoded by hand."""
    rows = []
    for row, length in enumerate(LENGTHS):
        _, state = network.cell(shown(network)[row : row + 1, :length])
        first = torch.zeros(1, network.output_size)
        true = None if targets is None else targets[row : row + 1]
        parts = (objective, network.decoder, network.head)
        rows.append(by_hand(*parts, first, state, 6, true))
    return torch.cat(rows)


@each_cell
@pytest.mark.parametrize("steps", [1, 6])
def test_shapes(cell, steps):
    network = build("regression", cell)
    assert network(shown(network), LENGTHS, steps).shape == (4, steps, 3)
    assert network(shown(network)).shape == (4, 5, 3)
    assert network(torch.tensor([[0, 2, 1]]), steps=steps).shape == (1, steps, 3)


@each_cell
@each_objective
def test_alone_it_decodes_each_padded_sequence_as_a_loop_over_that_sequence_does(cell, objective):
    network = build(objective, cell)
    said = network(shown(network), LENGTHS, 6)
    torch.testing.assert_close(said, loop(network, objective))


@each_cell
@each_objective
@pytest.mark.parametrize("hidden", [False, True])
def test_with_teacher_forcing_it_reads_the_truth_as_a_loop_by_hand_does(cell, objective, hidden):
    network = build(objective, cell)
    targets = truth(objective, 3, hidden)
    said = network(shown(network), LENGTHS, 6, targets)
    torch.testing.assert_close(said, loop(network, objective, targets))


@each_cell
def test_without_lengths_every_step_is_read(cell):
    network = build("binary", cell)
    whole = network(shown(network), torch.full((4,), 5))
    torch.testing.assert_close(network(shown(network)), whole)


@each_cell
def test_padding_changes_nothing_and_gets_no_gradient(cell):
    network = build("regression", cell)
    padded = torch.arange(5) >= LENGTHS[:, None]
    x, other = shown(network), shown(network)
    other[padded] = 1e3
    torch.testing.assert_close(network(x, LENGTHS), network(other, LENGTHS), rtol=0, atol=0)
    x.requires_grad_()
    network(x, LENGTHS).square().sum().backward()
    reached = x.grad.abs().sum(2) > 0
    if cell == "window":
        assert not reached[padded].any() and reached.any()
    else:
        assert torch.equal(reached, ~padded)


@pytest.mark.parametrize("forcing", [0.0, 0.5, 1.0])
@each_objective
def test_gradients_reach_every_weight_and_are_finite_where_unscored_targets_are_read(
    objective, forcing
):
    network = build(objective, "lstm", teacher_forcing=forcing).train()
    targets = truth(objective, 3, hidden=True)
    said = network.answer(SequenceBatch(shown(network), targets, LENGTHS), 0)
    losses = network.objective.losses(said, targets)
    losses.sum().backward()
    assert losses.isfinite().all()
    for name, weight in network.named_parameters():
        assert weight.grad.isfinite().all() and weight.grad.any(), name


@pytest.mark.parametrize("forcing", [0.2, 0.7])
def test_a_probability_decides_anew_for_each_sequence_and_step(forcing):
    network = EncoderDecoder(1, 1, "regression", cell=Half, hidden_size=1, teacher_forcing=forcing)
    transparent(network, [1.0])  # so it says 1 more than it read
    targets = -10.0 * torch.arange(1, 10)[:, None].expand(3000, 9, 1)
    said = network(torch.zeros(3000, 2, 1), None, 9, targets)[:, :, 0]
    forced, own = said[:, 1:] == targets[:, :-1, 0] + 1, said[:, 1:] == said[:, :-1] + 1
    assert (forced ^ own).all() and (said[:, 0] == 1).all()
    shares = [forced.float().mean(), *forced.float().mean(0)]
    assert [s.item() for s in shares] == pytest.approx([forcing] * 9, abs=0.04)


@each_objective
def test_only_training_looks_at_the_targets_and_only_if_it_is_forced(objective):
    targets, other = truth(objective, 3), torch.zeros_like(truth(objective, 3))

    def said(forcing, training, targets):
        network = build(objective, teacher_forcing=forcing).train(training)
        torch.manual_seed(0)
        return network.answer(SequenceBatch(shown(network), targets, LENGTHS), 0)

    for forcing in (0.0, 0.5, 1.0):
        for training in (False, True):
            same = torch.equal(said(forcing, training, targets), said(forcing, training, other))
            assert same == (not training or forcing == 0)
            if not training:
                assert torch.equal(said(forcing, False, targets), said(0.0, False, targets))


def test_it_answers_as_many_steps_as_there_are_targets():
    network = build("categorical")
    for steps in (2, 9):
        targets = truth("categorical", 3, shape=(4, steps))
        batch = SequenceBatch(shown(network), targets, LENGTHS)
        assert network.train().answer(batch, 0).shape == (4, steps, 3)
        assert network.eval().answer(batch, 0).shape == (4, steps, 3)


def test_validation_test_and_prediction_are_those_of_the_network_alone():
    data = Reverse(letters=3, alphabet=4, val_size=50, test_size=50, test_lengths=(3,))
    torch.manual_seed(0)
    network = EncoderDecoder.for_data(data, hidden_size=8)

    def alone(dataset):
        inputs, targets, lengths = dataset.batch(range(50))
        said, scored = network(inputs, lengths, 3), targets != -100
        return said, torch.nn.functional.cross_entropy(said[scored], targets[scored]).item()

    run = trainer()
    (validated,) = run.validate(network, data, verbose=False)
    (tested,) = run.test(network, data, verbose=False)
    assert validated["val/loss"] == pytest.approx(alone(data.dataset("val"))[1])
    said, loss = alone(data.dataset("test", 3))
    assert tested["test/loss@3"] == pytest.approx(loss)
    (predicted,) = run.predict(network, data)
    torch.testing.assert_close(predicted, said.softmax(-1))


def test_samples_are_drawn_and_read_back():
    network = EncoderDecoder(3, 3, "categorical", cell=Half, hidden_size=3)
    transparent(network, [1.0, 0.0, -1.0])
    torch.manual_seed(0)
    said = network(torch.zeros(20_000, 1, 3), None, 2, how=Sampling(1.0, top_k=2))
    drawn = (said[:, 1] - said[:, 0]).mean(0).tolist()
    first = 1 / (1 + 2.718281828**-1)
    assert drawn == pytest.approx([first, 1 - first, 0], abs=0.015)
    greedy = network(torch.zeros(9, 1, 3), None, 2, how=Sampling(1e-4))
    torch.testing.assert_close(greedy, network(torch.zeros(9, 1, 3), None, 2))


@pytest.mark.parametrize("data", [DecimalAdd(), Reverse()], ids=["decimal_add", "reverse"])
def test_a_checkpoint_gives_both_halves_back_with_their_teacher_forcing(data, tmp_path):
    network = EncoderDecoder.for_data(data, cell="lstm", hidden_size=8, teacher_forcing=0.25)
    run = trainer(max_steps=2, limit_val_batches=0)
    run.fit(network, data)
    run.save_checkpoint(tmp_path / "it.ckpt")
    loaded = EncoderDecoder.load_from_checkpoint(tmp_path / "it.ckpt", weights_only=True)
    assert loaded.teacher_forcing == loaded.hparams["teacher_forcing"] == 0.25
    inputs, _, lengths = data.dataset("test").batch(range(5))
    said, ours = (n.eval()(inputs, lengths, 9) for n in (loaded, network))
    torch.testing.assert_close(said, ours)


@pytest.mark.parametrize("forcing", [-0.1, 1.5, float("nan")])
def test_teacher_forcing_must_be_a_probability(forcing):
    with pytest.raises(ValueError, match=f"`teacher_forcing` must be from 0 to 1, got {forcing}"):
        EncoderDecoder(5, 3, "binary", teacher_forcing=forcing)


def test_a_task_of_another_mapping_is_refused():
    message = "NextNumber is many-to-one: use ManyToOne, not EncoderDecoder"
    with pytest.raises(ValueError, match=message):
        EncoderDecoder.for_data(NextNumber())


def test_a_cell_whose_state_the_decoder_cannot_go_on_from_is_refused():
    message = "`cell` 'window' must keep a state of the same size whatever it reads"
    with pytest.raises(ValueError, match=message):
        EncoderDecoder(4, 3, "binary", cell="window")
