#include "agents/guard/last_words.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "totem/base/fd.hpp"

namespace agents {

namespace {

// A lost copy costs the peers a timeout.
constexpr int kCopies = 2;

sockaddr_in socket_address(Ipv4 address, std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    out.sin_addr.s_addr = htonl(address.value);
    return out;
}

}  // namespace

void LastWords::keep(const GuardFarewell& farewell) {
    if (kept_.size() < kMost) kept_.push_back(farewell);
}

void LastWords::speak() {
    for (const GuardFarewell& f : kept_) {
        const base::Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        // Peers look at the source's address, not at its port.
        const sockaddr_in from = socket_address(f.from, 0);
        const sockaddr_in to = socket_address(f.to, f.port);
        if (!fd.valid() || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0)
            continue;
        for (int i = 0; i < kCopies; ++i) {
            static_cast<void>(::sendto(fd.get(), f.frame.data(), f.size, MSG_NOSIGNAL,
                                       reinterpret_cast<const sockaddr*>(&to), sizeof to));
        }
    }
    forget();
}

}  // namespace agents
