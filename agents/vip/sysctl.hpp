// The kernel settings that a moving address needs: an edge.
#pragma once

#include <string>

#include "totem/base/result.hpp"

namespace agents {

// net.ipv4.ip_nonlocal_bind=1 in the caller's network namespace: services may bind to the address on every
// node before it is there, so that a failover moves the address alone.
[[nodiscard]] base::Status set_nonlocal_bind();
// Writes `directory`/60-custos.conf, so that the setting survives a reboot, unless it says so already.
[[nodiscard]] base::Status persist_nonlocal_bind(const std::string& directory = "/etc/sysctl.d");
// net.ipv4.conf.NIC.promote_secondaries=1: removing an address leaves the others of its subnet.
[[nodiscard]] base::Status set_promote_secondaries(const std::string& nic);

}  // namespace agents
