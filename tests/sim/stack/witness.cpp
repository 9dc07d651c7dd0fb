#include "tests/sim/stack/witness.hpp"

#include <cstdio>
#include <utility>

namespace stack_sim {

void Witness::forget() {
    if (checker_) deliveries_ += checker_->deliveries(), views_ += checker_->views();
    checker_ = std::make_unique<sim::Checker>(roster_);
    trusted_ = true;
}

void Witness::started(const Member& who, bool with_disk) {
    checker_->started(who, with_disk);
    line(who, with_disk ? "STARTED" : "STARTED WITHOUT ITS DISK");
}

void Witness::put_back(const Member& who, const sim::Checker::Memory& memory) {
    checker_->put_back(who, memory);
    line(who, "PUT BACK");
}

void Witness::submitted(const Member& who, base::ByteView payload, totem::Guarantee guarantee) {
    if (trusted_) checker_->submitted(who, payload, guarantee);
}

void Witness::happened(const Member& who, const totem::Event& event) {
    if (trusted_) checker_->happened(who, event);
    if (const auto* d = std::get_if<totem::Delivered>(&event)) {
        base::ByteReader in(d->payload);
        line(who, "delivered " + std::to_string(in.u64()) + " at " + base::to_string(d->ring) + ":" +
                      std::to_string(d->seq.value >> 16) + "." + std::to_string(d->seq.value & 0xffff) +
                      (d->transitional ? " transitional" : ""));
    } else if (const auto* t = std::get_if<totem::Transitional>(&event)) {
        line(who, "transitional " + base::to_string(t->view.nodes()) + " of ring " +
                      base::to_string(t->view.ring));
    }
    if (failed() && !std::exchange(told_, true)) line(who, "VIOLATION: " + violation());
}

void Witness::looked(const Member& who, const totem::RingStatus& status, const totem::RingConfig& config) {
    if (trusted_ && status.phase != "waiting") checker_->looked(who, status, config);
}

void Witness::noted(const Member& who, const std::string& text) {
    line(who, text);
    // The only thing that is read out of a note: when it is a bad moment for a fault.
    if (on_phase_change && text.find(" -> ") != std::string::npos) on_phase_change();
}

bool Witness::sent(const Member& who, const totem::MasterKeys& keys, const Sent& sent, bool repeats) {
    const bool differs = repeats && audit.differs(keys, *sent.bytes);
    if (!repeats) audit.sealed(keys, *sent.bytes);
    mix(who.node.value << 20 | sent.bytes->size());
    if (!audit.violation().empty()) violate(audit.violation());
    return differs;
}

void Witness::violate(const std::string& what) {
    if (!violation_.empty()) return;
    violation_ = what;
    if (!std::exchange(told_, true)) line({}, "VIOLATION: " + what);
}

bool Witness::failed() const {
    return !violation_.empty() || (trusted_ && checker_->failed());
}

std::string Witness::violation() const {
    if (!violation_.empty()) return violation_;
    return trusted_ ? checker_->violation() : std::string();
}

void Witness::line(const Member& who, const std::string& text) {
    mix(static_cast<std::uint64_t>(timeline_.now().ns));
    mix(who.node.value);
    for (const char c : text) mix(static_cast<std::uint8_t>(c));
    if (!trace_) return;
    const std::string name = who.node.value == 0
                                 ? "   *  "
                                 : base::to_string(who.node) + "/" + std::to_string(who.incarnation.value);
    std::printf("%10.3f ms  %s  %s\n", static_cast<double>(timeline_.now().ns) / 1e6, name.c_str(),
                text.c_str());
}

}  // namespace stack_sim
