#include "membership/config/grammar/tree.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace membership::grammar {

namespace {

constexpr std::size_t kMaxFile = 1u << 20;  // far above any real file; bounds the work on a wrong one
constexpr std::size_t kMaxDepth = 8;

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

bool is_printable(char c) {
    return c == '\t' || (c >= 0x20 && c < 0x7f);
}

bool is_name(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-' || c == '.';
    });
}

// Reads line by line into a stack of open sections; closing one moves it into its parent.
class TreeReader {
  public:
    explicit TreeReader(std::string_view file) : file_(file) { open_.emplace_back(); }

    base::Status line(std::string_view raw) {
        ++number_;
        const std::string_view text = trim(raw);
        if (text.empty() || text.front() == '#') return base::ok();
        if (const auto bad = std::find_if_not(text.begin(), text.end(), is_printable); bad != text.end()) {
            return error("expected plain ASCII text, found " + quoted(text) +
                         ": check the line for invisible characters");
        }
        // The order of these tests is corosync's: a brace opens a section whatever else is on the line.
        if (const auto brace = text.find('{'); brace != std::string_view::npos) return open(text, brace);
        if (const auto colon = text.find(':'); colon != std::string_view::npos) return entry(text, colon);
        if (text.front() == '}') return close(text);
        return error("expected \"key: value\", \"section {\" or \"}\", found " + quoted(text));
    }

    base::Result<Section> finish() {
        if (open_.size() > 1) {
            const Section& last = open_.back();
            return error_at(file_, last.line,
                            "section " + last.name +
                                " is opened here and never closed: a \"}\" on a line of its own is "
                                "missing, at the end of the file at the latest");
        }
        return std::move(open_.front());
    }

  private:
    [[nodiscard]] base::Error error(const std::string& message) const {
        return error_at(file_, number_, message);
    }

    base::Status open(std::string_view text, std::size_t brace) {
        const std::string_view name = trim(text.substr(0, brace));
        if (!is_name(name)) return error("expected a section's name before \"{\", found " + quoted(name));
        if (const std::string_view rest = trim(text.substr(brace + 1)); !rest.empty()) {
            return error("expected the end of the line after \"" + std::string(name) + " {\", found " +
                         quoted(rest) + ": each key and each brace stands on a line of its own");
        }
        if (open_.size() > kMaxDepth) {
            return error("sections are nested more than " + std::to_string(kMaxDepth) + " deep");
        }
        Section section;
        section.name = name;
        section.line = number_;
        open_.push_back(std::move(section));
        return base::ok();
    }

    base::Status entry(std::string_view text, std::size_t colon) {
        const std::string_view key = trim(text.substr(0, colon));
        const std::string_view value = trim(text.substr(colon + 1));
        if (!is_name(key)) return error("expected a key before \":\", found " + quoted(key));
        if (value.find(" #") != std::string_view::npos || value.find("\t#") != std::string_view::npos) {
            return error("expected a value alone after \"" + std::string(key) + ":\", found " +
                         quoted(value) +
                         ": a comment stands on a line of its own, here it would become part of the value");
        }
        open_.back().entries.push_back({std::string(key), std::string(value), number_});
        return base::ok();
    }

    base::Status close(std::string_view text) {
        if (const std::string_view rest = trim(text.substr(1)); !rest.empty()) {
            return error("expected the end of the line after \"}\", found " + quoted(rest) +
                         ": each brace stands on a line of its own");
        }
        if (open_.size() == 1) return error("found \"}\", but no section is open here");
        Section done = std::move(open_.back());
        open_.pop_back();
        open_.back().sections.push_back(std::move(done));
        return base::ok();
    }

    std::string_view file_;
    int number_{0};
    std::vector<Section> open_;  // the file itself, then each section that is still open
};

}  // namespace

const Entry* Section::find(std::string_view key) const {
    const auto at =
        std::find_if(entries.rbegin(), entries.rend(), [&](const Entry& e) { return e.key == key; });
    return at == entries.rend() ? nullptr : &*at;
}

const Section* Section::section(std::string_view wanted) const {
    const auto at =
        std::find_if(sections.begin(), sections.end(), [&](const Section& s) { return s.name == wanted; });
    return at == sections.end() ? nullptr : &*at;
}

base::Error error_at(std::string_view file, int line, const std::string& message) {
    std::string where(file);
    if (line > 0) where += ":" + std::to_string(line);
    return {base::Errc::invalid, where + ": " + message};
}

std::string quoted(std::string_view text) {
    if (text.empty()) return "nothing";
    constexpr std::size_t kMaxShown = 60;
    constexpr const char* kHex = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text.substr(0, kMaxShown)) {
        if (c >= 0x20 && c < 0x7f) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += std::string("\\x") + kHex[byte >> 4] + kHex[byte & 15];
        }
    }
    return out + (text.size() > kMaxShown ? "...\"" : "\"");
}

base::Result<Section> parse_tree(std::string_view text, std::string_view file) {
    if (text.size() > kMaxFile) {
        return error_at(file, 0,
                        "expected a node file of at most 1 MiB, found " + std::to_string(text.size()) +
                            " bytes: is this the right file?");
    }
    TreeReader reader(file);
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        TRY_OK(reader.line(text.substr(0, end)));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return reader.finish();
}

}  // namespace membership::grammar
