/* Jobs of Intel's Multi-Buffer library: ciphers, MACs, both chained.
 *
 * A trap: a chained SNOW 3G job of 1.3 with an offset of the cipher gives wrong results, so that src is the message and
 * the offset of the hash leads from there to the PDU.
 */
#include "ipsec_mb.h"

static uint32_t completed(IMB_JOB **jobs, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        CHECK(jobs[i]->status == IMB_STATUS_COMPLETED);
    return count;
}

static uint32_t flush(IMB_MGR *mgr, IMB_JOB **jobs, uint32_t pending) {
    while (pending != 0) {
        uint32_t done = IMB_FLUSH_BURST(mgr, pending < IMB_MAX_BURST_SIZE ? pending : IMB_MAX_BURST_SIZE, jobs);
        CHECK(done != 0);
        pending -= completed(jobs, done);
    }
    return 0;
}

void jobs_run(library *self, uint32_t count, void (*fill)(library *, IMB_JOB *, uint32_t)) {
    IMB_JOB *jobs[IMB_MAX_BURST_SIZE];
    uint32_t pending = 0;
    if (count == 1) {
        IMB_JOB *job = IMB_GET_NEXT_JOB(self->mgr);
        fill(self, job, 0);
        job = IMB_SUBMIT_JOB_NOCHECK(self->mgr);
        if (job == NULL)
            job = IMB_FLUSH_JOB(self->mgr);
        CHECK(job != NULL && job->status == IMB_STATUS_COMPLETED);
        return;
    }
    for (uint32_t from = 0; from < count;) {
        uint32_t some = count - from < IMB_MAX_BURST_SIZE ? count - from : IMB_MAX_BURST_SIZE;
        if (IMB_GET_NEXT_BURST(self->mgr, some, jobs) < some) {
            pending = flush(self->mgr, jobs, pending);
            CHECK(IMB_GET_NEXT_BURST(self->mgr, some, jobs) == some);
        }
        for (uint32_t j = 0; j < some; j++)
            fill(self, jobs[j], from + j);
        pending += some;
        from += some;
        pending -= completed(jobs, IMB_SUBMIT_BURST_NOCHECK(self->mgr, some, jobs));
    }
    flush(self->mgr, jobs, pending);
}

static void cipher_mode(library *self, IMB_JOB *job) {
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->key_len_in_bytes = 16;
    job->iv_len_in_bytes = 16;
    job->cipher_start_src_offset_in_bytes = 0;
    job->cipher_mode = self->algorithm == 1   ? IMB_CIPHER_SNOW3G_UEA2_BITLEN
                       : self->algorithm == 2 ? IMB_CIPHER_CNTR
                                              : IMB_CIPHER_ZUC_EEA3;
}

static void cipher_part(library *self, IMB_JOB *job, uint32_t j) {
    cipher_mode(self, job);
    job->enc_keys = job->dec_keys = self->at.enc[j];
    job->iv = self->nea_iv[j];
    job->src = self->at.src[j];
    job->dst = self->at.dst[j];
    if (self->algorithm == 1)
        job->msg_len_to_cipher_in_bits = self->at.octets[j] * 8;
    else
        job->msg_len_to_cipher_in_bytes = self->at.octets[j];
}

static void mac_part(library *self, IMB_JOB *job, uint32_t j) {
    job->auth_tag_output_len_in_bytes = 4;
    job->auth_tag_output = (uint8_t *)self->at.tag[j];
    if (self->algorithm == 2) {
        const aes_ue *ue = self->at.mac[j];
        job->hash_alg = IMB_AUTH_AES_CMAC;
        job->msg_len_to_hash_in_bytes = self->at.bits[j] / 8;
        job->u.CMAC._key_expanded = ue->mac;
        job->u.CMAC._skey1 = ue->subkey[0];
        job->u.CMAC._skey2 = ue->subkey[1];
        return;
    }
    job->msg_len_to_hash_in_bits = self->at.bits[j];
    if (self->algorithm == 1) {
        job->hash_alg = IMB_AUTH_SNOW3G_UIA2_BITLEN;
        job->u.SNOW3G_UIA2._key = self->at.mac[j];
        job->u.SNOW3G_UIA2._iv = self->nia_iv[j];
    } else {
        job->hash_alg = IMB_AUTH_ZUC_EIA3_BITLEN;
        job->u.ZUC_EIA3._key = self->at.mac[j];
        job->u.ZUC_EIA3._iv = self->nia_iv[j];
    }
}

static void fill_cipher(library *self, IMB_JOB *job, uint32_t j) {
    cipher_part(self, job, j);
    job->chain_order = IMB_ORDER_CIPHER_HASH;
    job->hash_alg = IMB_AUTH_NULL;
}

static void fill_mac(library *self, IMB_JOB *job, uint32_t j) {
    job->cipher_mode = IMB_CIPHER_NULL;
    job->cipher_direction = IMB_DIR_ENCRYPT;
    job->msg_len_to_cipher_in_bytes = 0;
    job->chain_order = IMB_ORDER_HASH_CIPHER;
    job->src = self->at.hashed[j];
    job->hash_start_src_offset_in_bytes = 0;
    mac_part(self, job, j);
}

static void fill_chained(library *self, IMB_JOB *job, uint32_t j) {
    cipher_part(self, job, j);
    mac_part(self, job, j);
    job->chain_order = self->work == PROTECT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
    job->hash_start_src_offset_in_bytes = (uint64_t)((uintptr_t)self->at.hashed[j] - (uintptr_t)self->at.src[j]);
}

void cipher_jobs(library *self, uint32_t count) { jobs_run(self, count, fill_cipher); }
void mac_jobs(library *self, uint32_t count) { jobs_run(self, count, fill_mac); }
void chained_jobs(library *self, uint32_t count) { jobs_run(self, count, fill_chained); }

/* A cipher burst keeps the constant part of its jobs. */
void burst_prepare(library *self) {
    for (uint32_t j = 0; j < BATCH_MAX; j++) {
        cipher_mode(self, &self->burst[j]);
        self->burst[j].hash_alg = IMB_AUTH_NULL;
        self->burst[j].chain_order = IMB_ORDER_CIPHER_HASH;
        self->burst[j].iv = self->nea_iv[j];
    }
}

void cipher_burst(library *self, uint32_t count) {
    for (uint32_t j = 0; j < count; j++) {
        IMB_JOB *job = &self->burst[j];
        job->enc_keys = self->at.enc[j];
        job->iv = self->at.nea_iv[j];
        job->src = self->at.src[j];
        job->dst = self->at.dst[j];
        job->msg_len_to_cipher_in_bytes = self->at.octets[j];
    }
    for (uint32_t from = 0; from < count; from += IMB_MAX_BURST_SIZE) {
        uint32_t some = count - from < IMB_MAX_BURST_SIZE ? count - from : IMB_MAX_BURST_SIZE;
        CHECK(IMB_SUBMIT_CIPHER_BURST_NOCHECK(self->mgr, self->burst + from, some, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT,
                                              16) == some);
    }
}
