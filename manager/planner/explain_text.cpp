// Explanations as text and as JSON.
#include <algorithm>
#include <set>

#include "manager/planner/explain.hpp"
#include "manager/planner/json.hpp"

namespace manager::planner {
namespace {

std::string what_waits(const Explanation& of) {
    const std::string& name = of.resource;
    if (of.from.empty()) return name + (of.to.empty() ? " is not started" : " waits to start on " + of.to);
    const std::string runs = name + " runs on " + of.from + " and waits to be ";
    if (of.to.empty()) return runs + "stopped";
    return runs + (of.to == of.from ? "put right there" : "moved to " + of.to);
}

std::string what_happens(const Explanation& of) {
    const std::string& name = of.resource;
    const std::string role = of.promoted ? " as promoted" : "";
    switch (of.fate) {
        case Fate::stays:
            return name + " runs on " + of.to + role + " and stays there";
        case Fate::starts:
            return name + " starts on " + of.to + role;
        case Fate::moves:
            return name + " moves from " + of.from + " to " + of.to + role;
        case Fate::stops:
            return name + " stops on " + of.from;
        case Fate::stopped:
            return name + " is stopped and stays so";
        case Fate::blocked:
            return name + " is blocked on " + of.to + " (neither started nor stopped)";
        case Fate::waits:
            return what_waits(of);
        case Fate::unmanaged:
            return name + (of.from.empty() ? " is stopped" : " runs on " + of.from) + " and is left alone";
    }
    return name;
}

std::string change_sentence(const Explanation& of) {
    if (of.otherwise.empty()) return "No single change that was tried would alter that.";
    std::string out;
    if (!of.asked.empty()) {
        out = "It would be on " + of.asked;
    } else if (of.fate == Fate::stops || of.fate == Fate::stopped ||
               (of.fate == Fate::waits && of.from.empty())) {
        out = "It would run";
    } else {
        out = "It would be otherwise";
    }
    out += " with ";
    for (std::size_t i = 0; i < of.otherwise.size(); ++i) out += (i == 0 ? "" : ", or ") + of.otherwise[i];
    return out + ".";
}

std::string padded(const std::string& text, std::size_t width, bool right) {
    const std::string blanks(width > text.size() ? width - text.size() : 0, ' ');
    return right ? blanks + text : text + blanks;
}

std::string remark_of(const Explanation& of, const NodeAccount& account) {
    std::string out = account.bar;
    if (account.node == of.to) out = out.empty() ? "its place" : "its place; " + out;
    if (!account.allowed && out.empty()) out = "no location names it";
    return out;
}

std::string change_of(const std::vector<Place>& places) {
    if (places.empty()) return "stopped";
    std::string out;
    for (const Place& place : places) {
        out += (out.empty() ? "" : ", ") + place.node;
        if (place.role != "Started") out += " (" + place.role + ")";
        for (const auto& flag : place.flags) out += " " + flag;
    }
    return out;
}

struct Shift {
    std::string resource;
    std::vector<Place> before, after;
};

std::vector<Shift> shifts_of(const Loss& loss) {
    std::set<std::string> names;
    for (const auto& [name, places] : loss.before.resources) names.insert(name);
    for (const auto& [name, places] : loss.after.resources) names.insert(name);
    std::vector<Shift> out;
    const auto at = [](const Outcome& outcome, const std::string& name) {
        const auto found = outcome.resources.find(name);
        return found == outcome.resources.end() ? std::vector<Place>{} : found->second;
    };
    for (const auto& name : names) {
        Shift change{name, at(loss.before, name), at(loss.after, name)};
        if (change.before != change.after) out.push_back(std::move(change));
    }
    return out;
}

std::string reason_json(const Reason& reason) {
    return "[" + quoted(reason.cause) + ", " + quoted(to_string(reason.amount)) + "]";
}

std::string account_json(const NodeAccount& account) {
    return "{\"node\": " + quoted(account.node) +
           ", \"score\": " + (account.allowed ? quoted(to_string(account.total)) : "null") +
           ", \"bar\": " + quoted(account.bar) + ", \"reasons\": [" + joined(account.reasons, reason_json) +
           "]}";
}

std::string explanation_json(const Explanation& of) {
    return "{\"resource\": " + quoted(of.resource) + ", \"fate\": " + quoted(to_string(of.fate)) +
           ", \"from\": " + quoted(of.from) + ", \"to\": " + quoted(of.to) +
           ", \"promoted\": " + (of.promoted ? "true" : "false") + ", \"asked\": " + quoted(of.asked) +
           ", \"decided\": " + quoted(of.decided) + ", \"otherwise\": [" + joined(of.otherwise, quoted) +
           "], \"nodes\": [" + joined(of.nodes, account_json) + "]}";
}

std::string places_json(const std::vector<Place>& places) {
    return "[" +
           joined(places,
                  [](const Place& place) {
                      std::string out = "[" + quoted(place.role) + ", " + quoted(place.node);
                      for (const auto& flag : place.flags) out += ", " + quoted(flag);
                      return out + "]";
                  }) +
           "]";
}

}  // namespace

std::string_view to_string(Fate fate) {
    switch (fate) {
        case Fate::stays:
            return "stays";
        case Fate::starts:
            return "starts";
        case Fate::moves:
            return "moves";
        case Fate::stops:
            return "stops";
        case Fate::stopped:
            return "stopped";
        case Fate::blocked:
            return "blocked";
        case Fate::unmanaged:
            return "unmanaged";
        case Fate::waits:
            return "waits";
    }
    return "";
}

std::string to_text(const Explanation& of) {
    std::string out = what_happens(of);
    if (!of.asked.empty() && !of.to.empty()) out += ", not on " + of.asked;
    out += ". Reason: " + of.decided + ". " + change_sentence(of) + "\n\n";
    std::size_t width = 0;
    for (const auto& account : of.nodes) width = std::max(width, account.node.size());
    for (const auto& account : of.nodes) {
        const std::string total = account.allowed ? to_string(account.total) : "-";
        const std::string remark = remark_of(of, account);
        out += "  " + padded(account.node, width, false) + "  " + padded(total, 9, true) +
               (remark.empty() ? "" : "  " + remark) + "\n";
        for (const Reason& reason : account.reasons) {
            out += "  " + std::string(width, ' ') + "  " + padded(to_string(reason.amount), 9, true) +
                   "    " + reason.cause + "\n";
        }
    }
    return out;
}

std::string to_json(const std::vector<Explanation>& explanations) {
    return "[" + joined(explanations, explanation_json) + "]";
}

std::string to_text(const Loss& loss) {
    const std::vector<Shift> changes = shifts_of(loss);
    std::string stopped;
    for (const Shift& change : changes) {
        if (change.after.empty()) stopped += (stopped.empty() ? "" : ", ") + change.resource;
    }
    const std::string count = std::to_string(changes.size());
    std::string out = "With " + loss.words + ", " +
                      (changes.empty()       ? "every resource stays as it is."
                       : changes.size() == 1 ? "1 resource changes."
                                             : count + " resources change.");
    if (!stopped.empty()) out += " Stopped then: " + stopped + ".";
    if (!loss.remark.empty()) {
        out += " " + loss.remark;
    } else if (loss.node_state.rfind("unclean", 0) == 0) {
        out += " The node would have to be fenced first, and nothing here can do that.";
    }
    out += "\n";
    if (!changes.empty()) out += "\n";
    std::size_t width = 0;
    for (const Shift& change : changes) width = std::max(width, change.resource.size());
    for (const Shift& change : changes) {
        out += "  " + padded(change.resource, width, false) + "  " + change_of(change.before) + " -> " +
               change_of(change.after) + "\n";
    }
    return out;
}

std::string to_json(const Loss& loss) {
    const auto change = [](const Shift& each) {
        return "{\"resource\": " + quoted(each.resource) + ", \"before\": " + places_json(each.before) +
               ", \"after\": " + places_json(each.after) + "}";
    };
    return "{\"with\": " + quoted(loss.words) + ", \"node\": " + quoted(loss.node_state) +
           ", \"changes\": [" + joined(shifts_of(loss), change) + "]" +
           (loss.remark.empty() ? "" : ", \"remark\": " + quoted(loss.remark)) + "}";
}

}  // namespace manager::planner
