// What runs on the engine's thread: sockets, timer, mailbox and the epoch file's writer, around the stack
// that decides.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "totem/engine/detail/clock.hpp"
#include "totem/engine/detail/epoch_writer.hpp"
#include "totem/engine/detail/mailbox.hpp"
#include "totem/engine/engine.hpp"
#include "totem/link/link.hpp"
#include "totem/stack/stack.hpp"

namespace totem::detail {

// Bytes taken by submit() and not yet sent: in the mailbox, and in the ring's queue as it last said.
struct Backlog {
    std::atomic<std::size_t> in_mailbox{0};
    std::atomic<std::size_t> in_ring{0};
};

class Core {
  public:
    // Everything here runs on the thread that calls run(); the constructor may run on another one before.
    Core(EngineConfig config, std::vector<LinkConfig> links, const MasterKeys& keys,
         Engine::Handlers handlers, const Epoch& stored, std::uint64_t seed, int timer, Mailbox& mailbox,
         Backlog& backlog);
    Core(const Core&) = delete;
    Core& operator=(const Core&) = delete;
    ~Core();

    void run();  // returns when a Stop or a Leave has been carried out
    [[nodiscard]] EngineStatus status() const;
    [[nodiscard]] LastWords last_words();  // before run()

  private:
    class NoteTracer final : public base::Tracer {
      public:
        explicit NoteTracer(const Engine::Handlers& handlers) : handlers_(handlers) {}
        void note(base::Level level, const std::string& text) override { handlers_.note(level, text); }

      private:
        const Engine::Handlers& handlers_;
    };

    void ask_privileges();
    void wait_for_timer();
    void wait_for_mail();
    void on_timer();
    void on_received(std::size_t link, std::span<const Received> batch);
    void on_refused(base::NodeId peer);
    void on_overflowed(std::uint64_t datagrams);
    void on_link_changed(std::size_t link);
    void on_lifelines(std::size_t link);
    void on(SubmitPayload&& command);
    void on(AskStatus&& command);
    void on(EpochWritten&& command);
    void on(EpochNotWritten&& command);
    void on(ChangeKeys&& command);
    void on(ChangeNodes&& command);
    void on(RunCall&& command);
    void on(Leave&& command);
    void on(Stop&& command);

    void carry_out();  // what the stack says after its inputs
    void tell_peers();
    void tell_lifelines(std::size_t link);
    void tell_links();
    void arm_timer();
    void stop();
    [[nodiscard]] bool bound() const;
    [[nodiscard]] std::string trouble(const std::vector<LinkStatus>& links) const;
    [[nodiscard]] LinkCounters counters() const;

    EngineConfig config_;
    Engine::Handlers handlers_;
    NoteTracer tracer_{handlers_};
    Mailbox& mailbox_;
    Backlog& backlog_;
    boost::asio::io_context io_{1};
    boost::asio::posix::stream_descriptor timer_, mail_;
    // One network.
    struct Way {
        LinkConfig config;
        std::unique_ptr<Link> link;
        bool open{false};  // as the stack knows it
    };
    std::vector<Way> ways_;
    Stack stack_;
    EpochWriter writer_;
    std::optional<unsigned> told_links_;  // Handlers::links
    bool fed_{false};                     // the stack got something since the last carry_out()

    std::string epoch_trouble_;      // why what is to be durable is not
    base::Incarnation outdated_by_;  // a later start of this node, as a peer said
    base::Instant armed_{base::Instant::never()}, postponed_;
    ClockWatch clocks_;
    bool realtime_{false}, memory_locked_{false};
};

}  // namespace totem::detail
