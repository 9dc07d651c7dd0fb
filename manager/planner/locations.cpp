#include <regex.h>

#include <algorithm>

#include "manager/model/text.hpp"
#include "manager/planner/action.hpp"
#include "manager/planner/criteria.hpp"

namespace manager::planner {
namespace {

Discovery discovery_of(const std::string& word) {
    if (word == "never") return Discovery::never;
    return word == "exclusive" ? Discovery::exclusive : Discovery::always;
}

// A POSIX extended regular expression; one that is malformed matches nothing.
class Pattern {
  public:
    explicit Pattern(const std::string& text) : valid_(regcomp(&regex_, text.c_str(), REG_EXTENDED) == 0) {}
    Pattern(const Pattern&) = delete;
    Pattern& operator=(const Pattern&) = delete;
    Pattern(Pattern&&) = delete;
    Pattern& operator=(Pattern&&) = delete;
    ~Pattern() {
        if (valid_) regfree(&regex_);
    }
    // The groups of the match, the whole first; nothing: no match.
    [[nodiscard]] std::optional<std::vector<std::string>> match(const std::string& text) const {
        constexpr std::size_t kGroups = 10;
        regmatch_t found[kGroups];
        if (!valid_ || regexec(&regex_, text.c_str(), kGroups, found, 0) != 0) return std::nullopt;
        std::vector<std::string> out;
        for (const regmatch_t& group : found) {
            if (group.rm_so < 0) {
                out.emplace_back();
                continue;
            }
            out.push_back(text.substr(static_cast<std::size_t>(group.rm_so),
                                      static_cast<std::size_t>(group.rm_eo - group.rm_so)));
        }
        return out;
    }

  private:
    regex_t regex_{};
    bool valid_;
};

// "%1" in the name of an attribute is what the first parenthesis of the pattern matched.
std::string fill(const std::string& name, const std::vector<std::string>& groups) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        const bool digit = name[i] == '%' && i + 1 < name.size() && is_digit(name[i + 1]);
        const std::size_t group = digit ? static_cast<std::size_t>(name[i + 1] - '0') : 0;
        if (digit && group < groups.size()) {
            out += groups[group];
            ++i;
        } else {
            out += name[i];
        }
    }
    return out;
}

struct Target {
    Resource* resource;
    std::vector<std::string> groups;
    std::string role;
    std::optional<Score> score;
};

std::vector<Target> targets_of(Cluster& cluster, const cib::LocationObject& object) {
    std::vector<Target> out;
    const auto add = [&](const std::string& id, const std::string& role, std::optional<Score> score) {
        for (Resource* resource : named(cluster, id)) out.push_back({resource, {}, role, score});
    };
    if (!object.resource.empty()) add(object.resource, object.role, std::nullopt);
    for (const auto& set : object.sets) {
        for (const auto& member : set.members)
            add(member, set.role.empty() ? object.role : set.role, set.score);
    }
    if (object.pattern.empty()) return out;
    const bool turned = object.pattern.front() == '!';
    const Pattern pattern(turned ? object.pattern.substr(1) : object.pattern);
    for (Resource* resource : cluster.resources) {
        auto groups = pattern.match(resource->id);
        if (groups.has_value() != turned)
            out.push_back({resource, groups.value_or(std::vector<std::string>{}), object.role, std::nullopt});
    }
    return out;
}

// Applied now, unless it is about promotion, which is decided later.
void tie(Resource& resource, Location location) {
    if (location.role == Role::promoted) {
        resource.locations.push_back(std::move(location));
        return;
    }
    for (const auto& [node, score] : location.scores)
        add_score(resource, node, score, "location " + location.id);
    for_each_part(resource, [&](Resource& part) {
        for (const auto& [node, score] : location.scores) {
            Standing& standing = part.allowed[node];
            standing.discovery = std::max(standing.discovery, location.discovery);
        }
        if (location.discovery == Discovery::exclusive) part.exclusive_discovery = true;
    });
}

cib::Facts facts_of(const Cluster& cluster, const Node& node, const Resource& resource,
                    const std::vector<std::string>& groups) {
    cib::Facts facts{.now = cluster.options.now};
    facts.attribute = [&node, groups](const std::string& name) -> std::optional<std::string> {
        const auto found = node.attributes.find(fill(name, groups));
        if (found == node.attributes.end()) return std::nullopt;
        return found->second;
    };
    const auto look = [](const Attributes& from, const std::string& name) -> std::optional<std::string> {
        const auto found = from.find(name);
        if (found == from.end()) return std::nullopt;
        return found->second;
    };
    facts.meta = [&resource, look](const std::string& name) { return look(resource.meta, name); };
    facts.param = [&resource, &cluster, look](const std::string& name) -> std::optional<std::string> {
        if (resource.object == nullptr) return std::nullopt;
        return look(values_of(resource.object->params, {.now = cluster.options.now}), name);
    };
    return facts;
}

void tie_rule(Cluster& cluster, const cib::LocationObject& object, const cib::Rule& rule,
              const Target& target) {
    Location location{.id = object.id,
                      .role = parse_role(rule.role.empty() ? target.role : rule.role),
                      .discovery = discovery_of(object.discovery),
                      .scores = {}};
    for (const auto& node : cluster.nodes) {
        if (!cib::holds(rule, facts_of(cluster, *node, *target.resource, target.groups))) continue;
        Score score = rule.score;
        if (!rule.score_attribute.empty()) {
            const auto value = node->attributes.find(fill(rule.score_attribute, target.groups));
            if (value == node->attributes.end()) continue;
            const auto parsed = parse_score(value->second);
            score = parsed ? *parsed : Score{};
        }
        location.scores[node->index] = score;
    }
    if (!location.scores.empty()) tie(*target.resource, std::move(location));
}

}  // namespace

void tie_locations(Cluster& cluster) {
    for (const auto& object : cluster.document->locations) {
        for (const Target& target : targets_of(cluster, object)) {
            for (const auto& rule : object.rules) tie_rule(cluster, object, rule, target);
            if (object.node.empty()) continue;
            const Node* node = cluster.node(object.node);
            if (node == nullptr) continue;
            tie(*target.resource, {.id = object.id,
                                   .role = parse_role(target.role),
                                   .discovery = discovery_of(object.discovery),
                                   .scores = {{node->index, target.score.value_or(object.score)}}});
        }
    }
}

}  // namespace manager::planner
