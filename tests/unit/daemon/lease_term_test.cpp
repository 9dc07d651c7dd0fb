#include "tools/daemon/lease_term.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "membership/lease/timing.hpp"

using tools::read_lease_term;

TEST_CASE("the term comes back; none is none, and what can't be read counts as the longest") {
    char name[] = "/tmp/lease-term-XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    const std::string path = std::string(name) + "/lease-term";
    CHECK_FALSE(read_lease_term(path));
    REQUIRE(tools::write_lease_term(path, base::milliseconds(1500)));
    CHECK(read_lease_term(path) == base::milliseconds(1500));
    REQUIRE(tools::write_lease_term(path, base::milliseconds(900)));
    CHECK(read_lease_term(path) == base::milliseconds(900));
    for (const char* text :
         {"", "custos-lease-term 1\n", "custos-lease-term 1\n12", "custos-lease-term 1\n12x\n",
          "custos-lease-term 1\n-5\n", "custos-lease-term 1\n60000000001\n", "custos-lease-term 1\n5\n6\n",
          "custos-lease-term 2\n5\n"}) {
        std::ofstream(path, std::ios::trunc) << text;
        CHECK(read_lease_term(path) == membership::kLongestTerm);
    }
    std::filesystem::remove_all(name);
    CHECK_FALSE(tools::write_lease_term(path, base::seconds(1)));
}
