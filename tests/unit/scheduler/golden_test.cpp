// Each file of golden/ is a cluster, a line "----", and what the scheduler makes of it. GOLDEN_REWRITE=1
// writes the second half anew: review the difference like code.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "scenario.hpp"

namespace {

const std::string kLine = "----\n";

std::string read(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("golden scenarios") {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(GOLDEN_DIR)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    CHECK(files.size() >= 40);
    for (const auto& file : files) {
        CAPTURE(file.filename().string());
        const std::string text = read(file);
        const std::size_t cut = text.find(kLine);
        const std::string input = text.substr(0, cut);
        const auto scenario = manager::parse_scenario(input);
        if (!scenario) {
            FAIL_CHECK(scenario.error().message);
            continue;
        }
        const std::string actual = manager::outcome(*scenario);
        CHECK(actual.find("NEVER QUIET") == std::string::npos);
        if (std::getenv("GOLDEN_REWRITE") != nullptr) {
            std::ofstream(file) << input << kLine << actual;
            continue;
        }
        const std::string expected = cut == std::string::npos ? "" : text.substr(cut + kLine.size());
        CHECK(actual == expected);
    }
}
