#include "tests/sim/groups/store.hpp"

#include <algorithm>
#include <cstring>

#include "totem/base/check.hpp"
#include "totem/base/rng.hpp"

namespace sim::groups {

namespace {

constexpr std::size_t kHead = 16;  // of a snapshot: applied, chain

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
    return base::Rng(a ^ (b * 0x9e3779b97f4a7c15ULL)).next();
}

std::uint64_t hash_of(std::size_t page, const base::Bytes& bytes) {
    std::uint64_t hash = page;
    for (std::size_t at = 0; at + 8 <= bytes.size(); at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + at, sizeof word);
        hash = (hash ^ word) * 0x100000001b3ULL;
        hash ^= hash >> 29;
    }
    return mixed(hash, page);
}

// The pages as they were.
class Pages final : public membership::Snapshot {
  public:
    Pages(base::Bytes head, std::vector<Store::Page> pages)
        : head_(std::move(head)),
          pages_(std::move(pages)) {}
    [[nodiscard]] std::size_t size() const override { return kHead + pages_.size() * Store::kPage; }
    [[nodiscard]] base::Bytes read(std::size_t offset, std::size_t length) const override {
        ASSERT(offset + length <= size());
        base::Bytes out;
        out.reserve(length);
        while (out.size() < length) {
            const std::size_t at = offset + out.size();
            const base::Bytes& part = at < kHead ? head_ : *pages_[(at - kHead) / Store::kPage];
            const std::size_t within = at < kHead ? at : (at - kHead) % Store::kPage;
            const std::size_t count = std::min(part.size() - within, length - out.size());
            out.insert(out.end(), part.begin() + static_cast<std::ptrdiff_t>(within),
                       part.begin() + static_cast<std::ptrdiff_t>(within + count));
        }
        return out;
    }

  private:
    base::Bytes head_;
    std::vector<Store::Page> pages_;
};

}  // namespace

void Store::write(std::uint64_t command, std::uint32_t page, std::uint32_t padding) {
    base::Bytes bytes;
    base::ByteWriter w(bytes);
    w.u64(command);
    w.u32(0);
    w.u32(page);
    bytes.resize(bytes.size() + padding);
    queue_.push_back({std::move(bytes)});
}

void Store::grow(std::uint64_t command, std::uint32_t pages) {
    base::Bytes bytes;
    base::ByteWriter w(bytes);
    w.u64(command);
    w.u32(pages);
    w.u32(0);
    queue_.push_back({std::move(bytes)});
}

void Store::corrupt() {
    chain_ = mixed(chain_, 0xbad);
}

std::uint64_t Store::hash() const {
    return mixed(mixed(applied_, chain_), sum_ ^ pages_.size());
}

membership::Standing Store::standing() const {
    membership::Standing standing;
    base::ByteWriter w(standing.payload);
    w.u64(applied_);
    w.u64(chain_);
    standing.digest = digest();
    if (told_.standing) told_.standing(hash());
    return standing;
}

membership::Digest Store::digest() const {
    base::Bytes bytes;
    base::ByteWriter(bytes).u64(hash());
    return membership::digest_of(bytes);
}

// Who applied most; of several the one with the higher chain, then the lowest.
std::optional<totem::Member> Store::authority(const membership::Standings& standings) const {
    std::optional<totem::Member> best;
    std::pair<std::uint64_t, std::uint64_t> most;
    for (const auto& [member, standing] : standings) {
        base::ByteReader in(standing.payload);
        const std::uint64_t applied = in.u64();
        const std::pair<std::uint64_t, std::uint64_t> has{applied, in.u64()};
        if (best && has <= most) continue;
        best = member;
        most = has;
    }
    return best;
}

std::unique_ptr<membership::Snapshot> Store::snapshot() const {
    base::Bytes head;
    base::ByteWriter w(head);
    w.u64(applied_);
    w.u64(chain_);
    return std::make_unique<Pages>(std::move(head), pages_);
}

base::Status Store::install(base::ByteView snapshot) {
    base::ByteReader in(snapshot);
    const std::uint64_t applied = in.u64();
    const std::uint64_t chain = in.u64();
    if (!in.ok() || in.left() % kPage != 0) return base::invalid("no whole pages");
    applied_ = applied;
    chain_ = chain;
    pages_.clear();
    sum_ = 0;
    while (in.left() > 0) {
        const base::ByteView page = in.raw(kPage);
        pages_.emplace_back();
        replace(pages_.size() - 1, {page.begin(), page.end()});
    }
    return base::ok();
}

void Store::replace(std::size_t page, base::Bytes bytes) {
    if (pages_[page]) sum_ -= hash_of(page, *pages_[page]);
    sum_ += hash_of(page, bytes);
    pages_[page] = std::make_shared<const base::Bytes>(std::move(bytes));
}

void Store::synchronised(const membership::SyncedView& view) {
    if (told_.synchronised) told_.synchronised(view, hash());
}

void Store::deliver(const membership::Ordered& message) {
    base::ByteReader in(message.payload);
    const std::uint64_t command = in.u64();
    const std::uint32_t pages = in.u32();
    const std::uint32_t page = in.u32();
    ASSERT(in.ok());
    ++applied_;
    chain_ = mixed(chain_, command);
    base::Rng content(command);
    for (std::uint32_t i = 0; i < pages; ++i) {
        base::Bytes bytes(kPage);
        for (std::size_t at = 0; at < kPage; at += 8) {
            const std::uint64_t word = content.next();
            std::memcpy(bytes.data() + at, &word, sizeof word);
        }
        pages_.emplace_back();
        replace(pages_.size() - 1, std::move(bytes));
    }
    if (pages == 0 && !pages_.empty()) {
        base::Bytes bytes = *pages_[page % pages_.size()];
        std::memcpy(bytes.data() + 8 * (command % (kPage / 8)), &command, sizeof command);
        replace(page % pages_.size(), std::move(bytes));
    }
    if (told_.applied) told_.applied(message, command, hash());
}

std::optional<membership::Outgoing> Store::next() {
    if (queue_.empty()) return std::nullopt;
    membership::Outgoing out = std::move(queue_.front());
    queue_.pop_front();
    return out;
}

}  // namespace sim::groups
