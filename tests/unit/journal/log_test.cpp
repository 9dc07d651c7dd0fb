#include <doctest/doctest.h>

#include "manager/journal/log.hpp"

using base::Bytes;

namespace {

Bytes file_of(std::initializer_list<const char*> payloads) {
    Bytes file = manager::journal_header();
    for (const char* p : payloads) {
        base::ByteWriter(file).raw(manager::journal_record(base::as_bytes(p)));
    }
    return file;
}

}  // namespace

TEST_CASE("a journal is never without its header: a shorter one has lost what it held") {
    CHECK(manager::recover_journal({}).trouble == "it is empty");
    const Bytes header = manager::journal_header();
    for (std::size_t size = 1; size < header.size(); ++size) {
        CHECK(manager::recover_journal(base::ByteView(header).first(size)).trouble ==
              "it does not start like a journal");
    }
    CHECK(manager::recover_journal(header).trouble.empty());
}

TEST_CASE("the last whole record is what counts") {
    const auto r = manager::recover_journal(file_of({"one", "two"}));
    REQUIRE(r.last);
    CHECK(base::as_text(*r.last) == "two");
    CHECK(r.records == 2);
    CHECK_FALSE(r.torn);
}

TEST_CASE("a journal cut at any byte yields the records before the cut and is never called damaged") {
    const Bytes whole = file_of({"one", "two"});
    const std::size_t first = file_of({"one"}).size();
    const std::size_t header = file_of({}).size();
    for (std::size_t size = header; size < whole.size(); ++size) {
        const auto r = manager::recover_journal(base::ByteView(whole).first(size));
        CAPTURE(size);
        CHECK(r.trouble.empty());
        CHECK(r.records == (size < first ? 0U : 1U));
        CHECK(r.valid == (size < first ? header : first));
        CHECK(r.torn == (size != header && size != first));
    }
}

TEST_CASE("a flipped bit anywhere behind the header is found") {
    const Bytes whole = file_of({"one", "two"});
    for (std::size_t i = file_of({}).size(); i < whole.size(); ++i) {
        Bytes damaged = whole;
        damaged[i] ^= 0x10;
        const auto r = manager::recover_journal(damaged);
        CAPTURE(i);
        // A damaged length may look like a longer, unfinished record; then the record is not taken either.
        CHECK((!r.trouble.empty() || r.torn));
        CHECK(r.records < 2);
    }
}

TEST_CASE("foreign files and other formats are refused in words") {
    CHECK(manager::recover_journal(base::as_bytes("hello, world, this is no journal")).trouble ==
          "it does not start like a journal");
    Bytes newer = file_of({"one"});
    newer[8] = 9;
    CHECK(manager::recover_journal(newer).trouble == "it has format 9, this program reads format 1");
}
