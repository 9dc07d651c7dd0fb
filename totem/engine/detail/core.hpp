// What runs on the engine's thread: sockets -> seal -> ring, and the ring's outbox back to the sockets.
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
#include "totem/monitor/monitor.hpp"
#include "totem/monitor/pieces.hpp"
#include "totem/seal/refusals.hpp"

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
    void on_link_changed(std::size_t link);
    void on(SubmitPayload&& command);
    void on(AskStatus&& command);
    void on(EpochWritten&& command);
    void on(EpochNotWritten&& command);
    void on(ChangeKeys&& command);
    void on(Leave&& command);
    void on(Stop&& command);

    base::Instant wake();  // reads the clock; notices pauses
    void carry_out_handshakes(base::Instant now, std::size_t link);
    void refused(Rejected why, const IpAddress& source);
    void take(base::Instant now, std::size_t link, const OpenedFrame& frame);
    void start_ring(base::Instant now);
    void hand_to_ring(base::Instant now, SubmitPayload command);
    void pump();          // after each input of the ring
    void pump_monitor();  // after each input of the monitor
    void fit_ring();      // its datagrams to the paths
    void send(const std::vector<Datagram>& datagrams);
    void route(const std::optional<base::NodeId>& to, base::ByteView body);
    void flush();
    void renew_key();
    base::ByteView sealed(base::ByteView body);
    void arm_timer();
    void stop();
    void note_keys(const MasterKeys& keys);
    [[nodiscard]] bool bound() const;
    [[nodiscard]] std::string trouble() const;
    [[nodiscard]] LinkCounters counters() const;

    EngineConfig config_;
    Engine::Handlers handlers_;
    NoteTracer tracer_{handlers_};
    Mailbox& mailbox_;
    Backlog& backlog_;
    boost::asio::io_context io_{1};
    boost::asio::posix::stream_descriptor timer_, mail_;
    Sealer sealer_;
    std::vector<KeyStatus> keys_;  // without who seals with them
    // One network: its sockets, and what goes out by it next.
    struct Way {
        LinkConfig config;
        std::unique_ptr<Link> link;
        bool open{false};                   // as the monitor knows it
        std::vector<base::NodeId> carries;  // frames to these go by it
        std::vector<Outgoing> outgoing;     // reused from batch to batch
        [[nodiscard]] const IpAddress* address_of(base::NodeId node) const;
    };
    std::vector<Way> ways_;
    Monitor monitor_;
    PieceStore pieces_;
    std::uint32_t piece_id_{0};
    std::uint64_t routes_version_{0};  // of the monitor, when `carries` was made
    EpochWriter writer_;
    std::uint64_t stored_ring_seq_;
    base::Rng rng_;
    std::unique_ptr<Ring> ring_;       // from when the own address was there first
    std::deque<SubmitPayload> early_;  // submitted before that
    bool fed_{false};                  // the ring got something since the last pump()

    // The first one waits for its epoch to become durable, the others for the first.
    std::string epoch_trouble_;     // why that does not come about
    std::uint64_t outdated_by_{0};  // a later start of this node, as a peer said
    base::Duration heartbeat_;      // the timer fires at least this often, so that a pause shows
    base::Instant last_wake_;
    base::Instant armed_{base::Instant::never()};
    ClockWatch clocks_;
    base::Instant renewed_;  // when the sealer's key was

    // Buffers that are reused from batch to batch.
    std::vector<OpenedFrame> frames_in_;
    std::vector<OpenedFrame> proven_;
    std::vector<Opened> opened_;
    std::deque<base::Bytes> wholes_;  // put together from pieces
    std::vector<base::Bytes> frames_out_;
    std::size_t frames_used_{0};

    RefusalLog refusals_;
    EngineStatus counters_;  // the fields that are counted here
};

}  // namespace totem::detail
