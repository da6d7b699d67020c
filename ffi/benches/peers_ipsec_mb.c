/* Intel's Multi-Buffer library at its best: keys expanded once, inputs built in place, calls without checks, and where
 * it has several ways, each of them.
 *
 * Its traps: snow3g_f8_n_buffer_multikey does nothing beyond 16 buffers; a chained SNOW 3G job of 1.3 with an offset of
 * the cipher gives wrong results, so that src is the message and the offset of the hash leads from there to the PDU.
 */
#include "peers.h"

#include <intel-ipsec-mb.h>

enum { F8_MAX = 16 };

/* With the instruction sets that it chooses for this processor. */
const char *ipsec_mb_version(void) {
    static const char *const names[] = {[IMB_ARCH_NOAESNI] = "no AES-NI", [IMB_ARCH_SSE] = "SSE", [IMB_ARCH_AVX] = "AVX",
                                        [IMB_ARCH_AVX2] = "AVX2", [IMB_ARCH_AVX512] = "AVX-512"};
    static char version[64];
    IMB_ARCH arch;
    IMB_MGR *mgr = alloc_mb_mgr(0);
    CHECK(mgr != NULL);
    init_mb_mgr_auto(mgr, &arch);
    const char *name = (size_t)arch < sizeof names / sizeof *names && names[arch] != NULL ? names[arch] : "another";
    snprintf(version, sizeof version, "%.31s (%s)", imb_get_version_str(), name);
    free_mb_mgr(mgr);
    return version;
}

/* Keys of a UE in the form that its algorithm wants, and COUNT. */
typedef struct {
    _Alignas(16) uint8_t enc[176];
    _Alignas(16) uint8_t mac[176];
    _Alignas(16) uint8_t subkey[2][16];
    uint32_t count;
} aes_ue;

typedef struct {
    _Alignas(16) uint8_t enc[16]; /* SNOW 3G: a snow3g_key_schedule_t */
    _Alignas(16) uint8_t mac[16];
    uint32_t count;
} stream_ue;

typedef struct {
    IMB_MGR *mgr;
    const comparison *comparison;
    aes_ue *aes;
    stream_ue *stream;
    _Alignas(16) uint8_t nea_iv[BATCH_MAX][16];
    _Alignas(16) uint8_t nia_iv[BATCH_MAX][16];
    IMB_JOB cipher[BATCH_MAX];
} library;

static library *library_new(const comparison *comparison) {
    library *self = memory(sizeof *self);
    IMB_ARCH arch;
    self->comparison = comparison;
    self->mgr = alloc_mb_mgr(0);
    CHECK(self->mgr != NULL);
    init_mb_mgr_auto(self->mgr, &arch);
    CHECK(arch != IMB_ARCH_NONE);
    if (comparison->algorithm == 2)
        self->aes = memory(UES * sizeof *self->aes);
    else if (comparison->algorithm != 0)
        self->stream = memory(UES * sizeof *self->stream);
    for (size_t i = 0; i < UES; i++) {
        const subscriber *subscriber = &comparison->subscribers[i];
        if (comparison->algorithm == 2) {
            aes_ue *ue = &self->aes[i];
            _Alignas(16) uint8_t unused[176];
            IMB_AES_KEYEXP_128(self->mgr, subscriber->k_nas_enc, ue->enc, unused);
            IMB_AES_KEYEXP_128(self->mgr, subscriber->k_nas_int, ue->mac, unused);
            IMB_AES_CMAC_SUBKEY_GEN_128(self->mgr, ue->mac, ue->subkey[0], ue->subkey[1]);
            ue->count = FIRST_COUNT;
        } else if (comparison->algorithm == 1) {
            stream_ue *ue = &self->stream[i];
            CHECK(IMB_SNOW3G_KEY_SCHED_SIZE(self->mgr) == sizeof ue->enc);
            IMB_SNOW3G_INIT_KEY_SCHED(self->mgr, subscriber->k_nas_enc, (snow3g_key_schedule_t *)ue->enc);
            IMB_SNOW3G_INIT_KEY_SCHED(self->mgr, subscriber->k_nas_int, (snow3g_key_schedule_t *)ue->mac);
            ue->count = FIRST_COUNT;
        } else if (comparison->algorithm == 3) {
            stream_ue *ue = &self->stream[i];
            memcpy(ue->enc, subscriber->k_nas_enc, 16);
            memcpy(ue->mac, subscriber->k_nas_int, 16);
            ue->count = FIRST_COUNT;
        }
    }
    return self;
}

static void library_end(void *state) {
    library *self = state;
    free_mb_mgr(self->mgr);
    free(self->aes);
    free(self->stream);
    free(self);
}

/* ---- initialisation vectors, TS 33.501 D.2 and D.3 by way of TS 35.215, 33.401 and 35.221 ---- */
static void nea_iv(uint8_t iv[16], unsigned algorithm, uint32_t count) {
    uint8_t half[8] = {0};
    big_endian(half, count);
    half[4] = ACCESS_3GPP << 3 | DOWNLINK << 2;
    memcpy(iv, half, 8);
    if (algorithm == 2)
        memset(iv + 8, 0, 8);
    else
        memcpy(iv + 8, half, 8);
}

static void nia_iv(uint8_t iv[16], uint32_t count) {
    uint8_t half[8] = {0};
    big_endian(half, count);
    half[4] = ACCESS_3GPP << 3;
    memcpy(iv, half, 8);
    half[0] ^= DOWNLINK << 7;
    half[6] ^= DOWNLINK << 7;
    memcpy(iv + 8, half, 8);
}

/* What CMAC takes in front of the message stands in the room of the header until the MAC is there. */
static void cmac_prefix(uint8_t *pdu, const uint8_t iv[16]) { memcpy(pdu - 2, iv, 8); }

/* ---- jobs ---- */
/* Submits and takes back what is filled in. */
static void finish(IMB_MGR *mgr, IMB_JOB **jobs, uint32_t count) {
    if (count == 1) {
        IMB_JOB *job = IMB_SUBMIT_JOB_NOCHECK(mgr);
        if (job == NULL)
            job = IMB_FLUSH_JOB(mgr);
        CHECK(job != NULL && job->status == IMB_STATUS_COMPLETED);
        return;
    }
    uint32_t done = IMB_SUBMIT_BURST_NOCHECK(mgr, count, jobs);
    for (;;) {
        for (uint32_t i = 0; i < done; i++)
            CHECK(jobs[i]->status == IMB_STATUS_COMPLETED);
        count -= done;
        if (count == 0)
            return;
        done = IMB_FLUSH_BURST(mgr, count, jobs);
        CHECK(done != 0);
    }
}

static void take(IMB_MGR *mgr, IMB_JOB **jobs, uint32_t count) {
    if (count == 1)
        jobs[0] = IMB_GET_NEXT_JOB(mgr);
    else
        CHECK(IMB_GET_NEXT_BURST(mgr, count, jobs) == count);
}

static void cipher_part(IMB_JOB *job, unsigned algorithm, const void *key, const uint8_t *iv) {
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->enc_keys = job->dec_keys = key;
    job->key_len_in_bytes = 16;
    job->iv = iv;
    job->iv_len_in_bytes = 16;
    job->cipher_start_src_offset_in_bytes = 0;
    job->msg_len_to_cipher_in_bytes = PLAIN;
    job->cipher_mode = IMB_CIPHER_CNTR;
    if (algorithm == 1) {
        job->cipher_mode = IMB_CIPHER_SNOW3G_UEA2_BITLEN;
        job->msg_len_to_cipher_in_bits = PLAIN * 8;
    } else if (algorithm == 3) {
        job->cipher_mode = IMB_CIPHER_ZUC_EEA3;
    }
}

static void no_cipher(IMB_JOB *job) {
    job->cipher_mode = IMB_CIPHER_NULL;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->msg_len_to_cipher_in_bytes = 0;
}

static void stream_mac_part(IMB_JOB *job, unsigned algorithm, const stream_ue *ue, const uint8_t *iv) {
    job->auth_tag_output_len_in_bytes = 4;
    job->msg_len_to_hash_in_bits = (1 + PLAIN) * 8;
    if (algorithm == 1) {
        job->hash_alg = IMB_AUTH_SNOW3G_UIA2_BITLEN;
        job->u.SNOW3G_UIA2._key = ue->mac;
        job->u.SNOW3G_UIA2._iv = iv;
    } else {
        job->hash_alg = IMB_AUTH_ZUC_EIA3_BITLEN;
        job->u.ZUC_EIA3._key = ue->mac;
        job->u.ZUC_EIA3._iv = iv;
    }
}

static void cmac_part(IMB_JOB *job, const aes_ue *ue) {
    job->hash_alg = IMB_AUTH_AES_CMAC;
    job->auth_tag_output_len_in_bytes = 4;
    job->msg_len_to_hash_in_bytes = 8 + 1 + PLAIN;
    job->u.CMAC._key_expanded = ue->mac;
    job->u.CMAC._skey1 = ue->subkey[0];
    job->u.CMAC._skey2 = ue->subkey[1];
}

/* One job a message, ciphering and MAC chained. */
static void chained_run(void *state, const round_of_work *work) {
    library *self = state;
    unsigned algorithm = self->comparison->algorithm;
    uint32_t batch = self->comparison->batch;
    IMB_JOB *jobs[BATCH_MAX];
    for (size_t first = 0; first < MESSAGES; first += batch) {
        take(self->mgr, jobs, batch);
        for (size_t j = 0; j < batch; j++) {
            IMB_JOB *job = jobs[j];
            uint32_t number = work->ue[first + j];
            const uint8_t *plain = work->plain + (first + j) * PLAIN, *hashed;
            uint8_t *pdu = work->out + (first + j) * SLOT + LEAD;
            uint32_t count = self->aes != NULL ? self->aes[number].count++ : self->stream[number].count++;
            header(pdu, count);
            nea_iv(self->nea_iv[j], algorithm, count);
            if (algorithm == 2) {
                cmac_prefix(pdu, self->nea_iv[j]);
                cipher_part(job, algorithm, self->aes[number].enc, self->nea_iv[j]);
                cmac_part(job, &self->aes[number]);
                hashed = pdu - 2;
            } else {
                nia_iv(self->nia_iv[j], count);
                cipher_part(job, algorithm, self->stream[number].enc, self->nea_iv[j]);
                stream_mac_part(job, algorithm, &self->stream[number], self->nia_iv[j]);
                hashed = pdu + 6;
            }
            job->chain_order = IMB_ORDER_CIPHER_HASH;
            job->src = plain;
            job->dst = pdu + 7;
            job->hash_start_src_offset_in_bytes = (uint64_t)((uintptr_t)hashed - (uintptr_t)plain);
            job->auth_tag_output = pdu + 2;
        }
        finish(self->mgr, jobs, batch);
        for (size_t j = 0; algorithm == 2 && j < batch; j++)
            memcpy(work->out + (first + j) * SLOT + LEAD, (uint8_t[2]){0x7E, INTEGRITY_AND_CIPHERING}, 2);
    }
}

/* ---- AES: a cipher burst, which keeps the constant part of its jobs, then CMAC jobs ---- */
static void aes_bursts_run(void *state, const round_of_work *work) {
    library *self = state;
    uint32_t batch = self->comparison->batch;
    IMB_JOB *jobs[BATCH_MAX];
    for (size_t first = 0; first < MESSAGES; first += batch) {
        for (size_t j = 0; j < batch; j++) {
            aes_ue *ue = &self->aes[work->ue[first + j]];
            uint8_t *pdu = work->out + (first + j) * SLOT + LEAD;
            nea_iv(self->nea_iv[j], 2, ue->count);
            self->cipher[j].enc_keys = ue->enc;
            self->cipher[j].src = work->plain + (first + j) * PLAIN;
            self->cipher[j].dst = pdu + 7;
            cmac_prefix(pdu, self->nea_iv[j]);
            pdu[6] = (uint8_t)ue->count++;
        }
        CHECK(IMB_SUBMIT_CIPHER_BURST_NOCHECK(self->mgr, self->cipher, batch, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT, 16) ==
              batch);
        take(self->mgr, jobs, batch);
        for (size_t j = 0; j < batch; j++) {
            uint8_t *pdu = work->out + (first + j) * SLOT + LEAD;
            no_cipher(jobs[j]);
            cmac_part(jobs[j], &self->aes[work->ue[first + j]]);
            jobs[j]->chain_order = IMB_ORDER_HASH_CIPHER;
            jobs[j]->src = pdu - 2;
            jobs[j]->hash_start_src_offset_in_bytes = 0;
            jobs[j]->auth_tag_output = pdu + 2;
        }
        finish(self->mgr, jobs, batch);
        for (size_t j = 0; j < batch; j++)
            memcpy(work->out + (first + j) * SLOT + LEAD, (uint8_t[2]){0x7E, INTEGRITY_AND_CIPHERING}, 2);
    }
}

/* ---- SNOW 3G and ZUC: direct calls ---- */
/* The arguments of an n-buffer call. */
typedef struct {
    const void *enc[BATCH_MAX], *mac[BATCH_MAX], *nea_iv[BATCH_MAX], *nia_iv[BATCH_MAX], *plain[BATCH_MAX];
    const void *hashed[BATCH_MAX];
    void *out[BATCH_MAX];
    uint32_t octets[BATCH_MAX], bits[BATCH_MAX], *tag[BATCH_MAX], tags[BATCH_MAX];
} buffers;

/* Fills buffers for a batch of messages from the first on; returns how many. */
static uint32_t gather(library *self, const round_of_work *work, size_t first, buffers *to) {
    uint32_t batch = self->comparison->batch;
    for (size_t j = 0; j < batch; j++) {
        stream_ue *ue = &self->stream[work->ue[first + j]];
        uint8_t *pdu = work->out + (first + j) * SLOT + LEAD;
        header(pdu, ue->count);
        nea_iv(self->nea_iv[j], self->comparison->algorithm, ue->count);
        nia_iv(self->nia_iv[j], ue->count++);
        to->enc[j] = ue->enc;
        to->mac[j] = ue->mac;
        to->nea_iv[j] = self->nea_iv[j];
        to->nia_iv[j] = self->nia_iv[j];
        to->plain[j] = work->plain + (first + j) * PLAIN;
        to->out[j] = pdu + 7;
        to->hashed[j] = pdu + 6;
        to->octets[j] = PLAIN;
        to->bits[j] = (1 + PLAIN) * 8;
        to->tag[j] = &to->tags[j];
    }
    return batch;
}

static void snow_single_run(void *state, const round_of_work *work) {
    library *self = state;
    for (size_t i = 0; i < MESSAGES; i++) {
        stream_ue *ue = &self->stream[work->ue[i]];
        uint8_t *pdu = work->out + i * SLOT + LEAD;
        header(pdu, ue->count);
        nea_iv(self->nea_iv[0], 1, ue->count);
        nia_iv(self->nia_iv[0], ue->count++);
        IMB_SNOW3G_F8_1_BUFFER(self->mgr, (const snow3g_key_schedule_t *)ue->enc, self->nea_iv[0],
                               work->plain + i * PLAIN, pdu + 7, PLAIN);
        IMB_SNOW3G_F9_1_BUFFER(self->mgr, (const snow3g_key_schedule_t *)ue->mac, self->nia_iv[0], pdu + 6,
                               (1 + PLAIN) * 8, pdu + 2);
    }
}

static void snow_f8_n(library *self, buffers *buffers, uint32_t batch) {
    for (uint32_t from = 0; from < batch; from += F8_MAX) {
        uint32_t count = batch - from < F8_MAX ? batch - from : F8_MAX;
        IMB_SNOW3G_F8_N_BUFFER_MULTIKEY(self->mgr, (const snow3g_key_schedule_t *const *)&buffers->enc[from],
                                        &buffers->nea_iv[from], &buffers->plain[from], &buffers->out[from],
                                        &buffers->octets[from], count);
    }
}

static void snow_n_run(void *state, const round_of_work *work) {
    library *self = state;
    buffers buffers;
    IMB_JOB *jobs[BATCH_MAX];
    for (size_t first = 0; first < MESSAGES; first += self->comparison->batch) {
        uint32_t batch = gather(self, work, first, &buffers);
        snow_f8_n(self, &buffers, batch);
        take(self->mgr, jobs, batch);
        for (size_t j = 0; j < batch; j++) {
            no_cipher(jobs[j]);
            stream_mac_part(jobs[j], 1, &self->stream[work->ue[first + j]], buffers.nia_iv[j]);
            jobs[j]->chain_order = IMB_ORDER_HASH_CIPHER;
            jobs[j]->src = buffers.hashed[j];
            jobs[j]->hash_start_src_offset_in_bytes = 0;
            jobs[j]->auth_tag_output = (uint8_t *)buffers.out[j] - 5;
        }
        finish(self->mgr, jobs, batch);
    }
}

static void zuc_single_run(void *state, const round_of_work *work) {
    library *self = state;
    for (size_t i = 0; i < MESSAGES; i++) {
        stream_ue *ue = &self->stream[work->ue[i]];
        uint8_t *pdu = work->out + i * SLOT + LEAD;
        uint32_t tag;
        header(pdu, ue->count);
        nea_iv(self->nea_iv[0], 3, ue->count);
        nia_iv(self->nia_iv[0], ue->count++);
        IMB_ZUC_EEA3_1_BUFFER(self->mgr, ue->enc, self->nea_iv[0], work->plain + i * PLAIN, pdu + 7, PLAIN);
        IMB_ZUC_EIA3_1_BUFFER(self->mgr, ue->mac, self->nia_iv[0], pdu + 6, (1 + PLAIN) * 8, &tag);
        memcpy(pdu + 2, &tag, 4);
    }
}

static void zuc_n_run(void *state, const round_of_work *work) {
    library *self = state;
    buffers buffers;
    for (size_t first = 0; first < MESSAGES; first += self->comparison->batch) {
        uint32_t batch = gather(self, work, first, &buffers);
        IMB_ZUC_EEA3_N_BUFFER(self->mgr, buffers.enc, buffers.nea_iv, buffers.plain, buffers.out, buffers.octets, batch);
        IMB_ZUC_EIA3_N_BUFFER(self->mgr, buffers.mac, buffers.nia_iv, buffers.hashed, buffers.bits, buffers.tag, batch);
        for (size_t j = 0; j < batch; j++)
            memcpy((uint8_t *)buffers.out[j] - 5, &buffers.tags[j], 4);
    }
}

/* ---- derivation: two HMAC jobs a UE, whose states for a new key are the caller's to compute ---- */
static void hmac_key(IMB_MGR *mgr, const uint8_t k_amf[32], uint8_t inner[32], uint8_t outer[32]) {
    uint8_t block[64];
    for (size_t i = 0; i < 64; i++)
        block[i] = (i < 32 ? k_amf[i] : 0) ^ 0x36;
    IMB_SHA256_ONE_BLOCK(mgr, block, inner);
    for (size_t i = 0; i < 64; i++)
        block[i] ^= 0x36 ^ 0x5C;
    IMB_SHA256_ONE_BLOCK(mgr, block, outer);
}

static void hmac_run(void *state, const round_of_work *work) {
    library *self = state;
    uint32_t batch = self->comparison->batch;
    _Alignas(16) uint8_t inner[BATCH_MAX][32], outer[BATCH_MAX][32], s[2][7], tags[2 * BATCH_MAX][32];
    IMB_JOB *jobs[2 * BATCH_MAX];
    k_nas_input(s[0], 1, 2);
    k_nas_input(s[1], 2, 2);
    for (size_t first = 0; first < MESSAGES; first += batch) {
        for (size_t j = 0; j < batch; j++)
            hmac_key(self->mgr, self->comparison->subscribers[work->ue[first + j]].k_amf, inner[j], outer[j]);
        take(self->mgr, jobs, 2 * batch);
        for (size_t j = 0; j < 2 * batch; j++) {
            no_cipher(jobs[j]);
            jobs[j]->chain_order = IMB_ORDER_HASH_CIPHER;
            jobs[j]->hash_alg = IMB_AUTH_HMAC_SHA_256;
            jobs[j]->u.HMAC._hashed_auth_key_xor_ipad = inner[j / 2];
            jobs[j]->u.HMAC._hashed_auth_key_xor_opad = outer[j / 2];
            jobs[j]->src = s[j % 2];
            jobs[j]->hash_start_src_offset_in_bytes = 0;
            jobs[j]->msg_len_to_hash_in_bytes = sizeof s[0];
            jobs[j]->auth_tag_output = tags[j];
            jobs[j]->auth_tag_output_len_in_bytes = 32;
        }
        finish(self->mgr, jobs, 2 * batch);
        for (size_t j = 0; j < 2 * batch; j++)
            memcpy(work->out + (first + j / 2) * SLOT + LEAD + 16 * (j % 2), tags[j] + 16, 16);
    }
}

/* ---- which ways there are ---- */
static void *bursts_new(const comparison *comparison) {
    library *self = library_new(comparison);
    for (size_t j = 0; j < BATCH_MAX; j++) {
        cipher_part(&self->cipher[j], 2, NULL, self->nea_iv[j]);
        self->cipher[j].hash_alg = IMB_AUTH_NULL;
        self->cipher[j].chain_order = IMB_ORDER_CIPHER_HASH;
    }
    return self;
}

typedef void (*way_run)(void *, const round_of_work *);

static contestant way(const comparison *comparison, const char *name, way_run run) {
    void *state = run == aes_bursts_run ? bursts_new(comparison) : library_new(comparison);
    return (contestant){.side = PEER, .library = "ipsec-mb", .way = name, .state = state, .run = run,
                        .end = library_end};
}

size_t ipsec_mb_contestants(const comparison *comparison, contestant *to) {
    size_t count = 0;
    unsigned single = comparison->batch == 1;
    switch (comparison->algorithm) {
    case 0:
        to[count++] = way(comparison, "HMAC-SHA-256 jobs", hmac_run);
        return count;
    case 1:
        to[count++] = single ? way(comparison, "f8, f9 1-buffer calls", snow_single_run)
                             : way(comparison, "f8 n-buffer calls, UIA2 jobs", snow_n_run);
        break;
    case 2:
        to[count++] = way(comparison, "cipher burst, CMAC jobs", aes_bursts_run);
        break;
    default:
        to[count++] = single ? way(comparison, "EEA3, EIA3 1-buffer calls", zuc_single_run)
                             : way(comparison, "EEA3, EIA3 n-buffer calls", zuc_n_run);
    }
    to[count++] = way(comparison, "chained jobs", chained_run);
    return count;
}
