// Byte buffers, and a reader and a writer with bounds: the only way in which a core touches bytes from
// outside.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace base {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

[[nodiscard]] inline ByteView as_bytes(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Appends little-endian fields to a buffer that it borrows.
class ByteWriter {
  public:
    explicit ByteWriter(Bytes& out) : out_(out) {}
    void u8(std::uint8_t v) { out_.push_back(v); }
    void u16(std::uint16_t v) { put(v); }
    void u32(std::uint32_t v) { put(v); }
    void u64(std::uint64_t v) { put(v); }
    void raw(ByteView bytes) {
        if (bytes.empty()) return;
        const std::size_t at = out_.size();
        out_.resize(at + bytes.size());
        std::memcpy(out_.data() + at, bytes.data(), bytes.size());
    }
    // Length (u32), then the bytes.
    void blob(ByteView bytes) {
        u32(static_cast<std::uint32_t>(bytes.size()));
        raw(bytes);
    }
    void text(std::string_view t) { blob(as_bytes(t)); }

  private:
    template <typename T>
    void put(T v) {
        for (std::size_t i = 0; i < sizeof(T); ++i) out_.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
    }
    Bytes& out_;
};

// FNV-1a, 64 bits: equal bytes have equal ones, others hardly ever. No defence against an attacker.
[[nodiscard]] inline std::uint64_t mark_of(ByteView bytes) {
    std::uint64_t mark = 0xcbf29ce484222325ULL;
    for (const std::uint8_t byte : bytes) mark = (mark ^ byte) * 0x100000001b3ULL;
    return mark;
}

// Reads little-endian fields. The first read past the end makes the reader fail for good and yield zeros, so
// that a parser reads a whole message and asks ok() once; done() also demands that nothing is left over.
class ByteReader {
  public:
    explicit ByteReader(ByteView in) : in_(in) {}
    std::uint8_t u8() { return get<std::uint8_t>(); }
    std::uint16_t u16() { return get<std::uint16_t>(); }
    std::uint32_t u32() { return get<std::uint32_t>(); }
    std::uint64_t u64() { return get<std::uint64_t>(); }
    ByteView raw(std::size_t n) {
        if (!need(n)) return {};
        const ByteView out = in_.subspan(at_, n);
        at_ += n;
        return out;
    }
    ByteView blob() { return raw(u32()); }
    std::string text() { return std::string(as_text(blob())); }
    [[nodiscard]] std::size_t left() const { return failed_ ? 0 : in_.size() - at_; }
    [[nodiscard]] bool ok() const { return !failed_; }
    [[nodiscard]] bool done() const { return !failed_ && at_ == in_.size(); }

  private:
    bool need(std::size_t n) {
        if (failed_ || in_.size() - at_ < n) failed_ = true;
        return !failed_;
    }
    template <typename T>
    T get() {
        if (!need(sizeof(T))) return 0;
        std::uint64_t v = 0;
        for (std::size_t i = 0; i < sizeof(T); ++i) v |= std::uint64_t{in_[at_ + i]} << (8 * i);
        at_ += sizeof(T);
        return static_cast<T>(v);
    }
    ByteView in_;
    std::size_t at_{0};
    bool failed_{false};
};

}  // namespace base
