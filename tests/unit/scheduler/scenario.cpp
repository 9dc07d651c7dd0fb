#include "scenario.hpp"

#include <map>
#include <sstream>

#include "manager/model/edit.hpp"
#include "manager/model/operation.hpp"

namespace manager {
namespace {

using Words = std::vector<std::string>;

constexpr int kMostRounds = 10;

base::Error bad(const std::string& what) {
    return {base::Errc::invalid, what};
}

std::pair<std::string, std::string> name_value(const std::string& word) {
    const std::size_t at = word.find('=');
    return {word.substr(0, at), at == std::string::npos ? "" : word.substr(at + 1)};
}

AgentName agent_of(const std::string& text) {
    const std::size_t first = text.find(':');
    const std::size_t last = text.rfind(':');
    if (first == last) return {text.substr(0, first), "", text.substr(first + 1)};
    return {text.substr(0, first), text.substr(first + 1, last - first - 1), text.substr(last + 1)};
}

base::Result<Primitive> primitive_of(const Words& words) {
    if (words.size() < 3) return bad("a primitive needs an id and an agent");
    Primitive primitive;
    primitive.id = words[1];
    primitive.agent = agent_of(words[2]);
    Attributes* target = &primitive.params;
    for (std::size_t at = 3; at < words.size(); ++at) {
        if (words[at] == "params") {
            target = &primitive.params;
        } else if (words[at] == "meta") {
            target = &primitive.meta;
        } else if (words[at] == "op") {
            if (++at == words.size()) return bad("op needs a name");
            primitive.operations.push_back({words[at], {}, "", {}});
            target = &primitive.operations.back().attributes;
        } else {
            const auto [name, value] = name_value(words[at]);
            if (name == "interval") {
                TRY(primitive.operations.back().interval, parse_interval(value));
                primitive.operations.back().interval_text = value;
            } else {
                (*target)[name] = value;
            }
        }
    }
    return primitive;
}

class Parser {
  public:
    base::Status line(const Words& words) {
        const std::string& kind = words[0];
        if (kind == "node") return node(words);
        if (kind == "no" && words.size() == 2 && words[1] == "quorum") {
            scenario_.status.quorate = false;
            return base::ok();
        }
        if (kind == "show") {
            scenario_.show_scores = true;
            return base::ok();
        }
        if (kind == "property" || kind == "rsc_defaults" || kind == "op_defaults")
            return options(kind, words);
        if (kind == "primitive") {
            TRY(auto primitive, primitive_of(words));
            edits_.push_back(PutPrimitive{primitive});
            return base::ok();
        }
        if (kind == "former") {
            TRY(auto primitive, primitive_of(words));
            scenario_.status.former[primitive.id] = primitive;
            return base::ok();
        }
        if (words.size() < 3) return bad("unknown line");
        if (kind == "location" || kind == "colocation" || kind == "order") return constraint(kind, words);
        if (kind == "record" || kind == "running" || kind == "finds") {
            later_.push_back(words);
            return base::ok();
        }
        return bad("unknown line");
    }

    base::Result<Scenario> finish() {
        TRY(scenario_.config, apply_edits(scenario_.config, edits_, names_));
        for (const Words& words : later_) TRY_OK(fact(words));
        for (auto& [id, node] : scenario_.status.nodes) {
            if (node.clearance != Clearance::member) continue;
            for (const Primitive& p : scenario_.config.primitives) {
                if (!node.resources.contains(p.id)) node.resources[p.id].activity = Activity::stopped;
            }
            for (const auto& [former, definition] : scenario_.status.former) {
                if (!node.resources.contains(former)) node.resources[former].activity = Activity::stopped;
            }
        }
        return std::move(scenario_);
    }

  private:
    base::Status node(const Words& words) {
        if (words.size() < 2) return bad("a node needs a name");
        const base::NodeId id{static_cast<std::uint32_t>(scenario_.status.nodes.size() + 1)};
        NodeStatus& status = scenario_.status.nodes[id];
        status.name = words[1];
        status.clearance = Clearance::member;
        names_.push_back(words[1]);
        for (std::size_t at = 2; at < words.size(); ++at) {
            const std::string& word = words[at];
            static const std::map<std::string, Clearance> kWords{{"member", Clearance::member},
                                                                 {"joining", Clearance::joining},
                                                                 {"clean", Clearance::clean},
                                                                 {"uncleared", Clearance::uncleared}};
            if (const auto known = kWords.find(word); known != kWords.end()) {
                status.clearance = known->second;
            } else if (word == "lease_out") {
                status.lease_out = true;
            } else if (word == "obeys") {
                status.obeys = true;
            } else if (word == "leaving") {
                status.leaving = true;
            } else if (word.starts_with("why=")) {
                status.why = word.substr(4);
                while (++at < words.size()) status.why += " " + words[at];
            } else {
                const auto [name, value] = name_value(word);
                edits_.push_back(SetNodeAttribute{words[1], name, value});
            }
        }
        return base::ok();
    }

    base::Status options(const std::string& kind, const Words& words) {
        const Section section = kind == "property"       ? Section::properties
                                : kind == "rsc_defaults" ? Section::rsc_defaults
                                                         : Section::op_defaults;
        for (std::size_t at = 1; at < words.size(); ++at) {
            const auto [name, value] = name_value(words[at]);
            edits_.push_back(SetOption{section, name, value});
        }
        return base::ok();
    }

    base::Status constraint(const std::string& kind, const Words& words) {
        if (words.size() < 5) return bad("a constraint needs more words");
        const auto score_word = [](const std::string& word) {
            return parse_score(word.substr(0, word.find(':')));
        };
        if (kind == "location") {
            TRY(const Score score, score_word(words[3]));
            edits_.push_back(PutLocation{{words[1], words[2], words[4], score}});
        } else if (kind == "colocation") {
            TRY(const Score score, score_word(words[2]));
            edits_.push_back(PutColocation{{words[1], words[3], words[4], score}});
        } else {
            const OrderKind order_kind = words[2] == "optional:"    ? OrderKind::optional
                                         : words[2] == "serialize:" ? OrderKind::serialize
                                                                    : OrderKind::mandatory;
            const bool symmetrical = words.size() < 6 || words[5] != "symmetrical=false";
            edits_.push_back(PutOrder{{words[1], words[3], words[4], order_kind, symmetrical}});
        }
        return base::ok();
    }

    base::Result<base::NodeId> node_named(const std::string& name) const {
        for (const auto& [id, node] : scenario_.status.nodes) {
            if (node.name == name) return id;
        }
        return bad("no node " + name);
    }

    base::Status fact(const Words& words) {
        TRY(const base::NodeId id, node_named(words[2]));
        if (words[0] == "finds") {
            scenario_.finds.insert({words[1], id});
            return base::ok();
        }
        if (words.size() < 4) return bad("more words expected");
        if (words[0] == "running") {
            PlannedAction action;
            action.id = scenario_.status.actions.size() + 1;
            action.node = id;
            action.resource = words[1];
            action.operation = words[3];
            action.state = ActionState::running;
            scenario_.status.actions.push_back(action);
            return base::ok();
        }
        return record(words, id);
    }

    base::Status record(const Words& words, base::NodeId id) {
        static const std::map<std::string, Activity> kActivities{{"unknown", Activity::unknown},
                                                                 {"stopped", Activity::stopped},
                                                                 {"started", Activity::started},
                                                                 {"failed", Activity::failed}};
        const auto activity = kActivities.find(words[3]);
        if (activity == kActivities.end()) return bad("no such activity: " + words[3]);
        ResourceOnNode& r = scenario_.status.nodes[id].resources[words[1]];
        r.activity = activity->second;
        r.revision = 1;
        const Primitive* primitive = scenario_.config.primitive(words[1]);
        const auto former = scenario_.status.former.find(words[1]);
        bool old = primitive == nullptr;
        if (r.activity == Activity::started || r.activity == Activity::failed) {
            r.monitored = true;
            if (primitive != nullptr) r.monitored_digest = monitors_digest(scenario_.config, *primitive);
            r.monitored = !r.monitored_digest.empty();
        }
        for (std::size_t at = 4; at < words.size(); ++at) {
            const auto [name, value] = name_value(words[at]);
            if (name == "unwatched") {
                r.monitored = false;
                r.monitored_digest.clear();
            } else if (name == "watched") {
                r.monitored = true;
                r.monitored_digest = value;
            } else if (name == "old") {
                old = true;
            } else if (name == "blocked") {
                r.blocked = true;
            } else if (name == "banned") {
                r.cannot_run = true;
            } else if (name == "found") {
                r.found_by_probe = true;
            } else if (name == "fails") {
                r.fail_count =
                    value == "INFINITY" ? Score::kInfinity : static_cast<std::uint32_t>(std::stoul(value));
            } else if (name == "failure") {
                Failure failure;
                failure.operation = value.substr(0, value.find(':'));
                failure.code = std::stoi(value.substr(value.find(':') + 1));
                if (failure.operation == "monitor" && primitive != nullptr &&
                    !primitive->operations.empty()) {
                    failure.interval = primitive->operations[0].interval;
                }
                r.failure = failure;
            } else {
                return bad("no such flag: " + words[at]);
            }
        }
        if (r.activity == Activity::started || r.activity == Activity::failed) {
            if (old && former != scenario_.status.former.end())
                r.started_params = params_digest(former->second);
            if (!old) r.started_params = params_digest(*primitive);
        }
        return base::ok();
    }

    Scenario scenario_{{}, {{}, {}, {}, true}, {}, false};
    std::vector<std::string> names_;
    std::vector<Edit> edits_;
    std::vector<Words> later_;
};

std::string place_of(const ClusterStatus& status, const std::string& resource) {
    std::string places;
    for (const auto& [id, node] : status.nodes) {
        const auto record = node.resources.find(resource);
        if (record == node.resources.end()) continue;
        const Activity activity = record->second.activity;
        if (activity == Activity::stopped) continue;
        places += " " + node.name;
        if (activity == Activity::failed) places += "(failed)";
        if (activity == Activity::unknown) places += "(unknown)";
        if (activity == Activity::started && node.clearance != Clearance::member) places += "(away)";
    }
    return resource + (places.empty() ? " nowhere" : places);
}

void print(std::ostream& out, const Scenario& scenario, const Schedule& plan) {
    const auto name = [&](base::NodeId id) { return scenario.status.nodes.at(id).name; };
    for (const Placement& p : plan.placements) {
        out << p.resource << " -> " << (p.node ? name(*p.node) : "nowhere") << ": " << p.why << "\n";
        for (const auto& [node, causes] : p.contributions) {
            for (const Contribution& c : causes) {
                if (scenario.show_scores)
                    out << "    " << name(node) << " " << to_string(c.amount) << " " << c.cause << "\n";
            }
        }
    }
    out << (plan.actions.empty() ? "no actions\n" : "actions\n");
    for (std::size_t at = 0; at < plan.actions.size(); ++at) {
        const ScheduledAction& a = plan.actions[at];
        out << "  " << at + 1 << " " << a.operation << " " << a.resource << " " << name(a.node);
        for (std::size_t i = 0; i < a.after.size(); ++i) out << (i == 0 ? " after " : ",") << a.after[i] + 1;
        out << " | " << a.why << "\n";
    }
    for (const std::string& note : plan.notes) out << "note " << note << "\n";
}

}  // namespace

void carry_out(Scenario& scenario, const ScheduledAction& action) {
    ClusterStatus& status = scenario.status;
    ResourceOnNode& record = status.nodes.at(action.node).resources[action.resource];
    const Primitive* definition =
        definition_for(scenario.config, status, action.node, action.resource, action.operation);
    ++record.revision;
    if (action.operation == "probe") {
        const bool found = scenario.finds.contains({action.resource, action.node});
        record.activity = found ? Activity::started : Activity::stopped;
        record.found_by_probe = found;
        if (found) record.started_params = params_digest(*definition);
    } else if (action.operation == "start") {
        record.activity = Activity::started;
        record.started_params = params_digest(*definition);
    } else if (action.operation == "stop") {
        record.activity = Activity::stopped;
        record.started_params.clear();
    }
    if (action.operation == "monitor") {
        record.monitored = true;
        record.monitored_digest = monitors_digest(scenario.config, *definition);
    } else if (action.operation == "cancel" || action.operation == "stop") {
        record.monitored = false;
        record.monitored_digest.clear();
    }
    forget_former(scenario.config, status);
}

base::Result<Scenario> parse_scenario(const std::string& text) {
    Parser parser;
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) {
        std::istringstream split(line);
        Words words;
        for (std::string word; split >> word;) words.push_back(word);
        if (words.empty() || words[0][0] == '#') continue;
        if (auto status = parser.line(words); !status) return status.error().with(line);
    }
    return parser.finish();
}

std::string outcome(Scenario scenario) {
    std::ostringstream out;
    Schedule plan = schedule(scenario.config, scenario.status);
    print(out, scenario, plan);
    if (!scenario.status.actions.empty()) return out.str();
    int rounds = 0;
    for (; !plan.actions.empty() && rounds < kMostRounds; ++rounds) {
        for (const ScheduledAction& action : plan.actions) carry_out(scenario, action);
        plan = schedule(scenario.config, scenario.status);
    }
    out << (plan.actions.empty() ? "quiet" : "NEVER QUIET") << " after " << rounds
        << (rounds == 1 ? " round" : " rounds");
    std::set<std::string> ids;
    for (const auto& [id, node] : scenario.status.nodes) {
        for (const auto& [resource, record] : node.resources) ids.insert(resource);
    }
    const char* separator = ": ";
    for (const std::string& id : ids) {
        out << separator << place_of(scenario.status, id);
        separator = ", ";
    }
    out << "\n";
    return out.str();
}

}  // namespace manager
