"""Cells that were written for something else, taken as they are: their signatures say what they do.

They differ in four ways. Some have no layers or no dropout to be told about; PyTorch's want to be
told that the batch comes first; some are layers of one width, with no input size of its own; some
give their state on request only, or none at all.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from seqlearn.states import State, Stepwise

DEFAULTS = {"num_layers": 1, "dropout": 0.0}
"""What a cell does that knows no such argument."""

WIDTHS = ("dim", "d_model")
"""Names for the only size of a layer whose outputs are as wide as its inputs."""

KEPT = ("state", "hidden")
"""Words for a state in the name of a flag that asks for it, such as `return_next_prev_hidden`."""

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Foreign(Stepwise, nn.Module):
    """A layer in the shape of a cell.

    Args:
        layer: What reads ``(B, T, F)`` and gives states ``(B, T, H)``, with or without a state.
        widen: In front of it, from the features to the width of a layer of one width.
        asked: Flags of its forward by which it gives its state.
    """

    def __init__(
        self, layer: nn.Module, widen: nn.Module | None = None, asked: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.widen, self.layer = widen or nn.Identity(), layer
        self.asked = dict.fromkeys(asked, True)

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Run over ``(B, T, F)``; what keeps no state gives None for it."""
        given = self.layer(self.widen(x), *([] if state is None else [state]), **self.asked)
        return (given, None) if isinstance(given, Tensor) else (given[0], given[1])


def build(cell: Callable[..., Any], sizes: tuple[int, int], arguments: dict[str, Any]) -> Any:
    """Build a cell with those of the arguments that it takes.

    Args:
        cell: A class, or what makes a module when called.
        sizes: ``input_size`` and ``hidden_size``.
        arguments: ``num_layers``, ``dropout`` and what else it is to be given.

    Raises:
        ValueError: If one that it does not take says other than what it does anyway, or it is told
            to read the steps first.
    """
    names, anything = parameters(cell)
    given = dict(arguments)
    for name, default in DEFAULTS.items():
        if not anything and name not in names and (value := given.pop(name, default)) != default:
            raise ValueError(
                f"`{name}` must be {default}, as the cell takes no such argument, got {value}."
            )
    sizes_taken = sizes[has_one_width(cell) :]
    generator = torch.get_rng_state()
    module = cell(*sizes_taken, **given)
    tells = anything or "batch_first" in names
    if getattr(module, "batch_first", True) is False and reads_as_torch(module) and tells:
        said = {**(cell.keywords if isinstance(cell, partial) else {}), **arguments}
        if "batch_first" in said:
            raise ValueError("`batch_first` must be True, as a cell reads (B, T, F), got False.")
        torch.set_rng_state(generator)  # the same weights as if it had been said at once
        module = cell(*sizes_taken, **given, batch_first=True)
    return module


def adapt(cell: Callable[..., Any], module: nn.Module, sizes: tuple[int, int]) -> nn.Module:
    """Give what a cell has built the shape of one, if it has another."""
    widen = nn.Linear(*sizes) if has_one_width(cell) else None
    given = look(module, torch.zeros(1, 2, sizes[widen is not None]))
    asked = [] if isinstance(given, tuple) else flags(module)
    if widen or asked or isinstance(given, Tensor):
        return Foreign(module, widen, asked)
    return module


def look(module: nn.Module, x: Tensor) -> Any:
    """See what a module makes of ``(B, T, F)``, the same each time."""
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)  # not those of other devices
        given = module.eval()(x)  # in evaluation, so that the look leaves no trace
    module.train()
    return given


def strays(module: nn.Module, size: int) -> str | None:
    """Say what a cell reads that it must not, for the states of a step: later ones, or others."""
    x = torch.rand(2, 4, size, generator=torch.Generator().manual_seed(0))
    later, other = x.clone(), x.clone()
    later[:, 2:], other[0] = x[:, 2:] ** 2, x[0] ** 2  # what is normalized differs too
    states, after_later, after_other = (look(module, each)[0] for each in (x, later, other))
    if not alike(states[:, :2], after_later[:, :2]):
        return "must not look ahead: a state is to know no later input"
    if not alike(states[1], after_other[1]):
        return "must read (B, T, F), each sequence by itself"
    return None


def alike(one: Tensor, other: Tensor) -> bool:
    """Tell whether two states are the same but for what is rounded."""
    return torch.allclose(one, other, atol=1e-4, equal_nan=True)


def reads_as_torch(module: nn.Module) -> bool:
    """Tell whether a forward is PyTorch's own; another may see to the order of axes itself."""
    return type(module).forward.__module__.startswith("torch.")


def has_one_width(cell: Callable[..., Any]) -> bool:
    """Tell whether a class takes a single size, by the name of its first parameter."""
    names, _ = parameters(cell)
    if next(iter(names), None) not in WIDTHS or "hidden_size" in names:
        return False
    _, *others = inspect.signature(cell).parameters.values()
    return all(p.default is not p.empty or p.kind in VARIADIC for p in others)


def flags(module: nn.Module) -> list[str]:
    """Find the flag by which a module gives its state, if it has one."""
    return [
        name
        for name, parameter in inspect.signature(module.forward).parameters.items()
        if name.startswith("return_") and parameter.default is False
        if any(word in name for word in KEPT)
    ][:1]


def parameters(cell: Callable[..., Any]) -> tuple[list[str], bool]:
    """List what a class takes by name, and tell whether it takes anything else.

    What it hands on as ``**kwargs`` is looked up in the classes that it comes from: that
    `torch.nn.GRU` takes ``num_layers`` is said by a class above.
    """
    cell = cell.func if isinstance(cell, partial) else cell
    names = list[str]()
    for kind in cell.__mro__[:-1] if isinstance(cell, type) else [cell]:
        made_by = vars(kind).get("__init__") if isinstance(kind, type) else kind
        if made_by is None:
            continue
        every = inspect.signature(made_by).parameters.values()
        names += [p.name for p in every if p.kind not in VARIADIC and p.name != "self"]
        if all(p.kind is not p.VAR_KEYWORD for p in every):
            return names, False
    return names, True
