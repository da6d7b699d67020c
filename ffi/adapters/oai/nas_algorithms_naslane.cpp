// OAI's AMF (oai-cn5g-amf): the functions of class nas_algorithms, by naslane. Compile this file in place of
// nas_algorithms.cpp. ZUC (nea3, nia3), which the original lacks, is in class nas_algorithms_zuc.
#include "nas_algorithms_naslane.hpp"

#include <naslane.h>

#include <cstdlib>

namespace {

// The host's length is in bits; NAS messages are whole octets.
bool whole(const nas_stream_cipher_t* in, size_t& octets) {
  if (in == nullptr || in->key == nullptr || in->key_length < 16 || in->blength % 8 != 0) return false;
  octets = in->blength / 8;
  return octets == 0 || in->message != nullptr;
}

int cipher(uint8_t nea, const nas_stream_cipher_t* in, uint8_t* out) {
  size_t octets;
  if (!whole(in, octets) || out == nullptr) return -1;
  int32_t status = naslane_nea(
      nea, in->key, in->count, in->bearer, in->direction, in->message, octets, out);
  return status == NASLANE_OK ? 0 : -1;
}

// The host declares the result const and writes to it all the same.
int mac(uint8_t nia, const nas_stream_cipher_t* in, const uint8_t* out) {
  size_t octets;
  if (!whole(in, octets) || out == nullptr) return -1;
  int32_t status = naslane_nia(
      nia, in->key, in->count, in->bearer, in->direction, in->message, octets, const_cast<uint8_t*>(out));
  return status == NASLANE_OK ? 0 : -1;
}

}  // namespace

int nas_algorithms::nas_stream_encrypt_nea1(nas_stream_cipher_t* const in, uint8_t* const out) { return cipher(1, in, out); }
int nas_algorithms::nas_stream_encrypt_nia1(nas_stream_cipher_t* const in, uint8_t const out[4]) { return mac(1, in, out); }
int nas_algorithms::nas_stream_encrypt_nea2(nas_stream_cipher_t* const in, uint8_t* const out) { return cipher(2, in, out); }
int nas_algorithms::nas_stream_encrypt_nia2(nas_stream_cipher_t* const in, uint8_t const out[4]) { return mac(2, in, out); }
int nas_algorithms_zuc::nas_stream_encrypt_nea3(nas_stream_cipher_t* const in, uint8_t* const out) { return cipher(3, in, out); }
int nas_algorithms_zuc::nas_stream_encrypt_nia3(nas_stream_cipher_t* const in, uint8_t const out[4]) { return mac(3, in, out); }
