// Frames that do not open cost no memory: nobody without the key can make us allocate.
#include <doctest/doctest.h>
#include <openssl/crypto.h>

#include <cstdlib>
#include <new>

#include "support.hpp"

namespace {
std::size_t allocations =
    0;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables): the hooks below have no context

void* counted_malloc(std::size_t size, const char* /*file*/, int /*line*/) {
    ++allocations;
    return std::malloc(size);
}
void* counted_realloc(void* p, std::size_t size, const char* /*file*/, int /*line*/) {
    ++allocations;
    return std::realloc(p, size);
}
void plain_free(void* p, const char* /*file*/, int /*line*/) {
    std::free(p);
}

// Before main, hence before OpenSSL's first allocation.
const bool hooked = CRYPTO_set_mem_functions(counted_malloc, counted_realloc, plain_free) == 1;
}  // namespace

void* operator new(std::size_t size) {
    ++allocations;
    if (void* p = std::malloc(size); p != nullptr) return p;
    throw std::bad_alloc();
}
void operator delete(void* p) noexcept {
    std::free(p);
}
void operator delete(void* p, std::size_t /*size*/) noexcept {
    std::free(p);
}

TEST_CASE("a refused frame of a known peer allocates nothing; an opened one only its body, if at all") {
    REQUIRE(hooked);
    totem::Sealer one = seal_test::start({.node = 1});
    totem::Sealer two = seal_test::start({.node = 2});
    seal_test::acquaint(1, one, 2, two);
    totem::OpenedFrame opened;
    REQUIRE_FALSE(two.open(one.seal(base::Bytes(1300, 1)), opened));

    const base::Bytes good = one.seal(base::Bytes(1300, 2));
    base::Bytes forged = good;
    forged.back() ^= 1;
    base::Bytes foreign = good;
    foreign[0] = 0;
    base::Bytes unknown = good;
    unknown[16] = 9;

    const std::size_t before = allocations;
    const auto tag = two.open(forged, opened);
    const auto not_ours = two.open(foreign, opened);
    const auto node = two.open(unknown, opened);
    const std::size_t refused = allocations - before;
    const auto accepted = two.open(good, opened);
    const std::size_t all = allocations - before;

    CHECK(tag == totem::Rejected::tag);
    CHECK(not_ours == totem::Rejected::not_ours);
    CHECK(node == totem::Rejected::node);
    CHECK_FALSE(accepted);
    CHECK(refused == 0);
    CHECK(all == 0);  // the buffer of the first frame is reused
}

TEST_CASE("sealing into a used buffer allocates nothing") {
    totem::Sealer one = seal_test::start({.node = 1});
    const base::Bytes body(1300, 3);
    base::Bytes frame;
    one.seal(body, frame);
    const std::size_t before = allocations;
    for (int i = 0; i < 100; ++i) one.seal(body, frame);
    CHECK(allocations == before);
}
