// The journal on disk: a directory that this process alone writes, through a thread of its own, so that no
// caller ever waits for a disk. Created files and renames are made durable with their directory.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "totem/base/bytes.hpp"
#include "totem/base/result.hpp"

namespace manager {

class JournalStore {
  public:
    struct Opened {
        std::unique_ptr<JournalStore> store;
        std::optional<base::Bytes> last;  // payload of the last record; none: an empty journal
        std::string warning;  // the old file was damaged and set aside: what an administrator should know
    };
    // Opens or creates DIRECTORY/journal. A damaged file is set aside (never deleted) and an empty one begun.
    static base::Result<Opened> open(const std::string& directory);
    ~JournalStore();  // finishes what is queued
    JournalStore(const JournalStore&) = delete;
    JournalStore& operator=(const JournalStore&) = delete;

    // Called on the writer's thread: once the record is on disk, or with why it is not. After the first error
    // nothing is written any more (a failed fsync cannot be trusted on a second try) and every call gets that
    // error.
    using Done = std::function<void(base::Status)>;
    void append(base::Bytes payload, Done done);
    // Keeps bytes that lost a merge beside the journal, as DIRECTORY/NAME.
    void archive(std::string name, base::Bytes payload);

  private:
    struct Impl;
    explicit JournalStore(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace manager
