// Changes of a cluster, to ask what would be planned if something were otherwise. They are values, so that a
// saved document and a live cluster (manager/live) can be changed alike. Names that are not there change
// nothing.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "manager/cib/document.hpp"

namespace manager::planner {

namespace suppose {

struct Standby {
    std::string node;
    bool on{true};
};
struct Down {  // gone without a farewell; whether the rest has quorum stays as it is
    std::string node;
};
struct Up {  // back as a member, with nothing running, and not shutting down
    std::string node;
};
struct Cleared {  // somebody vouches that it is off; a document has no place for that, and stays as it is
    std::string node;
};
struct NoMaintenance {
    std::string node;
};
struct Quorum {};
struct NoStopAll {};
struct Granted {
    std::string ticket;
};
struct Started {  // neither it nor what holds it is told to be stopped (as `custos resource start`)
    std::string resource;
};
struct Managed {  // it, what holds it and the cluster are managed, and not in maintenance
    std::string resource;
};
struct Cleaned {  // nothing is known of it on the node any more, no failure counts: it is not active there
    std::string resource, node;
};
struct Liked {  // a location constraint more
    std::string resource, node;
    Score score;
};
struct Weightless {  // it takes nothing of any capacity
    std::string resource;
};
struct Without {  // no constraint (location, colocation, order or ticket) of that id
    std::string id;
};

}  // namespace suppose

using Supposition =
    std::variant<suppose::Standby, suppose::Down, suppose::Up, suppose::Cleared, suppose::NoMaintenance,
                 suppose::Quorum, suppose::NoStopAll, suppose::Granted, suppose::Started, suppose::Managed,
                 suppose::Cleaned, suppose::Liked, suppose::Weightless, suppose::Without>;

// One change, or several at once, and its name in words ("node1 in standby").
struct Hypothesis {
    std::string words;
    std::vector<Supposition> changes;
};

[[nodiscard]] Hypothesis standby(const std::string& node, bool on);
[[nodiscard]] Hypothesis down(const std::string& node);
[[nodiscard]] Hypothesis up(const std::string& node);
[[nodiscard]] Hypothesis cleared(const std::string& node);
[[nodiscard]] Hypothesis no_maintenance(const std::string& node);
[[nodiscard]] Hypothesis quorum();
[[nodiscard]] Hypothesis no_stop_all();
[[nodiscard]] Hypothesis granted(const std::string& ticket);
[[nodiscard]] Hypothesis started(const std::string& resource);
[[nodiscard]] Hypothesis managed(const std::string& resource);
[[nodiscard]] Hypothesis cleaned(const std::string& resource, const std::string& node);
// `words`: how it is put, for instance as the score that has to be exceeded.
[[nodiscard]] Hypothesis liked(const std::string& resource, const std::string& node, Score score,
                               const std::string& words);
[[nodiscard]] Hypothesis weightless(const std::string& resource);
// `kind` of constraint, for the words.
[[nodiscard]] Hypothesis without(const std::string& kind, const std::string& id);
// "a and b", all at once.
[[nodiscard]] Hypothesis together(const std::vector<Hypothesis>& parts);

[[nodiscard]] cib::Document with(cib::Document document, const Hypothesis& hypothesis);

}  // namespace manager::planner
