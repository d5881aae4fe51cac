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
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(n_threads)
