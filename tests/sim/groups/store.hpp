// A toy replicated state machine: pages of bytes, changed by ordered commands. Its state says how much was
// applied and, as a chain of hashes, what in which order.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "membership/sync/service.hpp"

namespace sim::groups {

constexpr membership::ServiceId kStoreId = 1, kGroupsId = 2;

class Store final : public membership::Service {
  public:
    struct Told {  // may be empty
        std::function<void(std::uint64_t hash)> standing;
        std::function<void(const membership::SyncedView& view, std::uint64_t hash)> synchronised;
        // `command`: its number.
        std::function<void(const membership::Ordered& from, std::uint64_t command, std::uint64_t hash)>
            applied;
    };
    explicit Store(Told told) : told_(std::move(told)) {}

    // Commands to be ordered. `padding`: bytes that it carries for nothing.
    void write(std::uint64_t command, std::uint32_t page, std::uint32_t padding);
    // Appends so many pages, whose content follows from the number.
    void grow(std::uint64_t command, std::uint32_t pages);
    // The state changes without a command, as a broken memory would do it.
    void corrupt();

    [[nodiscard]] std::uint64_t hash() const;
    [[nodiscard]] std::size_t size() const { return pages_.size() * kPage; }
    [[nodiscard]] std::size_t queued() const { return queue_.size(); }

    [[nodiscard]] membership::Standing standing() const override;
    [[nodiscard]] membership::Digest digest() const override;
    [[nodiscard]] std::optional<totem::Member> authority(
        const membership::Standings& standings) const override;
    [[nodiscard]] std::unique_ptr<membership::Snapshot> snapshot() const override;
    [[nodiscard]] base::Status install(base::ByteView snapshot) override;
    void synchronised(const membership::SyncedView& view) override;
    void deliver(const membership::Ordered& message) override;
    [[nodiscard]] std::optional<membership::Outgoing> next() override;

    static constexpr std::size_t kPage = 4096;
    using Page = std::shared_ptr<const base::Bytes>;  // never changed: replaced

  private:
    void replace(std::size_t page, base::Bytes bytes);

    Told told_;
    std::deque<membership::Outgoing> queue_;
    std::uint64_t applied_{0}, chain_{0}, sum_{0};  // sum_: of the hashes of all pages
    std::vector<Page> pages_;
};

}  // namespace sim::groups
