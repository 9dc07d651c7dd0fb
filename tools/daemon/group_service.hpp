// Process groups for other programs, as the core runs them: Sync with Groups beside the manager's node on the
// same ring, and the socket of their clients. Everything here runs on the main thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "membership/groups/groups.hpp"
#include "membership/sync/sync.hpp"
#include "tools/groups/server.hpp"
#include "tools/ipc/control.hpp"
#include "totem/base/trace.hpp"

namespace tools {

// The first byte of a message of the ring: whom it is for. Sync has taken 0 for itself; its services and the
// manager, which needs no Sync, share the other numbers.
constexpr std::uint8_t kForSync = 0, kForManager = 1, kForGroups = 2;

class GroupService {
  public:
    // Gives a message to the ring; false: not now.
    using Submit = std::function<bool(const base::Bytes& payload, totem::Guarantee guarantee)>;

    // `socket_path`: of the group socket. The tracer is borrowed.
    GroupService(boost::asio::io_context& io, const std::string& socket_path, const totem::Member& self,
                 Submit submit, base::Tracer& tracer);
    GroupService(const GroupService&) = delete;
    GroupService& operator=(const GroupService&) = delete;
    ~GroupService() = default;

    // Opens the socket. Errors: as of GroupServer::start().
    [[nodiscard]] base::Status start() { return server_.start(); }
    // All events of the ring but the manager's messages; pump() afterwards.
    void ring_event(const totem::Event& event) { sync_.ring_event(event); }
    // Hands to the ring what it takes, and to clients what is theirs.
    void pump();

    // For status: all groups; what an administrator should know, empty: nothing.
    [[nodiscard]] std::vector<RingGroup> told() const;
    [[nodiscard]] const std::string& warning() const { return warning_; }

  private:
    void submit();
    void take_effects();

    Submit submit_;
    base::Tracer& tracer_;
    membership::Groups groups_;
    membership::Sync sync_;
    GroupServer server_;
    boost::asio::steady_timer retry_timer_;
    std::string warning_;
};

}  // namespace tools
