// What the statements of the configuration language share: reading words from left to right, NAME=VALUE, sets
// of attributes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "manager/model/configuration.hpp"
#include "manager/model/edit.hpp"
#include "tools/crm/statement.hpp"
#include "tools/crm/words.hpp"
#include "totem/base/result.hpp"

namespace tools::grammar {

using Edits = std::vector<manager::Edit>;

[[nodiscard]] base::Error not_yet(const std::string& what);

// The words of one statement, read from left to right. `subject` opens each message: "primitive web".
class Cursor {
  public:
    Cursor(const Words& words, std::string usage)
        : words_(words),
          usage_(std::move(usage)),
          subject_(words.front()) {}

    [[nodiscard]] bool done() const { return at_ >= words_.size(); }
    [[nodiscard]] const std::string& peek() const { return words_[at_]; }
    const std::string& take() { return words_[at_++]; }
    // The next word that has to be there; `what` it is, for the message.
    base::Result<std::string> need(std::string_view what) {
        if (done()) return base::invalid(subject_ + ": " + std::string(what) + " is missing: " + usage_);
        return take();
    }
    // The id after the statement's name.
    base::Result<std::string> need_id() {
        TRY(std::string id, need("an id"));
        subject_ += " " + id;
        return id;
    }
    [[nodiscard]] base::Error error(const std::string& message) const {
        return base::invalid(subject_ + ": " + message);
    }
    [[nodiscard]] base::Error unsupported(const std::string& what) const {
        return not_yet(subject_ + ": " + what);
    }
    [[nodiscard]] base::Error left_over() const {
        return error("'" + peek() + "' was not expected: " + usage_);
    }

  private:
    const Words& words_;
    std::string usage_, subject_;
    std::size_t at_{1};
};

struct Pair {
    std::string name, value;
};

// "name=value" or "name"; the id of "$id:name=value" is dropped, since ids of pairs mean nothing here.
[[nodiscard]] base::Result<Pair> parse_pair(const Cursor& cursor, const std::string& word);
// The same, into a set; a name that is there already is refused.
[[nodiscard]] base::Status put_pair(const Cursor& cursor, manager::Attributes& into, const char* section,
                                    const std::string& word);
// True for the words that open a set: params, meta, op ...
[[nodiscard]] bool is_section(std::string_view word);
// NAME=VALUE... up to the next section.
[[nodiscard]] base::Status parse_set(Cursor& cursor, manager::Attributes& into, const char* section);
// The value of "name=value" when the word is one with that name.
[[nodiscard]] std::optional<std::string> option_value(const std::string& word, std::string_view name);

// The statements; words[0] is the name.
[[nodiscard]] base::Result<Edits> parse_primitive(const Words& words, const StatementContext& context);
[[nodiscard]] base::Result<Edits> parse_monitor(const Words& words, const StatementContext& context);
[[nodiscard]] base::Result<Edits> parse_location(const Words& words, const StatementContext& context);
[[nodiscard]] base::Result<Edits> parse_colocation(const Words& words, const StatementContext& context);
[[nodiscard]] base::Result<Edits> parse_order(const Words& words, const StatementContext& context);

}  // namespace tools::grammar
