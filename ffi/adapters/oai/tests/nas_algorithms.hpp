// A stand-in of the host's header: the same type and class.
#ifndef NAS_ALGORITHMS_HPP
#define NAS_ALGORITHMS_HPP

#include <stdint.h>

typedef struct {
  uint8_t* key;
  uint32_t key_length;
  uint32_t count;
  uint8_t bearer;
  uint8_t direction;
  uint8_t* message;
  uint32_t blength;  // in bits
} nas_stream_cipher_t;

class nas_algorithms {
 public:
  static int nas_stream_encrypt_nea1(nas_stream_cipher_t* const in, uint8_t* const out);
  static int nas_stream_encrypt_nia1(nas_stream_cipher_t* const in, uint8_t const out[4]);
  static int nas_stream_encrypt_nea2(nas_stream_cipher_t* const in, uint8_t* const out);
  static int nas_stream_encrypt_nia2(nas_stream_cipher_t* const in, uint8_t const out[4]);
};

#endif
