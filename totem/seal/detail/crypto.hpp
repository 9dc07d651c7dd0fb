// The few primitives of OpenSSL 3 that the seal needs, with their contexts owned and reused. That the library
// lacks one of them, or runs out of memory in set-up, ends the process: there is no way to go on without.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include <openssl/types.h>

#include "totem/base/bytes.hpp"

namespace totem::detail {

constexpr std::size_t kKeySize = 32;
constexpr std::size_t kTagSize = 16;
using Nonce = std::array<std::uint8_t, 12>;

// 32 secret bytes, wiped when destroyed.
class SecretKey {
  public:
    SecretKey() = default;
    SecretKey(const SecretKey&) = delete;
    SecretKey& operator=(const SecretKey&) = delete;
    ~SecretKey();
    [[nodiscard]] std::uint8_t* data() { return bytes_.data(); }
    [[nodiscard]] const std::uint8_t* data() const { return bytes_.data(); }

  private:
    std::array<std::uint8_t, kKeySize> bytes_{};
};

struct CipherContextFree {
    void operator()(EVP_CIPHER_CTX* context) const;
};
struct CipherFree {
    void operator()(EVP_CIPHER* cipher) const;
};
struct KdfFree {
    void operator()(EVP_KDF* kdf) const;
};
using Cipher = std::unique_ptr<EVP_CIPHER, CipherFree>;
using Kdf = std::unique_ptr<EVP_KDF, KdfFree>;

[[nodiscard]] Cipher fetch_aes_256_gcm();
[[nodiscard]] Kdf fetch_hkdf();

// AES-256-GCM in one direction under one key at a time. The context keeps the expanded key.
class Aead {
  public:
    enum class Direction { seal, open };
    Aead(const EVP_CIPHER* cipher, Direction direction);
    void set_key(const SecretKey& key);
    // out: body.size() bytes of ciphertext, then the tag. Never twice with one nonce under one key.
    void seal(const Nonce& nonce, base::ByteView associated, base::ByteView body, std::uint8_t* out);
    // sealed: ciphertext and tag. False when the tag does not match; `out` (room for the body) then holds
    // garbage.
    [[nodiscard]] bool open(const Nonce& nonce, base::ByteView associated, base::ByteView sealed,
                            std::uint8_t* out);

  private:
    std::unique_ptr<EVP_CIPHER_CTX, CipherContextFree> context_;
    Direction direction_;
};

// HKDF-SHA256 (RFC 5869).
void hkdf(EVP_KDF* kdf, base::ByteView key, base::ByteView salt, base::ByteView info, SecretKey& out);

[[nodiscard]] std::array<std::uint8_t, 32> sha256(base::ByteView bytes);
void random_bytes(std::uint8_t* out, std::size_t size);

}  // namespace totem::detail
