#include "tools/daemon/lease_term.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <string_view>

#include "membership/lease/timing.hpp"
#include "totem/base/fd.hpp"

namespace tools {

namespace {

constexpr std::string_view kFirstLine = "custos-lease-term 1\n";

base::Duration parse(std::string_view text) {
    if (text.substr(0, kFirstLine.size()) != kFirstLine) return membership::kLongestTerm;
    text.remove_prefix(kFirstLine.size());
    base::Duration term;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), term.ns);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const bool whole = error == std::errc() && text == "\n";
    if (!whole || term.ns <= 0 || term > membership::kLongestTerm) return membership::kLongestTerm;
    return term;
}

}  // namespace

std::optional<base::Duration> read_lease_term(const std::string& path) {
    const base::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) {
        if (errno == ENOENT) return {};
        return membership::kLongestTerm;
    }
    std::array<char, 128> text{};
    const ssize_t n = ::read(file.get(), text.data(), text.size() - 1);
    return parse({text.data(), n > 0 ? static_cast<std::size_t>(n) : 0});
}

base::Status write_lease_term(const std::string& path, base::Duration term) {
    const std::string text = std::string(kFirstLine) + std::to_string(term.ns) + "\n";
    const std::string temporary = path + ".new";
    const base::Fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file.valid()) return base::system_error("cannot create " + temporary);
    if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fsync(file.get()) != 0)
        return base::system_error("cannot write " + temporary);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return base::system_error("cannot replace " + path);
    const base::Fd folder(
        ::open(path.substr(0, path.rfind('/') + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.valid() || ::fsync(folder.get()) != 0)
        return base::system_error("cannot sync the directory of " + path);
    return base::ok();
}

}  // namespace tools
