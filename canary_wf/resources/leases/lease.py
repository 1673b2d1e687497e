"""Host-wide leases: concurrent batches on one host never hand out the same CPU or GPU id.

A lease is a set of locked files (`resources.leases.lease_files`), taken all at once or not at all. A process that wants
ids first enters the queue of each type, in alphabetical order, and stays there while it waits. So nothing can overtake
it, and many small requests cannot starve a large one. Nobody holds ids while waiting, so there is no deadlock. Ids are
leased whole; slots are a matter of the holder's pool.
"""

import os
import stat
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from canary_wf.errors import CanaryWfError, one_line
from canary_wf.files.locks import warn_when_slow
from canary_wf.files.users import user_name
from canary_wf.resources.leases.lease_files import ALLOCATION, LeaseFolder, encode_name, sign, unlock
from canary_wf.resources.request import ResourceUnavailable

if TYPE_CHECKING:
    from canary_wf.files.locks import Holder

FOLDER_VARIABLE = "CANARY_WF_LEASE_DIR"
LOCKS = ""
"""The resource type under which locks are leased, one id per lock: the only name that no type of a pool can have."""

MESSAGE_SECONDS = 30.0
"""Seconds between two messages about the same wait."""

_QUEUE_SECONDS = 1.0
"""Shorter waits in a queue are not reported."""

_POLL_SECONDS = (0.01, 0.1)
"""The first and the longest pause between two attempts."""

_NAMED_HOLDERS = 4

_SHARED = Path("/run/lock")
_FALLBACK = Path("/tmp")  # noqa: S108 - all users must meet in one folder; nothing in it is trusted


class LeaseGivenUpError(CanaryWfError):
    """The caller asked to end the wait for a lease."""


def allocation_type(allocation: str, rtype: str) -> str:
    """Return the name under which ids of type `rtype` of the Slurm job `allocation` are leased."""
    return f"{ALLOCATION}{encode_name(allocation)}/{encode_name(rtype)}"


def lease_folder(
    environment: Mapping[str, str] = os.environ, shared: Path = _SHARED, fallback: Path = _FALLBACK
) -> Path:
    """Return the directory of the leases, the same one for every user of the host.

    It is CANARY_WF_LEASE_DIR if set, else a folder in `shared` if all users may create files there, else a folder in
    `fallback`. It does not depend on whether this process is root.
    """
    if environment.get(FOLDER_VARIABLE):
        return Path(environment[FOLDER_VARIABLE])
    try:
        mode = shared.stat().st_mode
    except OSError:
        mode = 0
    for_all = stat.S_IWOTH | stat.S_IXOTH | stat.S_ISVTX
    return shared / "canary-wf" if mode & for_all == for_all else fallback / "canary-wf-leases"


class Lease:
    """Ids that nobody else on this host holds, until `release`, the end of the ``with`` block, or of the process."""

    def __init__(self, ids: dict[str, list[str]], descriptors: list[int]) -> None:
        self.ids = ids
        self._descriptors = descriptors

    def join(self, other: "Lease") -> None:
        """Add the ids of `other`, which must then not be released by itself."""
        descriptors = {**self._descriptors_by_id(), **other._descriptors_by_id()}  # noqa: SLF001 - of the same class
        for rtype, ids in other.ids.items():
            self.ids.setdefault(rtype, []).extend(ids)
        self._descriptors[:] = [descriptors[rtype, name] for rtype, names in self.ids.items() for name in names]

    def rename(self, names: Mapping[str, str]) -> None:
        """Rename the types of `ids`."""
        self.ids = {names.get(rtype, rtype): ids for rtype, ids in self.ids.items()}

    def _descriptors_by_id(self) -> dict[tuple[str, str], int]:
        held = [(rtype, name) for rtype, names in self.ids.items() for name in names]
        return dict(zip(held, self._descriptors, strict=True))

    def release(self) -> None:
        """Give the ids back; calling it again has no effect."""
        while self._descriptors:
            unlock(self._descriptors.pop())

    def split_off(self, ids: Mapping[str, Collection[str]]) -> list[int]:
        """Remove `ids`, by type, from the lease and return the descriptors that hold their locks.

        Each copy of a descriptor keeps its id from others; the id is free when the last copy is closed.
        """
        held = [(rtype, name) for rtype, names in self.ids.items() for name in names]
        parted = [index for index, (rtype, name) in enumerate(held) if name in ids.get(rtype, ())]
        descriptors = [self._descriptors[index] for index in parted]
        self._descriptors[:] = [each for each in self._descriptors if each not in descriptors]
        return descriptors

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class HostLeases:
    """The leases of this host, kept in `directory` (default: `lease_folder`)."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = lease_folder() if directory is None else directory

    def acquire(
        self,
        requested: Mapping[str, int],
        candidates: Mapping[str, Sequence[str]],
        *,
        on_wait: Callable[[str], None],
        give_up: Callable[[], bool] | None = None,
    ) -> Lease:
        """Wait until `requested` ids of each type are free among the candidates, and lease the first ones.

        `on_wait` gets one line when a wait starts and at most every 30 s after that; `give_up` is called several
        times a second. Raises ResourceUnavailable at once if there are too few candidates, LeaseGivenUpError if
        `give_up` returns true, and WorkspaceError if the directory cannot be used.
        """
        pools = _distinct(requested, candidates)
        folder = LeaseFolder(self.directory)
        wait = _Wait(on_wait, give_up)
        since = time.time()
        queues: list[int] = []
        try:
            for rtype in sorted(pools):
                queues.append(_queue(folder, rtype, wait, since))  # noqa: PERF401 - one by one, so that an error finds them
            wait.restart()
            while True:
                lease = _try(folder, requested, pools)
                if lease is not None:
                    return lease
                wait.pause(lambda: _waited_for(folder, requested, pools, since))
        finally:
            for descriptor in queues:
                unlock(descriptor)
            folder.close()

    def acquire_now(self, requested: Mapping[str, int], candidates: Mapping[str, Sequence[str]]) -> Lease | None:
        """Lease like `acquire`, but return None instead of waiting. Raises the other errors of `acquire`."""
        try:
            return self.acquire(requested, candidates, on_wait=lambda _: None, give_up=lambda: True)
        except LeaseGivenUpError:
            return None


class _Wait:
    """The pauses of one wait, its messages and its end."""

    def __init__(self, on_wait: Callable[[str], None], give_up: Callable[[], bool] | None) -> None:
        self._on_wait = on_wait
        self._give_up = give_up
        self._next_message = 0.0
        self._last_message = -MESSAGE_SECONDS
        self._pause = _POLL_SECONDS[0]

    def restart(self, grace: float = 0.0) -> None:
        """Start with short pauses again; the first message comes after `grace` seconds."""
        self._pause = _POLL_SECONDS[0]
        self._next_message = max(self._last_message + MESSAGE_SECONDS, time.monotonic() + grace)

    def pause(self, what: Callable[[], str]) -> None:
        """Sleep a moment; report `what` is waited for when a message is due. Raises LeaseGivenUpError."""
        now = time.monotonic()
        if now >= self._next_message:
            self._last_message = now
            self._next_message = now + MESSAGE_SECONDS
            self._on_wait(what())
        if self._give_up is not None and self._give_up():
            raise LeaseGivenUpError(f"gave up {what()}")
        time.sleep(self._pause)
        self._pause = min(self._pause * 1.5, _POLL_SECONDS[1])


def _distinct(requested: Mapping[str, int], candidates: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    pools: dict[str, list[str]] = {}
    for rtype, number in requested.items():
        ids = list(dict.fromkeys(candidates.get(rtype, ())))
        if number > len(ids):
            raise ResourceUnavailable(
                f"asked for a lease of {number}, available on this host are {len(ids)}", where=rtype
            )
        if number > 0:
            pools[rtype] = ids
    return pools


def _queue(folder: LeaseFolder, rtype: str, wait: _Wait, since: float) -> int:
    name = f"{rtype}/queue" if rtype.startswith(ALLOCATION) else f"queue.{encode_name(rtype)}.lock"
    wait.restart(_QUEUE_SECONDS)
    with warn_when_slow(folder.path, f"if it never does, set {FOLDER_VARIABLE} to a folder on another file system"):
        descriptor = folder.lock(name)
    while descriptor is None:
        wait.pause(
            lambda: _wait_message(f"waiting for {_type_name(rtype)} behind", _holders(folder, name), since, folder.path)
        )
        descriptor = folder.lock(name)
    sign(descriptor, _signature())
    return descriptor


def _try(folder: LeaseFolder, requested: Mapping[str, int], pools: Mapping[str, Sequence[str]]) -> Lease | None:
    """Lock the first free ids of each type, or none at all."""
    ids: dict[str, list[str]] = {rtype: [] for rtype in requested}
    lease = Lease(ids, held := [])
    try:
        for rtype, names in pools.items():
            for name in names:
                if len(ids[rtype]) == requested[rtype]:
                    break
                if (descriptor := folder.lock(_file(rtype, name))) is not None:
                    held.append(descriptor)
                    ids[rtype].append(name)
            if len(ids[rtype]) < requested[rtype]:
                lease.release()
                return None
    except BaseException:  # Ctrl-C too gives the ids back
        lease.release()
        raise
    signature = _signature()
    for descriptor in held:
        sign(descriptor, signature)
    return lease


def _waited_for(
    folder: LeaseFolder, requested: Mapping[str, int], pools: Mapping[str, Sequence[str]], since: float
) -> str:
    asked = " and ".join(f"{requested[rtype]} of {len(names)} {_type_name(rtype)}" for rtype, names in pools.items())
    files = (_file(rtype, name) for rtype, names in pools.items() for name in names)
    holders: list[Holder | str | None] = []
    for file in files:
        if _is_locked(folder, file):
            holders += _holders(folder, file)
    return _wait_message(f"waiting for {asked}, held by", holders, since, folder.path)


def _holders(folder: LeaseFolder, name: str) -> "Sequence[Holder | str | None]":
    """Return the holders of the lock `name`: processes, None for an invisible one, or a description."""
    if name.startswith(ALLOCATION):
        return ["another batch in this Slurm job"]
    return folder.holders(name) or [None]


def _wait_message(text: str, holders: "Sequence[Holder | str | None]", since: float, folder: Path) -> str:
    """Return the text with the holders; if one is not this user's, also since when, and a remedy."""
    from canary_wf.files.locks import Holder  # late: start-up

    known = list(dict.fromkeys(holders)) or [None]
    named = [str(holder or "a process that is not seen from here") for holder in known]
    more = f" and {len(named) - _NAMED_HOLDERS} more" if len(named) > _NAMED_HOLDERS else ""
    text = f"{text} {', '.join(named[:_NAMED_HOLDERS])}{more}"
    users = {holder.uid for holder in known if isinstance(holder, Holder)} - {os.geteuid()}
    if users or None in known:
        ask = f"ask {' and '.join(sorted(map(user_name, users)))}, or " if users else ""
        clock = time.strftime("%H:%M:%S", time.localtime(since))
        text += f", since {clock}; if that should not be, {ask}set {FOLDER_VARIABLE} to another folder than {folder}"
    return one_line(text)


def _type_name(rtype: str) -> str:
    return "locks" if rtype == LOCKS else rtype.rpartition("/")[2] if rtype.startswith(ALLOCATION) else rtype


def _is_locked(folder: LeaseFolder, file: str) -> bool:
    """Return whether the file is locked; a killed holder leaves its name in the file, but no lock."""
    descriptor = folder.lock(file)
    if descriptor is None:
        return True
    unlock(descriptor)
    return False


def _file(rtype: str, name: str) -> str:
    if rtype.startswith(ALLOCATION):
        return f"{rtype}/id.{name}"
    return f"id.{encode_name(rtype)}.{encode_name(name)}.lock"


def _signature() -> str:
    return f"process {os.getpid()} of {user_name(os.geteuid())}"
