// The thread that makes ring-sequence reservations durable, so that the ring's thread never waits for a disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "totem/engine/detail/mailbox.hpp"

namespace totem::detail {

class EpochWriter {
  public:
    // `answers` gets EpochWritten for what became durable, and EpochNotWritten when that fails; it then tries
    // again every second. Outlives the writer.
    EpochWriter(std::string path, Mailbox& answers);
    EpochWriter(const EpochWriter&) = delete;
    EpochWriter& operator=(const EpochWriter&) = delete;
    ~EpochWriter();  // ends the thread; a write under way is finished

    // Starts making `epoch` durable; epochs only grow. Never blocks.
    void write(std::uint64_t epoch);

  private:
    void run();
    std::string path_;
    Mailbox& answers_;
    Bell bell_;
    std::atomic<std::uint64_t> wanted_{0};
    std::atomic<bool> ending_{false};
    std::thread thread_;
};

}  // namespace totem::detail
