"""A network that answers at every step: carried along, left alone, made to write."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning.pytorch import Trainer
from torch.nn import functional as F

from seqlearn import cli
from seqlearn.cells import CELLS
from seqlearn.modules import ManyToMany
from seqlearn.objectives import OBJECTIVES, Sampling
from seqlearn.tasks import BinaryAdd, CharLM

TEXT = "the quick brown fox jumps over the lazy dog\n" * 40


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return str(path)


def trainer(**settings):
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    return Trainer(**{**quiet, "enable_model_summary": False, "accelerator": "cpu", **settings})


def writer(text, cell="gru", stateful=True, **settings):
    torch.manual_seed(0)
    data = CharLM(path=text, steps=10, batch_size=3, **settings)
    module = ManyToMany.for_data(
        data,
        cell=cell,
        hidden_size=8,
        stateful=stateful,
        optimizer=lambda p: torch.optim.SGD(p, lr=0.1),
    )
    return data, module


@pytest.mark.parametrize("stateful", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_training_carries_the_state_as_truncated_bptt_by_hand_does(text, cell, stateful):
    data, module = writer(text, cell, stateful)
    _, twin = writer(text, cell, stateful)
    trainer(max_steps=6, limit_val_batches=0).fit(module, data)
    state, dataset = None, data.dataset("train")
    for k in range(6):
        inputs, targets, _ = dataset.batch(range(3 * k, 3 * k + 3))
        one_hot = F.one_hot(inputs, data.input_size).float()
        states, state = twin.cell(one_hot, state if stateful else None)
        state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
        F.cross_entropy(twin.head(states).flatten(0, 1), targets.flatten()).backward()
        for weight in twin.parameters():
            weight.data -= 0.1 * weight.grad
            weight.grad = None
    for ours, by_hand in zip(module.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, by_hand)


def test_validation_carries_the_state_through_the_held_out_text(text):
    data, module = writer(text)
    (scores,) = trainer().validate(module, data, verbose=False)
    known = data.symbols
    border, stretch = data.border, -(-(len(known) - data.border) // 16)
    losses = []
    for start in range(border, len(known), stretch):  # each place read in one go
        end = min(start + stretch, len(known))
        inputs, targets = (torch.from_numpy(known[a : a + end - start]) for a in (start - 1, start))
        with torch.inference_mode():
            losses.append(F.cross_entropy(module(inputs[None])[0], targets, reduction="none"))
    loss = torch.cat(losses)
    assert len(loss) == len(known) - border
    assert scores["val/loss"] == pytest.approx(loss.mean().item(), rel=1e-5)
    assert scores["val/bits_per_character"] == pytest.approx(loss.mean().item() / math.log(2))
    assert scores["val/perplexity"] == pytest.approx(math.exp(loss.mean().item()))


def test_validation_leaves_the_state_of_training_alone(text):
    def weights(**settings):
        data, module = writer(text)
        trainer(max_steps=6, **settings).fit(module, data)
        return module.head.weight

    torch.testing.assert_close(
        weights(val_check_interval=2), weights(limit_val_batches=0), rtol=0, atol=0
    )


def test_a_second_fit_begins_without_a_memory(text):
    data, module = writer(text)
    trainer(max_steps=2, limit_val_batches=0).fit(module, data)
    assert module.carried["train"] is not None
    module.setup("fit")
    assert module.carried["train"] is None


def test_a_resumed_run_goes_on_with_the_state_it_had(text):
    quiet = ("--trainer.logger", "false", "--report", "false")
    flags = ("--data.path", text, "--data.steps", "10", "--model.hidden_size", "8", *quiet)
    flags += ("--trainer.log_every_n_steps", "5", "--lr_scheduler.total_iters", "12")

    def fit(*more):
        cli.main(["fit", "--trainer.val_check_interval", "5", *more])
        return max(Path("runs/char_lm").iterdir(), key=lambda path: path.stat().st_mtime_ns)

    whole = fit("--task", "char_lm", *flags, "--trainer.max_steps", "12")
    part = fit("--task", "char_lm", *flags, "--trainer.max_steps", "7")
    assert fit("--resume", str(part), "--trainer.max_steps", "12") == part
    ends = [torch.load(run / "checkpoints/last.ckpt", weights_only=True) for run in (whole, part)]
    for name, weight in ends[0]["state_dict"].items():
        assert torch.equal(weight, ends[1]["state_dict"][name]), name
    for one, other in zip(ends[0]["carried"], ends[1]["carried"], strict=True):
        assert torch.equal(one, other)
    losses = [
        [row["val/loss"] for row in csv.DictReader((run / "metrics.csv").read_text().splitlines())]
        for run in (whole, part)
    ]
    assert losses[0][-1] == losses[1][-1]


def test_another_text_is_read_with_the_characters_of_the_checkpoint(text, tmp_path, capfd):
    quiet = ("--trainer.logger", "false", "--report", "false")
    small = ("--data.steps", "10", "--model.hidden_size", "8", "--trainer.max_steps", "10")
    cli.main(["fit", "--task", "char_lm", "--data.path", text, *small, *quiet])
    (run,) = Path("runs/char_lm").iterdir()
    last = ("--config", str(run / "config.yaml"), "--ckpt_path", str(run / "checkpoints/last.ckpt"))
    (tmp_path / "part.txt").write_text("the lazy fox\n" * 40)
    cli.main(["test", *last, "--data.path", str(tmp_path / "part.txt")])
    (tmp_path / "other.txt").write_text("THE lazy fox\n" * 40)
    capfd.readouterr()
    with pytest.raises(SystemExit, match="2"):
        cli.main(["test", *last, "--data.path", str(tmp_path / "other.txt")])
    assert "every character of the text, got none for 'T' at position 0" in capfd.readouterr().err


def test_only_batches_that_go_on_can_carry_a_state():
    with pytest.raises(ValueError, match="`stateful` must be False for BinaryAdd, got True"):
        ManyToMany.for_data(BinaryAdd(), stateful=True)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("shown", [1, 5])
def test_left_alone_it_reads_its_own_answers(cell, shown):
    values = ManyToMany(3, 3, "regression", cell=cell, hidden_size=5, num_layers=2)
    x = torch.randn(4, shown, 3)
    with torch.inference_mode():
        said = values.rollout(x, 7)
        for k in range(7):  # the whole past again at every step, without a state
            torch.testing.assert_close(said[:, k], values(torch.cat([x, said[:, :k]], 1))[:, -1])
    symbols = ManyToMany(6, 6, "categorical", cell=cell, hidden_size=5)
    x = torch.randint(6, (4, shown))
    with torch.inference_mode():
        said = symbols.rollout(x, 7)
        for k in range(7):
            past = torch.cat([x, said[:, :k].argmax(-1)], 1)
            torch.testing.assert_close(said[:, k], symbols(past)[:, -1])


def test_what_cannot_stand_for_the_next_input_is_refused():
    with pytest.raises(ValueError, match="must be of the size of its inputs, 2, got 1"):
        ManyToMany(2, 1, "binary").rollout(torch.zeros(1, 2, 2), 3)
    with pytest.raises(ValueError, match="`steps` must be at least 1, got 0"):
        ManyToMany(2, 2, "regression").rollout(torch.zeros(1, 2, 2), 0)
    with pytest.raises(ValueError, match="steps of `x` must be at least 1, got 0"):
        ManyToMany(2, 2, "regression").rollout(torch.zeros(1, 0, 2), 3)


def small(cell="lstm"):
    torch.manual_seed(1)
    return ManyToMany(4, 4, "language", vocabulary="abc\n", cell=cell, hidden_size=6)


def test_the_surest_text_is_that_of_the_likeliest_characters():
    module, written = small(), "ab"
    with torch.inference_mode():
        for _ in range(12):
            symbols = torch.tensor([["abc\n".index(c) for c in written]])
            written += "abc\n"[module(symbols)[0, -1].argmax()]
    assert module.generate("ab", 12, temperature=0.0) == written[2:]
    assert module.generate("ab", 12, top_k=1) == written[2:]
    assert module.generate("ab", 12, temperature=1e-5) == written[2:]
    assert module.generate("ab", 12, temperature=1e-310) == written[2:]


def test_text_is_drawn_as_likely_as_the_network_holds_it():
    module = small()
    with torch.inference_mode():
        logits = module(torch.tensor([[0, 1]]))[0, -1]
    for temperature, top_k in [(1.0, None), (2.5, None), (1.0, 2)]:
        text = "".join(module.generate("ab", 1, temperature, top_k, seed=s) for s in range(1000))
        kept = logits if top_k is None else logits.where(logits >= logits.topk(2).values[-1], -9e9)
        expected = (kept / temperature).softmax(0)
        shares = torch.tensor([text.count(c) / len(text) for c in "abc\n"])
        assert (shares - expected).abs().max() < 0.06


def test_a_seed_makes_the_same_text_again_and_leaves_the_global_generator_alone():
    module = small()
    before = torch.get_rng_state()
    assert module.generate("a", 50, seed=3) == module.generate("a", 50, seed=3)
    assert module.generate("a", 50, seed=3) != module.generate("a", 50, seed=4)
    assert torch.equal(torch.get_rng_state(), before)
    assert "".join(module.stream("a", 50, seed=3)) == module.generate("a", 50, seed=3)
    assert module.training


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("", 3), "`prompt` must have at least one character, got ''"),
        (("aé", 3), "`prompt` has 'é', which the network does not know; it knows 'abc"),
        (("a", -1), "`length` must be at least 0, got -1"),
        (("a", 3, -0.5), "`temperature` must be at least 0 and finite, got -0.5"),
        (("a", 3, math.nan), "`temperature` must be at least 0 and finite, got nan"),
        (("a", 3, math.inf), "`temperature` must be at least 0 and finite, got inf"),
        (("a", 3, 1.0, 0), "`top_k` must be at least 1, got 0"),
        (("a", 3, 1.0, None, 2**64), "`seed` must be from 0 to"),
    ],
)
def test_what_cannot_be_written_is_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        small().stream(*arguments)
    with pytest.raises(ValueError, match="only a network that predicts the next character"):
        ManyToMany(2, 1, "binary").generate("a", 3)
    with pytest.raises(ValueError, match="only a network that predicts the next character"):
        ManyToMany(3, 3, "binary", vocabulary="abc").generate("a", 3)  # says sets


def test_bits_are_drawn_by_their_chances():
    logits = torch.tensor([-1.0, 0.5, 3.0]).expand(20_000, 3)
    drawn = OBJECTIVES["binary"].choose(logits, Sampling(temperature=2.0))
    expected = (torch.tensor([-1.0, 0.5, 3.0]) / 2).sigmoid()
    assert (drawn.double().mean(0) - expected).abs().max() < 0.02


def test_a_network_of_characters_learns_to_write_a_text_it_can_know(text):
    torch.manual_seed(0)
    data = CharLM(path=text, steps=20, batch_size=8)
    module = ManyToMany.for_data(
        data,
        cell="lstm",
        hidden_size=32,
        stateful=True,
        optimizer=lambda p: torch.optim.Adam(p, lr=0.02),
    )
    trainer(max_steps=200, gradient_clip_val=1.0, limit_val_batches=0).fit(module, data)
    assert module.generate("the quick", 60, temperature=0.5, seed=0) == TEXT[9:69]
    assert data.baselines()["5-gram"] < 0.1 and np.isfinite(data.baselines()["5-gram"])
