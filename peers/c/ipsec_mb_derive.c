/* Derivation with Intel's Multi-Buffer library: HMAC-SHA-256, whose states for a new key are the caller's to compute,
 * or plain SHA-256 in its lanes over the padded key, which trades more compressions for wider ones. */
#include "ipsec_mb.h"

enum { PAD = 64, INNER = PAD + 7, OUTER = PAD + 32, JOBS = 2 * BATCH_MAX };

/* Scratch of a call: two outputs a UE. */
typedef struct {
    uint8_t inner[BATCH_MAX][32], outer[BATCH_MAX][32]; /* states of HMAC */
    uint8_t first[JOBS][128], second[JOBS][128];         /* what plain SHA-256 takes */
    uint8_t tag[JOBS][32], s[2][7];
} scratch;

static _Alignas(64) scratch at;

static void pad(uint8_t block[PAD], const uint8_t k_amf[32], uint8_t with) {
    for (size_t i = 0; i < 32; i++)
        block[i] = k_amf[i] ^ with;
    memset(block + 32, with, 32);
}

static void hmac_keys(library *self, const message *messages, uint32_t count) {
    uint8_t block[PAD];
    for (uint32_t j = 0; j < count; j++) {
        const uint8_t *k_amf = self->k_amf[messages[j].ue];
        pad(block, k_amf, 0x36);
        IMB_SHA256_ONE_BLOCK(self->mgr, block, at.inner[j]);
        pad(block, k_amf, 0x5C);
        IMB_SHA256_ONE_BLOCK(self->mgr, block, at.outer[j]);
    }
    k_nas_input(at.s[0], 1, 2);
    k_nas_input(at.s[1], 2, 2);
}

static void no_cipher(IMB_JOB *job) {
    job->cipher_mode = IMB_CIPHER_NULL;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->msg_len_to_cipher_in_bytes = 0;
    job->chain_order = IMB_ORDER_HASH_CIPHER;
    job->hash_start_src_offset_in_bytes = 0;
    job->auth_tag_output_len_in_bytes = 32;
}

static void fill_hmac(library *self, IMB_JOB *job, uint32_t j) {
    (void)self;
    no_cipher(job);
    job->hash_alg = IMB_AUTH_HMAC_SHA_256;
    job->u.HMAC._hashed_auth_key_xor_ipad = at.inner[j / 2];
    job->u.HMAC._hashed_auth_key_xor_opad = at.outer[j / 2];
    job->src = at.s[j % 2];
    job->msg_len_to_hash_in_bytes = sizeof at.s[0];
    job->auth_tag_output = at.tag[j];
}

static void fill_first(library *self, IMB_JOB *job, uint32_t j) {
    (void)self;
    no_cipher(job);
    job->hash_alg = IMB_AUTH_SHA_256;
    job->src = at.first[j];
    job->msg_len_to_hash_in_bytes = INNER;
    job->auth_tag_output = at.second[j] + PAD;
}

static void fill_second(library *self, IMB_JOB *job, uint32_t j) {
    (void)self;
    no_cipher(job);
    job->hash_alg = IMB_AUTH_SHA_256;
    job->src = at.second[j];
    job->msg_len_to_hash_in_bytes = OUTER;
    job->auth_tag_output = at.tag[j];
}

/* 1.3 has no bursts of plain SHA-256. */
static void hash_burst(library *self, uint32_t count) {
    for (uint32_t from = 0; from < count; from += IMB_MAX_BURST_SIZE) {
        uint32_t some = count - from < IMB_MAX_BURST_SIZE ? count - from : IMB_MAX_BURST_SIZE;
        for (uint32_t j = 0; j < some; j++)
            fill_hmac(self, &self->burst[j], from + j);
        CHECK(IMB_SUBMIT_HASH_BURST_NOCHECK(self->mgr, self->burst, some, IMB_AUTH_HMAC_SHA_256) == some);
    }
}

static void sha_messages(library *self, const message *messages, uint32_t count) {
    for (uint32_t j = 0; j < 2 * count; j++) {
        const uint8_t *k_amf = self->k_amf[messages[j / 2].ue];
        pad(at.first[j], k_amf, 0x36);
        k_nas_input(at.first[j] + PAD, 1 + j % 2, 2);
        pad(at.second[j], k_amf, 0x5C);
    }
}

typedef void call(library *, const message *, uint32_t count);

static void derive(library *self, const round_of_work *round, call *call) {
    for (size_t first = 0; first < round->count; first += self->batch) {
        call(self, round->messages + first, self->batch);
        for (size_t j = 0; j < 2 * self->batch; j++)
            memcpy(round->out + (first + j / 2) * self->slot + LEAD + 16 * (j % 2), at.tag[j] + 16, 16);
    }
}

static void hmac_jobs(library *self, const message *messages, uint32_t count) {
    hmac_keys(self, messages, count);
    jobs_run(self, 2 * count, fill_hmac);
}

static void hmac_burst(library *self, const message *messages, uint32_t count) {
    hmac_keys(self, messages, count);
    hash_burst(self, 2 * count);
}

static void sha_jobs(library *self, const message *messages, uint32_t count) {
    sha_messages(self, messages, count);
    jobs_run(self, 2 * count, fill_first);
    jobs_run(self, 2 * count, fill_second);
}

static void sha_direct(library *self, const message *messages, uint32_t count) {
    sha_messages(self, messages, count);
    for (uint32_t j = 0; j < 2 * count; j++) {
        IMB_SHA256(self->mgr, at.first[j], INNER, at.second[j] + PAD);
        IMB_SHA256(self->mgr, at.second[j], OUTER, at.tag[j]);
    }
}

void derive_hmac_jobs(library *self, const round_of_work *round) { derive(self, round, hmac_jobs); }
void derive_hmac_burst(library *self, const round_of_work *round) { derive(self, round, hmac_burst); }
void derive_sha_jobs(library *self, const round_of_work *round) { derive(self, round, sha_jobs); }
void derive_sha_direct(library *self, const round_of_work *round) { derive(self, round, sha_direct); }
