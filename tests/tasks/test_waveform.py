"""Waves against Python's own sine."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqlearn.tasks import Waveform


@given(
    steps=st.integers(1, 60),
    rate=st.floats(6.5, 100),
    split=st.sampled_from(["train", "val", "test"]),
    length=st.none() | st.integers(1, 200),
    seed=st.integers(0, 9),
)
def test_waves_are_sines_of_what_is_described(steps, rate, split, length, seed):
    data = Waveform(steps=steps, rate=rate, seed=seed)
    described, waves, lengths = data.dataset(split, length).batch(range(3))
    assert waves.shape == (3, length or steps, 1)
    assert (lengths == (length or steps)).all()
    for (f, p, a), wave in zip(described.tolist(), waves[:, :, 0].tolist(), strict=True):
        hertz, phase, amplitude = 2 + f, math.pi * p, 0.75 + 0.25 * a
        for k, value in enumerate(wave):
            true = amplitude * math.sin(2 * math.pi * hertz * k / rate + phase)
            assert value == pytest.approx(true, abs=1e-6)


def test_descriptions_fill_their_range_evenly():
    described = Waveform().dataset("train").batch(range(20_000)).inputs
    assert described.abs().max() <= 1
    assert described.mean(0).tolist() == pytest.approx([0] * 3, abs=0.02)
    assert described.var(0).tolist() == pytest.approx([1 / 3] * 3, abs=0.01)


def test_longer_tests_go_on_with_the_same_waves():
    data = Waveform(steps=10)
    short, long = (data.dataset("test", n).batch(range(20)) for n in (10, 40))
    assert data.curve == (10, 20, 40)
    assert torch.equal(short.inputs, long.inputs)
    assert torch.equal(short.targets, long.targets[:, :10])


def test_describe_gives_hertz_and_the_whole_wave():
    data = Waveform(steps=4, rate=8)
    batch = data.dataset("test").batch([0])
    batch.inputs[:] = torch.tensor([0.0, 0.5, 1.0])
    batch.targets[:] = torch.tensor([0.99, 0, -1, 0])[:, None]
    described = "2.00 Hz, phase 1.57, amplitude 1.00"
    assert data.describe(batch, batch.targets / 2) == [
        (described, "0.99 0.00 -1.00 0.00", "0.50 0.00 -0.50 0.00", None, "")
    ]


@pytest.mark.parametrize("fields", [{}, {"steps": 50, "rate": 10}, {"steps": 1}])
def test_baselines_are_what_such_predictors_reach(check_baselines, fields):
    data = Waveform(test_size=20_000, **fields)

    def middle(batch):
        _, phase, amplitude = batch.inputs.double().T[:, :, None]
        angles = 4 * math.pi * torch.arange(data.steps) / data.rate + math.pi * phase
        return ((0.75 + 0.25 * amplitude) * angles.sin())[:, :, None]

    predictors = {
        "zero": lambda b: torch.zeros_like(b.targets),
        "middle_frequency": middle,
        "optimum": lambda b: b.targets,
    }
    check_baselines(data, predictors, rel=0.02)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps": 0}, "`steps` must be at least 1, got 0"),
        ({"rate": 6.0}, "`rate` must be above 6, .* and finite, got 6.0"),
        ({"rate": float("inf")}, "`rate` must be above 6, .* and finite, got inf"),
        ({"rate": float("nan")}, "`rate` must be above 6, .* and finite, got nan"),
    ],
)
def test_bad_fields_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Waveform(**fields)
