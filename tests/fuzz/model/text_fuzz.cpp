// Any text gives a value or an error, and a value that was printed reads back as itself.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "manager/model/edit.hpp"
#include "totem/base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    if (const auto score = manager::parse_score(text)) {
        ASSERT(*score >= manager::Score::minus_infinity() && *score <= manager::Score::infinity());
        ASSERT(manager::parse_score(to_string(*score)).value() == *score);
    }
    if (const auto interval = manager::parse_interval(text)) ASSERT(interval->ns >= 0);

    // The text cut at its NUL bytes: an object and an option for every kind of edit.
    std::vector<std::string> words;
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find('\0', at), text.size());
        words.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    words.resize(std::max<std::size_t>(words.size(), 6));
    manager::Primitive primitive{
        words[0], {"ocf", words[1], words[2]}, {{words[3], words[4]}}, {{words[4], words[5]}}, {}, ""};
    primitive.operations.push_back({"monitor", base::seconds(10), words[3], {{words[4], words[5]}}});
    const std::vector<manager::Edit> edits{
        manager::SetOption{manager::Section::properties, words[0], words[1]},
        manager::SetNodeAttribute{words[0], words[1], words[2]}, manager::PutPrimitive{primitive},
        manager::Delete{words[5]}};
    for (const manager::Edit& edit : edits) {
        if (const auto config = manager::apply_edits({}, {edit}); !config)
            ASSERT(!config.error().message.empty());
    }
    return 0;
}
