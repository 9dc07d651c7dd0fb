// One node of a world: its disk and its clock live as long as the world, its processes come and go.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/sim/ring/world.hpp"

namespace sim {

// Where the ring sequence is kept.
class Disk {
  public:
    [[nodiscard]] std::uint64_t read() const { return kept_; }
    void write(std::uint64_t ring_seq);
    // The machine ends: what was acknowledged, but never written, is gone.
    void power_off() { kept_ = durable_; }
    void lose() { kept_ = durable_ = 0; }
    // Somebody puts back a file of before; the whole disk as it was then.
    void put_back(base::Rng& rng);
    void put_back(std::uint64_t ring_seq) { kept_ = durable_ = ring_seq; }
    DiskTrouble trouble;

  private:
    std::uint64_t kept_{0}, durable_{0};
    std::vector<std::uint64_t> former_;
};

// CLOCK_BOOTTIME of one node, which need not run as the world's does.
class Clock {
  public:
    [[nodiscard]] Instant at(Instant world) const;
    // The first moment at which the clock shows this.
    [[nodiscard]] Instant when(Instant local) const;
    void run(Instant now, std::int64_t ppm);
    void set(Instant now, Instant local) { world_ = now, local_ = local; }

  private:
    Instant world_, local_;
    std::int64_t ppm_{0};  // faster than the world's
};

// What a ring was given, so that it can be done again.
struct Batch {
    std::vector<std::pair<Member, std::shared_ptr<const base::Bytes>>> datagrams;
};
struct Submission {
    base::Bytes payload;
    totem::Guarantee guarantee{totem::Guarantee::agreed};
};
struct Persisted {
    std::uint64_t ring_seq{0};
};
struct Hinted {
    NodeId about;
    totem::Hint hint{totem::Hint::port_closed};
};
struct Resized {
    std::size_t buffer{0};
};
struct Overflowed {
    std::uint64_t datagrams{0};
};
struct Advance {};
struct Input {
    Instant at;  // by the node's clock
    std::variant<Batch, Submission, Persisted, Hinted, Resized, Overflowed, Advance> what;
};

class World::Node final : public base::Tracer {
  public:
    Node(World& world, NodeId id) : world_(world) { member_.node = id; }

    void start(Memory memory, bool clock_set_back);
    void stop();
    void tear(bool so) { tearing_ = so; }
    void leave();
    void pause(Duration how_long);
    void stall(Duration how_long) { stall_ = how_long; }
    void slow_down(Duration handler) { handler_ = handler; }
    void drift(std::int64_t ppm);
    [[nodiscard]] Disk& disk() { return disk_; }
    void put_back(Instant to, bool with_disk, bool with_clock);
    [[nodiscard]] bool was_put_back() const { return put_back_; }

    void arrive(const Member& from, std::shared_ptr<const base::Bytes> bytes);
    void resize(std::size_t buffer);  // what its socket holds
    void hint(NodeId about, totem::Hint hint);
    totem::Submit submit(base::Bytes payload, totem::Guarantee guarantee);
    void note(base::Level level, const std::string& text) override;

    [[nodiscard]] Instant clock() const { return clock_.at(world_.now_); }
    [[nodiscard]] bool up() const { return ring_ != nullptr; }
    [[nodiscard]] bool paused() const { return paused_; }
    [[nodiscard]] const Member& member() const { return member_; }
    [[nodiscard]] const totem::Ring& ring() const { return *ring_; }

  private:
    [[nodiscard]] base::Incarnation next_incarnation(bool clock_set_back);
    // Does it in a while, if this process is there then.
    template <typename Action>
    void later(Duration wait, Action action);
    totem::Submit feed(Input input);
    void rest(Duration how_long);
    void resume();
    void drain_socket();
    void empty_socket();
    void flush();
    void transmit(std::vector<totem::Datagram> datagrams);
    void persist(std::uint64_t epoch);
    void wake();
    void arm();
    void outdated();
    void begin_again();

    World& world_;
    Member member_;
    base::Incarnation highest_;     // of all its starts
    std::set<std::uint64_t> used_;  // incarnations
    std::uint64_t ring_seq_{0};     // of its last regular view, over all its starts
    std::unique_ptr<totem::Ring> ring_;
    // How its last process began, and what it was given since, if the world records that.
    totem::RingConfig config_;
    std::uint64_t stored_{0};
    base::Rng rng_{0};
    Instant born_;
    std::vector<Input> inputs_;
    bool put_back_{false};
    bool is_replaying_{false};
    Disk disk_;
    Clock clock_;
    bool paused_{false};
    bool tearing_{false};
    Duration stall_;                         // it stops for so long when it has something to send, once
    Duration handler_;                       // what it takes to handle one input
    std::vector<totem::Datagram> withheld_;  // decided, but not sent yet
    std::vector<std::pair<Member, std::shared_ptr<const base::Bytes>>> socket_;
    std::size_t buffer_{0}, waiting_{0};  // of the socket; 0: of no bound
    std::uint64_t overflowed_{0};         // since it was read
    Instant armed_{Instant::never()};
    Member armed_for_;
};

}  // namespace sim
