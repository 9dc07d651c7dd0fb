#include "totem/ring/window.hpp"

#include <utility>

#include "totem/base/check.hpp"

namespace totem {

bool Window::insert(wire::Data data) {
    if (data.seq <= freed_ || data.seq.value - freed_.value > capacity_) return false;
    const std::size_t at = data.seq.value - freed_.value - 1;
    if (at >= slots_.size()) slots_.resize(at + 1);
    if (slots_[at]) return false;
    slots_[at] = std::move(data);
    while (aru_ < high() && slots_[aru_.value - freed_.value]) ++aru_.value;
    return true;
}

const wire::Data* Window::find(base::Seq seq) const {
    if (seq <= freed_ || seq > high()) return nullptr;
    const auto& slot = slots_[seq.value - freed_.value - 1];
    return slot ? &*slot : nullptr;
}

std::vector<base::Seq> Window::missing(base::Seq upto, std::size_t limit) const {
    std::vector<base::Seq> seqs;
    for (base::Seq seq{aru_.value + 1}; seq <= upto && seqs.size() < limit; ++seq.value) {
        if (find(seq) == nullptr) seqs.push_back(seq);
    }
    return seqs;
}

std::vector<wire::Range> Window::held(std::size_t limit) const {
    std::vector<wire::Range> ranges;
    for (base::Seq seq{aru_.value + 1}; seq <= high(); ++seq.value) {
        if (find(seq) == nullptr) continue;
        if (!ranges.empty() && ranges.back().last.value + 1 == seq.value) {
            ranges.back().last = seq;
        } else if (ranges.size() == limit) {
            break;
        } else {
            ranges.push_back({seq, seq});
        }
    }
    return ranges;
}

void Window::free_to(base::Seq seq) {
    ASSERT(seq <= aru_);
    while (freed_ < seq) {
        slots_.pop_front();
        ++freed_.value;
    }
}

void Window::check_invariants() const {
    ASSERT(freed_ <= aru_ && aru_ <= high());
    ASSERT(slots_.size() <= capacity_);
    ASSERT(slots_.empty() || slots_.back());
    for (std::size_t i = 0; i < slots_.size(); ++i) {
        const base::Seq seq{freed_.value + 1 + i};
        ASSERT(!slots_[i] || slots_[i]->seq == seq);
        ASSERT(slots_[i] || seq > aru_);
    }
    ASSERT(aru_ == high() || find(base::Seq{aru_.value + 1}) == nullptr);
}

}  // namespace totem
