#include "agents/guard/last_words.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "totem/base/fd.hpp"
#include "totem/base/socket_address.hpp"

namespace agents {

namespace {

// A lost copy costs the peers a timeout.
constexpr int kCopies = 2;

}  // namespace

void LastWords::keep(const GuardFarewell& farewell) {
    const auto same = std::find_if(kept_.begin(), kept_.end(), [&](const GuardFarewell& f) {
        return f.from == farewell.from && f.to == farewell.to && f.port == farewell.port;
    });
    if (same != kept_.end()) {
        *same = farewell;  // sealed with another key
    } else if (kept_.size() < kMost) {
        kept_.push_back(farewell);
    }
}

void LastWords::speak() {
    for (const GuardFarewell& f : kept_) {
        const base::Fd fd(
            ::socket(f.from.v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        // Peers look at the source's address, not at its port.
        const base::SocketAddress from(f.from, 0);
        const base::SocketAddress to(f.to, f.port);
        if (!fd.valid() || ::bind(fd.get(), from.data(), from.size()) != 0) continue;
        for (int i = 0; i < kCopies; ++i) {
            static_cast<void>(::sendto(fd.get(), f.frame.data(), f.size, MSG_NOSIGNAL, to.data(), to.size()));
        }
    }
    forget();
}

}  // namespace agents
