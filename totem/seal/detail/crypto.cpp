#include "totem/seal/detail/crypto.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sys/random.h>

#include <cerrno>

#include "totem/base/check.hpp"

namespace totem::detail {
namespace {

// OpenSSL counts in int; frames are far below.
int length(base::ByteView bytes) {
    return static_cast<int>(bytes.size());
}

OSSL_PARAM octets(const char* name, base::ByteView bytes) {
    // The library's parameter type is not const-correct; it only reads.
    return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

SecretKey::~SecretKey() {
    OPENSSL_cleanse(bytes_.data(), bytes_.size());
}
void CipherContextFree::operator()(EVP_CIPHER_CTX* context) const {
    EVP_CIPHER_CTX_free(context);
}
void CipherFree::operator()(EVP_CIPHER* cipher) const {
    EVP_CIPHER_free(cipher);
}
void KdfFree::operator()(EVP_KDF* kdf) const {
    EVP_KDF_free(kdf);
}

Cipher fetch_aes_256_gcm() {
    Cipher cipher(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr));
    ASSERT(cipher != nullptr);
    return cipher;
}

Kdf fetch_hkdf() {
    Kdf kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
    ASSERT(kdf != nullptr);
    return kdf;
}

Aead::Aead(const EVP_CIPHER* cipher, Direction direction)
    : context_(EVP_CIPHER_CTX_new()),
      direction_(direction) {
    ASSERT(context_ != nullptr);
    ASSERT(EVP_CipherInit_ex2(context_.get(), cipher, nullptr, nullptr, direction == Direction::seal ? 1 : 0,
                              nullptr) == 1);
}

void Aead::set_key(const SecretKey& key) {
    ASSERT(EVP_CipherInit_ex2(context_.get(), nullptr, key.data(), nullptr, -1, nullptr) == 1);
}

void Aead::seal(const Nonce& nonce, base::ByteView associated, base::ByteView body, std::uint8_t* out) {
    ASSERT(direction_ == Direction::seal);
    EVP_CIPHER_CTX* const c = context_.get();
    int n = 0;
    ASSERT(EVP_EncryptInit_ex2(c, nullptr, nullptr, nonce.data(), nullptr) == 1);
    ASSERT(EVP_EncryptUpdate(c, nullptr, &n, associated.data(), length(associated)) == 1);
    if (!body.empty()) ASSERT(EVP_EncryptUpdate(c, out, &n, body.data(), length(body)) == 1);
    ASSERT(EVP_EncryptFinal_ex(c, out + body.size(), &n) == 1);
    ASSERT(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, kTagSize, out + body.size()) == 1);
}

bool Aead::open(const Nonce& nonce, base::ByteView associated, base::ByteView sealed, std::uint8_t* out) {
    ASSERT(direction_ == Direction::open && sealed.size() >= kTagSize);
    EVP_CIPHER_CTX* const c = context_.get();
    const base::ByteView body = sealed.first(sealed.size() - kTagSize);
    std::array<std::uint8_t, kTagSize> tag{};
    std::copy(sealed.end() - kTagSize, sealed.end(), tag.begin());
    int n = 0;
    if (EVP_DecryptInit_ex2(c, nullptr, nullptr, nonce.data(), nullptr) != 1) return false;
    if (EVP_DecryptUpdate(c, nullptr, &n, associated.data(), length(associated)) != 1) return false;
    if (!body.empty() && EVP_DecryptUpdate(c, out, &n, body.data(), length(body)) != 1) return false;
    if (EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) != 1) return false;
    return EVP_DecryptFinal_ex(c, out + body.size(), &n) == 1;
}

void hkdf(EVP_KDF* kdf, base::ByteView key, base::ByteView salt, base::ByteView info, SecretKey& out) {
    char digest[] = "SHA256";
    const std::array<OSSL_PARAM, 5> params{OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                                           octets(OSSL_KDF_PARAM_KEY, key), octets(OSSL_KDF_PARAM_SALT, salt),
                                           octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
    EVP_KDF_CTX* const context = EVP_KDF_CTX_new(kdf);
    ASSERT(context != nullptr);
    const int derived = EVP_KDF_derive(context, out.data(), kKeySize, params.data());
    EVP_KDF_CTX_free(context);  // wipes its copy of the key
    ASSERT(derived == 1);
}

std::array<std::uint8_t, 32> sha256(base::ByteView bytes) {
    std::array<std::uint8_t, 32> out{};
    std::size_t size = 0;
    ASSERT(EVP_Q_digest(nullptr, "SHA256", nullptr, bytes.data(), bytes.size(), out.data(), &size) == 1 &&
           size == out.size());
    return out;
}

void random_bytes(std::uint8_t* out, std::size_t size) {
    // The kernel's, not the library's, whose state would be the same in two copies of a virtual machine.
    std::size_t have = 0;
    while (have < size) {
        const ssize_t n = ::getrandom(out + have, size - have, 0);
        ASSERT(n > 0 || errno == EINTR);
        if (n > 0) have += static_cast<std::size_t>(n);
    }
}

}  // namespace totem::detail
