// When which operation runs: a stepped value without processes, used by the runner for programs and by the
// core for native addresses. At most one operation of a resource at a time; a stop drops the resource's
// recurring monitors and never waits for other resources' monitors; a recurring monitor is due again when its
// interval has passed since its last end. Call advance() after every input and whenever next_deadline() is
// due, then take the effects.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "manager/model/operation.hpp"
#include "totem/base/time.hpp"

namespace agents {

class OperationQueue {
  public:
    // `limit`: how many operations run at once; stops have as many places of their own.
    explicit OperationQueue(std::size_t limit) : limit_(limit) {}

    // Accepts an operation; an id that is known already is ignored. Every operation that runs once gets
    // exactly one result; a recurring one (interval > 0) gets one after its first run and then one whenever
    // its code changes. A recurring operation replaces the one of the same resource, action and interval.
    void submit(base::Instant now, manager::OperationRequest request);
    // Ends the recurring operations of a resource, the running one included, without results.
    void cancel_recurring(base::Instant now, const std::string& resource);

    struct Outcome {
        int code{manager::kOcfUnknown};
        std::string reason;
    };
    // A run that was started has ended (after a kill, too).
    void finished(base::Instant now, std::uint64_t run, Outcome outcome);
    // Lets time pass: starts what is due, kills what is late.
    void advance(base::Instant now);
    [[nodiscard]] base::Instant next_deadline() const;

    // Effects, in order.
    struct Start {
        std::uint64_t run{0};  // names this one execution
        manager::OperationRequest request;
    };
    struct Kill {
        std::uint64_t run{0};  // finished() is expected still
    };
    using Effect = std::variant<Start, Kill, manager::OperationResult>;
    [[nodiscard]] std::vector<Effect> take_effects();

  private:
    struct Entry {
        manager::OperationRequest request;
        base::Instant due;
        std::optional<int> last_code;  // of a recurring operation
    };
    enum class Phase {
        active,
        killed,  // not ended yet
        stuck,   // killed, reported and still there: an uninterruptible wait in the kernel
    };
    struct Running {
        Entry entry;
        base::Instant started;
        base::Instant deadline;  // of the next step: kill, then report
        Phase phase{Phase::active};
        bool cancelled{false};  // its result interests nobody
    };

    [[nodiscard]] bool knows(std::uint64_t id) const;
    [[nodiscard]] const Running* running(const std::string& resource) const;
    [[nodiscard]] std::optional<std::size_t> pick(base::Instant now) const;
    static void mark_killed(base::Instant now, Running& run);
    void expire(base::Instant now);
    void declare_stuck(base::Instant now, Running& run);
    void report(base::Instant now, Running& run, Outcome outcome);

    std::size_t limit_;
    std::uint64_t next_run_{1};
    base::Instant advanced_to_{-1};
    std::vector<Entry> waiting_;  // in order of submission
    std::map<std::uint64_t, Running> running_;
    std::vector<Effect> effects_;
};

}  // namespace agents
