"""Memory sizes as people write them (`2GiB`, `500MB`, `1.5G`, `1024`), converted to MiB.

``KiB``, ``MiB``, … and the bare letters are powers of 1024, ``KB``, ``MB``, … powers of 1000; a plain number is MiB.
Fractions of a MiB are rounded up, so that a request is never smaller than what was written.
"""

import re

from canary_wf.errors import InputError

MIB = 1024 * 1024
LARGEST = 1 << 40
"""One EiB in MiB. Larger sizes are treated as typos."""

_SIZE = re.compile(r"([0-9]{1,30})(?:\.([0-9]{0,30}))?\s*(?:([KMGTPE])(iB|B)?|(B))?", re.IGNORECASE | re.ASCII)
_POWERS = "KMGTPE"
_EXPECTED = "write MiB or a size such as 500MB, 2GiB or 1.5G"


def parse_memory(value: str | float) -> int:
    """Return `value` in whole MiB, rounded up. Raises InputError for anything but a size from 0 to one EiB."""
    match = None if isinstance(value, bool) else _SIZE.fullmatch(str(value).strip())
    if match is None:
        raise InputError(f"memory {value!r:.80} is not understood", hint=_EXPECTED)
    whole, decimals, letter, suffix, plain_bytes = match.groups(default="")
    digits = int(whole + decimals)
    size: int = -(-digits * _unit(letter, suffix, plain_bytes) // (10 ** len(decimals) * MIB))
    if size > LARGEST:
        raise InputError(f"memory {value!r:.80} is out of range", hint=_EXPECTED)
    return size


def _unit(letter: str, suffix: str, plain_bytes: str) -> int:
    """Return the bytes of the unit."""
    if plain_bytes:
        return 1
    if not letter:
        return MIB
    base = 1000 if suffix.upper() == "B" else 1024
    return int(pow(base, _POWERS.index(letter.upper()) + 1))
