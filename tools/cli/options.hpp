// Options as getopt(3) takes them, with its error texts: for names whose command lines others have defined.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "totem/base/result.hpp"

namespace tools {

struct ShortOption {
    char letter{0};
    std::string argument;
    bool operator==(const ShortOption&) const = default;
};
struct ShortOptions {
    std::vector<ShortOption> options;  // in the order of the command line
    std::vector<std::string> words;    // what is no option, wherever it stands
};

// `letters`: those that there are, each followed by ':' if it takes an argument ("sa:n"). "--help" and
// "--version" are taken for 'h' and 'V' where those are among the letters; `long_names` has further ones,
// each given as its letter. Errors (invalid): "NAME: invalid option -- 'x'" and the like.
struct LongName {
    std::string_view name;
    char letter{0};
};
[[nodiscard]] base::Result<ShortOptions> parse_short_options(const std::string& name,
                                                             const std::vector<std::string>& arguments,
                                                             std::string_view letters,
                                                             const std::vector<LongName>& long_names = {});

}  // namespace tools
