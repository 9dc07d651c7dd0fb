// A machine that was put back to an earlier state (a snapshot that was restored) runs a process whose memory
// is from the past: it has said and heard things as a member that it does not know of. It must not go on.
// What others tell it about itself shows that, and each sign in here is a proof, since only this process
// itself makes what it is a sign of. Decision 0088.
#pragma once

#include <string>

#include "totem/ring/phases.hpp"

namespace totem {

// What the message shows of our own process that we don't remember, in words; empty: nothing.
[[nodiscard]] std::string forgotten(const Phase& phase, const Context& ctx, const Member& from,
                                    const wire::Message& message);

}  // namespace totem
