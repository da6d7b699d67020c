/* OpenSSL as its manual has it: EVP, contexts that are kept. It has no batch: whoever gathers messages calls it for
 * each. */
#include "peers.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

const char *openssl_version(void) { return OpenSSL_version(OPENSSL_VERSION_STRING); }
const char *openssl_instructions(void) { return OPENSSL_info(OPENSSL_INFO_CPU_SETTINGS); }

/* 128-NEA2 and 128-NIA2 of a UE, or with a key per message of whoever comes. */
typedef struct {
    EVP_CIPHER_CTX *cipher;
    EVP_MAC_CTX *mac;
} context;

typedef struct {
    uint32_t work, fresh, slot;
    size_t contexts;
    context *context;
    subscriber *subscribers;
    EVP_MAC_CTX *hmac;
} library;

const char *openssl_way(const task *task, size_t way) {
    if (way != 0 || (task->work != DERIVE && task->algorithm != 2))
        return NULL;
    return task->work == DERIVE ? "EVP_MAC HMAC, one context"
           : task->fresh        ? "EVP CTR and CMAC, one context"
                                : "EVP CTR and CMAC, contexts per UE";
}

static void contexts_new(library *self) {
    EVP_CIPHER *ctr = EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL);
    EVP_MAC *cmac = EVP_MAC_fetch(NULL, "CMAC", NULL);
    OSSL_PARAM with[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, "AES-128-CBC", 0),
                         OSSL_PARAM_construct_end()};
    CHECK(ctr != NULL && cmac != NULL);
    self->context = memory(self->contexts * sizeof *self->context);
    for (size_t i = 0; i < self->contexts; i++) {
        const subscriber *subscriber = &self->subscribers[i];
        context *ue = &self->context[i];
        ue->cipher = EVP_CIPHER_CTX_new();
        ue->mac = EVP_MAC_CTX_new(cmac);
        CHECK(ue->cipher != NULL && ue->mac != NULL);
        CHECK(EVP_EncryptInit_ex2(ue->cipher, ctr, subscriber->k_nas_enc, NULL, NULL));
        CHECK(EVP_MAC_init(ue->mac, subscriber->k_nas_int, 16, with));
    }
    EVP_CIPHER_free(ctr);
    EVP_MAC_free(cmac);
}

static void hmac_new(library *self) {
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
    OSSL_PARAM with[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0),
                         OSSL_PARAM_construct_end()};
    CHECK(algorithm != NULL);
    self->hmac = EVP_MAC_CTX_new(algorithm);
    CHECK(self->hmac != NULL && EVP_MAC_CTX_set_params(self->hmac, with));
    EVP_MAC_free(algorithm);
}

void *openssl_new(const task *task, size_t way) {
    CHECK(openssl_way(task, way) != NULL);
    library *self = memory(sizeof *self);
    self->work = task->work;
    self->fresh = task->fresh;
    self->slot = task->slot;
    self->subscribers = memory(task->ues * sizeof *self->subscribers);
    memcpy(self->subscribers, task->subscribers, task->ues * sizeof *self->subscribers);
    self->contexts = task->work == DERIVE ? 0 : task->fresh ? 1 : task->ues;
    if (task->work == DERIVE)
        hmac_new(self);
    else
        contexts_new(self);
    return self;
}

void openssl_free(void *state) {
    library *self = state;
    for (size_t i = 0; i < self->contexts; i++) {
        EVP_CIPHER_CTX_free(self->context[i].cipher);
        EVP_MAC_CTX_free(self->context[i].mac);
    }
    EVP_MAC_CTX_free(self->hmac);
    free(self->context);
    free(self->subscribers);
    free(self);
}

static void cipher(const library *self, const message *message, const uint8_t iv[16], const uint8_t *in, uint8_t *out) {
    const context *ue = &self->context[self->fresh ? 0 : message->ue];
    const uint8_t *key = self->fresh ? self->subscribers[message->ue].k_nas_enc : NULL;
    int len;
    CHECK(EVP_EncryptInit_ex2(ue->cipher, NULL, key, iv, NULL));
    CHECK(EVP_EncryptUpdate(ue->cipher, out, &len, in, (int)message->len) && len == (int)message->len);
}

/* The MAC over 8 octets of input and the message behind the header, with the former in the room of the header. */
static void mac(const library *self, const message *message, const uint8_t head[8], uint8_t *pdu, uint8_t out[16]) {
    const context *ue = &self->context[self->fresh ? 0 : message->ue];
    const uint8_t *key = self->fresh ? self->subscribers[message->ue].k_nas_int : NULL;
    size_t len;
    memcpy(pdu - 2, head, 8);
    CHECK(EVP_MAC_init(ue->mac, key, self->fresh ? 16 : 0, NULL));
    CHECK(EVP_MAC_update(ue->mac, pdu - 2, 8 + 1 + message->len));
    CHECK(EVP_MAC_final(ue->mac, out, &len, 16));
}

static void protect(const library *self, const message *message, const uint8_t *plain, uint8_t *slot) {
    uint8_t *pdu = slot + LEAD, iv[16] = {0}, out[16];
    input_head(iv, message->count, 1);
    cipher(self, message, iv, plain, pdu + BODY);
    pdu[6] = (uint8_t)message->count;
    mac(self, message, iv, pdu, out);
    header_type(pdu);
    memcpy(pdu + 2, out, 4);
}

static void verify(const library *self, const message *message, const uint8_t *in, uint8_t *slot) {
    uint8_t *pdu = slot + LEAD, iv[16] = {0}, out[16];
    input_head(iv, message->count, 0);
    memcpy(pdu + 6, in + 6, 1 + message->len);
    mac(self, message, iv, pdu, out);
    slot[0] = memcmp(out, in + 2, 4) == 0;
    if (slot[0])
        cipher(self, message, iv, pdu + BODY, pdu + BODY);
}

/* A new key per UE, both outputs under it. */
static void derive(const library *self, const message *message, uint8_t *keys) {
    for (unsigned type = 1; type <= 2; type++) {
        const uint8_t *key = type == 1 ? self->subscribers[message->ue].k_amf : NULL;
        uint8_t s[7], out[32];
        size_t len;
        k_nas_input(s, type, 2);
        CHECK(EVP_MAC_init(self->hmac, key, type == 1 ? 32 : 0, NULL));
        CHECK(EVP_MAC_update(self->hmac, s, sizeof s));
        CHECK(EVP_MAC_final(self->hmac, out, &len, sizeof out));
        memcpy(keys + 16 * (type - 1), out + 16, 16);
    }
}

void openssl_run(void *state, const round_of_work *round) {
    const library *self = state;
    for (size_t i = 0; i < round->count; i++) {
        const message *message = &round->messages[i];
        const uint8_t *in = round->in + i * self->slot;
        uint8_t *slot = round->out + i * self->slot;
        if (self->work == PROTECT)
            protect(self, message, in, slot);
        else if (self->work == VERIFY)
            verify(self, message, in + LEAD, slot);
        else
            derive(self, message, slot + LEAD);
    }
}
