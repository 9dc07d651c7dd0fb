#include "tests/sim/ring/program.hpp"

#include <unistd.h>

#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace sim {
namespace {

// One seed a line; # starts a comment.
std::vector<std::uint64_t> former_failures(const char* file) {
    std::vector<std::uint64_t> seeds;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::uint64_t seed = 0;
        if (std::from_chars(line.data(), line.data() + line.size(), seed).ec == std::errc{})
            seeds.push_back(seed);
    }
    return seeds;
}

// The program with the bugs stands beside this one. Returns only if it can't be started.
void become_planted(const std::string& program, char** argv) {
    std::string name = "planted" + program.substr(program.find('_'));
    const std::string path = std::filesystem::read_symlink("/proc/self/exe").replace_filename(name);
    argv[1] = name.data();
    execv(path.c_str(), argv + 1);
    std::perror(path.c_str());
}

std::nullopt_t usage(const std::string& program) {
    std::fprintf(stderr, "usage: %s --seeds N [--start S] | --seed S [--trace] | --planted [--seeds N]\n",
                 program.c_str());
    return std::nullopt;
}

}  // namespace

std::optional<Options> options(const std::string& program, const char* former, int argc, char** argv) {
    if (argc > 1 && std::string(argv[1]) == "--planted") {
        become_planted(program, argv);
        return std::nullopt;
    }
    Options out;
    std::optional<std::uint64_t> seeds, start, seed;
    for (int i = 1; i < argc; ++i) {
        const std::string arg = argv[i];
        std::optional<std::uint64_t>* value = arg == "--seeds"   ? &seeds
                                              : arg == "--start" ? &start
                                              : arg == "--seed"  ? &seed
                                                                 : nullptr;
        if (arg == "--trace") {
            out.trace = true;
            continue;
        }
        std::uint64_t number = 0;
        const char* text = i + 1 < argc ? argv[++i] : "";
        const auto end = text + std::strlen(text);
        const auto read = std::from_chars(text, end, number);
        if (value == nullptr || text == end || read.ptr != end || read.ec != std::errc{})
            return usage(program);
        *value = number;
    }
    const bool one = seed.has_value(), many = seeds || start;
    const bool wraps = start && *start + seeds.value_or(60) < *start;
    if ((one && many) || seeds == 0U || wraps) return usage(program);
    if (seed) {
        out.seeds.push_back(*seed);
        return out;
    }
    out.seeds = former_failures(former);
    const std::uint64_t first = start.value_or(1);
    for (std::uint64_t s = first; s < first + seeds.value_or(60); ++s) out.seeds.push_back(s);
    return out;
}

}  // namespace sim
