// Raw ARP on an interface (AF_PACKET): an edge.
#pragma once

#include <optional>

#include "agents/vip/arp.hpp"
#include "totem/base/fd.hpp"
#include "totem/base/result.hpp"

namespace agents {

class ArpSocket {
  public:
    // Sends only; receives nothing, so that it costs nothing while it is idle.
    [[nodiscard]] static base::Result<ArpSocket> open_sender();
    // Receives the ARP frames of one interface as well.
    [[nodiscard]] static base::Result<ArpSocket> open_listener(int link);

    [[nodiscard]] base::Status send(int link, const ArpFrame& frame);
    // The next sighting, without waiting; nullopt: nothing more at the moment.
    [[nodiscard]] std::optional<ArpSighting> receive();
    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    explicit ArpSocket(base::Fd fd) : fd_(std::move(fd)) {}
    base::Fd fd_;
};

}  // namespace agents
