#include "manager/journal/log.hpp"

#include <algorithm>

#include "manager/state/digest.hpp"

namespace manager {

namespace {
constexpr std::string_view kMagic = "CUSTOSJN";
constexpr std::size_t kHeaderSize = 12;
constexpr std::uint32_t kLargestRecord = 64u << 20;
}  // namespace

base::Bytes journal_header() {
    base::Bytes bytes;
    base::ByteWriter out(bytes);
    out.raw(base::as_bytes(kMagic));
    out.u32(kJournalVersion);
    return bytes;
}

base::Bytes journal_record(base::ByteView payload) {
    base::Bytes bytes;
    base::ByteWriter out(bytes);
    out.blob(payload);
    out.raw(digest(payload));
    return bytes;
}

Recovered recover_journal(base::ByteView file) {
    Recovered out;
    base::ByteReader in(file);
    const base::ByteView magic = in.raw(kMagic.size());
    const std::uint32_t version = in.u32();
    // A new journal is put in place with its header: one that is shorter has lost what it held.
    if (!in.ok() || base::as_text(magic) != kMagic) {
        out.trouble = file.empty() ? "it is empty" : "it does not start like a journal";
        return out;
    }
    if (version != kJournalVersion) {
        out.trouble = "it has format " + std::to_string(version) + ", this program reads format " +
                      std::to_string(kJournalVersion);
        return out;
    }
    out.valid = kHeaderSize;
    while (in.left() > 0) {
        const std::uint32_t length = in.u32();
        if (in.ok() && length > kLargestRecord) {
            out.trouble = "record " + std::to_string(out.records + 1) + " has an impossible length";
            return out;
        }
        const base::ByteView payload = in.raw(length);
        const base::ByteView sum = in.raw(sizeof(Digest));
        if (!in.ok()) {
            out.torn = true;
            return out;
        }
        const Digest expected = digest(payload);
        if (!std::equal(expected.begin(), expected.end(), sum.begin(), sum.end())) {
            out.trouble = "record " + std::to_string(out.records + 1) + " fails its checksum";
            return out;
        }
        out.last.emplace(payload.begin(), payload.end());
        ++out.records;
        out.valid = file.size() - in.left();
    }
    return out;
}

}  // namespace manager
