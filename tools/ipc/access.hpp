// Who may talk to the daemon: one decision, taken from what the kernel says of the other end of the socket.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "totem/base/result.hpp"

namespace tools {

// The other end of a Unix socket as the kernel vouches for it (SO_PEERCRED, SO_PEERGROUPS): the state at its
// connect().
struct Credentials {
    uid_t uid{static_cast<uid_t>(-1)};
    gid_t gid{static_cast<gid_t>(-1)};
    pid_t pid{0};
    std::vector<gid_t> groups;  // supplementary ones
    bool operator==(const Credentials&) const = default;
};

struct AccessPolicy {
    uid_t daemon_uid{0};
    std::vector<gid_t> admin_groups;
};

// Groups whose members administer the cluster; "haclient" is what Debian's Pacemaker uses.
inline constexpr const char* kAdminGroups[] = {"haclient", "custos"};
inline constexpr const char* kDaemonUser = "custos";

// The daemon's policy: its own user, and those of kAdminGroups that exist on this machine.
[[nodiscard]] AccessPolicy policy_of_this_process();

// May this client speak to the daemon at all? root, the daemon's own user and members of an admin group may
// do everything. Nobody else gets anything, not even status: the configuration holds passwords of services
// and fence devices.
[[nodiscard]] base::Status authorize(const Credentials& client, const AccessPolicy& policy);

// Reads the credentials of the peer of a connected Unix socket. Errc::io when the kernel refuses.
[[nodiscard]] base::Result<Credentials> peer_credentials(int socket);

}  // namespace tools
