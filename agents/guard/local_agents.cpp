#include "agents/guard/local_agents.hpp"

namespace agents {

namespace {

// Asked for on every node that has the resource configured: its probe comes everywhere.
bool wants_persistence(const manager::OperationRequest& request) {
    const auto parsed = parse_address(request.params, request.meta);
    const auto* address = std::get_if<ParsedAddress>(&parsed);
    return address != nullptr && address->request.persist_nonlocal_bind;
}

}  // namespace

LocalAgents::LocalAgents(boost::asio::io_context& context, int guard_fd, int runner_fd,
                         const Handlers& handlers)
    : guard_(context, guard_fd,
             {handlers.result, handlers.facts, handlers.note,
              [lost = handlers.lost](const std::string& why) {
                  if (lost) lost("guard: " + why);
              },
              handlers.dropped}),
      runner_(context, runner_fd,
              {handlers.result, handlers.note, [lost = handlers.lost](const std::string& why) {
                   if (lost) lost("runner: " + why);
               }}) {}

void LocalAgents::start(const manager::OperationRequest& request, const base::RingId& ring) {
    if (!agents::is_native_address(request.agent, request.meta)) return runner_.start(request);
    // The file is written by the runner: guard does not touch disks.
    if (!persisted_ && wants_persistence(request)) {
        persisted_ = true;
        runner_.persist_nonlocal_bind();
    }
    guard_.start(request, ring);
}

void LocalAgents::cancel_recurring(const std::string& resource) {
    guard_.cancel_recurring(resource);
    runner_.cancel_recurring(resource);
}

}  // namespace agents
