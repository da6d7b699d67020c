// Known answers: each line of standard input is VERB ALGORITHM KEY COUNT BEARER DIRECTION MESSAGE RESULT.
#include <naslane.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "nas_algorithms_naslane.hpp"

namespace {

std::vector<uint8_t> octets(const std::string& hex) {
  std::vector<uint8_t> out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) out.push_back(static_cast<uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  return out;
}

int call(const std::string& verb, int id, nas_stream_cipher_t* in, uint8_t* out) {
  const bool nea = verb == "nea";
  switch (id) {
    case 1: return nea ? nas_algorithms::nas_stream_encrypt_nea1(in, out) : nas_algorithms::nas_stream_encrypt_nia1(in, out);
    case 2: return nea ? nas_algorithms::nas_stream_encrypt_nea2(in, out) : nas_algorithms::nas_stream_encrypt_nia2(in, out);
    default:
      return nea ? nas_algorithms_zuc::nas_stream_encrypt_nea3(in, out) : nas_algorithms_zuc::nas_stream_encrypt_nia3(in, out);
  }
}

int fail(const std::string& what) {
  std::cerr << "oai: " << what << "\n";
  return 1;
}

}  // namespace

int main() {
  std::string verb, key_hex, message_hex, wanted_hex;
  unsigned id, count, bearer, direction, lines = 0;
  while (std::cin >> verb >> id >> key_hex >> count >> bearer >> direction >> message_hex >> wanted_hex) {
    auto key = octets(key_hex), message = octets(message_hex), wanted = octets(wanted_hex);
    std::vector<uint8_t> out(wanted.size());
    nas_stream_cipher_t in = {key.data(), 16, count, static_cast<uint8_t>(bearer), static_cast<uint8_t>(direction),
                              message.data(), static_cast<uint32_t>(message.size() * 8)};
    if (call(verb, static_cast<int>(id), &in, out.data()) != 0 || out != wanted) return fail(verb + " gives a wrong answer");
    lines++;
  }
  if (lines < 15) return fail("too few known answers");
  // Wrong arguments: an error, and nothing written.
  uint8_t key[16] = {1}, text[64] = {2}, out[64] = {0};
  nas_stream_cipher_t good = {key, 16, 1, 1, 0, text, 512};
  nas_stream_cipher_t bits = good, bearer32 = good, small = good;
  bits.blength = 511;
  bearer32.bearer = 32;
  small.key_length = 8;
  for (auto* wrong : {&bits, &bearer32, &small})
    if (call("nea", 2, wrong, out) == 0 || out[0] != 0) return fail("a wrong argument was taken");
  if (call("nea", 2, nullptr, out) == 0 || call("nia", 2, &good, nullptr) == 0) return fail("NULL was taken");
  // Beside the call that the adapter makes, in turns: the least of ten.
  using clock = std::chrono::steady_clock;
  for (int algorithm = 1; algorithm <= 3; algorithm++) {
    double least[2] = {1e9, 1e9};
    for (int turn = 0; turn < 10; turn++) {
      auto start = clock::now();
      for (uint32_t i = 0; i < 2000; i++) {
        good.count = i;
        call("nia", algorithm, &good, out);
      }
      auto middle = clock::now();
      for (uint32_t i = 0; i < 2000; i++)
        if (naslane_nia(static_cast<uint8_t>(algorithm), key, i, 1, 0, text, 64, out) != NASLANE_OK) return fail("direct");
      auto end = clock::now();
      least[0] = std::min(least[0], std::chrono::duration<double, std::nano>(middle - start).count() / 2000);
      least[1] = std::min(least[1], std::chrono::duration<double, std::nano>(end - middle).count() / 2000);
    }
    std::cout << "oai: 128-NIA" << algorithm << ", 64 octets: " << static_cast<int>(least[0]) << " ns, direct "
              << static_cast<int>(least[1]) << " ns\n";
  }
  std::cout << "oai: " << lines << " known answers\n";
}
