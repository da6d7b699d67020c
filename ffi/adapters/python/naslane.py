"""naslane for test engineers: the algorithms, the key derivations, and both halves of a UE's NAS security.

One file, no compiler: it needs libnaslane.so and naslane.h, installed or named by NASLANE_LIBRARY and NASLANE_HEADER.

    import naslane
    mac = naslane.nia(2, k_nas_int, count, naslane.GPP, naslane.UPLINK, message)

For a capture there is `naslane trace`.
"""

import ctypes
import ctypes.util
import os
import pathlib
import re
from ctypes import POINTER, Structure, byref, c_char_p, c_int32, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p



def _header():
    """The text of naslane.h: named, in the repository that this file lies in, or installed."""
    named = os.environ.get("NASLANE_HEADER")
    near = [above / "include" / "naslane.h" for above in pathlib.Path(__file__).resolve().parents]
    places = [pathlib.Path(named)] if named else [*near, pathlib.Path("/usr/local/include/naslane.h")]
    for place in places:
        if place.exists():
            return place.read_text()
    raise ImportError("no naslane.h; name it in NASLANE_HEADER")


_PATH = os.environ.get("NASLANE_LIBRARY") or ctypes.util.find_library("naslane")
if not _PATH:
    raise ImportError("no libnaslane.so; install it (ffi/install) or name it in NASLANE_LIBRARY")
LIBRARY = ctypes.CDLL(_PATH)
_HEADER = _header()

UPLINK, DOWNLINK = 0, 1
AMF, UE = 0, 1
GPP, NON_3GPP = 1, 2

_OCTETS = POINTER(c_uint8)


def constant(name):
    """Value of NASLANE_<name>, from the header."""
    found = re.search(rf"\bNASLANE_{name}\s*=?\s*(\d+)", _HEADER)
    return int(found.group(1))


class _Config(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("sessions", c_size_t),
        ("procedures", c_size_t),
        ("remembered_keys", c_size_t),
        ("warning_count", c_uint32),
        ("urgent_count", c_uint32),
        ("nea", c_uint8 * 4),
        ("nia", c_uint8 * 4),
        ("nea_len", c_uint8),
        ("nia_len", c_uint8),
        ("out_of_order", c_uint8),
        ("retransmissions", c_uint8),
        ("commands_before_loop", c_uint8),
        ("worker", c_uint8),
        ("flags", c_uint8),
        ("reserved", c_uint8),
    ]


class _Sent(Structure):
    _fields_ = [
        ("len", c_size_t),
        ("count", c_uint32),
        ("sht", c_uint8),
        ("near_wrap", c_uint8),
        ("diagnosis", c_uint8),
        ("cause", c_uint8),
    ]


class _Received(Structure):
    _fields_ = [
        ("status", c_int32),
        ("count", c_uint32),
        ("len", c_size_t),
        ("container_offset", c_size_t),
        ("container_len", c_size_t),
        ("pei_offset", c_size_t),
        ("pei_len", c_size_t),
        ("smc_status", c_int32),
        ("message_type", c_uint8),
        ("sht", c_uint8),
        ("follow_up", c_uint8),
        ("event", c_uint8),
        ("cause", c_uint8),
        ("diagnosis", c_uint8),
        ("near_wrap", c_uint8),
        ("flags", c_uint8),
        ("reserved", c_uint8 * 4),
    ]


class _Request(Structure):
    """Head of naslane_smc_request; what follows is left as the init function set it."""

    _fields_ = [
        ("size", c_size_t),
        ("access", c_uint8),
        ("target", c_uint8),
        ("nea", c_uint8),
        ("nia", c_uint8),
        ("ng_ksi", c_uint8),
        ("ongoing", c_uint8),
        ("flags", c_uint8),
        ("eps_algorithms", c_uint8),
        ("rest", c_uint64 * 32),
    ]


class _Ue(Structure):
    """Head of naslane_ue; what follows is left as the init function set it."""

    _fields_ = [
        ("size", c_size_t),
        ("ue_sec_cap", c_char_p),
        ("ue_sec_cap_len", c_size_t),
        ("imeisv", c_char_p),
        ("imeisv_len", c_size_t),
        ("whole_initial", c_char_p),
        ("whole_initial_len", c_size_t),
        ("rest", c_uint64 * 16),
    ]


class _SNssai(Structure):
    _fields_ = [("sst", c_uint8), ("has_sd", c_uint8), ("sd", c_uint8 * 3), ("reserved", c_uint8 * 3)]


class _Slice(Structure):
    _fields_ = [("s_nssai", _SNssai), ("mapped", _SNssai), ("flags", c_uint8), ("reserved", c_uint8 * 7)]


class _Admission(Structure):
    _fields_ = [
        ("len", c_size_t),
        ("allowed", c_uint8),
        ("pending", c_uint8),
        ("rejected", c_uint8),
        ("registration_result", c_uint8),
        ("reserved", c_uint8 * 4),
    ]


class _Action(Structure):
    _fields_ = [
        ("len", c_size_t),
        ("transaction", c_uint32),
        ("seconds", c_uint32),
        ("kind", c_uint8),
        ("access", c_uint8),
        ("reserved", c_uint8 * 6),
        ("slice", _Slice),
    ]


class _UeAction(Structure):
    _fields_ = [
        ("len", c_size_t),
        ("eap_offset", c_size_t),
        ("eap_len", c_size_t),
        ("s_nssai", _SNssai),
        ("kind", c_uint8),
        ("reserved", c_uint8 * 7),
    ]


_ALGORITHM = [c_uint8, c_char_p, c_uint32, c_uint8, c_uint8, c_char_p, c_size_t, _OCTETS]
_MESSAGE = [c_void_p, c_uint64, c_uint8, c_char_p, c_size_t, _OCTETS, c_size_t]
_FUNCTIONS = {
    "nea": _ALGORITHM,
    "nia": _ALGORITHM,
    "kdf_k_seaf": [c_char_p, c_char_p, _OCTETS],
    "kdf_k_amf": [c_char_p, c_char_p, c_char_p, c_size_t, _OCTETS],
    "kdf_k_nas": [c_char_p, c_uint8, c_uint8, _OCTETS, _OCTETS],
    "kdf_k_gnb": [c_char_p, c_uint32, c_uint8, _OCTETS],
    "config_init": [POINTER(_Config)],
    "engine_new": [POINTER(_Config), POINTER(c_void_p)],
    "engine_free": [c_void_p],
    "establish": [c_void_p, c_uint8, POINTER(c_uint64)],
    "authenticated": [c_void_p, c_uint64, c_char_p, c_uint8, c_char_p, c_size_t, c_uint8],
    "protect": [*_MESSAGE, POINTER(_Sent)],
    "verify": [*_MESSAGE, POINTER(_Received)],
    "decipher_container": [
        c_void_p, c_uint64, c_uint8, c_uint32, _OCTETS, c_size_t,
        POINTER(c_size_t), POINTER(c_size_t), POINTER(c_uint8),
    ],
    "smc_request_init": [POINTER(_Request)],
    "smc_command": [c_void_p, c_uint64, POINTER(_Request), _OCTETS, c_size_t, POINTER(_Sent)],
    "smc_resend": [c_void_p, c_uint64, c_uint8, _OCTETS, c_size_t, POINTER(_Sent)],
    "nssaa_start": [c_void_p, c_uint64, c_char_p, c_size_t, POINTER(_Slice), c_size_t],
    "nssaa_register": [
        c_void_p, c_uint64, c_uint8, c_uint8, POINTER(_Slice), c_size_t, _OCTETS, c_size_t, POINTER(_Admission),
    ],
    "nssaa_access": [c_void_p, c_uint64, c_uint8, c_uint8],
    "nssaa_poll": [c_void_p, c_uint64, _OCTETS, c_size_t, POINTER(_Action)],
    "nssaa_uplink": [*_MESSAGE, POINTER(_Received), POINTER(c_int32)],
    "nssaa_answer": [c_void_p, c_uint64, c_uint32, c_uint8, c_char_p, c_size_t],
    "nssaa_status": [c_void_p, c_uint64, POINTER(_SNssai), POINTER(c_uint8)],
    "nssaa_ue_command": [c_void_p, c_uint64, c_uint8, c_char_p, c_size_t, _OCTETS, c_size_t, POINTER(_UeAction)],
    "nssaa_ue_answer": [
        c_void_p, c_uint64, POINTER(_SNssai), c_char_p, c_size_t, _OCTETS, c_size_t, POINTER(c_size_t),
    ],
    "nssaa_ue_result": [c_void_p, c_uint64, c_char_p, c_size_t, POINTER(_SNssai), POINTER(c_uint8)],
    "ue_init": [POINTER(_Ue)],
    "ue_answer": [c_void_p, c_uint64, c_uint8, POINTER(_Ue), c_char_p, c_size_t, _OCTETS, c_size_t, POINTER(_Sent)],
}  # fmt: skip
for _name, _arguments in _FUNCTIONS.items():
    _function = getattr(LIBRARY, f"naslane_{_name}")
    _function.argtypes = _arguments
    _function.restype = c_int32


class Status(Exception):
    """A call did not answer OK; `number` is the status of the C ABI."""

    def __init__(self, verb, number):
        super().__init__(f"naslane_{verb} answers {number}")
        self.number = number


def call(verb, *arguments):
    """Calls naslane_<verb>; raises Status unless it answers OK."""
    number = getattr(LIBRARY, f"naslane_{verb}")(*arguments)
    if number != 0:
        raise Status(verb, number)


def _algorithm(verb, identity, key, count, bearer, direction, octets, out_len):
    if len(key) != 16:
        raise ValueError("a 128-bit key has 16 octets")
    out = (c_uint8 * max(out_len, 1))()
    call(verb, identity, key, count, bearer, direction, octets, len(octets), out)
    return bytes(out[:out_len])


def nea(identity, key, count, bearer, direction, octets):
    """Ciphers or deciphers `octets`."""
    return _algorithm("nea", identity, key, count, bearer, direction, octets, len(octets))


def nia(identity, key, count, bearer, direction, octets):
    """The four octets of NAS-MAC over `octets`."""
    return _algorithm("nia", identity, key, count, bearer, direction, octets, 4)


def _key(key, octets=32):
    if len(key) != octets:
        raise ValueError(f"this key has {octets} octets")
    return bytes(key)


def k_seaf(k_ausf, snn):
    """K_SEAF (TS 33.501 A.6); snn is the serving network name, as in 5G:mnc070.mcc999.3gppnetwork.org."""
    out = (c_uint8 * 32)()
    call("kdf_k_seaf", _key(k_ausf), snn.encode(), out)
    return bytes(out)


def k_amf(k_seaf, supi, abba=b"\0\0"):
    """K_AMF (A.7); supi is imsi-... or its digits."""
    out = (c_uint8 * 32)()
    call("kdf_k_amf", _key(k_seaf), supi.encode(), abba, len(abba), out)
    return bytes(out)


def k_nas(k_amf, nea_identity, nia_identity):
    """K_NASenc and K_NASint (A.8)."""
    enc, int_ = (c_uint8 * 16)(), (c_uint8 * 16)()
    call("kdf_k_nas", _key(k_amf), nea_identity, nia_identity, enc, int_)
    return bytes(enc), bytes(int_)


def k_gnb(k_amf, ul_nas_count, access=GPP):
    """K_gNB, or K_N3IWF for non-3GPP access (A.9)."""
    out = (c_uint8 * 32)()
    call("kdf_k_gnb", _key(k_amf), ul_nas_count, access, out)
    return bytes(out)


def _s_nssai(value):
    """An S-NSSAI from its value: SST, or SST and SD."""
    return _SNssai(value[0], int(len(value) == 4), (c_uint8 * 3)(*value[1:4]))


def _value(s_nssai):
    return bytes([s_nssai.sst]) + (bytes(s_nssai.sd) if s_nssai.has_sd else b"")


def _slices(values, flags):
    return (_Slice * len(values))(*(_Slice(s_nssai=_s_nssai(value), flags=flags) for value in values))


class Engine:
    """An engine whose operator wants one algorithm of each kind."""

    def __init__(self, nea_identity, nia_identity):
        config = _Config()
        call("config_init", byref(config))
        config.sessions = config.procedures = config.remembered_keys = 64
        config.nea[0], config.nea_len = nea_identity, 1
        config.nia[0], config.nia_len = nia_identity, 1
        self.pointer = c_void_p()
        call("engine_new", byref(config), byref(self.pointer))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        call("engine_free", self.pointer)


class Session:
    """One half of a subscriber, authenticated."""

    def __init__(self, engine, role, k_amf, ue_sec_cap, ng_ksi=0):
        self.engine, self.ue_sec_cap = engine.pointer, ue_sec_cap
        handle = c_uint64()
        call("establish", self.engine, role, byref(handle))
        self.handle = handle.value
        call("authenticated", self.engine, self.handle, k_amf, ng_ksi, ue_sec_cap, len(ue_sec_cap), 0)

    def protect(self, access, plain):
        """The PDU and its COUNT."""
        out, sent = (c_uint8 * (len(plain) + 7))(), _Sent()
        call("protect", self.engine, self.handle, access, plain, len(plain), out, len(out), byref(sent))
        return bytes(out[: sent.len]), sent.count

    def verify(self, access, pdu):
        """The plain message and the rest of the verdict."""
        out, received = (c_uint8 * len(pdu))(), _Received()
        call("verify", self.engine, self.handle, access, pdu, len(pdu), out, len(out), byref(received))
        return bytes(out[: received.len]), received

    def decipher_container(self, access, count, message):
        """The content of the NAS message container in a message that was just verified."""
        octets = (c_uint8 * len(message)).from_buffer_copy(message)
        offset, length, message_type = c_size_t(), c_size_t(), c_uint8()
        call(
            "decipher_container", self.engine, self.handle, access, count, octets, len(octets),
            byref(offset), byref(length), byref(message_type),
        )  # fmt: skip
        return bytes(octets[offset.value :][: length.value])

    def smc_command(self, access=GPP, flags=0):
        """A SECURITY MODE COMMAND for the partial context."""
        request, out, sent = _Request(), (c_uint8 * 512)(), _Sent()
        call("smc_request_init", byref(request))
        request.access, request.flags = access, flags
        if flags & constant("SMC_RINMR"):
            request.ongoing = 0x41  # REGISTRATION REQUEST
        call("smc_command", self.engine, self.handle, byref(request), out, len(out), byref(sent))
        return bytes(out[: sent.len]), sent.count

    def smc_resend(self):
        """The command again, after T3560."""
        out, sent = (c_uint8 * 512)(), _Sent()
        call("smc_resend", self.engine, self.handle, constant("RESEND_T3560"), out, len(out), byref(sent))
        return bytes(out[: sent.len]), sent.count

    def ue_answer(self, command, access=GPP, imeisv=b""):
        """The UE's answer to a SECURITY MODE COMMAND and the 5GMM cause of a reject."""
        ue, out, sent = _Ue(), (c_uint8 * 512)(), _Sent()
        call("ue_init", byref(ue))
        ue.ue_sec_cap, ue.ue_sec_cap_len = self.ue_sec_cap, len(self.ue_sec_cap)
        if imeisv:
            ue.imeisv, ue.imeisv_len = imeisv, len(imeisv)
        call(
            "ue_answer", self.engine, self.handle, access, byref(ue), command, len(command), out, len(out), byref(sent)
        )
        return bytes(out[: sent.len]), sent.cause

    # Network slice-specific authentication; S-NSSAIs are their values, SST or SST and SD.

    def nssaa_start(self, gpsi, s_nssais):
        """The subscription: slices that all need authentication."""
        slices = _slices(s_nssais, constant("SLICE_NSSAA"))
        call("nssaa_start", self.engine, self.handle, gpsi.encode(), len(gpsi), slices, len(slices))

    def nssaa_register(self, s_nssais, access=GPP):
        """A registration for these slices: the elements of the REGISTRATION ACCEPT. The runs begin."""
        out, admission, slices = (c_uint8 * 256)(), _Admission(), _slices(s_nssais, 0)
        call(
            "nssaa_register", self.engine, self.handle, access, constant("UE_NSSAA"), slices, len(slices),
            out, len(out), byref(admission),
        )  # fmt: skip
        call("nssaa_access", self.engine, self.handle, access, constant("ACCESS_REGISTERED"))
        return bytes(out[: admission.len])

    def nssaa_poll(self):
        """All that is to be done: kind, transaction, S-NSSAI and octets of each."""
        out, action, actions = (c_uint8 * constant("NSSAA_ROOM"))(), _Action(), []
        while True:
            call("nssaa_poll", self.engine, self.handle, out, len(out), byref(action))
            if action.kind == constant("NSSAA_NOTHING"):
                return actions
            actions.append(
                (action.kind, action.transaction, _value(action.slice.s_nssai), bytes(out[: action.len]))
            )

    def nssaa_uplink(self, pdu, access=GPP):
        """As verify(); the plain message, and the status of the procedure."""
        out, received, procedure = (c_uint8 * len(pdu))(), _Received(), c_int32()
        call(
            "nssaa_uplink", self.engine, self.handle, access, pdu, len(pdu), out, len(out),
            byref(received), byref(procedure),
        )  # fmt: skip
        return bytes(out[: received.len]), procedure.value

    def nssaa_answer(self, transaction, answer, eap=b""):
        """What the NSSAAF answered: CONTINUE, SUCCESS, FAILURE, REFUSED, CONTEXT_LOST or UNREACHABLE."""
        call("nssaa_answer", self.engine, self.handle, transaction, constant(f"ANSWER_{answer}"), eap, len(eap))

    def nssaa_status(self, s_nssai):
        """0 absent, 1 pending, 2 EAP_SUCCESS, 3 EAP_FAILURE."""
        status = c_uint8()
        call("nssaa_status", self.engine, self.handle, byref(_s_nssai(s_nssai)), byref(status))
        return status.value

    def nssaa_ue_command(self, command, access=GPP):
        """The UE takes a verified COMMAND: the S-NSSAI and the EAP-Request."""
        out, action = (c_uint8 * constant("NSSAA_ROOM"))(), _UeAction()
        call(
            "nssaa_ue_command", self.engine, self.handle, access, command, len(command), out, len(out), byref(action)
        )
        return _value(action.s_nssai), command[action.eap_offset :][: action.eap_len]

    def nssaa_ue_answer(self, s_nssai, eap):
        """The protected COMPLETE with an EAP-Response."""
        out, length = (c_uint8 * constant("NSSAA_ROOM"))(), c_size_t()
        call(
            "nssaa_ue_answer", self.engine, self.handle, byref(_s_nssai(s_nssai)), eap, len(eap),
            out, len(out), byref(length),
        )  # fmt: skip
        return bytes(out[: length.value])

    def nssaa_ue_result(self, result):
        """The UE takes a verified RESULT: the S-NSSAI and its status."""
        s_nssai, status = _SNssai(), c_uint8()
        call("nssaa_ue_result", self.engine, self.handle, result, len(result), byref(s_nssai), byref(status))
        return _value(s_nssai), status.value
