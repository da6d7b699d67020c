"""pycrate and naslane speak the same 5G NAS: pycrate writes and reads the messages, naslane the security.

pycrate knows headers, sequence numbers and information elements on its own; its algorithms are naslane's
(`cm_shim`), pinned here to published vectors first.
"""

import hashlib
import hmac
import itertools
import json
import pathlib
import unittest

import naslane
from pycrate_mobile.NAS5G import parse_NAS5G
from pycrate_mobile.TS24501_FGMM import (
    FGMMConfigurationUpdateCommand,
    FGMMIdentityRequest,
    FGMMNetworkSliceSpecAuthCommand,
    FGMMNetworkSliceSpecAuthComplete,
    FGMMNetworkSliceSpecAuthResult,
    FGMMRegistrationAccept,
    FGMMRegistrationComplete,
    FGMMRegistrationRequest,
    FGMMSecProtNASMessage,
    FGMMSecurityModeCommand,
    FGMMSecurityModeComplete,
    FGMMULNASTransport,
)

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors"
K_NAS_INT = bytes(range(16))
K_NAS_ENC = bytes(range(16, 32))
KEYS = (K_NAS_ENC, K_NAS_INT)
K_AMF = bytes(range(100, 132))
CAPABILITY = bytes.fromhex("f0702000")
IMEISV = bytes.fromhex("05214365870921436f")  # a 5GS mobile identity of type 5

# Message, direction and header type of a context that is in use; with the types of the security mode procedure.
MESSAGES = [
    (FGMMRegistrationComplete(), naslane.UPLINK, 2),
    (FGMMULNASTransport(val={"PayloadContainer": bytes(40)}), naslane.UPLINK, 2),
    (FGMMIdentityRequest(), naslane.DOWNLINK, 2),
    (FGMMConfigurationUpdateCommand(), naslane.DOWNLINK, 1),
    (FGMMSecurityModeCommand(), naslane.DOWNLINK, 3),
    (FGMMSecurityModeComplete(), naslane.UPLINK, 4),
]


def protected(octets, sht, where, keys=KEYS):
    """The PDU that pycrate makes of a plain message; `where` is COUNT, BEARER, DIRECTION, NEA and NIA."""
    count, bearer, direction, nea, nia = where
    pdu = FGMMSecProtNASMessage(val={"5GMMHeaderSec": {"SecHdr": sht}, "Seqn": count & 0xFF, "NASMessage": octets})
    how = {"dir": direction, "seqnoff": count & ~0xFF, "bearer": bearer}
    pdu.encrypt(key=keys[0], fgea=nea, **how)
    pdu.mac_compute(key=keys[1], fgia=nia, **how)
    return pdu.to_bytes()


def opened(octets, where, keys=KEYS):
    """The header type and the plain message that pycrate reads from a PDU; None when the MAC does not verify."""
    count, bearer, direction, nea, nia = where
    pdu, error = parse_NAS5G(octets, inner=False)
    assert error == 0 and isinstance(pdu, FGMMSecProtNASMessage), error
    assert pdu["Seqn"].get_val() == count & 0xFF
    how = {"dir": direction, "seqnoff": count & ~0xFF, "bearer": bearer}
    if not pdu.mac_verify(key=keys[1], fgia=nia, **how):
        return None
    pdu.decrypt(key=keys[0], fgea=nea, **how)
    return pdu["5GMMHeaderSec"]["SecHdr"].get_val(), pdu["NASMessage"].get_val()


def derived(nea, nia):
    """K_NASenc and K_NASint of K_AMF (TS 33.501 A.8), by Python's own HMAC."""
    kinds = ((1, nea), (2, nia))
    inputs = [bytes([0x69, kind, 0, 1, identity, 0, 1]) for kind, identity in kinds]
    return tuple(hmac.digest(K_AMF, octets, hashlib.sha256)[16:] for octets in inputs)


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
            octets = protected(message.to_bytes(), sht, where)
            read_sht, inner = opened(octets, where)
            self.assertEqual((read_sht, inner), (sht, message.to_bytes()), where)
            self.assertEqual(parse_NAS5G(inner)[0].to_bytes(), message.to_bytes())
            # Ciphered is what the header type says, and nothing else.
            self.assertEqual(octets[7:] == message.to_bytes(), nea == 0 or sht in (1, 3), where)

    def test_every_octet_and_every_input_is_under_the_mac(self):
        message, direction, sht = MESSAGES[1]
        where = (0x1234, 1, direction, 2, 2)
        octets = protected(message.to_bytes(), sht, where)
        for at in range(2, len(octets)):
            bent = bytes(o ^ (at == n) for n, o in enumerate(octets))
            count = 0x1234 ^ (at == 6)
            self.assertIsNone(opened(bent, (count, *where[1:])), at)
        for other in ((0x1334, 1, 0), (0x1234, 2, 0), (0x1234, 1, 1)):
            self.assertIsNone(opened(octets, (*other, 2, 2)), other)

    def test_what_is_no_algorithm_is_a_status(self):
        for identity in (4, 8, 255):
            with self.assertRaises(naslane.Status):
                naslane.nea(identity, K_NAS_ENC, 0, 1, 0, b"12345678")
            with self.assertRaises(naslane.Status):
                naslane.nia(identity, K_NAS_INT, 0, 1, 0, b"12345678")


class Peer:
    """The other half of a subscriber: pycrate with its own COUNTs and keys."""

    def __init__(self, direction, nea, nia):
        self.direction, self.algorithms = direction, (nea, nia)
        self.keys = derived(nea, nia)
        self.sent = self.received = 0

    def protect(self, octets, sht=2, access=naslane.GPP):
        where = (self.sent, access, self.direction, *self.algorithms)
        self.sent += 1
        return protected(octets, sht, where, self.keys)

    def open(self, octets, access=naslane.GPP):
        where = (self.received, access, 1 - self.direction, *self.algorithms)
        self.received += 1
        return opened(octets, where, self.keys)


class Sessions(unittest.TestCase):
    """One half is a session, the other one pycrate."""

    def status(self, name, call, *arguments):
        with self.assertRaises(naslane.Status) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.number, naslane.constant(f"E_{name}"))

    def on_every_algorithm(self, test):
        for nea, nia in itertools.product(range(4), (1, 2, 3)):
            with self.subTest(nea=nea, nia=nia), naslane.Engine(nea, nia) as engine:
                test(engine, nea, nia)

    def amf(self, engine, nea, nia):
        """A session of role AMF and a pycrate UE after the security mode procedure."""
        amf = naslane.Session(engine, naslane.AMF, K_AMF, CAPABILITY)
        ue = Peer(naslane.UPLINK, nea, nia)
        octets, count = amf.smc_command(flags=naslane.constant("SMC_IMEISV"))
        self.assertEqual(count, 0)
        sht, plain = ue.open(octets)
        self.assertEqual(sht, 3)
        command = self.command(plain, nea, nia)
        self.assertEqual(command["IMEISVReq"].to_uint() & 7, 1)

        complete = FGMMSecurityModeComplete(val={"IMEISV": IMEISV}).to_bytes()
        plain, received = amf.verify(naslane.GPP, ue.protect(complete, sht=4))
        self.assertEqual((plain, received.event), (complete, naslane.constant("EVENT_COMPLETED")))
        self.assertEqual(plain[received.pei_offset :][: received.pei_len], IMEISV)
        return amf, ue

    def command(self, plain, nea, nia):
        """The SECURITY MODE COMMAND as pycrate reads it."""
        command, error = parse_NAS5G(plain)
        self.assertEqual((error, type(command)), (0, FGMMSecurityModeCommand))
        self.assertEqual(command["NASSecAlgo"].to_bytes(), bytes([nea << 4 | nia]))
        self.assertEqual(command["UESecCap"].to_bytes(), bytes([len(CAPABILITY)]) + CAPABILITY)
        self.assertEqual(command["NAS_KSI"].to_uint(), 0)
        return command

    def test_an_amf_session_and_a_pycrate_ue(self):
        self.on_every_algorithm(self.amf_talks)

    def amf_talks(self, engine, nea, nia):
        amf, ue = self.amf(engine, nea, nia)
        for number in range(300):
            up = FGMMULNASTransport(val={"PayloadContainer": bytes(number % 90)}).to_bytes()
            octets = ue.protect(up)
            plain, received = amf.verify(naslane.GPP, octets)
            self.assertEqual((plain, received.count), (up, ue.sent - 1))
            down = FGMMIdentityRequest().to_bytes()
            octets, count = amf.protect(naslane.GPP, down)
            self.assertEqual(count, ue.received)
            self.assertEqual(ue.open(octets), (2, down))
            self.assertEqual(parse_NAS5G(down)[0].to_bytes(), down)

    def test_a_ue_session_and_a_pycrate_amf(self):
        self.on_every_algorithm(self.ue_talks)

    def ue_talks(self, engine, nea, nia):
        ue = naslane.Session(engine, naslane.UE, K_AMF, CAPABILITY)
        amf = Peer(naslane.DOWNLINK, nea, nia)
        command = FGMMSecurityModeCommand(
            val={"NASSecAlgo": bytes([nea << 4 | nia]), "NAS_KSI": 0, "UESecCap": CAPABILITY,
                 "IMEISVReq": 1}
        ).to_bytes()  # fmt: skip
        octets, cause = ue.ue_answer(amf.protect(command, sht=3), imeisv=IMEISV)
        self.assertEqual(cause, 0)
        sht, plain = amf.open(octets)
        complete, error = parse_NAS5G(plain)
        self.assertEqual((sht, error, type(complete)), (4, 0, FGMMSecurityModeComplete))
        self.assertEqual(complete["IMEISV"].to_bytes()[3:], IMEISV)
        for _ in range(300):
            octets, count = ue.protect(naslane.GPP, FGMMRegistrationComplete().to_bytes())
            self.assertEqual(count, amf.received)
            self.assertEqual(amf.open(octets), (2, FGMMRegistrationComplete().to_bytes()))
            down = FGMMConfigurationUpdateCommand().to_bytes()
            self.assertEqual(ue.verify(naslane.GPP, amf.protect(down))[0], down)

    def test_a_command_with_another_capability_is_rejected(self):
        with naslane.Engine(2, 2) as engine:
            ue = naslane.Session(engine, naslane.UE, K_AMF, CAPABILITY)
            amf = Peer(naslane.DOWNLINK, 2, 2)
            command = FGMMSecurityModeCommand(
                val={"NASSecAlgo": b"\x22", "NAS_KSI": 0, "UESecCap": b"\x20\x20"}
            )
            octets, cause = ue.ue_answer(amf.protect(command.to_bytes(), sht=3))
            self.assertEqual(cause, 23)
            self.assertEqual(octets, bytes([0x7E, 0, 95, 23]))

    def test_a_container_that_pycrate_ciphered(self):
        self.on_every_algorithm(self.container)

    def container(self, engine, nea, nia):
        amf, ue = self.amf(engine, nea, nia)
        identity = {"NAS_KSI": 0, "5GSRegType": 9, "5GSID": bytes.fromhex("f299f907020040c0000001")}
        whole = FGMMRegistrationRequest(val={**identity, "UESecCap": CAPABILITY, "5GMMCap": b"\x00"})
        content = whole.to_bytes()
        value = content
        if nea:
            value = naslane.nea(nea, ue.keys[0], ue.sent, naslane.GPP, naslane.UPLINK, content)
        request = FGMMRegistrationRequest(val={**identity, "UESecCap": CAPABILITY, "NASContainer": value})
        plain, received = amf.verify(naslane.GPP, ue.protect(request.to_bytes(), sht=1))
        self.assertEqual(plain[received.container_offset :][: received.container_len], value)
        self.assertEqual(amf.decipher_container(naslane.GPP, received.count, plain), content)
        self.assertEqual(parse_NAS5G(content)[0].to_bytes(), content)

    def test_replayed_bent_and_unprotected_messages_change_nothing(self):
        with naslane.Engine(2, 2) as engine:
            amf, ue = self.amf(engine, 2, 2)
            up = FGMMULNASTransport().to_bytes()
            octets = ue.protect(up)
            for at in range(2, len(octets)):
                bent = bytes(o ^ (at == n) for n, o in enumerate(octets))
                self.status("MAC", amf.verify, naslane.GPP, bent)
            self.status("PLAIN_REFUSED", amf.verify, naslane.GPP, up)
            self.assertEqual(amf.verify(naslane.GPP, octets)[0], up)
            self.status("REPLAY", amf.verify, naslane.GPP, octets)
            self.assertEqual(amf.verify(naslane.GPP, ue.protect(up))[0], up)

    def test_a_command_sent_again_has_its_own_count(self):
        with naslane.Engine(3, 3) as engine:
            amf = naslane.Session(engine, naslane.AMF, K_AMF, CAPABILITY)
            ue = Peer(naslane.UPLINK, 3, 3)
            first, _ = amf.smc_command()
            again, count = amf.smc_resend()
            self.assertEqual(count, 1)
            self.assertEqual(ue.open(first)[1], ue.open(again)[1])
            complete = FGMMSecurityModeComplete().to_bytes()
            self.assertEqual(amf.verify(naslane.GPP, ue.protect(complete, sht=4))[0], complete)


FIRST, SECOND = bytes.fromhex("0100000a"), bytes([2])  # S-NSSAIs with and without SD
EAP_REQUEST, EAP_RESPONSE, EAP_SUCCESS, EAP_FAILURE = range(1, 5)
PENDING, EAP_SUCCEEDED, EAP_FAILED = 1, 2, 3


def eap(code, identifier, data=b""):
    """An EAP packet (RFC 3748 4)."""
    return bytes([code, identifier]) + (len(data) + 4).to_bytes(2, "big") + data


class Slices(unittest.TestCase):
    """Network slice-specific authentication: one half is a session, the other one pycrate."""

    amf, command = Sessions.amf, Sessions.command
    on_every_algorithm = Sessions.on_every_algorithm

    def read(self, plain, kind):
        """S-NSSAI and EAP message as pycrate reads them."""
        message, error = parse_NAS5G(plain)
        self.assertEqual((error, type(message), message.to_bytes()), (0, kind, plain))
        s_nssai, packet = message["SNSSAI"].to_bytes(), message["EAPMsg"].to_bytes()
        self.assertEqual((s_nssai[0], int.from_bytes(packet[:2], "big")), (len(s_nssai) - 1, len(packet) - 2))
        return s_nssai[1:], packet[2:]

    def done(self, amf, ue):
        """All that is to be done, by its kind: plain messages as the UE has them, questions to the NSSAAF."""
        names = {naslane.constant(f"NSSAA_{name}"): name for name in ("COMMAND", "RESULT", "UPDATE", "ASK", "ASK_ON")}
        done = {}
        for kind, *question in amf.nssaa_poll():
            name = names.get(kind)
            if name in ("ASK", "ASK_ON"):
                done[name] = question
            elif name:
                sht, done[name] = ue.open(question[-1])
                self.assertEqual(sht, 2)
        return done

    def test_an_amf_session_and_a_pycrate_ue(self):
        self.on_every_algorithm(self.amf_authenticates)

    def amf_authenticates(self, engine, nea, nia):
        amf, ue = self.amf(engine, nea, nia)
        amf.nssaa_start("msisdn-491701234567", [FIRST, SECOND])
        elements = amf.nssaa_register([FIRST, SECOND])
        accept = bytes.fromhex("7e0042") + bytes([1, 0x11]) + elements
        accept, error = parse_NAS5G(accept)
        self.assertEqual((error, type(accept)), (0, FGMMRegistrationAccept))
        pending = b"".join(bytes([len(value)]) + value for value in (FIRST, SECOND))
        self.assertEqual(accept["PendingNSSAI"].to_bytes()[2:], pending)
        done = self.done(amf, ue)
        for s_nssai, verdict in ((FIRST, EAP_SUCCEEDED), (SECOND, EAP_FAILED)):
            done = self.one_slice(amf, ue, s_nssai, verdict, done["COMMAND"])
            self.assertEqual(amf.nssaa_status(s_nssai), verdict)
        message, error = parse_NAS5G(done["UPDATE"])
        self.assertEqual((error, type(message)), (0, FGMMConfigurationUpdateCommand))
        self.assertEqual(message["AllowedNSSAI"].to_bytes()[2:], bytes([len(FIRST)]) + FIRST)
        self.assertEqual(message["RejectedNSSAI"].to_bytes()[2:], bytes([0x12, 2]))

    def one_slice(self, amf, ue, s_nssai, verdict, command):
        """The run of one slice, with EAP messages up to the longest; returns what its end leads to."""
        named, request = self.read(command, FGMMNetworkSliceSpecAuthCommand)
        self.assertEqual((named, request[0], request[4]), (s_nssai, EAP_REQUEST, 1))
        response = eap(EAP_RESPONSE, request[1], b"\x01user@slice.example")
        transaction = self.answers(amf, ue, s_nssai, response, "ASK")
        request = eap(EAP_REQUEST, 77, bytes([99]) * 1496)
        amf.nssaa_answer(transaction, "CONTINUE", request)
        command = self.done(amf, ue)["COMMAND"]
        self.assertEqual(self.read(command, FGMMNetworkSliceSpecAuthCommand), (s_nssai, request))
        transaction = self.answers(amf, ue, s_nssai, eap(EAP_RESPONSE, 77, bytes([98]) * 1496), "ASK_ON")
        answer, code = ("SUCCESS", EAP_SUCCESS) if verdict == EAP_SUCCEEDED else ("FAILURE", EAP_FAILURE)
        amf.nssaa_answer(transaction, answer, eap(code, 77))
        done = self.done(amf, ue)
        self.assertEqual(self.read(done["RESULT"], FGMMNetworkSliceSpecAuthResult), (s_nssai, eap(code, 77)))
        return done

    def answers(self, amf, ue, s_nssai, response, kind):
        """A COMPLETE of pycrate; returns the transaction of the question that it leads to."""
        complete = FGMMNetworkSliceSpecAuthComplete(val={"SNSSAI": s_nssai, "EAPMsg": response}).to_bytes()
        self.assertEqual(amf.nssaa_uplink(ue.protect(complete)), (complete, 0))
        transaction, named, told = self.done(amf, ue)[kind]
        self.assertEqual((named, told), (s_nssai, response))
        return transaction

    def test_a_complete_that_does_not_belong_changes_nothing(self):
        with naslane.Engine(2, 2) as engine:
            amf, ue = self.amf(engine, 2, 2)
            amf.nssaa_start("msisdn-491701234567", [FIRST])
            amf.nssaa_register([FIRST])
            _, request = self.read(self.done(amf, ue)["COMMAND"], FGMMNetworkSliceSpecAuthCommand)
            right = eap(EAP_RESPONSE, request[1], b"\x01user")
            for s_nssai, packet, name in (
                (SECOND, right, "SLICE"),
                (FIRST, eap(EAP_RESPONSE, request[1] ^ 1, b"\x01user"), "UNEXPECTED"),
                (FIRST, eap(EAP_REQUEST, request[1], b"\x01user"), "MALFORMED_IE"),
                (FIRST, right[:-1], "MALFORMED_IE"),
            ):
                complete = FGMMNetworkSliceSpecAuthComplete(val={"SNSSAI": s_nssai, "EAPMsg": packet}).to_bytes()
                plain, procedure = amf.nssaa_uplink(ue.protect(complete))
                self.assertEqual((plain, procedure), (complete, naslane.constant(f"E_{name}")), name)
                self.assertEqual((amf.nssaa_poll(), amf.nssaa_status(FIRST)), ([], PENDING))

    def test_a_ue_session_and_a_pycrate_amf(self):
        self.on_every_algorithm(self.ue_is_authenticated)

    def ue_is_authenticated(self, engine, nea, nia):
        ue = naslane.Session(engine, naslane.UE, K_AMF, CAPABILITY)
        amf = Peer(naslane.DOWNLINK, nea, nia)
        command = FGMMSecurityModeCommand(
            val={"NASSecAlgo": bytes([nea << 4 | nia]), "NAS_KSI": 0, "UESecCap": CAPABILITY}
        )
        octets, _ = ue.ue_answer(amf.protect(command.to_bytes(), sht=3))
        amf.open(octets)
        for s_nssai, code in ((FIRST, EAP_SUCCESS), (SECOND, EAP_FAILURE)):
            request = eap(EAP_REQUEST, 5, bytes([1]) * 1400)
            val = {"SNSSAI": s_nssai, "EAPMsg": request}
            command = FGMMNetworkSliceSpecAuthCommand(val=val).to_bytes()
            plain, _ = ue.verify(naslane.GPP, amf.protect(command))
            self.assertEqual(ue.nssaa_ue_command(plain), (s_nssai, request))
            response = eap(EAP_RESPONSE, 5, bytes([1]) * 1496)
            _, plain = amf.open(ue.nssaa_ue_answer(s_nssai, response))
            self.assertEqual(self.read(plain, FGMMNetworkSliceSpecAuthComplete), (s_nssai, response))
            result = FGMMNetworkSliceSpecAuthResult(val={"SNSSAI": s_nssai, "EAPMsg": eap(code, 5)}).to_bytes()
            plain, _ = ue.verify(naslane.GPP, amf.protect(result))
            self.assertEqual(ue.nssaa_ue_result(plain), (s_nssai, EAP_SUCCEEDED if code == EAP_SUCCESS else EAP_FAILED))


if __name__ == "__main__":
    unittest.main()
