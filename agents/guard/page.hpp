// The lease page as a file that is mapped (membership/lease/lease_page.hpp has its layout): an edge.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "membership/lease/lease_page.hpp"
#include "totem/base/result.hpp"

namespace agents {

// guard's end.
class LeasePageFile {
  public:
    // A new file in place of a former one, readable by everybody.
    [[nodiscard]] static base::Result<LeasePageFile> create(const std::string& path);
    // Writes only what has changed.
    void publish(const membership::LeaseView& view);

  private:
    struct Unmap {
        void operator()(membership::LeasePage* page) const;
    };
    explicit LeasePageFile(membership::LeasePage* page) : page_(page) {}
    std::unique_ptr<membership::LeasePage, Unmap> page_;
    membership::LeaseView written_;
};

// What guard thinks at this moment; none: no guard has run yet, or it is of another release.
[[nodiscard]] std::optional<membership::LeaseView> read_lease_page(const std::string& path);

}  // namespace agents
