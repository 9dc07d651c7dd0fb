// What a link and those above it hand to each other.
#pragma once

#include <optional>

#include "totem/base/bytes.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/ip.hpp"

namespace base {

// Where a peer is on a link.
struct LinkPeer {
    NodeId node;
    IpAddress address;
    bool operator==(const LinkPeer&) const = default;
};

// One datagram as it came.
struct Received {
    IpAddress source;  // without a scope
    ByteView bytes;    // valid until the handler returns
};

// One frame to send; `to` empty: to all peers. A peer that is not configured is ignored.
struct Outgoing {
    std::optional<NodeId> to;
    ByteView frame;
    bool whole{false};  // as one packet or not at all: no router or kernel may cut it
};

}  // namespace base
