// What nas_algorithms_naslane.cpp needs of the host, and what it adds.
#ifndef NAS_ALGORITHMS_NASLANE_HPP
#define NAS_ALGORITHMS_NASLANE_HPP

#include "nas_algorithms.hpp"

// ZUC, for the cases EA3_128_5G and IA3_128_5G that the host does not have yet.
class nas_algorithms_zuc {
 public:
  static int nas_stream_encrypt_nea3(nas_stream_cipher_t* const in, uint8_t* const out);
  static int nas_stream_encrypt_nia3(nas_stream_cipher_t* const in, uint8_t const out[4]);
};

#endif
