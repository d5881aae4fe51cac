"""What Linux tells of processes: trees of them, their CPU time and memory; and how to end a tree.

Trees are found by scanning ``/proc``: its ``children`` files are missing from many kernels.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessTimes:
    """A process: its number, its parent's, and CPU seconds with those of its ended and awaited children."""

    pid: int
    parent: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident memory of a process in bytes.

    Parameters
    ----------
    own_bytes : int
        Anonymous and shared memory; pages that a fork shares with its parent count in both.
    file_bytes : int
        Mapped files, such as the code of libraries.
    peak_bytes : int
        The most that both together have been since the process was forked.
    """

    own_bytes: int
    file_bytes: int
    peak_bytes: int


def has_hard_limits() -> bool:
    """Return whether this platform can fork, limit, watch and end trees of processes as `server` does."""
    return sys.platform == "linux" and read_times(os.getpid()) is not None and read_memory(os.getpid()) is not None


def read_times(pid: int) -> ProcessTimes | None:
    """Return parent and CPU time of a process, or None if there is none."""
    try:
        content = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = content[content.rindex(b")") + 2 :].split()  # the name may hold spaces and brackets
    ticks = sum(int(field) for field in fields[11:15])
    return ProcessTimes(pid=pid, parent=int(fields[1]), cpu_seconds=ticks / os.sysconf("SC_CLK_TCK"))


def waiting_seconds(pid: int) -> float:
    """Return how long a process was ready to run and had no core: of its threads, the one that waited longest.

    0 if there is no such process, or the kernel does not count.
    """
    waited = [0]
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                waited.append(int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_bytes().split()[1]))
    return max(waited) / 1e9


def read_memory(pid: int) -> Memory | None:
    """Return the resident memory of a process, or None if there is none or it is a zombie."""
    try:
        content = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return None
    sizes = {}
    for line in content.splitlines():
        name, _, value = line.partition(b":")
        if name in (b"RssAnon", b"RssShmem", b"RssFile", b"VmHWM"):
            sizes[name] = 1024 * int(value.split()[0])
    if len(sizes) < 4:
        return None
    own = sizes[b"RssAnon"] + sizes[b"RssShmem"]
    return Memory(own_bytes=own, file_bytes=sizes[b"RssFile"], peak_bytes=sizes[b"VmHWM"])


def data_bytes() -> int:
    """Return what RLIMIT_DATA counts of this process: private writable memory, touched or not."""
    for line in Path("/proc/self/status").read_bytes().splitlines():
        if line.startswith(b"VmData:"):
            return 1024 * int(line.split()[1])
    raise OSError("/proc/self/status has no VmData")


def proportional_bytes(pid: int) -> int:
    """Return the anonymous and shared memory of a process, each page divided by its number of users.

    Summed over all users of a page, it counts once. 0 if there is no such process.
    """
    size_bytes = 0
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_bytes().splitlines():
            if line.startswith((b"Pss_Anon:", b"Pss_Shmem:")):
                size_bytes += 1024 * int(line.split()[1])
    return size_bytes


def written_bytes(pid: int) -> int:
    """Return the bytes that a process and its awaited children wrote to disks and did not delete again at once.

    0 if there is no such process, or the kernel does not count.
    """
    sizes = {}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/io").read_bytes().splitlines():
            name, _, value = line.partition(b":")
            sizes[name] = int(value)
    return max(0, sizes.get(b"write_bytes", 0) - sizes.get(b"cancelled_write_bytes", 0))


def descendants(root: int) -> list[ProcessTimes]:
    """Return all processes below ``root``, zombies included, in no order."""
    children: dict[int, list[ProcessTimes]] = {}
    for name in os.listdir("/proc"):
        times = read_times(int(name)) if name.isdigit() else None
        if times is not None:
            children.setdefault(times.parent, []).append(times)
    found: list[ProcessTimes] = []
    waiting = [root]
    while waiting:
        below = children.pop(waiting.pop(), [])
        found += below
        waiting += [process.pid for process in below]
    return found


def has_children() -> bool:
    """Return whether this process has children that it did not wait for, running or ended."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own, so that none leaves the tree."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """Have the kernel end this process when ``parent``, which must have one thread only, ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the request
        os._exit(1)


def end_descendants() -> None:
    """Kill every process below this one, which must have adopted orphans, and wait until none is left."""
    while has_children():
        for process in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        time.sleep(0.001)


def end_marked(session: int, folder: Path) -> None:
    """Kill every process of a session, or that was started with ``folder`` for its temporary files.

    What the session's leader left behind when it was killed: a process that opened a session of its own still
    has the environment.
    """
    mark = b"TMPDIR=" + os.fsencode(folder)
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.getsid(int(name)) == session or mark in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                os.kill(int(name), signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    """Call prctl(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
