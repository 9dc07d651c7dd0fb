// Arbitrary text as a key file: refused with a message, or keys whose text reads back as the same keys.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "totem/seal/seal.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto keys = totem::MasterKeys::parse(base::as_text({data, size}), "fuzz");
    if (!keys) return keys.error().message.empty() ? (std::abort(), 0) : 0;
    const auto again = totem::MasterKeys::parse(keys->file_text(), "fuzz");
    if (!again || !(again->sending() == keys->sending()) || again->other() != keys->other()) std::abort();
    return 0;
}
