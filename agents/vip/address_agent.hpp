// The native address agent of one machine: start, stop and monitor of addresses, without threads and without
// waiting. Its owner polls fds(), calls advance() when one is readable or next_deadline() is due, and takes
// the outcomes.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agents/vip/address.hpp"
#include "agents/vip/claim.hpp"
#include "agents/vip/host.hpp"
#include "agents/vip/netlink.hpp"
#include "agents/vip/packet.hpp"
#include "totem/base/result.hpp"
#include "totem/base/time.hpp"

namespace agents {

enum class AddressAction : std::uint8_t { start = 1, stop = 2, monitor = 3 };

struct AddressCommand {
    std::uint64_t id{0};
    AddressAction action{AddressAction::monitor};
    std::string resource;
    AddressRequest request;
};

struct AddressOutcome {
    std::uint64_t id{0};
    int code{manager::kOcfUnknown};
    std::string reason;
};

class AddressAgent {
  public:
    // Belongs to the network namespace of the calling thread.
    [[nodiscard]] static base::Result<AddressAgent> open();

    // Begins a command; its outcome may be there at once, a start's comes after the conflict probe (about 40
    // ms, 20 ms when the former holder's stop is proven). One outcome for each command, whatever happens.
    void submit(base::Instant now, const AddressCommand& command);
    // Announces every address that is held anew: after a merge, neighbours may have heard somebody else last.
    void announce_all(base::Instant now);
    // Removes every address that is held, also one whose start is not done. Returns what could not be
    // removed: that is still held, to be tried again.
    std::vector<std::string> drop_all();

    void advance(base::Instant now);
    [[nodiscard]] base::Instant next_deadline() const;
    [[nodiscard]] std::vector<int> fds() const;
    [[nodiscard]] std::vector<AddressOutcome> take_outcomes();
    // Lines for the log since the last call: adopted, conflict, announcements that could not be sent.
    [[nodiscard]] std::vector<std::string> take_notes();

    struct Held {
        std::string resource;
        std::string address;  // "192.0.2.10/32 on eth0"
        bool added{false};    // false: still being probed
    };
    [[nodiscard]] std::vector<Held> held() const;
    [[nodiscard]] bool holds_any() const { return !holdings_.empty(); }

  private:
    struct Holding {
        std::string resource;
        AddressRequest request;
        Site site;
        Claim claim;
        std::uint64_t pending{0};             // id of the start that waits for its outcome; 0: none
        std::unique_ptr<ArpSocket> listener;  // while probing
        bool sends_failed{false};
    };

    AddressAgent(Netlink netlink, HostWatch watch, ArpSocket sender)
        : netlink_(std::move(netlink)),
          watch_(std::move(watch)),
          sender_(std::move(sender)) {}

    void start(base::Instant now, const AddressCommand& command);
    void stop(const AddressCommand& command);
    void monitor(base::Instant now, const AddressCommand& command);
    [[nodiscard]] base::Status remove(const HostView& view, const std::vector<HostAddress>& addresses);
    [[nodiscard]] bool held_for_another(const AddressCommand& command) const;
    [[nodiscard]] bool bring_up(const AddressCommand& command, Link& link);
    void adopt(base::Instant now, const AddressCommand& command, const HostView& view,
               const HostAddress& address);
    void probe(base::Instant now, const AddressCommand& command, const HostView& view, const Site& site);
    void pump(base::Instant now, Holding& holding);
    void add(base::Instant now, Holding& holding);
    void follow_host(base::Instant now);
    void follow_link(base::Instant now, const Link& link);
    void forget_removed(const std::vector<HostAddress>& removed);
    void finish(std::uint64_t id, int code, std::string reason = {});

    Netlink netlink_;
    HostWatch watch_;
    ArpSocket sender_;
    bool settings_done_{false};
    std::map<Ipv4, Holding> holdings_;
    std::vector<AddressOutcome> outcomes_;
    std::vector<std::string> notes_;
};

}  // namespace agents
