// The journal's bytes: a header with magic and format version, then records, each the whole durable state
// after one change, guarded by a SHA-256. Pure: files are store.hpp's business.
//
//   file   = "CUSTOSJN" version:u32 record*
//   record = length:u32 payload[length] sha256(payload)[32]        (little-endian)
#pragma once

#include <optional>
#include <string>

#include "totem/base/bytes.hpp"

namespace manager {

inline constexpr std::uint32_t kJournalVersion = 1;

[[nodiscard]] base::Bytes journal_header();
[[nodiscard]] base::Bytes journal_record(base::ByteView payload);

struct Recovered {
    std::optional<base::Bytes> last;  // payload of the last whole record
    std::size_t records{0};
    std::size_t valid{0};  // bytes up to and with the last whole record
    bool torn{false};      // an unfinished record follows: a write that was never acknowledged
    std::string trouble;   // damage: what is wrong, in words; the file must not be trusted as complete
};

// Reads a journal file's bytes. An unfinished record at the end is what a crash leaves and
// is dropped; a record that is all there but fails its checksum is damage.
[[nodiscard]] Recovered recover_journal(base::ByteView file);

}  // namespace manager
