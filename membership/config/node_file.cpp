#include "membership/config/node_file.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "membership/config/grammar/tree.hpp"

namespace membership {

namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

// A line, without its end, and what it is in: "nodelist.node" for a line within a node.
struct Line {
    std::string text;
    std::string path;   // of the section that it stands in, or closes
    std::string key;    // of an entry
    std::string opens;  // name of the section that it opens
    bool closes{false};
    std::size_t node{0};  // number of the node's section that it belongs to, from 1
    bool gone{false};
};

std::string value_of(const Line& line) {
    return std::string(trim(std::string_view(line.text).substr(line.text.find(':') + 1)));
}

// The same with another value: what is before it, and a carriage return at the end, stay.
void set_value(Line& line, const std::string& value) {
    const std::size_t colon = line.text.find(':');
    const std::size_t at = line.text.find_first_not_of(" \t", colon + 1);
    const bool returns = !line.text.empty() && line.text.back() == '\r';
    const std::string before = at == std::string::npos || line.text[at] == '\r'
                                   ? line.text.substr(0, colon + 1) + " "
                                   : line.text.substr(0, at);
    line.text = before + value + (returns ? "\r" : "");
}

std::string indent_of(const Line& line) {
    return line.text.substr(0, std::min(line.text.find_first_not_of(" \t"), line.text.size()));
}

// The text is a valid file: braces match, and each line is one thing.
class NodeFile {
  public:
    explicit NodeFile(std::string_view text) {
        const std::size_t first = text.find('\n');
        if (first != std::string_view::npos && first > 0 && text[first - 1] == '\r') returns_ = "\r";
        std::vector<std::string> open;
        const auto path = [&] {
            std::string out;
            for (const std::string& name : open) out += (out.empty() ? "" : ".") + name;
            return out;
        };
        while (!text.empty()) {
            const std::size_t end = text.find('\n');
            const std::string_view raw = text.substr(0, end);
            text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
            Line line;
            line.text = raw;
            line.path = path();
            const std::string_view words = trim(raw);
            if (!words.empty() && words.front() != '#') read(words, line, open);
            if (line.path.rfind("nodelist.node", 0) == 0) line.node = nodes_;
            lines_.push_back(std::move(line));
        }
    }

    void set_version(std::uint64_t version) {
        const std::string value = std::to_string(version);
        if (Line* const line = last("totem", "config_version")) return set_value(*line, value);
        insert_entry("totem", "version", "config_version: " + value);
    }

    void comment_out(const std::string& path, const std::string& key, const std::string& why) {
        for (std::size_t i = 0; i < lines_.size(); ++i) {
            if (lines_[i].path != path || lines_[i].key != key) continue;
            const std::string indent = indent_of(lines_[i]);
            Line said;
            said.path = path;
            said.text = indent + "# " + why + returns_;
            lines_[i].text = indent + "# " + lines_[i].text.substr(indent.size());
            lines_[i].key.clear();
            lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(i), std::move(said));
            ++i;
        }
    }

    void set_nodes(const NodeList& list) {
        base::NodeSet there;
        for (std::size_t number = 1; number <= nodes_; ++number) {
            const std::optional<base::NodeId> id = id_of(number);
            const ListedNode* const node = id ? list.find(*id) : nullptr;
            if (node == nullptr) {
                for (Line& line : lines_) line.gone = line.gone || line.node == number;
            } else {
                there.insert(*id);
                change(number, *node);
            }
        }
        for (const ListedNode& node : list.nodes) {
            if (!there.contains(node.id)) append(node);
        }
    }

    [[nodiscard]] std::string text() const {
        std::string out;
        for (const Line& line : lines_) {
            if (!line.gone) out += line.text + "\n";
        }
        return out;
    }

  private:
    // The order of the tests is that of grammar/tree.cpp.
    void read(std::string_view words, Line& line, std::vector<std::string>& open) {
        if (const auto brace = words.find('{'); brace != std::string_view::npos) {
            line.opens = trim(words.substr(0, brace));
            open.push_back(line.opens);
            std::string path;
            for (const std::string& name : open) path += (path.empty() ? "" : ".") + name;
            line.path = path;
            if (path == "nodelist.node") ++nodes_;
        } else if (const auto colon = words.find(':'); colon != std::string_view::npos) {
            line.key = trim(words.substr(0, colon));
        } else if (!open.empty()) {
            line.closes = true;
            open.pop_back();
        }
    }

    [[nodiscard]] Line* last(const std::string& path, const std::string& key, std::size_t node = 0) {
        const auto at = std::find_if(lines_.rbegin(), lines_.rend(), [&](const Line& line) {
            return line.path == path && line.key == key && (node == 0 || line.node == node);
        });
        return at == lines_.rend() ? nullptr : &*at;
    }

    [[nodiscard]] std::optional<base::NodeId> id_of(std::size_t number) {
        const Line* const line = last("nodelist.node", "nodeid", number);
        if (line == nullptr) return {};
        std::uint32_t id = 0;
        for (const char c : value_of(*line)) {
            if (c < '0' || c > '9') return {};
            id = id * 10 + static_cast<std::uint32_t>(c - '0');
        }
        return base::NodeId{id};
    }

    // After the entry `after` of the section, or at its beginning.
    void insert_entry(const std::string& path, const std::string& after, const std::string& entry) {
        auto at = std::find_if(lines_.begin(), lines_.end(),
                               [&](const Line& l) { return l.path == path && l.key == after; });
        if (at == lines_.end()) {
            at = std::find_if(lines_.begin(), lines_.end(),
                              [&](const Line& l) { return l.path == path && !l.opens.empty(); });
        }
        if (at == lines_.end()) {  // no such section
            for (const std::string& text : {path + " {", "    " + entry, std::string("}")}) {
                Line line;
                line.text = text + returns_;
                lines_.insert(lines_.begin() + static_cast<std::ptrdiff_t>(inserted_++), line);
            }
            return;
        }
        Line line;
        line.path = path;
        line.text = (at->opens.empty() ? indent_of(*at) : indent_of(*at) + "    ") + entry + returns_;
        lines_.insert(at + 1, std::move(line));
    }

    void set(std::size_t number, const std::string& key, const std::optional<std::string>& value) {
        const std::string path = "nodelist.node";
        Line* const line = last(path, key, number);
        if (!value) {
            for (Line& l : lines_) l.gone = l.gone || (l.node == number && l.path == path && l.key == key);
        } else if (line != nullptr) {
            if (value_of(*line) != *value) set_value(*line, *value);
        } else {
            const auto id = std::find_if(lines_.rbegin(), lines_.rend(), [&](const Line& l) {
                return l.node == number && l.path == path && !l.key.empty();
            });
            Line added;
            added.path = path;
            added.node = number;
            added.key = key;
            added.text = indent_of(*id) + key + ": " + *value + returns_;
            lines_.insert(id.base(), std::move(added));
        }
    }

    void change(std::size_t number, const ListedNode& node) {
        if (!node.name.empty()) set(number, "name", node.name);
        const Line* const votes = last("nodelist.node", "quorum_votes", number);
        if (node.votes != 1 || votes != nullptr) set(number, "quorum_votes", std::to_string(node.votes));
        for (unsigned link = 0; link < kMaxLinks; ++link) {
            const auto at = std::find_if(node.addresses.begin(), node.addresses.end(),
                                         [&](const ListedAddress& a) { return a.link == link; });
            std::optional<std::string> value;
            if (at != node.addresses.end()) value = at->written;
            set(number, "ring" + std::to_string(link) + "_addr", value);
        }
    }

    void append(const ListedNode& node) {
        // Where the nodelist ends, as the last node of it is indented.
        const auto end = std::find_if(lines_.rbegin(), lines_.rend(),
                                      [](const Line& l) { return l.path == "nodelist" && l.closes; });
        if (end == lines_.rend()) return;
        std::string outer = indent_of(*end) + "    ", inner = outer + "    ";
        for (const Line& line : lines_) {
            if (line.path == "nodelist.node" && !line.opens.empty()) outer = indent_of(line);
            if (line.path == "nodelist.node" && line.key == "nodeid") inner = indent_of(line);
        }
        std::vector<std::string> texts{outer + "node {", inner + "nodeid: " + to_string(node.id)};
        if (!node.name.empty()) texts.push_back(inner + "name: " + node.name);
        for (const ListedAddress& address : node.addresses)
            texts.push_back(inner + "ring" + std::to_string(address.link) + "_addr: " + address.written);
        if (node.votes != 1) texts.push_back(inner + "quorum_votes: " + std::to_string(node.votes));
        texts.push_back(outer + "}");
        std::vector<Line> added;
        for (std::string& text : texts) {
            added.emplace_back();
            added.back().path = "nodelist.node";
            added.back().text = std::move(text) + returns_;
        }
        lines_.insert(end.base() - 1, added.begin(), added.end());
    }

    std::vector<Line> lines_;
    std::size_t nodes_{0}, inserted_{0};
    std::string returns_;  // what the file's lines have before their end, and new ones get
};

bool same_nodes(const std::vector<NodeEntry>& nodes, const NodeList& list) {
    return std::equal(nodes.begin(), nodes.end(), list.nodes.begin(), list.nodes.end(),
                      [](const NodeEntry& a, const ListedNode& b) {
                          return a.id == b.id && (a.named ? a.name : "") == b.name && a.votes == b.votes &&
                                 std::equal(a.addresses.begin(), a.addresses.end(), b.addresses.begin(),
                                            b.addresses.end(),
                                            [](const NodeAddress& x, const ListedAddress& y) {
                                                return x.link == y.link && x.written == y.written;
                                            });
                      });
}

}  // namespace

NodeList node_list(const NodeConfig& config) {
    NodeList list;
    list.version = config.totem.config_version;
    for (const NodeEntry& entry : config.nodes) {
        ListedNode node{entry.id, entry.named ? entry.name : "", entry.votes, {}};
        for (const NodeAddress& address : entry.addresses)
            node.addresses.push_back({address.link, address.written, address.ip});
        list.nodes.push_back(std::move(node));
    }
    return list;
}

void use_node_list(NodeConfig& config, const NodeList& list) {
    std::vector<NodeEntry> nodes;
    for (const ListedNode& node : list.nodes) {
        const NodeEntry* const known = config.find(node.id);
        NodeEntry entry;
        entry.id = node.id;
        entry.named = !node.name.empty();
        entry.name = entry.named ? node.name : known != nullptr ? known->name : "node" + to_string(node.id);
        entry.votes = node.votes;
        for (const ListedAddress& address : node.addresses)
            entry.addresses.push_back({address.link, address.written, address.ip, 0});
        nodes.push_back(std::move(entry));
    }
    config.nodes = std::move(nodes);
    config.totem.config_version = list.version;
    const QuorumRules rules = rules_for(quorum_rules(config), list);
    config.quorum.two_node = rules.two_node;
    config.quorum.wait_for_all = rules.wait_for_all;
}

base::Result<std::string> rewrite_node_file(std::string_view text, const NodeList& list,
                                            std::string_view file_name) {
    if (const auto valid = grammar::parse_tree(text, file_name); !valid) return valid.error();
    NodeFile file(text);
    file.set_version(list.version);
    file.set_nodes(list);
    if (list.two_node_ended || votes_of(list) != 2) {
        file.comment_out("quorum", "two_node",
                         "off since version " + std::to_string(list.version) +
                             ": the cluster has, or had, other than two votes");
    }
    std::string out = file.text();
    const base::Result<NodeConfig> parsed = parse_config(out, file_name);
    if (!parsed) {
        return parsed.error().with(
            "with these nodes the node file would not be valid (lines are counted in what it would become)");
    }
    if (!same_nodes(parsed->nodes, list) || parsed->totem.config_version != list.version) {
        return base::invalid(std::string(file_name) +
                             " is written in a way that can't be changed automatically: change its nodelist "
                             "by hand, then `custos reload`");
    }
    return out;
}

std::vector<std::string> fixed_differences(const NodeConfig& in_force, const NodeConfig& edited) {
    const auto fixed = [&](const Setting& setting) {
        const bool pair = setting.key == "quorum.two_node" && edited.nodes.size() != 2;
        return setting.key.rfind("nodelist.", 0) != 0 && setting.key != "totem.config_version" && !pair;
    };
    std::map<std::string, std::string> before;
    for (const Setting& setting : in_force.settings) {
        if (fixed(setting)) before[setting.key] = setting.value;
    }
    std::vector<std::string> out;
    for (const Setting& setting : edited.settings) {
        if (!fixed(setting)) continue;
        const auto was = before.find(setting.key);
        const std::string from = was == before.end() ? "(not set)" : was->second;
        if (was != before.end()) before.erase(was);
        if (from != setting.value) out.push_back(setting.key + ": " + from + " -> " + setting.value);
    }
    for (const auto& [key, value] : before) out.push_back(key + ": " + value + " -> (not set)");
    return out;
}

}  // namespace membership
