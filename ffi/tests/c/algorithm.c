/* Level 0 against published answers: TS 33.401 C.1.1, C.2.1 (EEA2 and EIA2 sets). */
#include "check.h"

static void unhex(const char *text, uint8_t *out) {
    for (; *text; text += 2, out++) {
        unsigned octet;
        CHECK(sscanf(text, "%2x", &octet) == 1);
        *out = (uint8_t)octet;
    }
}

/* 128-EEA2 test set 1: 253 bits; the last three bits of the published text are cut. */
static void nea2(void) {
    uint8_t key[16], plain[32], expected[32], out[32];
    unhex("d3c5d592327fb11c4035c6680af8c6d1", key);
    unhex("981ba6824c1bfb1ab485472029b71d808ce33e2cc3c0b5fc1f3de8a6dc66b1f0", plain);
    unhex("e9fed8a63d155304d71df20bf3e82214b20ed7dad2f233dc3c22d7bdeeed8e78", expected);
    OK(naslane_nea(2, key, 0x398a59b4, 0x15, 1, plain, 31, out));
    CHECK(memcmp(out, expected, 31) == 0);
    OK(naslane_nea(2, key, 0x398a59b4, 0x15, 1, out, 31, out));
    CHECK(memcmp(out, plain, 31) == 0);
}

/* 128-EIA2 test set 2: 64 bits. */
static void nia2(void) {
    uint8_t key[16], message[8], mac[4], expected[4];
    unhex("d3c5d592327fb11c4035c6680af8c6d1", key);
    unhex("484583d5afe082ae", message);
    unhex("b93787e6", expected);
    OK(naslane_nia(2, key, 0x398a59b4, 0x1a, 1, message, 8, mac));
    CHECK(memcmp(mac, expected, 4) == 0);
}

/* Every algorithm at every length around its blocks, in place, apart and at any alignment: the same octets. */
static void lengths(void) {
    static const size_t sizes[] = {0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 4095, 4096, 4097,
                                   8192, 8193, 65535, 65536};
    static uint8_t plain[65536 + 8], apart[65536 + 8], place[65536 + 8];
    const uint8_t key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i * 7);
    for (uint8_t id = 0; id < 4; id++) {
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            size_t len = sizes[s], shift = s % 8;
            uint8_t mac[4], again[4];
            memset(apart, 0xEE, sizeof apart);
            OK(naslane_nea(id, key, 0xFFFFFF, 31, 0, plain, len, apart));
            CHECK(apart[len] == 0xEE);
            memcpy(place + shift, plain, len);
            OK(naslane_nea(id, key, 0xFFFFFF, 31, 0, place + shift, len, place + shift));
            CHECK(memcmp(apart, place + shift, len) == 0);
            CHECK(id == 0 || len < 8 || memcmp(apart, plain, len) != 0); /* R41 */
            OK(naslane_nia(id, key, 7, 0, 1, plain, len, mac));
            memcpy(place + shift, plain, len);
            OK(naslane_nia(id, key, 7, 0, 1, place + shift, len, again));
            CHECK(memcmp(mac, again, 4) == 0);
        }
    }
    OK(naslane_nea(2, key, 0, 1, 0, NULL, 0, NULL)); /* R32 */
}

/* The chain of one authentication holds together: each step takes what the one before gave. */
static void derivations(void) {
    char snn[NASLANE_SNN_SIZE];
    uint8_t ck[16] = {1}, ik[16] = {2}, sqn[6] = {3}, key[32], k_amf[32], k_gnb[32], nh[32], enc[16], nint[16], one[16];
    const uint8_t abba[2] = {0, 0};
    OK(naslane_kdf_serving_network_name("001", "01", NULL, snn));
    CHECK(strcmp(snn, "5G:mnc001.mcc001.3gppnetwork.org") == 0);
    OK(naslane_kdf_k_ausf(ck, ik, snn, sqn, key));
    OK(naslane_kdf_k_seaf(key, snn, key));
    OK(naslane_kdf_k_amf(key, "imsi-001010000000001", abba, sizeof abba, k_amf));
    OK(naslane_kdf_k_nas(k_amf, 2, 2, enc, nint));
    OK(naslane_kdf_algorithm_key(k_amf, 1, 2, one));
    CHECK(memcmp(enc, one, 16) == 0);
    OK(naslane_kdf_algorithm_key(k_amf, 2, 2, one));
    CHECK(memcmp(nint, one, 16) == 0);
    OK(naslane_kdf_k_gnb(k_amf, 0, 1, k_gnb));
    OK(naslane_kdf_nh(k_amf, k_gnb, nh));
    CHECK(memcmp(k_gnb, nh, 32) != 0);
}

int main(void) {
    CHECK(strcmp(naslane_version(), NASLANE_VERSION) == 0);
    nea2();
    nia2();
    lengths();
    derivations();
    return 0;
}
