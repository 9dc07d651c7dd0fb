// Any bytes are a list of nodes or none; what is one comes back as it was, and asks of a node file are
// answered.
#include <cstddef>
#include <cstdint>

#include "membership/roster/node_list.hpp"
#include "totem/base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto list = membership::decode_node_list({data, size});
    if (!list) return 0;
    ASSERT(membership::check(*list));
    const auto again = membership::decode_node_list(membership::encode(*list));
    ASSERT(again && *again == *list);
    ASSERT(membership::difference(*list, *again).empty());
    const membership::QuorumRules rules = membership::rules_for({}, *list);
    ASSERT(!membership::voters_of(rules).empty());
    return 0;
}
