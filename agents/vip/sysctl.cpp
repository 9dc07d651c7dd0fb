#include "agents/vip/sysctl.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "totem/base/fd.hpp"
#include "totem/base/files.hpp"

namespace agents {

namespace {

constexpr const char* kPersisted =
    "# Written by custos: services may bind to a virtual address before this node holds it.\n"
    "net.ipv4.ip_nonlocal_bind = 1\n";

base::Error cannot(const std::string& what, const std::string& path) {
    return {base::Errc::io, "cannot " + what + " " + path + ": " + std::strerror(errno)};
}

base::Status write_setting(const std::string& path) {
    const base::Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd.valid() || ::write(fd.get(), "1\n", 2) != 2) return cannot("set", path);
    return base::ok();
}

}  // namespace

base::Status set_nonlocal_bind() {
    return write_setting("/proc/sys/net/ipv4/ip_nonlocal_bind");
}

base::Status set_promote_secondaries(const std::string& nic) {
    return write_setting("/proc/sys/net/ipv4/conf/" + nic + "/promote_secondaries");
}

base::Status persist_nonlocal_bind(const std::string& directory) {
    const std::string path = directory + "/60-custos.conf";
    std::stringstream old;
    old << std::ifstream(path).rdbuf();
    if (old.str() == kPersisted) return base::ok();
    return base::replace_file(path, base::as_bytes(kPersisted), {0644});
}

}  // namespace agents
