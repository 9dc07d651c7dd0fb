#include "tools/crm/words.hpp"

#include <algorithm>
#include <cctype>

namespace tools {
namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

char lower(char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

class Scanner {
  public:
    explicit Scanner(std::string_view text) : text_(text) {}

    base::Result<std::vector<Line>> run() {
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '\n') {
                end_line();
                ++at_;
                ++number_;
            } else if (is_blank(c)) {
                ++at_;
            } else if (continues_line()) {
                at_ += 2;
                ++number_;
            } else if (c == '#' && line_.words.empty()) {
                at_ = std::min(text_.find('\n', at_), text_.size());
            } else {
                TRY_OK(word());
            }
        }
        end_line();
        return std::move(lines_);
    }

  private:
    [[nodiscard]] bool continues_line() const { return text_.substr(at_, 2) == "\\\n"; }
    void end_line() {
        if (!line_.words.empty()) lines_.push_back(std::move(line_));
        line_ = {};
    }
    base::Status word() {
        if (line_.words.empty()) line_.number = number_;
        std::string out;
        while (at_ < text_.size() && text_[at_] != '\n' && !is_blank(text_[at_])) {
            const char c = text_[at_];
            if (c == '\'' || c == '"') {
                TRY_OK(quote(c, out));
            } else if (continues_line()) {
                at_ += 2;
                ++number_;
            } else if (c == '\\' && at_ + 1 < text_.size()) {
                out += text_[at_ + 1];
                at_ += 2;
            } else {
                out += c;
                ++at_;
            }
        }
        line_.words.push_back(std::move(out));
        return base::ok();
    }
    base::Status quote(char mark, std::string& out) {
        const int opened = number_;
        for (++at_; at_ < text_.size(); ++at_) {
            char c = text_[at_];
            if (c == mark) {
                ++at_;
                return base::ok();
            }
            if (mark == '"' && c == '\\' && at_ + 1 < text_.size() &&
                (text_[at_ + 1] == '"' || text_[at_ + 1] == '\\')) {
                c = text_[++at_];
            }
            if (c == '\n') ++number_;
            out += c;
        }
        return base::Error{base::Errc::invalid,
                           "line " + std::to_string(opened) + ": a quote (" + mark + ") has no end"};
    }

    std::string_view text_;
    std::size_t at_{0};
    int number_{1};
    Line line_;
    std::vector<Line> lines_;
};

}  // namespace

base::Result<std::vector<Line>> split_script(std::string_view text) {
    return Scanner(text).run();
}

base::Result<Words> split_line(std::string_view text) {
    TRY(const std::vector<Line> lines, split_script(text));
    Words words;
    for (const Line& line : lines) words.insert(words.end(), line.words.begin(), line.words.end());
    return words;
}

std::string quoted(std::string_view word) {
    const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
    });
    if (plain) return std::string(word);
    std::string out = "\"";
    for (const char c : word) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

bool equal_any_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

bool begins_with_any_case(std::string_view word, std::string_view start) {
    return word.size() >= start.size() && equal_any_case(word.substr(0, start.size()), start);
}

std::string alternatives(const std::vector<std::string>& words) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
        out += words[i];
    }
    return out;
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i > 0) out += between;
        out += words[i];
    }
    return out;
}

}  // namespace tools
