// Quorum: may this view act? A value that is stepped: ordered facts and an explicit `now` in, a state with
// its reason in words out, and what must be written, said and done for it.
//
// Every member of a view steps its own Quorum with the same facts in the same order (the ring's), so that all
// come to the same answer. Only two inputs are a node's own: time, which makes it propose and nothing else,
// and its links, which count only in a view of one.
//
// The roster is the set of members of the last quorate view that lasted, on disk. It serves two rules:
//   last_man_standing  the votes of the roster are counted instead of all configured ones: dynamic voting
//                      (Jajodia and Mutchler 1990; the joint rule below is that of Lotem, Keidar and Dolev
//                      1997 for attempts whose outcome is not known)
//   wait_for_all       whoever starts anew waits for all of the roster; at first that is every voter
// A roster takes three steps. Proposed: ordered in a majority view, by its lowest member, at once when the
// view has all of the former roster and more, otherwise when the view has lasted for the window. Written:
// each member puts it on its disk with the former one beside it; from here on a set must be a majority of
// both. Counted: as soon as a majority of the former and one of the new have it on disk; the former one is
// forgotten. So each majority before a step shares a node with each majority after it, whatever is lost or
// cut in between. docs/decisions/0104 has the reasons.
//
// The rules themselves change in the same way (set_rules): while a change of the configured nodes is not
// known to count, a set must be a majority by the old and by the new ones. docs/decisions/0129.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "membership/quorum/votes.hpp"
#include "totem/base/ids.hpp"
#include "totem/base/time.hpp"

namespace membership {

// What a node keeps on its disk, in the same record as the state that it caught up with.
struct QuorumMemory {
    // Was in a majority view since the disk was made. A node that was not has no vote: it may have been a
    // member and have lost its disk.
    bool voter{false};
    Roster roster;                 // the newest that this node knows of
    std::optional<Roster> before;  // the former one, as long as `roster` is not known to count
    bool operator==(const QuorumMemory&) const = default;
};

// What of it is on the disk for certain.
struct QuorumStamp {
    bool voter{false};
    std::uint64_t epoch{0};  // of the roster
    bool operator==(const QuorumStamp&) const = default;
};

// What a member says of itself when a view begins.
struct QuorumHello {
    QuorumMemory memory;
    QuorumStamp durable;
    bool satisfied{false};  // its former view had quorum: wait_for_all is not begun anew
    bool quorate{false};    // its former view was quorate
    // The mark of the rules that it goes by (0: the nodes are changing), and the version of the nodelist in
    // them, if that counted.
    std::uint64_t rules{0}, list{0};
    bool operator==(const QuorumHello&) const = default;
};

// Members that go by other rules than the rest, because their node files differ: two halves of such a cluster
// could both take themselves for quorate. The rules of those who had quorum are right; if nobody had, or they
// differ among themselves, nobody knows which are. Lists that are older than the newest that counted, and
// changes under way, are made equal with the state and say nothing of the files. docs/decisions/0156.
struct RulesCheck {
    bool conflict{false};  // nobody of this view may act
    base::NodeSet odd;     // these go by rules of their own: they have no vote here, and leave
    bool operator==(const RulesCheck&) const = default;
};
[[nodiscard]] RulesCheck check_rules(const std::map<base::NodeId, QuorumHello>& members);

struct QuorumOutbox {
    base::RingId ring;                    // the view that what follows is sent in
    std::optional<QuorumMemory> write;    // put on disk, then call persisted()
    std::optional<QuorumStamp> announce;  // send in order; at delivery each calls member_persisted()
    bool propose{false};                  // send in order; at delivery each calls roster_proposed()
    std::vector<std::string> changes;     // "quorum lost: view {3}: 1 of 3 votes, 2 needed"
};

class Quorum {
  public:
    // `memory`: what the disk has; {} for a blank one.
    Quorum(base::NodeId self, QuorumRules rules, const QuorumMemory& memory);

    // Inputs. A ring id is that of the outbox which the fact came from (a command: of the view that it was
    // given in); of another view than the present one it is ignored.

    // All members of a view have said hello, the own node among them. Nothing that was known of a former view
    // lives on, but what the hellos say.
    void view_installed(base::Instant now, const base::RingId& ring,
                        const std::map<base::NodeId, QuorumHello>& members);
    // Somebody's QuorumOutbox::propose was delivered.
    void roster_proposed(base::Instant now, const base::RingId& ring);
    // A QuorumOutbox::announce of that member was delivered.
    void member_persisted(base::Instant now, const base::RingId& ring, base::NodeId node,
                          const QuorumStamp& stamp);
    // An administrator's command was delivered. It holds for this view, and lives on while there is quorum.
    void cancel_wait_for_all(base::Instant now, const base::RingId& ring);
    // The arbiter's answer for this ring was delivered (rules.outside_votes).
    void outside_vote(base::Instant now, const base::RingId& ring, bool granted);
    // The own disk holds this now.
    void persisted(base::Instant now, const QuorumMemory& memory);
    // How many of the own links work. Until this is called, one is taken to.
    void links(base::Instant now, unsigned usable);
    // Other configured nodes, or other votes of them. `former`: the rules before, as long as the change is
    // not known to count: a set must be a majority by both. All members call it at the same place of the
    // order: within a view with advance() after it, else before view_installed().
    void set_rules(const QuorumRules& rules, const std::optional<QuorumRules>& former);
    void advance(base::Instant now);

    // Outputs.
    [[nodiscard]] QuorumOutbox drain();
    [[nodiscard]] base::Instant next_deadline() const { return due_; }
    [[nodiscard]] QuorumHello hello() const;
    [[nodiscard]] bool quorate() const { return verdict_.quorate; }
    [[nodiscard]] bool majority() const { return verdict_.majority; }
    // Of the view installed last; before the first one, not quorate.
    [[nodiscard]] QuorumState state() const;
    // Whether these nodes, of the present view's voters, are a majority by themselves (no arbiter): for disks
    // that have something, or peers that acknowledged.
    [[nodiscard]] bool enough(const base::NodeSet& nodes) const;
    [[nodiscard]] const base::NodeSet& voters() const { return voters_; }

  private:
    struct Verdict {
        bool quorate{false}, majority{false};
        bool votes_suffice{false};  // quorate but for the two that follow
        bool waiting{false};        // for all
        bool cut_off{false};        // alone, without a link
        bool conflict{false};       // the members' rules differ
        Tally tally;                // the one that decides
        bool former{false};         // it is by the former rules
        std::uint64_t epoch{0};     // of the roster that it counts
        bool operator==(const Verdict&) const = default;
    };

    [[nodiscard]] bool keeps_roster() const { return rules_.wait_for_all || rules_.last_man_standing; }
    [[nodiscard]] std::vector<const QuorumRules*> all_rules() const;
    [[nodiscard]] std::vector<Roster> in_force() const;
    [[nodiscard]] base::NodeSet waited_for(const Roster& roster) const;
    [[nodiscard]] bool all_of_roster_here() const;
    [[nodiscard]] base::NodeSet on_disk() const;
    [[nodiscard]] base::NodeSet next_roster() const;
    [[nodiscard]] Verdict judge() const;
    [[nodiscard]] std::string explain() const;
    [[nodiscard]] std::string explain_change() const;
    void settle(base::Instant now, const std::string& cause);
    void report(bool was_quorate, const std::string& cause);
    bool count_roster();
    void remember();
    void schedule(base::Instant now);
    void learn(const std::map<base::NodeId, QuorumHello>& members);

    base::NodeId self_;
    QuorumRules rules_;
    std::optional<QuorumRules> former_;  // set_rules()

    // Own disk: what this node knows, what was asked to be written last, what is there for certain.
    QuorumMemory memory_, asked_;
    QuorumStamp durable_;

    // The view.
    base::RingId ring_;
    base::NodeSet members_, voters_;
    std::map<base::NodeId, QuorumStamp> disks_;  // of the members
    QuorumMemory known_;                         // the newest roster that any member knows of
    bool satisfied_{false};                      // wait_for_all
    bool proposed_{false};                       // a roster, in this view; delivered
    bool outside_{false};
    bool conflict_{false};  // RulesCheck
    base::Instant installed_at_{0};
    unsigned links_{1};

    Verdict verdict_;
    bool propose_sent_{false};
    base::Instant due_{base::Instant::never()};
    QuorumOutbox out_;
};

}  // namespace membership
