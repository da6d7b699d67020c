"""The C ABI of naslane for Python: the only place here that knows C names and types (include/naslane.h)."""

import ctypes
import os
from ctypes import POINTER, c_char_p, c_int32, c_size_t, c_uint8, c_uint32

LIBRARY = ctypes.CDLL(os.environ["NASLANE_LIBRARY"])

UPLINK, DOWNLINK = 0, 1

_ALGORITHM = [c_uint8, c_char_p, c_uint32, c_uint8, c_uint8, c_char_p, c_size_t, POINTER(c_uint8)]
for _name in ("naslane_nea", "naslane_nia"):
    _function = getattr(LIBRARY, _name)
    _function.argtypes = _ALGORITHM
    _function.restype = c_int32


class Status(Exception):
    """A call did not answer OK; `number` is the status of the C ABI."""

    def __init__(self, verb, number):
        super().__init__(f"{verb} answers {number}")
        self.number = number


def checked(verb, number):
    """Raises Status unless `number` is OK."""
    if number != 0:
        raise Status(verb, number)


def _algorithm(name, identity, key, count, bearer, direction, octets, out_len):
    if len(key) != 16:
        raise ValueError("a 128-bit key has 16 octets")
    out = (c_uint8 * max(out_len, 1))()
    call = getattr(LIBRARY, name)
    checked(name, call(identity, key, count, bearer, direction, octets, len(octets), out))
    return bytes(out[:out_len])


def nea(identity, key, count, bearer, direction, octets):
    """Ciphers or deciphers `octets`."""
    return _algorithm("naslane_nea", identity, key, count, bearer, direction, octets, len(octets))


def nia(identity, key, count, bearer, direction, octets):
    """The four octets of NAS-MAC over `octets`."""
    return _algorithm("naslane_nia", identity, key, count, bearer, direction, octets, 4)
