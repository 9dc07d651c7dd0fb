// golden/NAME.txt: a scenario (scenario.hpp), a line of dashes, and the outcome. With CUSTOS_REWRITE=1 the
// outcomes are written anew: commit only what you can explain.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include <doctest/doctest.h>

#include "scenario.hpp"

namespace manager::planner {
namespace {

constexpr const char* kLine = "----\n";

std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST_CASE("golden scenarios") {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(PLANNER_GOLDEN_DIR))
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    CHECK(files.size() >= 40);
    for (const auto& file : files) {
        CAPTURE(file.filename().string());
        const std::string text = read_file(file);
        const std::size_t cut = text.find(kLine);
        const std::string input = text.substr(0, cut);
        const auto scenario = parse_scenario(input);
        const std::string problem = scenario ? "" : scenario.error().message;
        REQUIRE(problem == "");
        const std::string found = outcome(*scenario);
        const char* rewrite = std::getenv("CUSTOS_REWRITE");
        if (rewrite != nullptr && *rewrite == '1') {
            std::ofstream(file, std::ios::binary) << input << kLine << found;
            continue;
        }
        REQUIRE(cut != std::string::npos);
        CHECK(found == text.substr(cut + std::char_traits<char>::length(kLine)));
    }
}

}  // namespace
}  // namespace manager::planner
