// Arbitrary text as a key file: refused with a message, or a key whose text reads back as the same key.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "totem/seal/seal.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto key = totem::MasterKey::parse(base::as_text({data, size}), "fuzz");
    if (!key) return key.error().message.empty() ? (std::abort(), 0) : 0;
    const auto again = totem::MasterKey::parse(key->file_text(), "fuzz");
    if (!again || again->fingerprint() != key->fingerprint()) std::abort();
    return 0;
}
