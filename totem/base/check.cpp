#include "totem/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace base {

void assertion_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "CUSTOS BUG: %s (%s:%d)\n", condition, file, line);
    std::abort();
}

}  // namespace base
