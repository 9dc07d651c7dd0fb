// Golden files: an input, a line of dashes, and what comes of it. With CUSTOS_REWRITE=1 what comes of it is
// written anew: commit only what you can explain.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace manager::planner {

inline constexpr const char* kLine = "----\n";

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// `answer` gives the text for an input; there are at least `least` files.
template <typename Answer>
void check_golden(const std::filesystem::path& folder, std::size_t least, const Answer& answer) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    CHECK(files.size() >= least);
    for (const auto& file : files) {
        CAPTURE(file.filename().string());
        const std::string text = read_file(file);
        const std::size_t cut = text.find(kLine);
        const std::string input = text.substr(0, cut);
        const std::string found = answer(input);
        const char* rewrite = std::getenv("CUSTOS_REWRITE");
        if (rewrite != nullptr && *rewrite == '1') {
            std::ofstream(file, std::ios::binary) << input << kLine << found;
            continue;
        }
        REQUIRE(cut != std::string::npos);
        CHECK(found == text.substr(cut + std::char_traits<char>::length(kLine)));
    }
}

}  // namespace manager::planner
