#include "scenario.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <sstream>
#include <vector>

#include "manager/planner/outcome.hpp"
#include "manager/planner/plan.hpp"

namespace manager::planner {
namespace {

using Words = std::vector<std::string>;

Words words_of(const std::string& line) {
    std::istringstream in(line);
    Words out;
    for (std::string word; in >> word;) out.push_back(word);
    return out;
}

std::pair<std::string, std::string> split(const std::string& word, char at) {
    const std::size_t found = word.find(at);
    if (found == std::string::npos) return {word, ""};
    return {word.substr(0, found), word.substr(found + 1)};
}

cib::AttributeSet set_of(const std::vector<std::string>& pairs) {
    cib::AttributeSet out;
    for (const auto& pair : pairs) out.pairs.push_back(split(pair, '='));
    return out;
}

class Parser {
  public:
    base::Result<Scenario> parse(const std::string& text) {
        scenario_.document.have_quorum = true;
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) {
            if (line.empty() || line.front() == '#') continue;
            const Words words = words_of(line);
            if (!apply(words)) return base::invalid("not understood: " + line);
        }
        for (auto& [id, resource] : loose_) {
            if (std::find(order_.begin(), order_.end(), id) == order_.end()) order_.push_back(id);
        }
        for (const auto& id : order_) {
            if (const auto found = loose_.find(id); found != loose_.end())
                scenario_.document.resources.push_back(found->second);
        }
        return scenario_;
    }

  private:
    bool apply(const Words& words) {
        static const std::map<std::string, bool (Parser::*)(const Words&)> kLines{
            {"node", &Parser::node},
            {"room", &Parser::room},
            {"reports", &Parser::reports},
            {"no", &Parser::no_quorum},
            {"property", &Parser::property},
            {"rsc_defaults", &Parser::property},
            {"op_defaults", &Parser::property},
            {"primitive", &Parser::primitive},
            {"group", &Parser::holder},
            {"clone", &Parser::holder},
            {"location", &Parser::location},
            {"colocation", &Parser::colocation},
            {"order", &Parser::order},
            {"ticket", &Parser::ticket},
            {"granted", &Parser::granted},
            {"ran", &Parser::ran},
            {"now", &Parser::now},
            {"show", &Parser::show}};
        const auto found = kLines.find(words.front());
        return found != kLines.end() && words.size() > 1 && (this->*found->second)(words);
    }

    bool node(const Words& words) {
        cib::NodeEntry entry;
        entry.id = entry.name = words[1];
        cib::NodeReport report;
        report.id = report.name = words[1];
        report.in_membership = "true";
        report.in_membership_told = true;
        report.process = "online";
        report.join = report.expected = "member";
        cib::AttributeSet attributes;
        for (std::size_t i = 2; i < words.size(); ++i) {
            const std::string& word = words[i];
            if (word == "offline" || word == "unclean") {
                report.in_membership = "false";
                report.process = "offline";
                report.join = "down";
                if (word == "offline") report.expected = "down";
            } else if (word == "pending") {
                report.join = "pending";
            } else if (word == "standby" || word == "maintenance") {
                attributes.pairs.emplace_back(word, "true");
            } else if (word == "shutdown") {
                report.attributes.push_back(set_of({"shutdown=1"}));
            } else {
                attributes.pairs.push_back(split(word, '='));
            }
        }
        entry.attributes.push_back(attributes);
        scenario_.document.nodes.push_back(entry);
        scenario_.document.reports.push_back(report);
        return true;
    }

    bool room(const Words& words) {
        for (auto& entry : scenario_.document.nodes) {
            if (entry.name == words[1]) entry.utilization.push_back(set_of({words.begin() + 2, words.end()}));
        }
        return true;
    }

    bool reports(const Words& words) {
        cib::NodeReport* report = report_of(words[1]);
        if (report == nullptr) return false;
        report->attributes.push_back(set_of({words.begin() + 2, words.end()}));
        return true;
    }

    bool no_quorum(const Words&) {
        scenario_.document.have_quorum = false;
        return true;
    }

    bool property(const Words& words) {
        cib::Document& document = scenario_.document;
        auto& sets = words[0] == "property"       ? document.properties
                     : words[0] == "rsc_defaults" ? document.resource_defaults
                                                  : document.operation_defaults;
        sets.push_back(set_of({words.begin() + 1, words.end()}));
        return true;
    }

    // meta, params, utilization and op of a resource, from word `at`.
    static void sections(cib::ResourceObject& out, const Words& words, std::size_t at) {
        std::string section;
        for (; at < words.size(); ++at) {
            if (words[at] == "op") {
                section = "op";
                out.operations.push_back(
                    {.id = "", .name = words[++at], .attributes = {}, .meta = {}, .params = {}});
            } else if (words[at].find('=') == std::string::npos) {
                section = words[at];
            } else if (section == "op") {
                out.operations.back().attributes.insert(split(words[at], '='));
            } else {
                auto& sets = section == "meta"     ? out.meta
                             : section == "params" ? out.params
                                                   : out.utilization;
                sets.push_back(set_of({words[at]}));
            }
        }
    }

    bool primitive(const Words& words) {
        cib::ResourceObject out;
        out.id = words[1];
        const bool named = words.size() > 2 && words[2].find(':') != std::string::npos;
        const auto [standard, rest] = split(named ? words[2] : "ocf:test:thing", ':');
        out.standard = standard;
        std::tie(out.provider, out.type) = split(rest, ':');
        if (out.type.empty()) std::swap(out.provider, out.type);
        sections(out, words, named ? 3 : 2);
        loose_[out.id] = out;
        order_.push_back(out.id);
        return true;
    }

    bool holder(const Words& words) {
        cib::ResourceObject out;
        out.kind = words[0] == "group" ? cib::ResourceKind::group : cib::ResourceKind::clone;
        out.id = words[1];
        std::size_t at = 2;
        for (; at < words.size() && words[at] != "meta"; ++at) {
            const auto found = loose_.find(words[at]);
            if (found == loose_.end()) return false;
            out.children.push_back(found->second);
            loose_.erase(found);
        }
        sections(out, words, at);
        loose_[out.id] = out;
        order_.push_back(out.id);
        return !out.children.empty();
    }

    static Score score_of(const std::string& word) {
        return parse_score(word.substr(0, word.size() - 1)).value();
    }

    bool location(const Words& words) {
        cib::LocationObject out;
        out.id = words[1];
        out.resource = words[2];
        out.score = score_of(words[3]);
        const bool is_node = std::any_of(scenario_.document.nodes.begin(), scenario_.document.nodes.end(),
                                         [&](const auto& entry) { return entry.name == words[4]; });
        if (is_node) {
            out.node = words[4];
            if (words.size() > 5) out.role = words[5];
        } else {
            cib::Rule test;
            test.kind = cib::Rule::Kind::attribute;
            test.attribute.attribute = words[4];
            test.attribute.operation = words[5];
            if (words.size() > 6) test.attribute.value = words[6];
            cib::Rule rule;
            rule.score = out.score;
            rule.parts.push_back(test);
            out.rules.push_back(rule);
        }
        scenario_.document.locations.push_back(out);
        return true;
    }

    bool colocation(const Words& words) {
        cib::ColocationObject out;
        out.id = words[1];
        out.score = score_of(words[2]);
        std::tie(out.resource, out.resource_role) = split(words[3], ':');
        std::tie(out.with, out.with_role) = split(words[4], ':');
        scenario_.document.colocations.push_back(out);
        return true;
    }

    bool order(const Words& words) {
        cib::OrderObject out;
        out.id = words[1];
        out.kind = words[2] == "Optional:"    ? OrderKind::optional
                   : words[2] == "Serialize:" ? OrderKind::serialize
                                              : OrderKind::mandatory;
        std::tie(out.first, out.first_action) = split(words[3], ':');
        std::tie(out.then, out.then_action) = split(words[4], ':');
        for (std::size_t i = 5; i < words.size(); ++i) {
            if (words[i] == "symmetrical=false") out.symmetrical = false;
            if (words[i] == "require-all=false") out.require_all = false;
        }
        scenario_.document.orders.push_back(out);
        return true;
    }

    bool ticket(const Words& words) {
        cib::TicketObject out;
        out.id = words[1];
        out.ticket = words[2].substr(0, words[2].size() - 1);
        std::tie(out.resource, out.role) = split(words[3], ':');
        out.loss_policy = words[4];
        scenario_.document.ticket_constraints.push_back(out);
        return true;
    }

    bool granted(const Words& words) {
        scenario_.document.tickets[words[1]].granted = true;
        return true;
    }

    bool ran(const Words& words) {
        cib::NodeReport* report = report_of(words[2]);
        if (report == nullptr || words.size() < 5) return false;
        auto history = std::find_if(report->history.begin(), report->history.end(),
                                    [&](const auto& other) { return other.id == words[1]; });
        if (history == report->history.end()) {
            report->history.push_back({});
            history = report->history.end() - 1;
            history->id = words[1];
        }
        cib::HistoryEntry entry;
        const auto [operation, interval] = split(words[3], '/');
        entry.operation = operation;
        entry.interval_ms = interval.empty() ? 0 : std::stoll(interval);
        entry.call_id = ++calls_;
        entry.expected = operation == "monitor" && interval.empty() ? 7 : 0;
        entry.id = words[1] + "_" + operation + "_" + std::to_string(entry.interval_ms);
        if (words[4] == "pending") {
            entry.status = -1;
        } else {
            entry.rc = std::stoi(words[4]);
        }
        for (std::size_t i = 5; i < words.size(); ++i) {
            const auto [name, value] = split(words[i], '=');
            if (name == "source") entry.migrate_source = value;
            if (name == "target") entry.migrate_target = value;
            if (name == "changed") entry.changed = cib::parse_date(value).value();
            if (name == "expected") entry.expected = std::stoi(value);
        }
        history->entries.push_back(entry);
        return true;
    }

    bool now(const Words& words) {
        scenario_.now = cib::parse_date(words[1]).value();
        return true;
    }

    bool show(const Words& words) {
        scenario_.show_scores = words[1] == "scores";
        return scenario_.show_scores;
    }

    cib::NodeReport* report_of(const std::string& name) {
        for (auto& report : scenario_.document.reports) {
            if (report.name == name) return &report;
        }
        return nullptr;
    }

    Scenario scenario_;
    std::map<std::string, cib::ResourceObject> loose_;
    std::vector<std::string> order_;
    int calls_{0};
};

std::string scores_of(const Scenario& scenario) {
    const Cluster cluster = plan(scenario.document, scenario.now);
    std::string out;
    for (const auto& resource : cluster.store) {
        if (!resource->primitive()) continue;
        for (const auto& [node, standing] : resource->allowed) {
            out += "score " + resource->id + " on " + cluster.nodes[node]->name + ": " +
                   to_string(standing.score);
            for (const auto& part : resource->contributions) {
                if (part.node == node) out += "; " + to_string(part.amount) + " " + part.cause;
            }
            out += "\n";
        }
    }
    return out;
}

}  // namespace

base::Result<Scenario> parse_scenario(const std::string& text) {
    return Parser().parse(text);
}

std::string outcome(const Scenario& scenario) {
    const Outcome found = simulate(scenario.document, scenario.now);
    std::string out = scenario.show_scores ? scores_of(scenario) : "";
    for (const auto& [what, count] : found.actions) {
        const auto& [task, resource, node] = what;
        out += task + (resource.empty() ? "" : " " + resource) + " on " + node;
        out += count > 1 ? " times " + std::to_string(count) + "\n" : "\n";
    }
    if (found.actions.empty()) out += "nothing to do\n";
    for (const auto& [name, state] : found.nodes) {
        if (state != "online") out += "then " + name + " is " + state + "\n";
    }
    for (const auto& [name, places] : found.resources) {
        for (const Place& place : places) {
            out += "then " + name + " " + place.role + " on " + place.node;
            for (const auto& flag : place.flags) out += " " + flag;
            out += "\n";
        }
    }
    return out;
}

}  // namespace manager::planner
