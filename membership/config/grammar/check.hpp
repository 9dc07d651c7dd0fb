// A tree against the schema: every section and key is known, every value has its form, nothing is said twice
// with two meanings. What comes out can be read without looking at forms again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "membership/config/config.hpp"
#include "membership/config/grammar/tree.hpp"
#include "totem/base/result.hpp"

namespace membership::grammar {

// Collects notices: one for each subject, however many lines have it, in the order of the lines.
class Notices {
  public:
    explicit Notices(std::string file) : file_(std::move(file)) {}
    // "FILE:LINE: SUBJECT TEXT". A second one with the same subject only counts.
    void add(int line, const std::string& subject, const std::string& text, bool warning = false);
    [[nodiscard]] std::vector<Notice> take() const;

  private:
    struct Item {
        int line{0};
        std::string subject, text;
        bool warning{false};
        int more{0};  // further lines with the same subject
    };
    std::string file_;
    std::vector<Item> items_;
};

// The tree with sections that may stand only once merged into one, as corosync reads them.
[[nodiscard]] base::Result<Section> check_tree(const Section& tree, std::string_view file, Notices& notices);

// Values of checked entries; null or nullopt: not given.
[[nodiscard]] std::optional<std::int64_t> parse_number(std::string_view text);
[[nodiscard]] std::optional<bool> parse_flag(std::string_view text);
[[nodiscard]] std::optional<std::int64_t> number_of(const Section* section, std::string_view key);
[[nodiscard]] std::optional<bool> flag_of(const Section* section, std::string_view key);
[[nodiscard]] std::optional<std::string> text_of(const Section* section, std::string_view key);
// The line of a key that is there, else the section's.
[[nodiscard]] int line_of(const Section* section, std::string_view key);

}  // namespace membership::grammar
