// What watches a run: the checker's eyes, the trace, and a recording of the past.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/ring/checker.hpp"
#include "tests/sim/ring/coverage.hpp"
#include "tests/sim/ring/world.hpp"

namespace sim {

// Datagrams of the past that may arrive once more, some of each type.
class Recording {
  public:
    struct Frame {
        Member from;
        base::Bytes bytes;
    };
    explicit Recording(base::Rng rng) : rng_(rng) {}
    // Each one has the same chance to be kept (reservoir sampling).
    void add(const Member& from, const base::Bytes& bytes) {
        Type& type = types_[bytes[1]];
        const std::uint64_t at = rng_.below(++type.seen);
        if (type.frames.size() < kEach) {
            type.frames.push_back({from, bytes});
        } else if (at < kEach) {
            type.frames[at] = {from, bytes};
        }
    }
    [[nodiscard]] std::vector<Frame> frames() const {
        std::vector<Frame> all;
        for (const auto& [number, type] : types_)
            all.insert(all.end(), type.frames.begin(), type.frames.end());
        return all;
    }

  private:
    static constexpr std::size_t kEach = 16;
    struct Type {
        std::uint64_t seen{0};
        std::vector<Frame> frames;
    };
    base::Rng rng_;
    std::map<std::uint8_t, Type> types_;
};

// Feeds the checker, hashes everything that was seen, and prints it if wanted.
class Recorder final : public Observer {
  public:
    Recorder(bool trace, base::Rng rng) : recording(rng), trace_(trace) {}
    void attach(const World& world, Checker& checker) {
        world_ = &world;
        checker_ = &checker;
    }
    [[nodiscard]] std::uint64_t hash() const { return hash_; }
    [[nodiscard]] const Coverage& coverage() const { return coverage_; }
    Recording recording;
    std::function<void()> on_phase_change;  // of any node; may be empty

    void started(const Member& who, bool remembers) override {
        checker_->started(who, remembers);
        line(who, remembers ? "STARTED" : "STARTED, FORGETFUL");
    }
    void put_back(const Member& who) override {
        const totem::RingStatus status = world_->status(who.node);
        checker_->put_back(who, status.view.ring.seq, status.phase == "recovery");
        line(who, "PUT BACK");
    }
    void ended(const Member& who) override { line(who, "ENDED"); }
    void sent(const Member& who, const totem::Datagram& datagram) override {
        recording.add(who, datagram.bytes);
        checker_->sent(who, datagram.bytes, world_->config());
        mix(datagram.bytes.size() << 8 | datagram.bytes[1]);
    }
    void fed(const Member& /*who*/, const std::string& phase,
             const std::vector<totem::Opened>& batch) override {
        coverage_.fed(phase, batch);
    }
    void overflowed(const Member& who) override {
        line(who, "OVERFLOWS");
        checker_->overflowed(who);
    }
    void looked(const Member& who, const totem::RingStatus& status) override {
        checker_->looked(who, status, world_->config());
    }
    void submitted(const Member& who, base::ByteView payload, totem::Guarantee guarantee) override {
        checker_->submitted(who, payload, guarantee);
    }
    void noted(const Member& who, base::Level /*level*/, const std::string& text) override {
        line(who, text);
        // The only thing that is read out of a note: when it is a bad moment for a fault.
        if (on_phase_change && text.find(" -> ") != std::string::npos) on_phase_change();
    }
    void happened(const Member& who, const totem::Event& event) override {
        checker_->happened(who, event);
        if (const auto* d = std::get_if<totem::Delivered>(&event)) {
            base::ByteReader in(d->payload);
            line(who, "delivered " + std::to_string(in.u64()) + " at " + base::to_string(d->ring) + ":" +
                          std::to_string(d->seq.value >> 16) + "." + std::to_string(d->seq.value & 0xffff) +
                          (d->transitional ? " transitional" : ""));
        } else if (const auto* t = std::get_if<totem::Transitional>(&event)) {
            line(who, "transitional " + base::to_string(t->view.nodes()) + " of ring " +
                          base::to_string(t->view.ring));
        } else if (const auto* r = std::get_if<totem::Regular>(&event)) {
            checker_->common(who, *r, world_->features);
        }
        if (checker_->failed() && trace_ && !std::exchange(told_, true))
            line(who, "VIOLATION: " + checker_->violation());
    }

    void tell(const std::string& text) { line({}, text); }

  private:
    void line(const Member& who, const std::string& text) {
        mix(static_cast<std::uint64_t>(world_->now().ns));
        mix(who.node.value);
        for (const char c : text) mix(static_cast<std::uint8_t>(c));
        if (!trace_) return;
        std::printf("%10.3f ms  %s  %s\n", static_cast<double>(world_->now().ns) / 1e6,
                    who.node.value == 0
                        ? "   *  "
                        : (base::to_string(who.node) + "/" + std::to_string(who.incarnation.value)).c_str(),
                    text.c_str());
    }
    void mix(std::uint64_t v) { hash_ = (hash_ ^ v) * 0x100000001b3ULL; }

    bool trace_;
    bool told_{false};
    const World* world_{nullptr};
    Checker* checker_{nullptr};
    Coverage coverage_;
    std::uint64_t hash_{0xcbf29ce484222325ULL};
};

}  // namespace sim
