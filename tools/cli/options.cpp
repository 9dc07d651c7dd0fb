#include "tools/cli/options.hpp"

#include <algorithm>
#include <optional>

namespace tools {
namespace {

class Parser {
  public:
    Parser(const std::string& name, const std::vector<std::string>& arguments, std::string_view letters,
           const std::vector<LongName>& long_names)
        : name_(name),
          arguments_(arguments),
          letters_(letters),
          long_names_(long_names) {}

    base::Result<ShortOptions> run() {
        for (; at_ < arguments_.size(); ++at_) {
            const std::string& word = arguments_[at_];
            if (word == "--") {
                found_.words.insert(found_.words.end(), arguments_.begin() + static_cast<long>(at_) + 1,
                                    arguments_.end());
                break;
            }
            if (word.size() > 2 && word.compare(0, 2, "--") == 0) {
                TRY_OK(long_option(word));
            } else if (word.size() > 1 && word[0] == '-') {
                TRY_OK(letters(word));
            } else {
                found_.words.push_back(word);
            }
        }
        return std::move(found_);
    }

  private:
    [[nodiscard]] bool takes(char letter) const {
        return letter != ':' && letters_.find(letter) != std::string_view::npos;
    }
    [[nodiscard]] bool wants_argument(char letter) const {
        const std::size_t at = letters_.find(letter);
        return at + 1 < letters_.size() && letters_[at + 1] == ':';
    }

    base::Status long_option(const std::string& word) {
        const std::string_view name = std::string_view(word).substr(2);
        char letter = name == "help" ? 'h' : name == "version" ? 'V' : '\0';
        if (letter == '\0' || !takes(letter)) {
            const auto found = std::find_if(long_names_.begin(), long_names_.end(),
                                            [&](const LongName& each) { return each.name == name; });
            if (found == long_names_.end())
                return base::invalid(name_ + ": unrecognized option '" + word + "'");
            letter = found->letter;
        }
        found_.options.push_back({letter, ""});
        return base::ok();
    }

    base::Status letters(const std::string& word) {
        for (std::size_t i = 1; i < word.size(); ++i) {
            const char letter = word[i];
            if (!takes(letter)) return base::invalid(name_ + ": invalid option -- '" + letter + "'");
            if (!wants_argument(letter)) {
                found_.options.push_back({letter, ""});
                continue;
            }
            if (i + 1 == word.size() && at_ + 1 == arguments_.size())
                return base::invalid(name_ + ": option requires an argument -- '" + letter + "'");
            found_.options.push_back({letter, i + 1 < word.size() ? word.substr(i + 1) : arguments_[++at_]});
            break;
        }
        return base::ok();
    }

    const std::string& name_;
    const std::vector<std::string>& arguments_;
    std::string_view letters_;
    const std::vector<LongName>& long_names_;
    std::size_t at_{0};
    ShortOptions found_;
};

}  // namespace

base::Result<ShortOptions> parse_short_options(const std::string& name,
                                               const std::vector<std::string>& arguments,
                                               std::string_view letters,
                                               const std::vector<LongName>& long_names) {
    return Parser(name, arguments, letters, long_names).run();
}

}  // namespace tools
