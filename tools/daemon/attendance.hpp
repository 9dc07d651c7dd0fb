// Who is a member and who is not, since when, and by which view that came. A value that is told each regular
// view; it remembers from the start of the daemon on, while the ring keeps only its last changes.
#pragma once

#include <map>

#include "tools/ipc/control.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"
#include "totem/ring/ring.hpp"

namespace tools {

class Attendance {
  public:
    struct Record {
        std::uint32_t joins{0};  // another process start of a member is another join
        bool member{false};
        base::Incarnation incarnation;  // of the process that is, or was, the member
        base::Instant since;            // when it became a member or ceased to be one
        base::RingId ring;              // of the view that made it so
    };

    void regular(const totem::View& view, base::Instant now);
    // Null: was never a member.
    [[nodiscard]] const Record* find(base::NodeId node) const;

  private:
    std::map<base::NodeId, Record> records_;
};

// Fills in joins, since, cause and why of reply.nodes; cause and why come from reply.changes. `offset`: from
// the attendance's clock to wall time.
void tell_attendance(RingReply& reply, const Attendance& attendance, base::Duration offset);

}  // namespace tools
