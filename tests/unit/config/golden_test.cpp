// Node files and what becomes of them: golden/X.conf is read, resolved and described, and the outcome (or the
// exact error) must be golden/X.expected. GOLDEN_REWRITE=1 writes the outcomes anew; the diff is then
// reviewed like code.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "membership/config/config.hpp"

namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    REQUIRE_MESSAGE(in.good(), "can't read " << path.string());
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<std::string> resolve(const std::string& name) {
    static const std::map<std::string, std::vector<std::string>> hosts{{"alpha", {"10.0.0.1"}},
                                                                       {"beta", {"10.0.0.2"}},
                                                                       {"deb", {"127.0.1.1"}},
                                                                       {"both", {"2001:db8::2", "10.0.0.3"}},
                                                                       {"multi", {"10.0.0.9", "10.0.0.8"}}};
    const auto at = hosts.find(name);
    return at == hosts.end() ? std::vector<std::string>{} : at->second;
}

std::string bind_address(const std::string& network) {
    return network == "192.168.1.0" ? "192.168.1.11" : "";
}

std::string outcome(const fs::path& conf) {
    auto config = membership::parse_config(read_file(conf), conf.filename().string(), bind_address);
    if (!config) return "refused: " + config.error().message + "\n";
    if (const auto resolved = membership::resolve_addresses(*config, resolve); !resolved) {
        return "parsed, but not resolved: " + resolved.error().message + "\n";
    }
    return membership::describe(*config);
}

}  // namespace

TEST_CASE("golden node files") {
    const bool rewrite = std::getenv("GOLDEN_REWRITE") != nullptr;
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(GOLDEN_DIR)) {
        fs::path conf = entry.path();
        if (conf.extension() == ".conf") files.push_back(conf);
        if (conf.extension() == ".expected")
            CHECK_MESSAGE(fs::exists(conf.replace_extension(".conf")), conf.string());
    }
    std::sort(files.begin(), files.end());
    REQUIRE(files.size() > 60);
    for (const fs::path& conf : files) {
        CAPTURE(conf.filename().string());
        const std::string found = outcome(conf);
        const bool refused = found.rfind("refused", 0) == 0 || found.rfind("parsed, but", 0) == 0;
        const std::string name = conf.filename().string();
        if (name.rfind("bad_", 0) == 0) CHECK(refused);
        if (name.rfind("good_", 0) == 0) CHECK_FALSE(refused);
        const fs::path expected = fs::path(conf).replace_extension(".expected");
        if (rewrite) {
            std::ofstream(expected, std::ios::binary) << found;
            continue;
        }
        CHECK(found == read_file(expected));
    }
}
