// Changes of a document, to ask what would be planned if something were otherwise. Names that the document
// does not have change nothing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "manager/cib/document.hpp"

namespace manager::planner {

// One change, or several at once, and its name in words ("node1 in standby").
struct Hypothesis {
    std::string words;
    std::function<void(cib::Document&)> apply;
};

[[nodiscard]] Hypothesis standby(const std::string& node, bool on);
// The node is gone without a farewell; whether the rest has quorum stays as it is.
[[nodiscard]] Hypothesis down(const std::string& node);
// The node is back as a member, with nothing running, and is not shutting down.
[[nodiscard]] Hypothesis up(const std::string& node);
[[nodiscard]] Hypothesis no_maintenance(const std::string& node);
[[nodiscard]] Hypothesis quorum();
[[nodiscard]] Hypothesis no_stop_all();
[[nodiscard]] Hypothesis granted(const std::string& ticket);
// Neither the resource nor what holds it is told to be stopped (as `custos resource start`).
[[nodiscard]] Hypothesis started(const std::string& resource);
// It, what holds it and the cluster are managed, and not in maintenance.
[[nodiscard]] Hypothesis managed(const std::string& resource);
// Nothing is known of it on the node any more, and no failure counts: it is not active there.
[[nodiscard]] Hypothesis cleaned(const std::string& resource, const std::string& node);
// A location constraint more. `words`: how it is put, for instance as the score that has to be exceeded.
[[nodiscard]] Hypothesis liked(const std::string& resource, const std::string& node, Score score,
                               const std::string& words);
// It takes nothing of any capacity.
[[nodiscard]] Hypothesis weightless(const std::string& resource);
// No constraint (location, colocation, order or ticket) of that id; `kind` for the words.
[[nodiscard]] Hypothesis without(const std::string& kind, const std::string& id);
// "a and b", all at once.
[[nodiscard]] Hypothesis together(const std::vector<Hypothesis>& parts);

[[nodiscard]] cib::Document with(cib::Document document, const Hypothesis& hypothesis);

}  // namespace manager::planner
