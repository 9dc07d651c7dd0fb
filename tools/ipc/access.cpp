#include "tools/ipc/access.hpp"

#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace tools {

AccessPolicy policy_of_this_process() {
    AccessPolicy policy;
    policy.daemon_uid = geteuid();
    for (const char* name : kAdminGroups) {
        std::array<char, 16384> buffer{};
        group entry{};
        group* found = nullptr;
        if (getgrnam_r(name, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr) {
            policy.admin_groups.push_back(found->gr_gid);
        }
    }
    return policy;
}

base::Status authorize(const Credentials& client, const AccessPolicy& policy) {
    if (client.uid == 0 || client.uid == policy.daemon_uid) return base::ok();
    for (const gid_t admin : policy.admin_groups) {
        if (client.gid == admin) return base::ok();
        if (std::find(client.groups.begin(), client.groups.end(), admin) != client.groups.end())
            return base::ok();
    }
    return base::Error{base::Errc::conflict,
                       "user " + std::to_string(client.uid) +
                           " may not administer this cluster: use sudo, or join the group " +
                           kAdminGroups[0] + " and log in again"};
}

base::Result<Credentials> peer_credentials(int socket) {
    ucred id{};
    socklen_t size = sizeof id;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &id, &size) != 0) {
        return base::Error{base::Errc::io, std::string("cannot see who is at the other end of the socket: ") +
                                               std::strerror(errno)};
    }
    Credentials peer{id.uid, id.gid, id.pid, {}};
    // The kernel tells the size that it needs with ERANGE; without supplementary groups it leaves 0.
    socklen_t bytes = 0;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, nullptr, &bytes) != 0 && errno == ERANGE) {
        peer.groups.resize(bytes / sizeof(gid_t));
        if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &bytes) != 0)
            peer.groups.clear();
        peer.groups.resize(std::min<std::size_t>(peer.groups.size(), bytes / sizeof(gid_t)));
    }
    return peer;
}

}  // namespace tools
