// Any bytes give a message or an error; a message encodes to the same bytes. The first byte says which type
// of message the rest is the body of, so that each type is reached at once; 0 (and what is no type): the rest
// is the whole.
#include <algorithm>

#include "totem/base/check.hpp"
#include "totem/wire/codec.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    static const std::uint8_t version = totem::wire::encode(totem::wire::Wake{})[0];
    base::Bytes bytes;
    const auto type = static_cast<std::uint8_t>(data[0] % (std::variant_size_v<totem::wire::Message> + 1));
    if (type != 0) bytes = {version, type};
    bytes.insert(bytes.end(), data + 1, data + size);
    if (const auto message = totem::wire::decode(bytes)) {
        ASSERT(type == 0 || message->index() + 1 == type);
        ASSERT(totem::wire::encode(*message) == bytes);
        ASSERT(!totem::wire::of_other_version(bytes));
    }
    return 0;
}
