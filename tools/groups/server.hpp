// The daemon's end of the group socket: connections of local programs to the process groups of
// membership/groups. Runs on the caller's io_context and its thread and never blocks it: what a client does
// not read waits in its queue, within the bounds of Groups, and of what it sends a frame at a time is kept
// until it is whole: one that no credit is left for ends it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "membership/groups/groups.hpp"
#include "tools/ipc/access.hpp"
#include "totem/base/result.hpp"

namespace tools {

// Seconds that a client has to say hello, to read why once it was ended, and to send the rest of a frame that
// it has begun.
struct GroupPatience {
    int hello{10};
    int farewell{300};
    int frame{30};
};

class GroupServer {
  public:
    static constexpr std::size_t kMaxStrangers = 64;  // that have not said hello yet
    // That are ended and have not read why, and the bytes of what is half written to them: the oldest goes.
    static constexpr std::size_t kMaxEnding = 64;
    static constexpr std::size_t kMaxEndingBytes = 32u << 20;

    // `groups`: borrowed. `changed`: called after clients asked for something; what comes of it, and whatever
    // else `groups` gives out, is handed to carry_out().
    GroupServer(boost::asio::io_context& io, std::string path, mode_t mode, membership::Groups& groups,
                const membership::GroupsConfig& config, std::function<void()> changed,
                AccessPolicy policy = policy_of_this_process(), GroupPatience patience = {});
    GroupServer(const GroupServer&) = delete;
    GroupServer& operator=(const GroupServer&) = delete;
    ~GroupServer();  // stop()

    // Listens. Errors: as of Listener::start().
    [[nodiscard]] base::Status start();
    // Closes every connection and removes the socket file.
    void stop();
    void carry_out(std::vector<membership::GroupEffect> effects);
    // From now on nobody is served; clients are told why.
    void end_all(const std::string& why);

    // Connections, those included that are being ended.
    [[nodiscard]] std::size_t connections() const;

  private:
    class Impl;
    std::shared_ptr<Impl> impl_;
};

}  // namespace tools
