// Watches the seal from outside: every frame that any process seals, copies of processes included.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "totem/base/bytes.hpp"
#include "totem/seal/seal.hpp"

namespace stack_sim {

class Audit {
  public:
    // A process that has these keys sealed this frame. No nonce may come twice under one key, but for copies
    // of the same frame.
    void sealed(const totem::MasterKeys& keys, base::ByteView frame);
    // Whether another frame was sealed in its place.
    [[nodiscard]] bool differs(const totem::MasterKeys& keys, base::ByteView frame) const;
    [[nodiscard]] const std::string& violation() const { return violation_; }
    [[nodiscard]] std::uint64_t frames() const { return seen_.size(); }

  private:
    std::unordered_map<std::uint64_t, std::uint64_t> seen_;  // key and nonce -> frame, as hashes
    std::string violation_;
};

}  // namespace stack_sim
