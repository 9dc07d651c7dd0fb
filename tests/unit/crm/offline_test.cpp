#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "fake_cluster.hpp"
#include "tools/crm/offline.hpp"

namespace {

class Folder {
  public:
    Folder()
        : path_(std::filesystem::temp_directory_path() / ("custos-offline-" + std::to_string(getpid()))) {
        std::filesystem::create_directory(path_);
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::string file() const { return path_ / "config"; }

  private:
    std::filesystem::path path_;
};

int run(const std::string& file, const std::string& line, std::string* output = nullptr) {
    test::FakeAgents agents;
    std::ostringstream out, err;
    tools::Shell shell(tools::crm_levels(), tools::ask_file(file, agents), agents, {out, err, {}, {}, {}},
                       {});
    const int code = shell.run(*tools::split_line(line));
    if (output != nullptr) *output = out.str() + err.str();
    return code;
}

std::string content(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("a file stands in for a cluster") {
    const Folder folder;
    const std::string file = folder.file();
    CHECK(run(file, "configure show") == 0);
    CHECK(!std::filesystem::exists(file));
    CHECK(run(file, "configure primitive web Dummy params passwd=geheim") == 0);
    CHECK(run(file, "configure location l web 5: n1") == 0);
    CHECK(content(file) ==
          "primitive web ocf:heartbeat:Dummy \\\n\tparams passwd=geheim\nlocation l web 5: n1\n");
    struct stat info {};
    REQUIRE(stat(file.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);

    const std::string before = content(file);
    CHECK(run(file, "configure primitive web Dummy") == 1);
    CHECK(run(file, "configure primitive other NoSuch") == 1);
    CHECK(run(file, "resource cleanup web") == 1);
    CHECK(content(file) == before);
}

TEST_CASE("a damaged file is refused with its line and kept") {
    const Folder folder;
    const std::string text = "primitive web Dummy\nlocation l web nonsense n1\n";
    std::ofstream(folder.file()) << text;
    std::string said;
    CHECK(run(folder.file(), "configure property a=b", &said) == 1);
    CHECK(said.find("config:2: location l: 'nonsense' should be a score") != std::string::npos);
    CHECK(content(folder.file()) == text);
}
