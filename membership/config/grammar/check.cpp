#include "membership/config/grammar/check.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "membership/config/grammar/schema.hpp"
#include "membership/config/grammar/suggest.hpp"

namespace membership::grammar {

namespace {

std::string dotted(std::string_view section, std::string_view name) {
    return section.empty() ? std::string(name) : std::string(section) + "." + std::string(name);
}

std::string shown(std::string_view section) {
    return section.empty() ? "the file itself" : std::string(section) + " { }";
}

std::vector<std::string> choices_of(std::string_view words) {
    std::vector<std::string> out;
    while (true) {
        const std::size_t bar = words.find('|');
        out.emplace_back(words.substr(0, bar));
        if (bar == std::string_view::npos) return out;
        words.remove_prefix(bar + 1);
    }
}

std::string join_or(const std::vector<std::string>& words) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
        out += words[i];
    }
    return out;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
    const std::string best = closest(word, known);
    return best.empty() ? std::string() : "; did you mean \"" + best + "\"?";
}

class Checker {
  public:
    Checker(std::string_view file, Notices& notices) : file_(file), notices_(notices) {}

    base::Result<Section> section(const Section& in, const std::string& path) {
        const SectionRule* rule = find_section(path);
        ASSERT(rule != nullptr);
        note_section(in, *rule);
        for (const Entry& entry : in.entries) TRY_OK(check_entry(entry, in, *rule));
        TRY(Section out, merge_children(in, path));
        out.name = in.name;
        out.line = in.line;
        out.entries = in.entries;
        for (Section& child : out.sections) {
            TRY(child, section(child, dotted(path, child.name)));
        }
        return out;
    }

  private:
    void note_section(const Section& in, const SectionRule& rule) {
        if (rule.use == Use::ignored || rule.use == Use::warned) {
            notices_.add(in.line, std::string(rule.path) + " { }", "is ignored: " + std::string(rule.why),
                         rule.use == Use::warned);
        }
    }

    // Children that may stand only once become one; unknown ones are an error.
    base::Result<Section> merge_children(const Section& in, const std::string& path) {
        Section out;
        for (const Section& child : in.sections) {
            const SectionRule* rule = find_section(dotted(path, child.name));
            if (rule == nullptr) return unknown_section(child, path);
            const auto same = std::find_if(out.sections.begin(), out.sections.end(),
                                           [&](const Section& s) { return s.name == child.name; });
            if (rule->repeats || same == out.sections.end()) {
                out.sections.push_back(child);
                continue;
            }
            same->entries.insert(same->entries.end(), child.entries.begin(), child.entries.end());
            same->sections.insert(same->sections.end(), child.sections.begin(), child.sections.end());
        }
        return out;
    }

    base::Status check_entry(const Entry& entry, const Section& in, const SectionRule& section) {
        const KeyRule* rule = find_key(section, entry.key);
        if (rule == nullptr) return unknown_key(entry, section);
        const std::string name = dotted(section.path, entry.key);
        const auto first = std::find_if(in.entries.begin(), in.entries.end(),
                                        [&](const Entry& e) { return e.key == entry.key; });
        if (rule->use != Use::covered && first->line != entry.line && first->value != entry.value) {
            return error_at(file_, entry.line,
                            name + ": expected one value, found " + quoted(entry.value) + " here and " +
                                quoted(first->value) + " in line " + std::to_string(first->line) +
                                ": remove one of them");
        }
        TRY_OK(check_value(entry, name, *rule));
        const bool off = rule->kind == Kind::flag && parse_flag(entry.value) == false;
        if (rule->use == Use::ignored || (rule->use == Use::warned && !off)) {
            notices_.add(entry.line, name, "is ignored: " + std::string(rule->why), rule->use == Use::warned);
        }
        return base::ok();
    }

    base::Status check_value(const Entry& entry, const std::string& name, const KeyRule& rule) {
        const std::string found = quoted(entry.value);
        const auto expected = [&](const std::string& what) {
            return error_at(file_, entry.line, name + ": expected " + what + ", found " + found);
        };
        switch (rule.kind) {
            case Kind::number: {
                const auto value = parse_number(entry.value);
                if (value && *value >= rule.min && *value <= rule.max) return base::ok();
                return expected(number_form(rule));
            }
            case Kind::flag:
                return parse_flag(entry.value) ? base::ok()
                                               : base::Status(expected("yes or no (or on, off, 1, 0)"));
            case Kind::word: {
                const auto choices = choices_of(rule.detail);
                if (std::find(choices.begin(), choices.end(), entry.value) != choices.end())
                    return base::ok();
                base::Error error = expected(join_or(choices));
                error.message += did_you_mean(entry.value, choices);
                return error;
            }
            case Kind::path:
                return !entry.value.empty() && entry.value.front() == '/'
                           ? base::ok()
                           : base::Status(expected("a path that begins with /"));
            case Kind::text:
                return entry.value.empty() && rule.key != "watchdog_device"
                           ? base::Status(expected("a value"))
                           : base::ok();
        }
        return base::ok();
    }

    static std::string number_form(const KeyRule& rule) {
        if (rule.min == rule.max) return std::to_string(rule.min);
        const std::string of = rule.detail.empty() ? std::string() : " of " + std::string(rule.detail);
        return "a whole number" + of + " from " + std::to_string(rule.min) + " to " +
               std::to_string(rule.max);
    }

    [[nodiscard]] base::Error unknown_key(const Entry& entry, const SectionRule& section) const {
        std::vector<std::string> known;
        for (const KeyRule& key : section.keys) known.emplace_back(key.key);
        std::string hint = did_you_mean(entry.key, known);
        for (const SectionRule& other : schema()) {
            if (!hint.empty()) break;
            if (other.use == Use::honoured && find_key(other, entry.key) != nullptr) {
                hint = "; it belongs in " + shown(other.path);
            }
        }
        return error_at(file_, entry.line,
                        "expected a key of " + shown(section.path) + ", found " + quoted(entry.key) + hint);
    }

    [[nodiscard]] base::Error unknown_section(const Section& child, const std::string& path) const {
        std::vector<std::string> known;
        std::string elsewhere;
        for (const SectionRule& rule : schema()) {
            const std::size_t dot = rule.path.rfind('.');
            const std::string_view parent =
                dot == std::string_view::npos ? std::string_view() : rule.path.substr(0, dot);
            const std::string_view name =
                dot == std::string_view::npos ? rule.path : rule.path.substr(dot + 1);
            if (name.empty()) continue;
            if (parent == path) known.emplace_back(name);
            if (name == child.name && elsewhere.empty()) elsewhere = "; it belongs in " + shown(parent);
        }
        const std::string hint = did_you_mean(child.name, known);
        return error_at(file_, child.line,
                        "expected a section of " + shown(path) + ", found " + quoted(child.name) +
                            (hint.empty() ? elsewhere : hint));
    }

    std::string_view file_;
    Notices& notices_;
};

}  // namespace

void Notices::add(int line, const std::string& subject, const std::string& text, bool warning) {
    const auto same =
        std::find_if(items_.begin(), items_.end(), [&](const Item& item) { return item.subject == subject; });
    if (same != items_.end()) {
        ++same->more;
        return;
    }
    items_.push_back({line, subject, text, warning, 0});
}

std::vector<Notice> Notices::take() const {
    std::vector<Item> sorted = items_;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Item& a, const Item& b) { return a.line < b.line; });
    std::vector<Notice> out;
    for (const Item& item : sorted) {
        std::string line = file_;
        if (item.line > 0) line += ":" + std::to_string(item.line);
        line += ": ";
        line += item.subject + " " + item.text;
        if (item.more > 0)
            line += " (and " + std::to_string(item.more) + (item.more == 1 ? " more line)" : " more lines)");
        out.push_back({std::move(line), item.warning});
    }
    return out;
}

base::Result<Section> check_tree(const Section& tree, std::string_view file, Notices& notices) {
    return Checker(file, notices).section(tree, "");
}

std::optional<std::int64_t> parse_number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<bool> parse_flag(std::string_view text) {
    if (text == "yes" || text == "on" || text == "1" || text == "true") return true;
    if (text == "no" || text == "off" || text == "0" || text == "false") return false;
    return std::nullopt;
}

std::optional<std::int64_t> number_of(const Section* section, std::string_view key) {
    const Entry* entry = section == nullptr ? nullptr : section->find(key);
    return entry == nullptr ? std::nullopt : parse_number(entry->value);
}

std::optional<bool> flag_of(const Section* section, std::string_view key) {
    const Entry* entry = section == nullptr ? nullptr : section->find(key);
    return entry == nullptr ? std::nullopt : parse_flag(entry->value);
}

std::optional<std::string> text_of(const Section* section, std::string_view key) {
    const Entry* entry = section == nullptr ? nullptr : section->find(key);
    return entry == nullptr ? std::nullopt : std::optional<std::string>(entry->value);
}

int line_of(const Section* section, std::string_view key) {
    if (section == nullptr) return 0;
    const Entry* entry = section->find(key);
    return entry == nullptr ? section->line : entry->line;
}

}  // namespace membership::grammar
