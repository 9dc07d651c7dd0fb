#include "totem/engine/detail/mailbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "totem/base/check.hpp"

namespace totem::detail {

Bell::Bell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    ASSERT(fd_.get() >= 0);
}

void Bell::ring() const {
    const std::uint64_t one = 1;
    static_cast<void>(::write(fd_.get(), &one, sizeof one));  // can only fail when it rings already
}

void Bell::silence() const {
    std::uint64_t count = 0;
    static_cast<void>(::read(fd_.get(), &count, sizeof count));
}

Mailbox::~Mailbox() {
    static_cast<void>(close());
}

bool Mailbox::push(Command command) {
    Letter* newest = head_.load(std::memory_order_acquire);
    auto letter = std::make_unique<Letter>(Letter{std::move(command), nullptr});
    do {
        if (newest == &closed_) return false;
        letter->next = newest;
    } while (!head_.compare_exchange_weak(newest, letter.get(), std::memory_order_acq_rel,
                                          std::memory_order_acquire));
    static_cast<void>(letter.release());  // the list's now; it may be gone already
    const bool was_empty = newest == nullptr;
    if (was_empty) bell_.ring();
    return true;
}

std::vector<Command> Mailbox::take() {
    bell_.silence();                                                   // first: a push after this rings again
    if (head_.load(std::memory_order_relaxed) == &closed_) return {};  // only the reader closes
    return unfold(head_.exchange(nullptr, std::memory_order_acq_rel));
}

std::vector<Command> Mailbox::close() {
    return unfold(head_.exchange(&closed_, std::memory_order_acq_rel));
}

std::vector<Command> Mailbox::unfold(Letter* newest) {
    std::vector<Command> out;
    while (newest != nullptr && newest != &closed_) {
        const std::unique_ptr<Letter> letter(newest);
        out.push_back(std::move(letter->command));
        newest = letter->next;
    }
    std::reverse(out.begin(), out.end());
    return out;
}

}  // namespace totem::detail
