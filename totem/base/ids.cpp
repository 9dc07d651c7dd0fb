#include "totem/base/ids.hpp"

namespace base {

std::string to_string(NodeId id) {
    return std::to_string(id.value);
}

std::string to_string(const NodeSet& nodes) {
    std::string text = "{";
    for (const NodeId n : nodes) {
        if (text.size() > 1) text += ',';
        text += to_string(n);
    }
    return text + "}";
}

std::string to_string(const RingId& id) {
    return std::to_string(id.seq) + "." + to_string(id.representative);
}

}  // namespace base
