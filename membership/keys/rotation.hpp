// Changing the cluster's key while the ring runs, in three steps: all members accept the new key, all seal
// with it, all drop the old one. A value that is stepped: what members said in the ring's order in, what is
// to be said, offered and written out.
//
// The key files are the memory of it: each member says what its own has, once it is on disk and in force, and
// a step is taken when the last member has said that it is through the one before. So it goes on by itself
// after a crash of any node, or of all. Ids of keys count up (modulo 256), so that of two keys all know which
// is the newer one. A node that is absent is waited for, unless an administrator says otherwise: it would
// not hear the others any more. A file that could not be written is written again every few seconds.
// docs/decisions/0127 and 0154 have the reasons.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "totem/base/ids.hpp"
#include "totem/base/result.hpp"
#include "totem/base/time.hpp"
#include "totem/seal/seal.hpp"

namespace membership {

struct KeyName {
    std::uint8_t id{0};
    std::string fingerprint;
    bool operator==(const KeyName&) const = default;
};
// Of two keys that are live at once: `a` is the one to change to.
[[nodiscard]] bool newer(const KeyName& a, const KeyName& b);

// What a member says of its key file.
struct KeyWord {
    KeyName sending;
    std::optional<KeyName> other;  // accepted as well
    std::string without_absent;    // fingerprint: the change to this key does not wait for `left_out`
    base::NodeSet left_out{};      // who was absent when an administrator said so, and has not come since
    std::string trouble{};         // why its file could not be written; empty: nothing is wrong
    bool operator==(const KeyWord&) const = default;
};

enum class KeyStep { none, accept, send, drop };

// How far it is.
struct KeyState {
    bool known{false};  // all members of the view have said what they have
    KeyStep step{KeyStep::none};
    KeyName newest;
    base::NodeSet behind;                   // members that have not done this step
    base::NodeSet absent;                   // waited for before the next step, when nobody is behind
    bool majority{false};                   // without one nothing goes on
    std::string trouble;                    // what this node could not do, and why; empty: nothing
    std::map<base::NodeId, KeyWord> words;  // of members, and the last ones of absent nodes
};

struct KeyOutbox {
    std::optional<KeyWord> say;                    // first, to all, in order
    std::optional<totem::MasterKeys::Live> offer;  // then, the same way
    // To be made durable in place of the key file, then to be used, then written(). At most one at a time.
    std::optional<totem::MasterKeys> write;
};

class KeyRotation {
  public:
    // `keys`: as the key file has them. `roster`: all configured nodes.
    KeyRotation(base::NodeId self, const totem::MasterKeys& keys, const base::NodeSet& roster);

    // Inputs. After one or several of them: drain().
    void view_installed(const base::NodeSet& members, bool majority);
    void majority(bool is);
    // These are the configured nodes now: who is none of them is not waited for. Before majority().
    void configured(const base::NodeSet& roster);
    // Delivered in the present view, from a member.
    void said(base::NodeId member, const KeyWord& word);
    // False: this node does not take it, a former change is not over.
    bool offered(const totem::MasterKeys::Live& key);
    // What drain() wanted written is on disk and in force; or is not, and why: then it is tried again.
    void written(base::Instant now, const base::Status& status);
    void advance(base::Instant now);
    // The administrator changed the file, and it is in force.
    void replaced(const totem::MasterKeys& keys);

    // An administrator's wish: change to `fresh`. `wait`: for the absent nodes. With a change under way and
    // not `wait`: that one does not wait for those that are absent now, and `fresh` is not used. Gives the
    // key that it is changed to. Errors: a change is under way; no majority; members have not said yet what
    // they have; not `wait`, and a member is behind: it would be left out once it goes, as a restart does.
    [[nodiscard]] base::Result<KeyName> rotate(const totem::MasterKey& fresh, bool wait);

    // Outputs.
    [[nodiscard]] KeyOutbox drain();
    [[nodiscard]] KeyState state() const;
    [[nodiscard]] base::Instant next_deadline() const { return retry_at_; }

  private:
    [[nodiscard]] KeyWord word() const;
    [[nodiscard]] bool all_said() const;
    [[nodiscard]] KeyName newest() const;
    [[nodiscard]] base::NodeSet left_out(const KeyName& key) const;
    void leave_out_absent(const KeyName& key);
    void step();
    void take_wanted();
    void offer(const KeyState& state);
    void write(const totem::MasterKeys& keys);

    base::NodeId self_;
    totem::MasterKeys keys_;  // on disk and in force
    base::NodeSet roster_, members_;
    bool majority_{false};
    std::map<base::NodeId, KeyWord> words_;
    base::NodeSet heard_;                            // members that spoke in this view
    base::NodeSet offered_to_;                       // by this node, since they last spoke
    std::optional<totem::MasterKeys::Live> wanted_;  // offered, not on disk yet
    std::optional<KeyName> taken_;                   // of those offered in this view
    std::optional<totem::MasterKeys> writing_;
    std::string without_absent_;  // KeyWord
    base::NodeSet left_out_;
    std::string trouble_;
    base::Instant retry_at_{base::Instant::never()};  // what could not be written is left until then
    KeyOutbox out_;
};

// "step 1 of 3: all accept the new key (01234567); still to do it: n2 (cannot write ...); waits for n3, not
// present" in words; empty: no change is under way, or nobody knows yet.
[[nodiscard]] std::string to_text(const KeyState& state, const std::map<base::NodeId, std::string>& names);

}  // namespace membership
