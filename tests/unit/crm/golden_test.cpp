// Sessions with the shell: golden/X.txt holds what is typed and what comes back. Lines of a file:
//   # ...        a remark
//   @ ...        changes the made-up cluster (fake_cluster.hpp)
//   $ ...        a command line, as typed; "$$ ..." a line of a script, run by the "$ -f" that follows
//   > ...        a line on standard output       ! ...   one on standard error       = N     the exit code
// GOLDEN_REWRITE=1 writes the outcomes anew; the diff is then reviewed like code.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "fake_cluster.hpp"

namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    REQUIRE_MESSAGE(in.good(), "can't read " << path.string());
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::string marked(const char* mark, const std::string& text) {
    std::istringstream lines(text);
    std::string out;
    for (std::string line; std::getline(lines, line);)
        out += std::string(mark) + (line.empty() ? "" : " ") + line + "\n";
    return out;
}

class Session {
  public:
    // What the line gives, in the form of the file.
    std::string type(const std::string& text) {
        auto words = *tools::split_line(text);
        tools::ShellOptions options;
        bool script = false;
        std::size_t at = 0;
        if (!words.empty() && words[0] == "crm") ++at;
        for (; at < words.size() && words[at].size() == 2 && words[at][0] == '-'; ++at) {
            if (words[at] == "-w") options.wait = true;
            if (words[at] == "-F") options.force = true;
            if (words[at] == "-f") script = true;
        }
        words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(at));
        std::ostringstream out, err;
        tools::Shell shell(
            tools::crm_levels(), [this](const tools::Request& request) { return cluster_.answer(request); },
            agents_,
            {out,
             err,
             {},
             [](base::WallTime when) { return "at " + std::to_string(when.ms); },
             [] { return base::WallTime{1'800'000'000'000}; }},
            options);
        const int code = script ? shell.run_script(std::exchange(script_, ""), "script") : shell.run(words);
        return marked(">", out.str()) + marked("!", err.str()) + "= " + std::to_string(code) + "\n";
    }
    void add_to_script(const std::string& text) { script_ += text + "\n"; }
    void set(const std::string& text) { cluster_.set(*tools::split_line(text)); }

  private:
    test::FakeCluster cluster_;
    test::FakeAgents agents_;
    std::string script_;
};

std::string replay(const std::string& file) {
    Session session;
    std::istringstream lines(file);
    std::string out;
    for (std::string line; std::getline(lines, line);) {
        const char mark = line.empty() ? '#' : line[0];
        if (mark == '>' || mark == '!' || mark == '=') continue;
        out += line + "\n";
        if (mark == '@') session.set(line.substr(1));
        if (line.rfind("$$ ", 0) == 0) {
            session.add_to_script(line.substr(3));
        } else if (mark == '$') {
            out += session.type(line.substr(1));
        }
    }
    return out;
}

}  // namespace

TEST_CASE("golden sessions") {
    const bool rewrite = std::getenv("GOLDEN_REWRITE") != nullptr;
    std::vector<fs::path> files;
    fs::current_path(GOLDEN_DIR);  // what the sessions load is named from there
    for (const auto& entry : fs::directory_iterator(GOLDEN_DIR)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    REQUIRE(files.size() >= 5);
    for (const fs::path& path : files) {
        const std::string expected = read_file(path);
        const std::string actual = replay(expected);
        if (rewrite) {
            std::ofstream(path, std::ios::binary) << actual;
        } else {
            CHECK_MESSAGE(actual == expected, path.filename().string() << " gives:\n" << actual);
        }
    }
}
