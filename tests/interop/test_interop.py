"""pycrate and naslane speak the same 5G NAS: pycrate writes and reads the messages, naslane the security.

pycrate knows headers, sequence numbers and information elements on its own; its algorithms are naslane's
(`cm_shim`), pinned here to published vectors first.
"""

import itertools
import json
import pathlib
import unittest

import naslane
from pycrate_mobile.NAS5G import parse_NAS5G
from pycrate_mobile.TS24501_FGMM import (
    FGMMConfigurationUpdateCommand,
    FGMMIdentityRequest,
    FGMMRegistrationComplete,
    FGMMSecProtNASMessage,
    FGMMSecurityModeCommand,
    FGMMSecurityModeComplete,
    FGMMULNASTransport,
)

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors"
K_NAS_INT = bytes(range(16))
K_NAS_ENC = bytes(range(16, 32))

# Message, direction and header type of a context that is in use; with the types of the security mode procedure.
MESSAGES = [
    (FGMMRegistrationComplete(), naslane.UPLINK, 2),
    (FGMMULNASTransport(val={"PayloadContainer": {"V": bytes(40)}}), naslane.UPLINK, 2),
    (FGMMIdentityRequest(), naslane.DOWNLINK, 2),
    (FGMMConfigurationUpdateCommand(), naslane.DOWNLINK, 1),
    (FGMMSecurityModeCommand(), naslane.DOWNLINK, 3),
    (FGMMSecurityModeComplete(), naslane.UPLINK, 4),
]


def protected(message, sht, count, bearer, direction, nea, nia):
    """The PDU that pycrate makes of a message."""
    pdu = FGMMSecProtNASMessage(
        val={"5GMMHeaderSec": {"SecHdr": sht}, "Seqn": count & 0xFF, "NASMessage": message.to_bytes()}
    )
    how = {"dir": direction, "seqnoff": count & ~0xFF, "bearer": bearer}
    pdu.encrypt(key=K_NAS_ENC, fgea=nea, **how)
    pdu.mac_compute(key=K_NAS_INT, fgia=nia, **how)
    return pdu.to_bytes()


def opened(octets, count, bearer, direction, nea, nia):
    """What pycrate reads from a PDU: None when the MAC does not verify, else the inner octets."""
    pdu, error = parse_NAS5G(octets, inner=False)
    assert error == 0 and isinstance(pdu, FGMMSecProtNASMessage), error
    assert pdu["Seqn"].get_val() == count & 0xFF
    how = {"dir": direction, "seqnoff": count & ~0xFF, "bearer": bearer}
    if not pdu.mac_verify(key=K_NAS_INT, fgia=nia, **how):
        return None
    pdu.decrypt(key=K_NAS_ENC, fgea=nea, **how)
    return pdu["NASMessage"].get_val()


class Stateless(unittest.TestCase):
    """The algorithms with the key in the call."""

    def test_the_algorithms_give_the_published_results(self):
        tried = 0
        for kind, identity in itertools.product(("nea", "nia"), (1, 2, 3)):
            for case in json.loads((VECTORS / f"128-{kind}{identity}.json").read_text())["tests"]:
                octets, rest = divmod(case["length_bits"], 8)
                key, message = bytes.fromhex(case["key"]), bytes.fromhex(case["message"])
                where = (case["count"], case["bearer"], case["direction"])
                if kind == "nea":
                    # NAS has whole octets; the last bits of a set that ends within an octet are left out.
                    got = naslane.nea(identity, key, *where, message[:octets])
                    self.assertEqual(got, bytes.fromhex(case["ciphertext"])[:octets], case["name"])
                elif rest == 0:
                    got = naslane.nia(identity, key, *where, message)
                    self.assertEqual(got, bytes.fromhex(case["mac"]), case["name"])
                else:
                    continue
                tried += 1
        self.assertGreater(tried, 30)

    def test_pycrate_opens_what_it_protected(self):
        tables = itertools.product(MESSAGES, range(4), (1, 2, 3), (1, 2), (0, 255, 256, 0xFFFFFF))
        for (message, direction, sht), nea, nia, bearer, count in tables:
            where = (count, bearer, direction, nea, nia)
            octets = protected(message, sht, *where)
            inner = opened(octets, *where)
            self.assertEqual(inner, message.to_bytes(), where)
            self.assertEqual(parse_NAS5G(inner)[0].to_bytes(), message.to_bytes())
            # Ciphered is what the header type says, and nothing else.
            self.assertEqual(octets[7:] == message.to_bytes(), nea == 0 or sht in (1, 3), where)

    def test_every_octet_and_every_input_is_under_the_mac(self):
        message, direction, sht = MESSAGES[1]
        where = (0x1234, 1, direction, 2, 2)
        octets = protected(message, sht, *where)
        for at in range(2, len(octets)):
            bent = bytes(o ^ (at == n) for n, o in enumerate(octets))
            count = 0x1234 ^ (at == 6)
            self.assertIsNone(opened(bent, count, *where[1:]), at)
        for other in ((0x1334, 1, 0), (0x1234, 2, 0), (0x1234, 1, 1)):
            self.assertIsNone(opened(octets, *other, 2, 2), other)

    def test_what_is_no_algorithm_is_a_status(self):
        for identity in (4, 8, 255):
            with self.assertRaises(naslane.Status):
                naslane.nea(identity, K_NAS_ENC, 0, 1, 0, b"12345678")
            with self.assertRaises(naslane.Status):
                naslane.nia(identity, K_NAS_INT, 0, 1, 0, b"12345678")


if __name__ == "__main__":
    unittest.main()
