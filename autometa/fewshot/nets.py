"""Arrays into nets and out of them."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from autometa.fewshot.devices import device_of
from autometa.fewshot.weights import Array


def tensors(device: str, *arrays: Array) -> tuple[Tensor, ...]:
    """Return arrays of numbers as tensors of single precision on a device."""
    place = device_of(device.partition(":")[0])
    return tuple(torch.from_numpy(np.ascontiguousarray(each, dtype=np.float32)).to(place) for each in arrays)


def arrays_of(net: nn.Module) -> dict[str, Array]:
    """Return what a net has learned, by name."""
    return {name: value.detach().cpu().numpy().copy() for name, value in net.state_dict().items()}


def fill(net: nn.Module, arrays: Mapping[str, Array]) -> None:
    """Give a net what another of the same shape has learned.

    Raises
    ------
    KeyError
        If arrays are missing, or there are others.
    RuntimeError
        If shapes differ.
    """
    own = net.state_dict()
    if own.keys() != arrays.keys():
        raise KeyError(f"other arrays: {', '.join(sorted(own.keys() ^ arrays.keys())[:3])}")
    net.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in arrays.items()})
