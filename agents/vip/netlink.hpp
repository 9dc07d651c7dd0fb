// The kernel's side of an address: interfaces, addresses and routes by rtnetlink (libmnl). An edge: every
// call asks the kernel and waits for its answer, which takes well below a millisecond.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "agents/vip/host.hpp"
#include "totem/base/result.hpp"

struct mnl_socket;

namespace agents {

class Netlink {
  public:
    // Belongs to the network namespace of the calling thread at this moment.
    [[nodiscard]] static base::Result<Netlink> open();

    // Links and addresses; routes as well when asked for, because a router may have a million.
    enum class Routes { without, with };
    [[nodiscard]] base::Result<HostView> view(Routes routes);
    // Adds request.ip at the site, marked with kAddressProto. An address that is there already (EEXIST) is
    // adopted.
    [[nodiscard]] base::Status add_address(const Site& site, const AddressRequest& request);
    // Removes it. Neither forks nor allocates unless it fails. Gone already is success.
    [[nodiscard]] base::Status delete_address(const HostAddress& address);
    // Sets the interface administratively up.
    [[nodiscard]] base::Status set_up(int link);

  private:
    struct Close {
        void operator()(mnl_socket* socket) const;
    };
    explicit Netlink(mnl_socket* socket) : socket_(socket) {}
    template <typename Each>
    [[nodiscard]] base::Status dump(std::uint16_t type, unsigned char family, Each each);
    [[nodiscard]] base::Status request(void* message, const char* what, std::initializer_list<int> fine);

    std::unique_ptr<mnl_socket, Close> socket_;
    std::uint32_t sequence_{0};
};

// Reports changes of links (an address is announced anew when its carrier comes back) and removed addresses.
class HostWatch {
  public:
    [[nodiscard]] static base::Result<HostWatch> open();
    // Readable when there is something to read.
    [[nodiscard]] int fd() const;
    // Reads what is there without waiting. `lost`: the kernel dropped messages; ask view() anew.
    struct Changes {
        std::vector<Link> links;           // as they are now
        std::vector<HostAddress> removed;  // may be there again by now
        bool lost{false};
    };
    [[nodiscard]] Changes read();

  private:
    struct Close {
        void operator()(mnl_socket* socket) const;
    };
    explicit HostWatch(mnl_socket* socket) : socket_(socket) {}
    std::unique_ptr<mnl_socket, Close> socket_;
};

}  // namespace agents
