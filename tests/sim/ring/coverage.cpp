#include "tests/sim/ring/coverage.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "totem/base/check.hpp"

namespace sim {

namespace {

constexpr std::size_t kPhases = std::size(kPhaseNames), kTypes = std::size(kTypeNames);
constexpr std::size_t kToken = 0;  // handled after everything else of its batch

template <std::size_t size>
std::size_t place(const char* const (&names)[size], const std::string& name) {
    return static_cast<std::size_t>(std::find(names, names + size, name) - names);
}

// Types are numbered from 1 in the second byte (docs/protocol.md).
std::size_t type_of(base::ByteView bytes) {
    ASSERT(bytes.size() > 1 && bytes[1] >= 1 && bytes[1] <= kTypes);
    return bytes[1] - std::size_t{1};
}

std::string pair(std::size_t phase, std::size_t type) {
    return std::string("(") + kPhaseNames[phase] + ", " + kTypeNames[type] + ")";
}

template <typename Visit>
void for_each_pair(const Visit& visit) {
    for (std::size_t phase = 0; phase < kPhases; ++phase) {
        for (std::size_t type = 0; type < kTypes; ++type) visit(phase, type);
    }
}

[[noreturn]] void refuse(const char* file, const std::string& line) {
    std::fprintf(stderr, "%s: not 'PHASE TYPE: reason': %s\n", file, line.c_str());
    std::exit(3);
}

}  // namespace

void Coverage::fed(const std::string& phase, const std::vector<totem::Opened>& batch) {
    const auto other = std::find_if(batch.begin(), batch.end(),
                                    [](const totem::Opened& o) { return type_of(o.bytes) != kToken; });
    const std::size_t at = place(kPhaseNames, phase);
    ASSERT(at < kPhases);
    ++hits[at][other == batch.end() ? kToken : type_of(other->bytes)];
}

Coverage& Coverage::operator+=(const Coverage& o) {
    for_each_pair([&](std::size_t phase, std::size_t type) { hits[phase][type] += o.hits[phase][type]; });
    return *this;
}

Impossible::Impossible(const char* file) {
    std::ifstream in(file);
    if (!in) refuse(file, "it can't be read");
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line[0] == '#') continue;
        const std::size_t blank = line.find(' '), colon = line.find(": ");
        if (blank == std::string::npos || colon == std::string::npos || blank > colon) refuse(file, line);
        const std::size_t phase = place(kPhaseNames, line.substr(0, blank));
        const std::size_t type = place(kTypeNames, line.substr(blank + 1, colon - blank - 1));
        if (phase == kPhases || type == kTypes) refuse(file, line);
        reasons_[phase][type] = line.substr(colon + 2);
    }
}

std::string Impossible::broken(const Coverage& coverage) const {
    std::string first;
    for_each_pair([&](std::size_t phase, std::size_t type) {
        if (!first.empty() || reasons_[phase][type].empty() || coverage.hits[phase][type] == 0) return;
        first = pair(phase, type) + " occurred, but should not: " + reasons_[phase][type];
    });
    return first;
}

std::vector<std::string> Impossible::missing(const Coverage& coverage) const {
    std::vector<std::string> pairs;
    for_each_pair([&](std::size_t phase, std::size_t type) {
        if (reasons_[phase][type].empty() && coverage.hits[phase][type] == 0)
            pairs.push_back(pair(phase, type));
    });
    return pairs;
}

void Impossible::print(const Coverage& coverage) const {
    std::printf("  %-8s", "fed in");
    for (const char* phase : kPhaseNames) std::printf(" %12s", phase);
    std::printf("\n");
    for (std::size_t type = 0; type < kTypes; ++type) {
        std::printf("  %-8s", kTypeNames[type]);
        for (std::size_t phase = 0; phase < kPhases; ++phase) {
            const std::uint64_t n = coverage.hits[phase][type];
            if (n == 0 && !reasons_[phase][type].empty()) {
                std::printf(" %12s", "-");
            } else {
                std::printf(" %12" PRIu64, n);
            }
        }
        std::printf("\n");
    }
}

}  // namespace sim
