"""A scan is its loop, forwards and backwards, however long."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from seqlearn.scan import Scan, scan

each_kind = pytest.mark.parametrize("kind", [torch.float64, torch.complex128])
each_length = pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 7, 8, 13])
SHAPES = {"all": (0, 2, 3), "every step": (1, 1, 3), "every sequence": (0, 1, 3)}
each_shape = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)


@pytest.fixture(params=[2**62, 0], ids=["pairs", "one by one"], autouse=True)
def way(request, monkeypatch):
    """How it is done is a question of size alone."""
    monkeypatch.setattr("seqlearn.scan.WIDE", request.param)
    return request.param


def loop(a, b, start=None):
    h, states = torch.zeros_like(b[0]) if start is None else start, []
    for a_t, b_t in zip(a.expand_as(b), b, strict=True):
        h = a_t * h + b_t
        states.append(h)
    return torch.stack(states)


def drawn(kind, steps, shape=(0, 2, 3)):
    """Factors, of which those given as 0 are one a step, what is added, and a start."""
    generator = torch.Generator().manual_seed(steps)
    sizes = [(shape[0] or steps, *shape[1:]), (steps, 2, 3), (2, 3)]
    return [torch.randn(s, dtype=kind, generator=generator).requires_grad_() for s in sizes]


@each_kind
@each_length
@each_shape
def test_a_scan_is_a_loop_and_so_is_its_gradient(kind, steps, shape):
    a, b, start = drawn(kind, steps, shape)
    torch.testing.assert_close(scan(a, b, start), loop(a, b, start))
    torch.testing.assert_close(scan(a, b), loop(a, b))
    weights = torch.randn(steps, 2, 3, dtype=kind)
    ours, theirs = (
        torch.autograd.grad(f(a, b, start), (a, b, start), weights) for f in (scan, loop)
    )
    torch.testing.assert_close(ours, theirs)


@each_kind
@each_length
def test_a_scan_back_is_the_scan_of_what_is_turned_round(kind, steps):
    a, b, _ = drawn(kind, steps)
    if steps > 1:
        back = Scan.apply(a, b, True)
        torch.testing.assert_close(back, loop(a.flip(0), b.flip(0)).flip(0))
        assert gradcheck(lambda a, b: Scan.apply(a, b, True), (a, b), fast_mode=True)


@each_kind
@pytest.mark.parametrize("steps", [2, 5])
@each_shape
def test_there_are_second_derivatives(kind, steps, shape):
    given = drawn(kind, steps, shape)
    assert gradcheck(scan, given, fast_mode=True)
    assert gradgradcheck(scan, given, fast_mode=True)


@pytest.mark.parametrize("kind", [torch.float32, torch.complex64])
@pytest.mark.parametrize("least", [0.0, 0.99, 0.9998, 0.99999])
def test_over_thousands_of_steps_it_is_as_near_as_the_loop(kind, least, way):
    generator, steps = torch.Generator().manual_seed(0), 8192
    a = least + (1 - least) * torch.rand(steps, 1, 32, generator=generator)
    a = a.to(kind)
    if kind.is_complex:
        a = a * torch.exp(6j * torch.rand(steps, 1, 32, generator=generator))
    b = torch.randn(steps, 1, 32, dtype=kind, generator=generator)
    wide = torch.complex128 if kind.is_complex else torch.float64
    exact = loop(a.to(wide), b.to(wide))
    scale, of_the_loop = exact.abs().max(), (loop(a, b) - exact).abs().max()
    assert (scan(a, b) - exact).abs().max() <= (1e-6 * scale if way else of_the_loop)
    assert (scan(a, b) - loop(a, b)).abs().max() < 1e-5 * scale


def test_factors_of_zero_and_one_are_exact():
    a = torch.tensor([1.0, 1, 0, 1, 1, 0, 0, 1, 1])[:, None, None]
    b = torch.arange(1.0, 10)[:, None, None]
    assert scan(a, b).ravel().tolist() == [1, 3, 3, 7, 12, 6, 7, 15, 24]


def test_what_is_kept_for_the_way_back_is_as_long_as_the_sequence():
    sizes = []

    def keep(x):
        sizes.append(x.numel())
        return x

    a, b, _ = drawn(torch.float64, 13)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda x: x):
        scan(a, b)
    assert sum(sizes) == a.numel() + b.numel()


def test_no_steps_are_no_states():
    assert scan(torch.ones(0, 2, 3), torch.ones(0, 2, 3), torch.ones(2, 3)).shape == (0, 2, 3)


def test_it_goes_with_functions_of_functions():
    a, b, _ = (part.detach() for part in drawn(torch.float64, 5))
    many = torch.func.vmap(lambda x: scan(a, x))(torch.stack([b, 2 * b]))
    torch.testing.assert_close(many[1], loop(a, 2 * b))
    slopes = torch.func.jacrev(lambda x: scan(a, x))(b)  # (T, B, H, T, B, H)
    torch.testing.assert_close(slopes[3, 1, 2, :, 1, 2], torch.tensor([*product(a[:, 1, 2]), 0]))


def product(a):
    """∂h_3/∂b_t for t from 0 to 3."""
    return [a[3] * a[2] * a[1], a[3] * a[2], a[3], torch.ones(())]
