// Memory that processes of seeds leave their counts in for whoever started them.
#pragma once

#include <sys/mman.h>

#include <map>
#include <vector>

#include "tests/sim/groups/run.hpp"
#include "totem/base/check.hpp"

namespace sim::groups {

class SharedCounts {
  public:
    explicit SharedCounts(const std::vector<std::uint64_t>& seeds) : size_(seeds.size() * sizeof(Counts)) {
        for (const std::uint64_t seed : seeds) slots_.emplace(seed, slots_.size());
        void* const memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ASSERT(memory != MAP_FAILED);
        counts_ = static_cast<Counts*>(memory);
    }
    SharedCounts(const SharedCounts&) = delete;
    SharedCounts& operator=(const SharedCounts&) = delete;
    ~SharedCounts() { munmap(counts_, size_); }
    [[nodiscard]] Counts& of(std::uint64_t seed) { return counts_[slots_.at(seed)]; }

  private:
    std::size_t size_;
    std::map<std::uint64_t, std::size_t> slots_;
    Counts* counts_{nullptr};
};

}  // namespace sim::groups
