"""Known answers through the binding, and a UE and an AMF that understand each other."""

import json
import pathlib
import unittest

import naslane

VECTORS = pathlib.Path(__file__).resolve().parents[3] / "tests" / "vectors"


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


class Answers(unittest.TestCase):
    def test_algorithms(self):
        for identity in (1, 2, 3):
            for verb, result in ((naslane.nea, "ciphertext"), (naslane.nia, "mac")):
                tests = vectors(f"128-{verb.__name__}{identity}")["tests"]
                # Of ciphering whole octets are taken: the key stream is the same for fewer.
                tests = [test for test in tests if verb is naslane.nea or test["length_bits"] % 8 == 0]
                self.assertTrue(tests)
                for test in tests:
                    digits = test["length_bits"] // 8 * 2
                    key, message = bytes.fromhex(test["key"]), bytes.fromhex(test["message"][:digits])
                    got = verb(identity, key, test["count"], test["bearer"], test["direction"], message)
                    wanted = test[result][:digits] if verb is naslane.nea else test[result]
                    self.assertEqual(got.hex(), wanted, test["name"])

    def test_derivations(self):
        seen = set()
        for vector in vectors("kdf_chain")["vectors"]:
            params = [bytes.fromhex(param["value"]) for param in vector.get("params") or ()]
            code, key = vector.get("fc"), bytes.fromhex(vector.get("key", ""))
            if code == "6c" and b"mnc01." not in params[0]:
                got = naslane.k_seaf(key, params[0].decode())
            elif code == "6d" and params[0].isdigit():
                got = naslane.k_amf(key, params[0].decode(), params[1])
            elif code == "69" and params[0] == b"\1":
                got = naslane.k_nas(key, params[1][0], 0)[0]
            elif code == "69" and params[0] == b"\2":
                got = naslane.k_nas(key, 0, params[1][0])[1]
            elif code == "6e":
                got = naslane.k_gnb(key, int.from_bytes(params[0], "big"), params[1][0])
            else:
                continue
            seen.add(code)
            self.assertEqual(got.hex(), vector["result"], vector["name"])
        self.assertEqual(seen, {"69", "6c", "6d", "6e"})

    def test_wrong_arguments(self):
        with self.assertRaises(naslane.Status):
            naslane.nea(4, bytes(16), 0, 1, 0, b"")
        with self.assertRaises(ValueError):
            naslane.nia(2, bytes(15), 0, 1, 0, b"")
        with self.assertRaises(ValueError):
            naslane.k_gnb(bytes(16), 0)


class Sessions(unittest.TestCase):
    def test_a_registration(self):
        k_amf, capability = bytes(range(32)), b"\xf0\xf0"
        with naslane.Engine(2, 2) as engine:
            amf = naslane.Session(engine, naslane.AMF, k_amf, capability)
            ue = naslane.Session(engine, naslane.UE, k_amf, capability)
            command, count = amf.smc_command()
            self.assertEqual(count, 0)
            answer, _ = ue.ue_answer(command)
            plain, _ = amf.verify(naslane.GPP, answer)
            self.assertEqual(plain[:3].hex(), "7e005e")
            pdu, count = amf.protect(naslane.GPP, bytes.fromhex("7e005411"))
            self.assertEqual(count, 1)
            self.assertEqual(ue.verify(naslane.GPP, pdu)[0].hex(), "7e005411")
            with self.assertRaises(naslane.Status):
                ue.verify(naslane.GPP, pdu)  # a replay


if __name__ == "__main__":
    unittest.main()
