/* OpenSSL as its manual has it: EVP, one context per UE and direction of work, keys expanded once. */
#include "peers.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

const char *openssl_version(void) { return OpenSSL_version(OPENSSL_VERSION); }

/* ---- 128-NEA2 and 128-NIA2 ---- */
typedef struct {
    EVP_CIPHER_CTX *cipher;
    EVP_MAC_CTX *mac;
    uint32_t count;
} context;

static void *contexts_new(const comparison *comparison) {
    context *ue = memory(UES * sizeof *ue);
    EVP_CIPHER *ctr = EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL);
    EVP_MAC *cmac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    OSSL_PARAM with[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, "AES-128-CBC", 0),
                         OSSL_PARAM_construct_end()};
    CHECK(ctr != NULL && cmac != NULL);
    for (size_t i = 0; i < UES; i++) {
        const subscriber *subscriber = &comparison->subscribers[i];
        ue[i].cipher = EVP_CIPHER_CTX_new();
        ue[i].mac = EVP_MAC_CTX_new(cmac);
        ue[i].count = FIRST_COUNT;
        CHECK(ue[i].cipher != NULL && ue[i].mac != NULL);
        CHECK(EVP_EncryptInit_ex2(ue[i].cipher, ctr, subscriber->k_nas_enc, NULL, NULL));
        CHECK(EVP_MAC_init(ue[i].mac, subscriber->k_nas_int, 16, with));
    }
    EVP_CIPHER_free(ctr);
    EVP_MAC_free(cmac);
    return ue;
}

static void contexts_run(void *state, const round_of_work *work) {
    context *contexts = state;
    for (size_t i = 0; i < MESSAGES; i++) {
        context *ue = &contexts[work->ue[i]];
        uint8_t *pdu = work->out + i * SLOT + LEAD, mac[16], iv[16] = {0}, prefix[8] = {0};
        uint32_t count = ue->count++;
        int len;
        size_t mac_len;
        big_endian(iv, count);
        iv[4] = ACCESS_3GPP << 3 | DOWNLINK << 2;
        memcpy(prefix, iv, 8);
        CHECK(EVP_EncryptInit_ex2(ue->cipher, NULL, NULL, iv, NULL));
        CHECK(EVP_EncryptUpdate(ue->cipher, pdu + 7, &len, work->plain + i * PLAIN, PLAIN) && len == PLAIN);
        /* What CMAC takes stands in the room of the header: one update in place of two. */
        memcpy(pdu - 2, prefix, 8);
        pdu[6] = (uint8_t)count;
        CHECK(EVP_MAC_init(ue->mac, NULL, 0, NULL));
        CHECK(EVP_MAC_update(ue->mac, pdu - 2, 8 + 1 + PLAIN));
        CHECK(EVP_MAC_final(ue->mac, mac, &mac_len, sizeof mac));
        header(pdu, count);
        memcpy(pdu + 2, mac, 4);
    }
}

static void contexts_end(void *state) {
    context *ue = state;
    for (size_t i = 0; i < UES; i++) {
        EVP_CIPHER_CTX_free(ue[i].cipher);
        EVP_MAC_CTX_free(ue[i].mac);
    }
    free(ue);
}

/* ---- derivation: one context, a new key per UE, both outputs under it ---- */
typedef struct {
    EVP_MAC_CTX *mac;
    const comparison *comparison;
} hmac;

static EVP_MAC_CTX *hmac_new(void) {
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    OSSL_PARAM with[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
                         OSSL_PARAM_construct_end()};
    CHECK(algorithm != NULL);
    EVP_MAC_CTX *mac = EVP_MAC_CTX_new(algorithm);
    CHECK(mac != NULL && EVP_MAC_CTX_set_params(mac, with));
    EVP_MAC_free(algorithm);
    return mac;
}

static void hmac_k_nas(EVP_MAC_CTX *mac, const uint8_t k_amf[32], unsigned algorithm, uint8_t keys[KEYS]) {
    for (unsigned type = 1; type <= 2; type++) {
        uint8_t s[7], out[32];
        size_t len;
        k_nas_input(s, type, algorithm);
        CHECK(type == 1 ? EVP_MAC_init(mac, k_amf, 32, NULL) : EVP_MAC_init(mac, NULL, 0, NULL));
        CHECK(EVP_MAC_update(mac, s, sizeof s));
        CHECK(EVP_MAC_final(mac, out, &len, sizeof out));
        memcpy(keys + 16 * (type - 1), out + 16, 16);
    }
}

void reference_k_nas(const uint8_t k_amf[32], unsigned algorithm, uint8_t keys[KEYS]) {
    EVP_MAC_CTX *mac = hmac_new();
    hmac_k_nas(mac, k_amf, algorithm, keys);
    EVP_MAC_CTX_free(mac);
}

static void hmac_run(void *state, const round_of_work *work) {
    hmac *self = state;
    for (size_t i = 0; i < MESSAGES; i++)
        hmac_k_nas(self->mac, self->comparison->subscribers[work->ue[i]].k_amf, 2, work->out + i * SLOT + LEAD);
}

static void hmac_end(void *state) {
    hmac *self = state;
    EVP_MAC_CTX_free(self->mac);
    free(self);
}

size_t openssl_contestants(const comparison *comparison, contestant *to) {
    contestant one = {.side = PEER, .library = "OpenSSL"};
    /* It has no batch: whoever gathers messages calls it for each. */
    if (comparison->algorithm == 0) {
        hmac *self = memory(sizeof *self);
        self->mac = hmac_new();
        self->comparison = comparison;
        one.way = "EVP_MAC HMAC, one context";
        one.state = self;
        one.run = hmac_run;
        one.end = hmac_end;
    } else if (comparison->algorithm == 2) {
        one.way = "EVP CTR + CMAC, contexts per UE";
        one.state = contexts_new(comparison);
        one.run = contexts_run;
        one.end = contexts_end;
    } else {
        return 0;
    }
    to[0] = one;
    return 1;
}
