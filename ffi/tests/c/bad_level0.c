/* Bad input to the functions without a session: it gets its own status and changes nothing. */
#include "bad.h"

static void algorithms(void) {
    BAD(NASLANE_E_ALGORITHM_NOT_SUPPORTED, naslane_nea(4, key, 0, 1, 0, DOWNLINK, 4, out));
    BAD(NASLANE_E_BEARER, naslane_nea(2, key, 0, 32, 0, DOWNLINK, 4, out));
    BAD(NASLANE_E_DIRECTION, naslane_nea(2, key, 0, 1, 2, DOWNLINK, 4, out));
    BAD(NASLANE_E_TOO_LONG, naslane_nea(2, key, 0, 1, 0, DOWNLINK, (size_t)NASLANE_MESSAGE_MAX + 1, out));
    BAD(NASLANE_E_TOO_LONG, naslane_nea(2, key, 0, 1, 0, DOWNLINK, SIZE_MAX, out));
    BAD(NUL, naslane_nea(2, NULL, 0, 1, 0, DOWNLINK, 4, out));
    BAD(NUL, naslane_nea(2, key, 0, 1, 0, NULL, 4, out));
    BAD(NUL, naslane_nea(2, key, 0, 1, 0, DOWNLINK, 4, NULL));
    BAD(CUT, naslane_nea(2, key, 0, 1, 0, out + 1, 16, out));
    BAD(CUT, naslane_nea(2, key, 0, 1, 0, out, 16, out + 15));
    BAD(NASLANE_E_ALGORITHM_NOT_SUPPORTED, naslane_nia(255, key, 0, 1, 0, DOWNLINK, 4, out));
    BAD(NASLANE_E_BEARER, naslane_nia(2, key, 0, 255, 0, DOWNLINK, 4, out));
    BAD(NASLANE_E_DIRECTION, naslane_nia(2, key, 0, 1, 255, DOWNLINK, 4, out));
    BAD(NASLANE_E_TOO_LONG, naslane_nia(2, key, 0, 1, 0, DOWNLINK, SIZE_MAX, out));
    BAD(NUL, naslane_nia(2, NULL, 0, 1, 0, DOWNLINK, 4, out));
    BAD(NUL, naslane_nia(2, key, 0, 1, 0, NULL, 4, out));
    BAD(NUL, naslane_nia(2, key, 0, 1, 0, DOWNLINK, 4, NULL));
    BAD(CUT, naslane_nia(2, key, 0, 1, 0, out, 16, out + 13));
}

static void names(void) {
    CHECK(strlen(naslane_version()) >= 5);
    CHECK(strcmp(naslane_status_text(INT32_MIN), naslane_status_text(12345)) == 0);
    CHECK(strcmp(naslane_diagnosis_name(27), naslane_diagnosis_name(255)) == 0);
    BAD(NUL, naslane_kdf_serving_network_name(NULL, "01", NULL, (char *)out));
    BAD(NUL, naslane_kdf_serving_network_name("001", NULL, NULL, (char *)out));
    BAD(NUL, naslane_kdf_serving_network_name("001", "01", NULL, NULL));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_serving_network_name("0x1", "01", NULL, (char *)out));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_serving_network_name("001", "1", NULL, (char *)out));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_serving_network_name("001", "01", "", (char *)out));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_serving_network_name("\xff\xfe\xfd", "01", NULL, (char *)out));
    char endless[300];
    memset(endless, '0', sizeof endless);
    BAD(NASLANE_E_TOO_LONG, naslane_kdf_serving_network_name(endless, "01", NULL, (char *)out));
}

static void derivations(void) {
    const uint8_t *k = key;
    BAD(NUL, naslane_kdf_k_ausf(NULL, k, snn, k, out));
    BAD(NUL, naslane_kdf_k_ausf(k, NULL, snn, k, out));
    BAD(NUL, naslane_kdf_k_ausf(k, k, NULL, k, out));
    BAD(NUL, naslane_kdf_k_ausf(k, k, snn, NULL, out));
    BAD(NUL, naslane_kdf_k_ausf(k, k, snn, k, NULL));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_k_ausf(k, k, "5G:mnc01.mcc001.3gppnetwork.org", k, out));
    BAD(CUT, naslane_kdf_k_ausf(out + 8, k, snn, k, out));
    BAD(NUL, naslane_kdf_k_ausf_from_emsk(NULL, out));
    BAD(NUL, naslane_kdf_k_ausf_from_emsk(k, NULL));
    BAD(CUT, naslane_kdf_k_ausf_from_emsk(out, out + 63));
    BAD(NUL, naslane_kdf_ck_ik_prime(NULL, k, snn, k, out, out + 16));
    BAD(NUL, naslane_kdf_ck_ik_prime(k, k, snn, k, out, NULL));
    BAD(CUT, naslane_kdf_ck_ik_prime(k, k, snn, k, out, out));
    BAD(CUT, naslane_kdf_ck_ik_prime(k, k, snn, k, out, out + 15));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_res_star(k, k, snn, k, k, 3, out));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_res_star(k, k, snn, k, k, 17, out));
    BAD(NUL, naslane_kdf_res_star(k, k, snn, k, NULL, 8, out));
    BAD(NUL, naslane_kdf_res_star(k, k, snn, NULL, k, 8, out));
    BAD(NUL, naslane_kdf_res_star(k, k, snn, k, k, 8, NULL));
    BAD(NUL, naslane_kdf_hres_star(NULL, k, out));
    BAD(NUL, naslane_kdf_hres_star(k, NULL, out));
    BAD(CUT, naslane_kdf_hres_star(k, out + 1, out));
    BAD(NUL, naslane_kdf_k_seaf(NULL, snn, out));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_k_seaf(k, "", out));
    BAD(NUL, naslane_kdf_k_seaf(k, snn, NULL));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_k_amf(k, "nobody", k, 2, out));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_k_amf(k, "imsi-00101000000001", k, 1, out));
    BAD(NASLANE_E_TOO_LONG, naslane_kdf_k_amf(k, "imsi-00101000000001", out, 256, out + 512));
    BAD(NUL, naslane_kdf_k_amf(k, "imsi-00101000000001", NULL, 2, out));
    BAD(NUL, naslane_kdf_k_amf(k, NULL, k, 2, out));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_k_nas(k, 16, 2, out, out + 16));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_k_nas(k, 2, 255, out, out + 16));
    BAD(NUL, naslane_kdf_k_nas(k, 2, 2, NULL, out));
    BAD(CUT, naslane_kdf_k_nas(k, 2, 2, out, out + 8));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_algorithm_key(k, 0, 2, out));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_algorithm_key(k, 7, 2, out));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_algorithm_key(k, 1, 16, out));
    BAD(NUL, naslane_kdf_algorithm_key(NULL, 1, 2, out));
    BAD(NASLANE_E_BEARER, naslane_kdf_k_gnb(k, 0, 0, out));
    BAD(NASLANE_E_BEARER, naslane_kdf_k_gnb(k, 0, 3, out));
    BAD(NUL, naslane_kdf_k_gnb(k, 0, 1, NULL));
    BAD(NUL, naslane_kdf_nh(k, NULL, out));
    BAD(CUT, naslane_kdf_nh(out + 4, k, out));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_k_ng_ran_star_gnb(k, 1, 1u << 24, out));
    BAD(NUL, naslane_kdf_k_ng_ran_star_gnb(k, 1, 1, NULL));
    BAD(NASLANE_E_ARGUMENT, naslane_kdf_k_ng_ran_star_ng_enb(k, 1, UINT32_MAX, out));
    BAD(NUL, naslane_kdf_k_ng_ran_star_ng_enb(NULL, 1, 1, out));
    BAD(NASLANE_E_DIRECTION, naslane_kdf_k_amf_prime(k, 2, 0, out));
    BAD(NUL, naslane_kdf_k_amf_prime(k, 1, 0, NULL));
    BAD(NUL, naslane_kdf_k_asme_idle(NULL, 0, out));
    BAD(NUL, naslane_kdf_k_asme_handover(k, 0, NULL));
    BAD(CUT, naslane_kdf_k_asme_srvcc(out, 0, out + 31));
    BAD(NUL, naslane_kdf_k_amf_from_eps_idle(NULL, 0, out));
    BAD(NUL, naslane_kdf_k_amf_from_eps_handover(k, NULL, out));
    BAD(CUT, naslane_kdf_k_amf_from_eps_handover(k, out + 1, out));
}

int main(void) {
    begin();
    algorithms();
    names();
    derivations();
    return naslane_engine_free(engine);
}
