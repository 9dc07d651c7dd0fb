#include "tools/daemon/lease_term.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "membership/lease/timing.hpp"
#include "totem/base/fd.hpp"
#include "totem/base/files.hpp"

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
    return base::replace_file(path, base::as_bytes(text));
}

}  // namespace tools
