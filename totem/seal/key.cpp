#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "totem/seal/detail/crypto.hpp"
#include "totem/seal/seal.hpp"

namespace totem {
namespace {

constexpr std::string_view kFirstLine = "custos-key 1\n";
constexpr std::string_view kMagic = "custos-key ";
constexpr std::size_t kMaxFileSize = 4096;
constexpr char kMakeOne[] = "make one with `custos key generate` and copy it to every node";

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

std::string hex(base::ByteView bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    out.reserve(2 * bytes.size());
    for (const std::uint8_t b : bytes) {
        out.push_back(kDigits[b >> 4]);
        out.push_back(kDigits[b & 15]);
    }
    return out;
}

bool is_space(char c) {
    return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

// corosync-keygen writes 128 to 4096 random bytes.
bool looks_binary(std::string_view text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return (c < ' ' && !is_space(c)) || c == '\x7f'; });
}

base::Error invalid(std::string_view file, const std::string& what) {
    return {base::Errc::invalid, std::string(file) + ": " + what};
}

// Text that holds the key, wiped when it goes.
struct WipedText {
    std::string text;
    WipedText() = default;
    WipedText(const WipedText&) = delete;
    WipedText& operator=(const WipedText&) = delete;
    ~WipedText() { OPENSSL_cleanse(text.data(), text.size()); }
};

std::string system_error(int error) {
    return std::strerror(error);
}  // NOLINT(concurrency-mt-unsafe): called at start

base::Status check_owner_and_mode(int fd, const std::string& path) {
    struct stat st {};
    if (::fstat(fd, &st) != 0) return base::Error{base::Errc::io, path + ": " + system_error(errno)};
    if (!S_ISREG(st.st_mode)) return invalid(path, "is not a regular file");
    if ((st.st_mode & 077U) != 0) {
        return invalid(path, "others than its owner may read or change this key; run: chmod 0400 " + path);
    }
    if (st.st_uid != 0 && st.st_uid != ::geteuid()) {
        return invalid(path, "belongs to user " + std::to_string(st.st_uid) +
                                 ", who could change it; run: chown root " + path);
    }
    return base::ok();
}

base::Status read_all(int fd, const std::string& path, std::string& text) {
    text.resize(kMaxFileSize + 1);
    std::size_t have = 0;
    while (have < text.size()) {
        const ssize_t n = ::read(fd, text.data() + have, text.size() - have);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return base::Error{base::Errc::io, path + ": " + system_error(errno)};
        if (n == 0) break;
        have += static_cast<std::size_t>(n);
    }
    text.resize(have);
    return base::ok();
}

}  // namespace

MasterKey::~MasterKey() {
    OPENSSL_cleanse(bytes_.data(), bytes_.size());
}

base::Result<MasterKey> MasterKey::parse(std::string_view text, std::string_view file_name) {
    if (text.empty()) return invalid(file_name, std::string("is empty, a key was expected; ") + kMakeOne);
    if (text.substr(0, kMagic.size()) != kMagic) {
        if (looks_binary(text)) {
            return invalid(
                file_name,
                "is binary (" + std::to_string(text.size()) +
                    " bytes), as corosync's authkey is; Custos has key files of its own: " + kMakeOne);
        }
        return invalid(
            file_name,
            std::string("is not a Custos key file (its first line is not \"custos-key 1\"); ") + kMakeOne);
    }
    if (text.substr(0, kFirstLine.size()) != kFirstLine) {
        return invalid(
            file_name,
            "is a key file of a format that this version does not know (it knows \"custos-key 1\"); "
            "upgrade this node, or " +
                std::string(kMakeOne));
    }
    std::string_view digits = text.substr(kFirstLine.size());
    while (!digits.empty() && is_space(digits.back())) digits.remove_suffix(1);
    if (digits.size() != 2 * kSize) {
        return invalid(file_name, "line 2: expected " + std::to_string(2 * kSize) + " hex digits, found " +
                                      std::to_string(digits.size()) +
                                      " characters: the file is damaged; copy it again from "
                                      "another node");
    }
    MasterKey key{std::array<std::uint8_t, kSize>{}};
    for (std::size_t i = 0; i < kSize; ++i) {
        const int high = hex_digit(digits[2 * i]);
        const int low = hex_digit(digits[2 * i + 1]);
        if (high < 0 || low < 0) {
            return invalid(file_name,
                           "line 2, column " + std::to_string(2 * i + (high < 0 ? 1 : 2)) +
                               ": not a hex digit: the file is damaged; copy it again from another node");
        }
        key.bytes_[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    return key;
}

base::Result<MasterKey> MasterKey::load(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        const auto code = errno == ENOENT ? base::Errc::not_found : base::Errc::io;
        return base::Error{code,
                           path + ": " + system_error(errno) + "; the cluster's key is needed: " + kMakeOne};
    }
    WipedText file;
    base::Status status = check_owner_and_mode(fd, path);
    if (status) status = read_all(fd, path, file.text);
    ::close(fd);
    if (!status) return status.error();
    return parse(file.text, path);
}

base::Result<MasterKey> MasterKey::generate() {
    MasterKey key{std::array<std::uint8_t, kSize>{}};
    if (RAND_priv_bytes(key.bytes_.data(), static_cast<int>(kSize)) != 1) {
        return base::Error{base::Errc::io, "the operating system's random generator gave no key"};
    }
    return key;
}

std::string MasterKey::file_text() const {
    return std::string(kFirstLine) + hex(bytes_) + "\n";
}

std::string MasterKey::fingerprint() const {
    base::Bytes text;
    base::ByteWriter w(text);
    w.raw(base::as_bytes("custos key fingerprint\n"));
    w.raw(bytes_);
    const auto digest = detail::sha256(text);
    OPENSSL_cleanse(text.data(), text.size());
    return hex(digest).substr(0, 16);
}

}  // namespace totem
