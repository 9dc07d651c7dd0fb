// One machine: its disk, key file, clock and interfaces live as long as the world, its processes come and go.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/stack/header.hpp"
#include "tests/sim/stack/world.hpp"

namespace stack_sim {

// A process as it was once: whatever is fed to it again makes it the same.
struct Snapshot {
    Member member;
    Instant started_at;
    Core::Birth birth;
    std::vector<Input> inputs;
};

class Machine final : public base::Tracer {
  public:
    enum class Kind : std::uint8_t {
        node,     // one of those that are configured
        double_,  // has the node's id and address, too
        moved,    // has the node's id, and another address
    };
    Machine(World& world, NodeId node, Kind kind, const totem::MasterKeys& keys);

    void start(bool with_disk = true, bool clock_set_back = false);
    // A copy of this process, which goes on from here.
    void start_copy(std::unique_ptr<Core> core, const Member& who);
    void start_as(base::Incarnation incarnation);
    void crash();
    void lose_power();  // nobody is left who could say so
    void leave();
    void pause(Duration how_long);
    void hint(NodeId about);
    void jump();  // the clocks say that this may be a copy
    void set_keys(const totem::MasterKeys& keys);
    void set_port(std::size_t link, bool up, std::size_t mtu);
    void fail_sends(Duration how_long) { refused_until_ = world_.now() + how_long; }
    totem::Submit submit(base::Bytes payload, totem::Guarantee guarantee);
    void arrive(std::size_t link, Arrival arrival);

    // From now on a second stack gets the same inputs but for the junk, and must do the same.
    void begin_twin();
    void end_twin() { twin_.reset(); }
    [[nodiscard]] bool has_twin() const { return twin_ != nullptr; }

    [[nodiscard]] bool up() const { return core_ != nullptr; }
    [[nodiscard]] bool paused() const { return paused_; }
    [[nodiscard]] bool listens(std::size_t link) const { return ports_[link].up; }
    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] const Member& member() const { return member_; }
    [[nodiscard]] NodeId node() const { return member_.node; }
    [[nodiscard]] Instant started_at() const { return started_at_; }
    [[nodiscard]] Instant ended_at() const { return ended_at_; }
    [[nodiscard]] const totem::Stack& stack() const { return core_->stack(); }
    // Whether this link is the one by which frames to the peer go.
    [[nodiscard]] bool uses(std::size_t link, NodeId peer) const;
    [[nodiscard]] const totem::MasterKeys& keys() const { return keys_; }
    [[nodiscard]] base::IpAddress address(std::size_t link) const;
    // How many inputs its process had; 0: they are not kept.
    [[nodiscard]] std::size_t inputs() const { return log_.size(); }
    // The process as it was after so many, and the keys that it had.
    [[nodiscard]] std::unique_ptr<Core> image(std::size_t inputs, base::Tracer& tracer) const;
    [[nodiscard]] totem::MasterKeys keys_at(std::size_t inputs) const;

    // Its process as it was so long ago, at its beginning at the earliest.
    [[nodiscard]] Snapshot snapshot(Duration ago) const;
    // The machine goes on from there, memory included; perhaps its disk was put back as well. Its clock
    // either shows that, or stood still.
    void put_back(const Snapshot& was, bool with_disk, bool clock_shows);
    // Its process was put back, and somebody who is alive has heard more of it than it remembers.
    [[nodiscard]] bool is_from_the_past() const;
    [[nodiscard]] bool was_put_back() const { return was_put_back_; }

    void note(base::Level level, const std::string& text) override;

  private:
    struct Port {
        bool up{true};
        std::size_t mtu{9000};
    };
    void begin(const Core::Birth& birth);
    void open_ports();
    void feed(Input input);
    void repeated(const Header& header, bool differs);
    void put_out(Output& output);
    [[nodiscard]] std::vector<Port> former_ports() const;
    void persist(const totem::StackOutbox& out);
    void compare(const Input& input, const Output& output);
    void stop();
    void read(std::size_t link);
    void wake();
    void arm(Instant due);
    void later(Duration after, const std::function<void()>& action);  // for this process
    [[nodiscard]] Instant clock() const { return {world_.now().ns - behind_.ns}; }
    [[nodiscard]] Input input(Input::Kind kind) const { return {.kind = kind, .now = clock()}; }
    [[nodiscard]] base::Incarnation next_incarnation(bool clock_set_back);

    World& world_;
    Kind kind_;
    Member member_;
    totem::MasterKeys keys_;
    std::vector<Port> ports_;
    std::uint64_t stored_ring_seq_{0}, stored_incarnation_{0};
    std::set<std::uint64_t> used_;  // incarnations

    std::unique_ptr<Core> core_;
    std::uint64_t process_{0};  // number of starts
    bool feeding_{false}, paused_{false};
    Duration behind_;  // its process's clock, that of the world
    bool was_put_back_{false};
    bool repeats_nonces_{false};  // and cannot know it
    bool is_remembering_{false};  // what it says now it said before
    // Who have heard more of it than it remembers, and have not got the last of that once more; up to which
    // counter; from where on it says something else.
    std::vector<std::pair<Member, std::uint64_t>> known_to_;
    std::uint64_t differs_from_{UINT64_MAX};
    base::Bytes last_words_;
    std::vector<std::vector<Arrival>> sockets_;
    Instant armed_{Instant::never()}, started_at_, ended_at_, refused_until_{0};
    std::optional<Core::Birth> birth_;
    std::vector<Input> log_;
    std::unique_ptr<Core> twin_;
};

}  // namespace stack_sim
