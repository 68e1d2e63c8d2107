"""What a network makes of one input: its impulse response."""

import numpy as np
import torch
from numpy.typing import NDArray

from seqlearn.modules import ManyToMany

Array = NDArray[np.float64]


def impulse_response(module: ManyToMany, steps: int) -> Array:
    """Give what an input of 1 at one step, and 0 at all others, adds to the outputs from then on.

    A linear network (cell ``rnn``, ``nonlinearity: identity``) is a moving average: at every step
    it says ``sum(response[k] @ x[t - k] for k in range(t + 1))``, and with that what it says to
    zeros. Of another network this is no more than its answer to one input of this size.

    Args:
        module: The network.
        steps: Steps to look at.

    Returns:
        ``(steps, C, F)``: for each lag, the weight of each input in each output.

    Example:
        >>> linear = {"cell_args": {"nonlinearity": "identity"}, "hidden_size": 1}
        >>> network = ManyToMany(1, 1, "regression", **linear)
        >>> for weight in network.parameters():
        ...     _ = torch.nn.init.constant_(weight, 0.5)
        >>> impulse_response(network, 4).ravel()
        array([0.25   , 0.125  , 0.0625 , 0.03125])
    """
    impulses = torch.zeros(module.input_size + 1, steps, module.input_size, device=module.device)
    impulses[1:, 0] = torch.eye(module.input_size)
    training = module.training
    module.eval()
    with torch.no_grad():
        outputs = module(impulses).double().cpu().numpy()
    module.train(training)
    response: Array = np.moveaxis(outputs[1:] - outputs[0], 0, -1)
    return response


def closed_loop(response: Array) -> Array:
    """Give what a shock comes to where each output is the next input: ``(steps, C, C)``.

    A network that forecasts one step ahead takes ``x[t] = output[t - 1] + shock[t]`` to have made
    what it sees; this is the impulse response of that process.

    Args:
        response: ``(steps, C, C)``, as of `impulse_response`.
    """
    whole = np.zeros_like(response)
    whole[0] = np.eye(response.shape[1])
    for k in range(1, len(response)):
        whole[k] = np.einsum("jab,jbc->ac", response[:k], whole[k - 1 :: -1])
    return whole
