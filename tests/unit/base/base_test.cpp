#include <doctest/doctest.h>

#include "totem/base/bytes.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/result.hpp"
#include "totem/base/rng.hpp"
#include "totem/base/time.hpp"

using base::NodeId;
using base::NodeSet;

TEST_CASE("a reader that runs past the end fails for good and yields zeros") {
    const base::Bytes bytes{1, 2, 3};
    base::ByteReader in(bytes);
    CHECK(in.u16() == 0x0201);
    CHECK(in.u32() == 0);
    CHECK_FALSE(in.ok());
    CHECK(in.u8() == 0);
    CHECK_FALSE(in.done());
}

TEST_CASE("what a writer wrote a reader reads back, and done() demands that nothing is left") {
    base::Bytes bytes;
    base::ByteWriter out(bytes);
    out.u8(7);
    out.u64(0x0102030405060708ULL);
    out.text("ring");
    base::ByteReader in(bytes);
    CHECK(in.u8() == 7);
    CHECK(in.u64() == 0x0102030405060708ULL);
    CHECK_FALSE(in.done());
    CHECK(in.text() == "ring");
    CHECK(in.done());
}

TEST_CASE("a blob whose length exceeds the input fails instead of wrapping") {
    const base::Bytes bytes{0xff, 0xff, 0xff, 0xff, 1};
    base::ByteReader in(bytes);
    CHECK(in.blob().empty());
    CHECK_FALSE(in.ok());
}

TEST_CASE("node sets are sorted, without doubles") {
    NodeSet set{NodeId{3}, NodeId{1}, NodeId{3}};
    CHECK(base::to_string(set) == "{1,3}");
    CHECK(set.insert(NodeId{2}));
    CHECK_FALSE(set.insert(NodeId{2}));
    CHECK(base::to_string(set.minus(NodeSet{NodeId{1}})) == "{2,3}");
    CHECK(set.includes(NodeSet{NodeId{1}, NodeId{2}}));
    CHECK_FALSE(NodeSet{NodeId{1}}.includes(set));
}

TEST_CASE("results carry a value or an error that gains context on its way up") {
    const auto half = [](int n) -> base::Result<int> {
        if (n % 2 != 0) return base::Error{base::Errc::invalid, "odd"};
        return n / 2;
    };
    const auto quarter = [&](int n) -> base::Result<int> {
        TRY(const int h, half(n));
        return half(h);
    };
    CHECK(*quarter(8) == 2);
    CHECK(quarter(6).error().with("quarter of 6").message == "quarter of 6: odd");
}

TEST_CASE("never stays never") {
    CHECK((base::Instant::never() + base::seconds(1)) == base::Instant::never());
}

TEST_CASE("equal seeds give equal draws, split parts differ") {
    base::Rng a(7);
    base::Rng b(7);
    CHECK(a.next() == b.next());
    CHECK(a.split().next() != a.next());
}
