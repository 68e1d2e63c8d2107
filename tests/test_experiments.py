"""The studies run, say what they found, and leave their pictures."""

from pathlib import Path

import pytest
from experiments import vanishing_gradients


def size_of_picture(path: str) -> int:
    content = Path(path).read_bytes()
    assert content.startswith(b"\x89PNG")
    return len(content)


def test_vanishing_gradients_are_drawn(capsys, monkeypatch):
    monkeypatch.setattr(vanishing_gradients, "LAGS", 30)
    options = ["--delays", "2", "5", "--budget", "40", "--seeds", "1", "--out", "small.png"]
    vanishing_gradients.main(options)
    out = capsys.readouterr().out
    assert out.count("accuracy") == 7 and "written: small.png" in out
    assert size_of_picture("small.png") < 200_000


def test_gradients_vanish_without_gates_and_explode_with_large_weights():
    plain = vanishing_gradients.curve("rnn", {}, seeds=1)
    kept = vanishing_gradients.curve("lstm", {"forget_bias": 4.0}, seeds=1)
    blown = vanishing_gradients.curve("rnn", {"gain": 6.0}, seeds=1)
    assert plain[-1] < 1e-15 * plain[0] and kept[-1] > 0.1 * kept[0]
    assert blown[-1] > 1e8 * blown[0]


@pytest.mark.slow
def test_clipping_makes_a_network_of_large_weights_learn():
    def accuracy(**settings):
        sgd = vanishing_gradients.sgd
        return vanishing_gradients.train(30, "rnn", {"gain": 2.5}, sgd, max_steps=500, **settings)[
            0
        ]

    assert accuracy() < 0.7
    assert accuracy(gradient_clip_val=1.0) > 0.95
    assert accuracy(gradient_clip_val=0.1, gradient_clip_algorithm="value") > 0.95
