#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>

#include "manager/journal/store.hpp"

using base::Bytes;
using manager::JournalStore;

namespace {

struct Directory {
    Directory() {
        char name[] = "/tmp/custos-journal-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Directory() { std::filesystem::remove_all(path); }
    std::string path;
};

Bytes bytes(const std::string& text) {
    return {text.begin(), text.end()};
}

base::Status append(JournalStore& store, const std::string& text) {
    std::promise<base::Status> done;
    store.append(bytes(text), [&](base::Status s) { done.set_value(std::move(s)); });
    return done.get_future().get();
}

}  // namespace

TEST_CASE("what was appended is there after opening again") {
    const Directory dir;
    {
        auto opened = JournalStore::open(dir.path);
        REQUIRE(opened);
        CHECK_FALSE(opened->last);
        CHECK(append(*opened->store, "first"));
        CHECK(append(*opened->store, "second"));
    }
    auto again = JournalStore::open(dir.path);
    REQUIRE(again);
    REQUIRE(again->last);
    CHECK(base::as_text(*again->last) == "second");
    CHECK(again->warning.empty());
}

TEST_CASE("an unfinished record is dropped and writing goes on behind the last whole one") {
    const Directory dir;
    {
        auto opened = JournalStore::open(dir.path);
        REQUIRE(opened);
        CHECK(append(*opened->store, "first"));
        CHECK(append(*opened->store, "second"));
    }
    const std::string path = dir.path + "/journal";
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 5);
    {
        auto opened = JournalStore::open(dir.path);
        REQUIRE(opened);
        REQUIRE(opened->last);
        CHECK(base::as_text(*opened->last) == "first");
        CHECK(append(*opened->store, "third"));
    }
    auto again = JournalStore::open(dir.path);
    REQUIRE(again);
    REQUIRE(again->last);
    CHECK(base::as_text(*again->last) == "third");
}

TEST_CASE("a damaged journal is set aside, never deleted, and said") {
    const Directory dir;
    {
        auto opened = JournalStore::open(dir.path);
        REQUIRE(opened);
        CHECK(append(*opened->store, "first"));
    }
    {
        std::fstream file(dir.path + "/journal", std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(18);
        file.put('X');
    }
    auto again = JournalStore::open(dir.path);
    REQUIRE(again);
    CHECK_FALSE(again->last);
    CHECK(again->warning.find("fails its checksum") != std::string::npos);
    int kept = 0;
    for (const auto& entry : std::filesystem::directory_iterator(dir.path)) {
        if (entry.path().filename().string().rfind("journal.damaged-", 0) == 0) ++kept;
    }
    CHECK(kept == 1);
}

TEST_CASE("a journal that was emptied is damage, not a new one") {
    const Directory dir;
    {
        auto opened = JournalStore::open(dir.path);
        REQUIRE(opened);
        CHECK(append(*opened->store, "first"));
    }
    std::filesystem::resize_file(dir.path + "/journal", 0);
    auto again = JournalStore::open(dir.path);
    REQUIRE(again);
    CHECK_FALSE(again->last);
    CHECK(again->warning.find("(it is empty)") != std::string::npos);
}

TEST_CASE("a journal that has grown is rewritten with its last record") {
    const Directory dir;
    const std::string large(3u << 20, 'x');
    {
        auto opened = JournalStore::open(dir.path);
        REQUIRE(opened);
        for (int i = 0; i < 4; ++i) CHECK(append(*opened->store, large + std::to_string(i)));
    }
    CHECK(std::filesystem::file_size(dir.path + "/journal") < (8u << 20));
    auto again = JournalStore::open(dir.path);
    REQUIRE(again);
    REQUIRE(again->last);
    CHECK(again->last->back() == '3');
}

TEST_CASE("after the first failed write nothing is acknowledged any more") {
    const Directory dir;
    auto opened = JournalStore::open(dir.path);
    REQUIRE(opened);
    // The rewrite of a large journal needs the directory; take it away.
    const std::string moved = dir.path + "-gone";
    REQUIRE(::rename(dir.path.c_str(), moved.c_str()) == 0);
    const std::string large(9u << 20, 'x');
    const base::Status first = append(*opened->store, large);
    CHECK_FALSE(first);
    const base::Status second = append(*opened->store, "small");
    REQUIRE_FALSE(second);
    CHECK(second.error().message == first.error().message);
    REQUIRE(::rename(moved.c_str(), dir.path.c_str()) == 0);
}

TEST_CASE("a state that lost a merge is kept as a file of its own") {
    const Directory dir;
    {
        auto opened = JournalStore::open(dir.path);
        REQUIRE(opened);
        opened->store->archive("lost-3-7-abc", bytes("old"));
    }
    CHECK(std::filesystem::file_size(dir.path + "/lost-3-7-abc") == 3);
}
