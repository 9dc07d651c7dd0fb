// What the tests of this folder share: golden files. GOLDEN_REWRITE=1 writes them anew; the diff is then
// reviewed like code.
#pragma once

#include <string>

#include "totem/base/time.hpp"

namespace test {

[[nodiscard]] std::string utc(base::WallTime when);
void check_golden(const std::string& name, const std::string& actual);

}  // namespace test
