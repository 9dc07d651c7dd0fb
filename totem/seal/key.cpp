#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include "totem/base/check.hpp"
#include "totem/seal/detail/crypto.hpp"
#include "totem/seal/seal.hpp"

namespace totem {
namespace {

constexpr std::string_view kFirstLine = "custos-key 1\n";      // one key
constexpr std::string_view kLiveFirstLine = "custos-key 2\n";  // live keys: a line each of id, use, key
constexpr std::string_view kSend = "send";
constexpr std::string_view kAccept = "accept";
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

// One key, of the line `number` of the file, from its column `column` on.
base::Result<MasterKey> parse_digits(std::string_view digits, std::string_view file_name, std::size_t number,
                                     std::size_t column) {
    const std::string line = "line " + std::to_string(number);
    if (digits.size() != 2 * MasterKey::kSize) {
        return invalid(file_name, line + ": expected " + std::to_string(2 * MasterKey::kSize) +
                                      " hex digits, found " + std::to_string(digits.size()) +
                                      " characters: the file is damaged; copy it again from another node");
    }
    std::array<std::uint8_t, MasterKey::kSize> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const int high = hex_digit(digits[2 * i]);
        const int low = hex_digit(digits[2 * i + 1]);
        if (high < 0 || low < 0) {
            return invalid(file_name,
                           line + ", column " + std::to_string(column + 2 * i + (high < 0 ? 0 : 1)) +
                               ": not a hex digit: the file is damaged; copy it again from another "
                               "node");
        }
        bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
    }
    const MasterKey key(bytes);
    OPENSSL_cleanse(bytes.data(), bytes.size());
    return key;
}

struct LiveLine {
    MasterKeys::Live live;
    bool send{false};
};

// "ID send DIGITS" or "ID accept DIGITS".
base::Result<LiveLine> parse_live(std::string_view line, std::string_view file_name, std::size_t number) {
    const std::string expected = "line " + std::to_string(number) +
                                 ": expected an id (0 to 255), \"send\" or \"accept\", and the key, with one "
                                 "space between them";
    std::uint8_t id = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), id);
    if (error != std::errc()) return invalid(file_name, expected);
    const std::string_view rest = line.substr(static_cast<std::size_t>(end - line.data()));
    for (const std::string_view use : {kSend, kAccept}) {
        const std::size_t at = use.size() + 2;
        if (rest.size() < at || rest[0] != ' ' || rest.substr(1, use.size()) != use || rest[at - 1] != ' ')
            continue;
        TRY(const MasterKey key,
            parse_digits(rest.substr(at), file_name, number, line.size() - rest.size() + at + 1));
        return LiveLine{{id, key}, use == kSend};
    }
    return invalid(file_name, expected);
}

base::Result<MasterKeys> parse_lives(std::string_view text, std::string_view file_name) {
    std::vector<LiveLine> lines;
    for (std::size_t number = 2; !text.empty(); ++number) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        TRY(LiveLine line, parse_live(text.substr(0, end), file_name, number));
        lines.push_back(line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    const auto sends = std::count_if(lines.begin(), lines.end(), [](const LiveLine& l) { return l.send; });
    if (lines.size() > 2)
        return invalid(file_name, "holds more than two keys; a cluster has at most two at a time");
    if (sends != 1) {
        return invalid(file_name,
                       "exactly one of its lines must say \"send\": with that key this node seals");
    }
    if (!lines[0].send) std::swap(lines.front(), lines.back());
    if (lines.size() == 1) return MasterKeys(lines[0].live);
    if (lines[0].live.id == lines[1].live.id)
        return invalid(file_name, "both of its keys have the id " + std::to_string(lines[0].live.id));
    return MasterKeys(lines[0].live, lines[1].live);
}

}  // namespace

MasterKey::~MasterKey() {
    OPENSSL_cleanse(bytes_.data(), bytes_.size());
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

MasterKeys::MasterKeys(const Live& sending, const std::optional<Live>& other)
    : sending_(sending),
      other_(other) {
    ASSERT(!other || other->id != sending.id);
}

base::Result<MasterKeys> MasterKeys::parse(std::string_view text, std::string_view file_name) {
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
    const bool live = text.substr(0, kLiveFirstLine.size()) == kLiveFirstLine;
    if (!live && text.substr(0, kFirstLine.size()) != kFirstLine) {
        return invalid(
            file_name,
            "is a key file of a format that this version does not know (it knows \"custos-key 1\" and "
            "\"custos-key 2\"); upgrade this node, or " +
                std::string(kMakeOne));
    }
    std::string_view rest = text.substr(kFirstLine.size());
    while (!rest.empty() && is_space(rest.back())) rest.remove_suffix(1);
    if (live) return parse_lives(rest, file_name);
    TRY(const MasterKey key, parse_digits(rest, file_name, 2, 1));
    return MasterKeys(key);
}

base::Result<MasterKeys> MasterKeys::load(const std::string& path) {
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

const MasterKey* MasterKeys::find(std::uint8_t id) const {
    if (id == sending_.id) return &sending_.key;
    return other_ && other_->id == id ? &other_->key : nullptr;
}

std::string MasterKeys::file_text() const {
    if (!other_ && sending_.id == 0) return sending_.key.file_text();
    const auto line = [](const Live& live, std::string_view use) {
        return std::to_string(live.id) + " " + std::string(use) + " " + hex(live.key.bytes()) + "\n";
    };
    return std::string(kLiveFirstLine) + line(sending_, kSend) + (other_ ? line(*other_, kAccept) : "");
}

}  // namespace totem
