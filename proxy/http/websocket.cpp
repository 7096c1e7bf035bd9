#include <proxy/http/websocket.hpp>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <new>
#include <string>

namespace sandgate::proxy::http {
namespace {

constexpr std::string_view kSalt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3

}  // namespace

WebSocketKey WebSocketKey::make() {
  std::array<unsigned char, 16> bytes;
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) throw std::bad_alloc();
  WebSocketKey key;
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(key.text_.data()), bytes.data(), static_cast<int>(bytes.size()));
  return key;
}

WebSocketKey::WebSocketKey(std::string_view text) { text.copy(text_.data(), kTextBytes); }

bool WebSocketKey::is_answered_by(std::string_view accept) const {
  std::array<unsigned char, kTextBytes + kSalt.size()> salted;
  std::copy(kSalt.begin(), kSalt.end(), std::copy_n(text_.begin(), kTextBytes, salted.begin()));
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA1(salted.data(), salted.size(), digest.data());
  std::array<unsigned char, 29> expected;  // 20 bytes in base64, and the NUL that EVP adds.
  const int size = EVP_EncodeBlock(expected.data(), digest.data(), static_cast<int>(digest.size()));
  return std::equal(accept.begin(), accept.end(), expected.begin(), expected.begin() + size);
}

}  // namespace sandgate::proxy::http
