"""Where nets run: the device, and how many threads."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from autometa.errors import OptionError

DEVICES = ("cpu", "cuda", "mps")


def device_of(name: str) -> torch.device:
    """Return a device by its name.

    Raises
    ------
    OptionError
        If there is no such device here.
    """
    if name not in DEVICES:
        raise OptionError(f"no device '{name}'; choose one of: {', '.join(DEVICES)}")
    is_here = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not is_here[name]:
        raise OptionError(f"there is no device '{name}' on this machine; choose --device cpu")
    return torch.device(name)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from a seed inside the block, on one thread; the generator and the threads of others are left as they were.

    Nets as small as these are many times slower on two threads than on one.
    """
    n_threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=_cuda_in_use()), _mps_as_it_was():
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(n_threads)


def _cuda_in_use() -> list[int]:
    """Return the GPUs whose generators have been touched: looking at the others would start them."""
    is_used = torch.cuda.is_initialized()  # type: ignore[no-untyped-call] # torch has no annotation for it
    return list(range(torch.cuda.device_count())) if is_used else []


@contextmanager
def _mps_as_it_was() -> Iterator[None]:
    """Leave the generator of Apple's GPU, where there is one, as it was."""
    if not torch.backends.mps.is_available():
        yield
        return
    state = torch.mps.get_rng_state()
    try:
        yield
    finally:
        torch.mps.set_rng_state(state)
