#include "totem/monitor/link_status.hpp"

namespace totem {

std::string describe(LinkState state, base::NodeId peer) {
    const std::string node = "node " + base::to_string(peer);
    switch (state) {
        case LinkState::unknown:
            return "not heard yet";
        case LinkState::up:
            return "up";
        case LinkState::down:
            return "down";
        case LinkState::only_in:
            return "we hear " + node + ", " + node + " does not hear us";
        case LinkState::only_out:
            return node + " hears us, we do not hear " + node;
    }
    return {};
}

}  // namespace totem
