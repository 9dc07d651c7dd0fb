#include "totem/engine/detail/epoch_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>

#include "totem/link/address.hpp"
#include "totem/link/sockets.hpp"

namespace totem::detail {
namespace {

constexpr std::string_view kMagic = "custos-epoch ";
constexpr std::string_view kFirstLine = "custos-epoch 2\n";
constexpr std::string_view kOldFirstLine = "custos-epoch 1\n";

base::Error damaged(const std::string& path, const std::string& what) {
    return {base::Errc::invalid,
            path + ": " + what +
                ". The file keeps the highest ring number that this node has used; no cluster data is in it. "
                "To go on, move it away and start again"};
}

base::Error failed(const std::string& path, const char* step) {
    return {base::Errc::io, path + ": cannot " + step + ": " + system_error(errno)};
}

std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

// Digits to their end; the rest of the text stays in `text`.
bool take_number(std::string_view& text, std::uint64_t& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
}

// A line of one number, twice.
bool take_line(std::string_view& text, std::uint64_t& out) {
    std::uint64_t again = 0;
    if (!take_number(text, out) || text.empty() || text[0] != ' ') return false;
    text.remove_prefix(1);
    if (!take_number(text, again) || again != out || text.empty() || text[0] != '\n') return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

std::string epoch_text(const Epoch& epoch) {
    std::string out(kFirstLine);
    for (const std::uint64_t n : {epoch.ring_seq, epoch.incarnation}) {
        const std::string number = std::to_string(n);
        out += number + " " + number + "\n";
    }
    return out;
}

base::Result<Epoch> parse_epoch(std::string_view text, const std::string& path) {
    const bool old = text.substr(0, kOldFirstLine.size()) == kOldFirstLine;
    if (!old && text.substr(0, kFirstLine.size()) != kFirstLine) {
        if (text.substr(0, kMagic.size()) != kMagic) return damaged(path, "is not an epoch file of Custos");
        return base::Error{base::Errc::invalid, path +
                                                    ": has a format that this version does not know; a newer "
                                                    "version wrote it: upgrade this node"};
    }
    text.remove_prefix(kFirstLine.size());
    Epoch epoch;
    if (!take_line(text, epoch.ring_seq))
        return damaged(path, "is damaged in line 2 (expected: one number, twice)");
    if (!old && !take_line(text, epoch.incarnation))
        return damaged(path, "is damaged in line 3 (expected: one number, twice)");
    if (!text.empty()) return damaged(path, "has more lines than it should");
    return epoch;
}

base::Result<Epoch> read_epoch_file(const std::string& path) {
    const std::string directory = directory_of(path);
    const Fd folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0) return failed(directory, "open this directory");
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) {
        if (errno == ENOENT) return Epoch{};
        return failed(path, "open");
    }
    std::array<char, 256> text{};
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t n = ::read(file.get(), text.data() + size, text.size() - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed(path, "read");
        if (n == 0) break;
        size += static_cast<std::size_t>(n);
    }
    return parse_epoch({text.data(), size}, path);
}

base::Status write_epoch_file(const std::string& path, const Epoch& epoch) {
    const std::string directory = directory_of(path);
    const std::string temporary = path + ".new";
    const std::string text = epoch_text(epoch);
    {
        const Fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (file.get() < 0) return failed(temporary, "create");
        // So few bytes are written at once or not at all.
        const ssize_t n = ::write(file.get(), text.data(), text.size());
        if (n < 0) return failed(temporary, "write");
        if (static_cast<std::size_t>(n) != text.size()) {
            errno = ENOSPC;
            return failed(temporary, "write");
        }
        if (::fsync(file.get()) != 0) return failed(temporary, "sync");
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) return failed(path, "replace");
    const Fd folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder.get() < 0 || ::fsync(folder.get()) != 0) return failed(directory, "sync this directory");
    return base::ok();
}

}  // namespace totem::detail
