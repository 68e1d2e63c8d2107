"""A network that unfolds one input: what it reads back, and when."""

import pytest
import torch
from lightning.pytorch import Trainer

from feedback import CELLS, OBJECTIVES, Half, by_hand, transparent, truth
from seqlearn.data import SequenceBatch
from seqlearn.modules import OneToMany
from seqlearn.objectives import Sampling
from seqlearn.tasks import BinaryAdd, Countdown, Waveform

each_cell = pytest.mark.parametrize("cell", CELLS)
each_objective = pytest.mark.parametrize("objective", OBJECTIVES)


def build(objective, cell="rnn", size=3, **arguments):
    torch.manual_seed(0)
    return OneToMany(5, size, objective, **{"hidden_size": 7, **CELLS[cell], **arguments})


def shown(count=4):
    return torch.randn(count, 5, generator=torch.Generator().manual_seed(0))


def trainer(**settings):
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return Trainer(**quiet, enable_model_summary=False, accelerator="cpu", **settings)


@each_cell
@pytest.mark.parametrize("steps", [1, 6])
def test_shapes(cell, steps):
    network = build("regression", cell)
    assert network(shown(), steps).shape == (4, steps, 3)
    assert network(torch.tensor([0, 4]), steps).shape == (2, steps, 3)


@each_cell
@each_objective
def test_alone_it_reads_its_own_answers_as_a_loop_by_hand_does(cell, objective):
    network = build(objective, cell)
    first = torch.cat([shown(), torch.zeros(4, 3)], 1)
    expected = by_hand(objective, network.cell, network.head, first, None, 6)
    torch.testing.assert_close(network(shown(), 6), expected)


@each_cell
@each_objective
@pytest.mark.parametrize("hidden", [False, True])
def test_with_teacher_forcing_it_reads_the_truth_as_a_loop_by_hand_does(cell, objective, hidden):
    network = build(objective, cell)
    targets = truth(objective, 3, hidden)
    first = torch.cat([shown(), torch.zeros(4, 3)], 1)
    expected = by_hand(objective, network.cell, network.head, first, None, 6, targets)
    torch.testing.assert_close(network(shown(), 6, targets), expected)


@pytest.mark.parametrize("forcing", [0.5, 1.0])
def test_an_answer_depends_on_the_truth_of_earlier_steps_only(forcing):
    network = build("regression", teacher_forcing=forcing)
    targets = truth("regression", 3)
    outputs = []
    for change in (0, 1):
        targets[:, 3:] += change
        torch.manual_seed(0)
        outputs.append(network(shown(), 6, targets))
    torch.testing.assert_close(outputs[0][:, :4], outputs[1][:, :4], rtol=0, atol=0)
    assert (outputs[0][:, 4:] != outputs[1][:, 4:]).any()


@pytest.mark.parametrize("forcing", [0.2, 0.7])
def test_a_probability_decides_anew_for_each_sequence_and_step(forcing):
    network = OneToMany(2, 1, "regression", cell=Half, hidden_size=1, teacher_forcing=forcing)
    transparent(network, [1.0])  # so it says 1 more than it read
    targets = -10.0 * torch.arange(1, 10)[:, None].expand(3000, 9, 1)
    said = network(torch.zeros(3000, 2), 9, targets)[:, :, 0]
    forced = said[:, 1:] == targets[:, :-1, 0] + 1
    own = said[:, 1:] == said[:, :-1] + 1
    assert (forced ^ own).all()
    chance = (forcing * (1 - forcing) / forced.numel()) ** 0.5
    assert forced.float().mean().item() == pytest.approx(forcing, abs=4 * chance)
    for axis, count in ((0, 3000), (1, 8)):  # as coins that know nothing of each other
        spread = forced.float().mean(axis).var().item()
        expected = forcing * (1 - forcing) / count
        assert spread == pytest.approx(expected, rel=1.5 if axis == 0 else 0.15)
    both = (forced[:, 1:] & forced[:, :-1]).float().mean().item()
    assert both == pytest.approx(forcing**2, abs=0.02)


def test_the_global_seed_decides_which_steps_are_forced():
    network = build("categorical", teacher_forcing=0.5)
    targets = truth("categorical", 3)

    def outputs(seed):
        torch.manual_seed(seed)
        return network(shown(), 6, targets)

    torch.testing.assert_close(outputs(1), outputs(1), rtol=0, atol=0)
    assert not torch.equal(outputs(1), outputs(2))


@each_objective
def test_without_teacher_forcing_training_never_looks_at_the_targets(objective):
    network = build(objective, teacher_forcing=0.0).train()
    data = [truth(objective, 3), torch.zeros_like(truth(objective, 3))]
    one, two = (network.answer(batch(targets), 0) for targets in data)
    torch.testing.assert_close(one, two, rtol=0, atol=0)


@each_objective
@pytest.mark.parametrize("forcing", [0.5, 1.0])
def test_evaluation_never_looks_at_the_targets_whatever_the_forcing(objective, forcing):
    network = build(objective, teacher_forcing=forcing)
    targets = truth(objective, 3)
    others = [targets, torch.zeros_like(targets), truth(objective, 3, hidden=True)]
    network.eval()
    for other in others:
        said = network.answer(batch(other), 0)
        torch.testing.assert_close(said, network(shown(), 6), rtol=0, atol=0)
    network.train()
    torch.manual_seed(0)
    forced = network.answer(batch(targets), 0)
    assert not torch.equal(forced, network(shown(), 6))


def batch(targets):
    return SequenceBatch(shown(), targets, torch.full((4,), 6))


def test_validation_test_and_prediction_are_those_of_the_network_alone():
    data = Countdown()
    torch.manual_seed(0)
    network = OneToMany.for_data(data, hidden_size=8)
    examples = data.dataset("test").batch(range(11))
    alone = network(examples.inputs, 11)
    scored = examples.targets != -100
    expected = torch.nn.functional.cross_entropy(alone[scored], examples.targets[scored]).item()
    run = trainer()
    (validated,), (tested,) = (
        run.validate(network, data, verbose=False),
        run.test(network, data, verbose=False),
    )
    assert validated["val/loss"] == pytest.approx(expected)
    assert tested["test/loss@10"] == pytest.approx(expected)
    (said,) = run.predict(network, data)
    torch.testing.assert_close(said, alone.softmax(-1))


@pytest.mark.parametrize("forcing", [0.0, 0.5, 1.0])
@each_objective
def test_unscored_targets_that_are_read_leave_every_gradient_finite(objective, forcing):
    network = build(objective, "gru", teacher_forcing=forcing).train()
    targets = truth(objective, 3, hidden=True)
    losses = network.objective.losses(network.answer(batch(targets), 0), targets)
    losses.sum().backward()
    assert losses.isfinite().all()
    for name, weight in network.named_parameters():
        assert weight.grad.isfinite().all() and weight.grad.any(), name


def test_gradients_reach_back_through_the_answers_of_a_regression_but_not_through_choices():
    for objective in OBJECTIVES:
        network = build(objective, "window", cell_args={"size": 1}, teacher_forcing=0.0)
        x = shown().requires_grad_()
        network(x, 4)[:, 3].sum().backward()  # which sees the input through answers only
        reached = x.grad is not None and x.grad.any()
        assert reached == (objective == "regression")


def speaker(logits, objective="categorical"):
    """A network that says these logits first, and then what it read, stretched, upon them."""
    network = OneToMany(2, len(logits), objective, cell=Half, hidden_size=len(logits))
    return transparent(network, logits)


def answers(network, how, count=20_000):
    """The answers it settled on in the first step, as seen in the second."""
    said = network(torch.zeros(count, 2), 2, how=how)
    assert torch.equal(said[:, 0], network.head.bias.expand(count, -1))
    return (said[:, 1] - network.head.bias).round()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("top_k", [None, 1, 3, 9])
def test_sampled_answers_are_as_likely_as_the_softmax_says(temperature, top_k):
    logits = [0.3, 2.0, -1.0, 1.0, 0.0]
    torch.manual_seed(0)
    drawn = answers(speaker(logits), Sampling(temperature, top_k))
    assert (drawn.sum(1) == 1).all()
    allowed = sorted(range(5), key=lambda k: -logits[k])[:top_k]
    weights = [2.718281828 ** (logits[k] / temperature) * (k in allowed) for k in range(5)]
    expected = torch.tensor(weights) / sum(weights)
    chance = (expected * (1 - expected) / len(drawn)).sqrt()
    assert ((drawn.mean(0) - expected).abs() <= 4 * chance + 1e-6).all()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_sampled_bits_are_as_likely_as_the_sigmoid_says(temperature):
    logits = torch.tensor([0.3, -1.0])
    torch.manual_seed(0)
    drawn = answers(speaker(logits.tolist(), "binary"), Sampling(temperature))
    expected = 1 / (1 + (-logits / temperature).exp())
    assert drawn.mean(0).tolist() == pytest.approx(expected.tolist(), abs=0.015)


@pytest.mark.parametrize("objective", ["binary", "categorical"])
def test_at_a_low_temperature_sampling_is_greedy(objective):
    network = build(objective)
    greedy = network(shown(), 6)
    torch.testing.assert_close(network(shown(), 6, how=Sampling(1e-4)), greedy)
    torch.testing.assert_close(network(shown(), 6, how=Sampling(0.0)), greedy)


def test_a_generator_makes_the_same_samples_again_whatever_the_global_seed():
    network = build("categorical")

    def outputs(seed):
        how = Sampling(2.0, generator=torch.Generator().manual_seed(seed))
        return network(shown(50), 6, how=how)

    assert torch.equal(outputs(1), outputs(1))
    assert not torch.equal(outputs(1), outputs(2))


@pytest.mark.parametrize("data", [Countdown(), Waveform(steps=5)], ids=["symbols", "reals"])
def test_a_checkpoint_gives_the_network_back_with_its_teacher_forcing(data, tmp_path):
    network = OneToMany.for_data(data, cell="gru", hidden_size=8, teacher_forcing=0.25)
    run = trainer(max_steps=2, limit_val_batches=0)
    run.fit(network, data)
    run.save_checkpoint(tmp_path / "it.ckpt")
    loaded = OneToMany.load_from_checkpoint(tmp_path / "it.ckpt", weights_only=True)
    assert loaded.teacher_forcing == loaded.hparams["teacher_forcing"] == 0.25
    inputs = data.dataset("test").batch(range(5)).inputs
    torch.testing.assert_close(loaded.eval()(inputs, 9), network.eval()(inputs, 9))


@pytest.mark.parametrize("forcing", [-0.1, 1.5, float("nan")])
def test_teacher_forcing_must_be_a_probability(forcing):
    with pytest.raises(ValueError, match=f"`teacher_forcing` must be from 0 to 1, got {forcing}"):
        OneToMany(5, 3, "binary", teacher_forcing=forcing)


def test_a_task_of_another_mapping_is_refused():
    message = "BinaryAdd is many-to-many: use ManyToMany, not OneToMany"
    with pytest.raises(ValueError, match=message):
        OneToMany.for_data(BinaryAdd())
