// The thread that makes ring-sequence reservations and incarnations durable, so that the ring's thread never
// waits for a disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "totem/engine/detail/epoch_file.hpp"
#include "totem/engine/detail/mailbox.hpp"

namespace totem::detail {

class EpochWriter {
  public:
    // `stored`: what the file holds. `answers` gets EpochWritten for what became durable, and EpochNotWritten
    // when that fails; it then tries again every second. Outlives the writer.
    EpochWriter(std::string path, const Epoch& stored, Mailbox& answers);
    EpochWriter(const EpochWriter&) = delete;
    EpochWriter& operator=(const EpochWriter&) = delete;
    ~EpochWriter();  // ends the thread; a write under way is finished

    // Start making it durable; both only grow. Never block.
    void write_ring_seq(std::uint64_t ring_seq);
    void write_incarnation(std::uint64_t incarnation);

  private:
    void run();
    std::string path_;
    Mailbox& answers_;
    Bell bell_;
    const Epoch stored_;
    std::atomic<std::uint64_t> ring_seq_, incarnation_;
    std::atomic<bool> ending_{false};
    std::thread thread_;
};

}  // namespace totem::detail
