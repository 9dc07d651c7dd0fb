// The configured nodes at run time: where a process begins, what follows when they change, and what an
// administrator asks for. docs/decisions/0128 has the way of a change.
#include <algorithm>
#include <map>
#include <utility>

#include "tools/daemon/daemon.hpp"
#include "totem/base/files.hpp"

namespace tools {

using base::Errc;
using base::Error;
using base::Level;

namespace {

constexpr base::Duration kLately = base::seconds(10);   // what came since then is told in the status
constexpr base::Duration kFarewell = base::seconds(3);  // a node that is removed has left by then

std::string versions(std::uint64_t version) {
    return version == 0 ? "without a version" : "version " + std::to_string(version);
}

// A name server that does not answer must not stop this process: it holds by a lease. So only what was
// looked up at the start is known by name.
membership::Resolver known_names(const membership::NodeList& list) {
    std::map<std::string, std::string> known;
    for (const membership::ListedNode& node : list.nodes) {
        for (const membership::ListedAddress& address : node.addresses) known[address.written] = address.ip;
    }
    return [known = std::move(known)](const std::string& name) -> std::vector<std::string> {
        if (const auto ip = base::parse_ip(name)) return {name};
        const auto found = known.find(name);
        return found == known.end() ? std::vector<std::string>{} : std::vector{found->second};
    };
}

base::Status resolve(membership::NodeConfig& config, const membership::NodeList& known) {
    base::Status resolved = membership::resolve_addresses(config, known_names(known));
    if (resolved) return resolved;
    if (resolved.error().code != Errc::not_found) return resolved.error().with("nothing was changed");
    return resolved.error().with(
        "nothing was changed: names that are new are not looked up while custosd runs, write the address");
}

base::NodeSet moving_nodes(const manager::State& state) {
    base::NodeSet moving;
    if (!state.next_nodes) return moving;
    for (const membership::ListedNode& node : state.nodes.nodes) {
        const membership::ListedNode* next = state.next_nodes->find(node.id);
        if (next != nullptr && next->addresses != node.addresses) moving.insert(node.id);
    }
    return moving;
}

}  // namespace

// The journal knows what counted last; the file of this node may be older, or newer when it was copied from a
// member.
base::Status Daemon::begin_nodes() {
    TRY(manager::JournalStore::Opened journal, manager::JournalStore::open(options_.state_directory));
    journal_ = std::move(journal.store);
    journal_warning_ = journal.warning;
    if (!journal_warning_.empty()) log_.line(Level::warning, journal_warning_);
    last_record_ = std::move(journal.last);
    std::optional<membership::NodeList> known;
    if (last_record_) {
        TRY(known, manager::decode_nodes(*last_record_));
    }
    file_ = config_;
    const membership::NodeList file = membership::node_list(file_);
    nodes_ = manager::starting_nodes(file, known);
    settled_ = file;
    if (!nodes_.counted) return base::ok();
    membership::use_node_list(config_, nodes_);
    const std::string differs = membership::difference(nodes_, file);
    if (file.version < nodes_.version) {
        log_.line(Level::info, "the nodes are those of version " + std::to_string(nodes_.version) +
                                   ", which this node knows of; its file is " + versions(file.version));
        // Of the process before this one, which has not come to write it.
        const auto last = membership::load_config(node_file_copy(options_));
        if (last) settled_ = membership::node_list(*last);
    } else if (!membership::same_places(nodes_, file)) {
        settled_ = nodes_;
        file_trouble_ = "the nodelist in " + options_.config_file + " was edited and is not in force (" +
                        differs + "): `custos reload` takes it into the cluster";
    }
    return base::ok();
}

void Daemon::find_removed() {
    if (!nodes_.counted && !last_record_) return;  // it was never a member of anything
    const auto named = [this](membership::NodeConfig file) -> std::string {
        if (!membership::resolve_addresses(file, membership::system_resolver)) return "";
        const auto self = membership::find_own_node(file, membership::local_addresses(), host_name_);
        return !self || nodes_.find(*self) != nullptr ? "" : file.find(*self)->name;
    };
    std::string name = named(file_);
    if (name.empty()) {
        // Somebody has put a member's file there; this is the one that the node ran with.
        const auto last = membership::load_config(node_file_copy(options_));
        if (last) name = named(*last);
    }
    if (name.empty()) return;
    const std::string gone =
        nodes_.counted
            ? "was removed from the cluster by version " + std::to_string(nodes_.version) + " of the nodelist"
            : "was removed from the cluster: the nodelist of " + options_.config_file + " (" +
                  versions(nodes_.version) + ") does not have it";
    waiting_for_ =
        "this node (" + name + ") " + gone +
        ": it stays silent. To add it again: `custos node add` on a member, copy the node file of a "
        "member to " +
        options_.config_file + ", and restart custosd";
}

// --- what follows

void Daemon::nodes_changed() {
    const manager::State& state = node_->state();
    base::NodeSet roster = state.nodes.ids();
    if (state.next_nodes) roster.insert(state.next_nodes->ids());
    engine_->run([keeper = keeper_.get(), roster, leasable = node_->leasable()](base::Instant now) {
        keeper->set_roster(now, roster, leasable);
    });
    const base::NodeSet moving = moving_nodes(state);
    const bool warned = std::exchange(moving_, moving) != moving;
    if (state.nodes == nodes_ && !warned) return;
    if (state.nodes.find(self_) == nullptr) return;  // it leaves
    const bool other = membership::mark_of(nodes_) != membership::mark_of(state.nodes) ||
                       nodes_.version != state.nodes.version || nodes_.counted != state.nodes.counted;
    nodes_ = state.nodes;
    // A change was made from another list than this node's file says: that is an edit of somebody's, by which
    // this node went alone.
    if (!nodes_.counted && !membership::same_places(settled_, nodes_)) settled_ = nodes_;
    nodes_changed_at_ = moment().now;
    membership::use_node_list(config_, nodes_);
    if (!other && !warned) return;
    totem::EngineConfig next = engine_config(self_, {});
    next.moving = moving;
    if (const base::Status changed = engine_->change_nodes(next); !changed) {
        nodes_trouble_ = "the ring could not follow the change of the nodes: " + changed.error().message;
        log_.line(Level::warning, nodes_trouble_);
        return;
    }
    nodes_trouble_.clear();
    leave_last_words();
    if (other && nodes_.counted) write_node_file();
}

void Daemon::take_offer(const base::Bytes& bytes) {
    base::Result<membership::NodeList> list = membership::decode_node_list(bytes);
    if (!list || !list->counted || list->version <= (nodes_.counted ? nodes_.version : 0)) return;
    if (list->version < nodes_.version && !membership::same_places(*list, nodes_)) {
        nodes_trouble_ =
            "the nodelist of this node's file (" + versions(nodes_.version) +
            ") is not the one that the members go by (" + versions(list->version) +
            "), and they have not taken it: this node stays silent. Copy the node file of a member to " +
            options_.config_file +
            " and restart custosd; to change the cluster, edit the file of a "
            "member and `custos reload` there";
        return;
    }
    log_.line(Level::info,
              "a member goes by version " + std::to_string(list->version) +
                  " of the nodelist, which this node has missed: " + membership::difference(nodes_, *list));
    node_->learn_nodes(moment(), *list);
    pump();
}

// --- what an administrator asks for

// An address that is not a node's own would be lost to it, or be everybody's.
base::Status Daemon::check_places(const membership::NodeList& list) const {
    TRY_OK(membership::check_addresses(nodes_, list, self_, membership::local_addresses()));
    const std::vector<std::string> broadcasts = membership::broadcast_addresses();
    for (const membership::ListedNode& node : list.nodes) {
        const std::string name = node.name.empty() ? "node " + to_string(node.id) : node.name;
        for (const membership::ListedAddress& address : node.addresses) {
            const auto refuse = [&](const std::string& why) {
                return Error{Errc::conflict, "nothing was changed: " + address.ip + ", the address of " +
                                                 name + " on link " + std::to_string(address.link) + ", " +
                                                 why};
            };
            if (std::find(broadcasts.begin(), broadcasts.end(), address.ip) != broadcasts.end())
                return refuse("is the broadcast address of a network here: give one of the machine's own");
            for (const manager::Primitive& primitive : node_->state().configuration.primitives) {
                const auto ip = primitive.params.find("ip");
                if (ip == primitive.params.end() || ip->second != address.ip) continue;
                return refuse("is the virtual address of the resource " + primitive.id +
                              ", which moves from node to node: give one that stays with the machine");
            }
        }
    }
    return base::ok();
}

// What it would be like in the node file: the file's own rules apply, and names are resolved.
base::Result<membership::NodeList> Daemon::checked(membership::NodeList list) const {
    list.version = nodes_.version + 1;
    TRY(const std::string text, base::read_file(options_.config_file));
    TRY(const std::string next, membership::rewrite_node_file(text, list, options_.config_file));
    TRY(const membership::NodeConfig edited, membership::parse_config(text, options_.config_file));
    TRY_OK(check_fixed(edited));
    TRY(membership::NodeConfig config, membership::parse_config(next, options_.config_file));
    TRY_OK(resolve(config, nodes_));
    membership::NodeList out = membership::node_list(config);
    TRY_OK(membership::check(out));
    TRY_OK(check_places(out));
    return out;
}

base::Result<membership::NodeList> Daemon::with_node(const AddNode& add) const {
    const std::vector<membership::LinkOptions>& links = config_.totem.links;
    const std::size_t given = add.addresses.empty() ? 1 : add.addresses.size();
    if (add.name.empty()) return base::invalid("nothing was changed: the new node needs a name");
    if (given != links.size()) {
        return base::invalid("nothing was changed: " + add.name + " needs an address for each of the " +
                             std::to_string(links.size()) + " links, in their order");
    }
    membership::NodeList list = nodes_;
    membership::ListedNode node;
    if (list.next_id().value > membership::kMaxNodeId) {
        return Error{Errc::conflict,
                     "nothing was changed: node add gives the nodeid above the highest one, and above " +
                         std::to_string(membership::kMaxNodeId) +
                         " there is none. Write the new node into the nodelist of " + options_.config_file +
                         " yourself, with a lower nodeid that no node has had, and then: custos reload"};
    }
    node.id = list.next_id();
    node.name = add.name;
    for (std::size_t i = 0; i < links.size(); ++i)
        node.addresses.push_back({links[i].number, add.addresses.empty() ? add.name : add.addresses[i], ""});
    for (const membership::NodeEntry& known : config_.nodes) {
        if (known.name == add.name)
            return Error{Errc::conflict, "nothing was changed: there is a node " + add.name + " already"};
    }
    list.nodes.push_back(std::move(node));
    return checked(std::move(list));
}

base::Result<membership::NodeList> Daemon::without_node(const RemoveNode& remove) const {
    std::string names;
    for (const membership::NodeEntry& node : config_.nodes) {
        names += (names.empty() ? "" : ", ") + node.name;
        if (node.name != remove.name) continue;
        if (node.id == self_) {
            return Error{Errc::conflict,
                         "nothing was changed: " + remove.name + " is this node; remove it from another one"};
        }
        membership::NodeList list = nodes_;
        std::erase_if(list.nodes, [&](const membership::ListedNode& n) { return n.id == node.id; });
        return checked(std::move(list));
    }
    return Error{Errc::not_found,
                 "there is no node \"" + remove.name + "\" in this cluster; its nodes are " + names};
}

base::Status Daemon::check_fixed(const membership::NodeConfig& edited) const {
    std::vector<std::string> fixed = membership::fixed_differences(config_, edited);
    const auto numbers = [](const std::vector<membership::LinkOptions>& links) {
        std::string text;
        for (const membership::LinkOptions& link : links) text += " " + std::to_string(link.number);
        return text;
    };
    if (numbers(edited.totem.links) != numbers(config_.totem.links))
        fixed.push_back("links:" + numbers(config_.totem.links) + " ->" + numbers(edited.totem.links));
    if (fixed.empty()) return base::ok();
    std::string text =
        "nothing was changed: while custosd runs, only nodes can be added, removed and given other addresses "
        "and votes. Put these back, or restart custosd on all nodes with the new file (docs/operating.md):";
    for (const std::string& line : fixed) text += "\n  " + line;
    return Error{Errc::conflict, text};
}

base::Result<membership::NodeList> Daemon::edited_nodes(const std::string& text) const {
    TRY(membership::NodeConfig edited, membership::parse_config(text, options_.config_file));
    TRY_OK(check_fixed(edited));
    TRY_OK(resolve(edited, nodes_));
    membership::NodeList list = membership::node_list(edited);
    for (const membership::ListedNode& node : list.nodes) {
        const membership::ListedNode* const known = nodes_.find(node.id);
        if (known == nullptr || known->name == node.name) continue;
        return Error{Errc::conflict, "nothing was changed: node " + to_string(node.id) + " is called \"" +
                                         known->name + "\", and keeps that name while custosd runs, not \"" +
                                         node.name + "\": resources and attributes go by it"};
    }
    // A file that nobody has edited could not be written: it is now.
    const bool edit = !membership::same_places(list, settled_) && !membership::same_places(list, nodes_);
    if (list.version < nodes_.version && edit) {
        return Error{Errc::conflict, "nothing was changed: " + options_.config_file + " is older (" +
                                         versions(list.version) + ") than what is in force (" +
                                         versions(nodes_.version) +
                                         "): make your change in a file of that version"};
    }
    if (list.version < nodes_.version) return nodes_;
    TRY_OK(check_places(list));
    return list;
}

// It says what is in force already; or did, before it could not be written.
void Daemon::take_same_file(const std::string& text, const ControlServer::Respond& respond) {
    const auto file = membership::parse_config(text, options_.config_file);
    if (nodes_.counted && file && file->totem.config_version < nodes_.version) {
        write_node_file();
        return when_file_is_written([this, respond] {
            const std::string done = "the file was older than what is in force, and has it now";
            respond(CommandReply{nodes_.version, file_trouble_.empty() ? done : file_trouble_});
        });
    }
    use_file(text);
    const std::string change = change_under_way();
    respond(CommandReply{nodes_.version,
                         "nothing differs from what is in force" + (change.empty() ? "" : "; " + change)});
}

void Daemon::change_nodes(const std::string& user, const Request& request,
                          const ControlServer::Respond& respond) {
    manager::ChangeNodes change;
    base::Result<membership::NodeList> after{Error{}};
    const base::Result<std::string> file = base::read_file(options_.config_file);
    if (const auto* add = std::get_if<AddNode>(&request)) {
        after = with_node(*add);
    } else if (const auto* remove = std::get_if<RemoveNode>(&request)) {
        after = without_node(*remove);
        change.vouched = remove->vouched;
    } else {
        after = file ? edited_nodes(*file) : file.error();
    }
    if (!after) return respond(Refused{after.error().message});
    const std::string text = membership::difference(nodes_, *after);
    if (text.empty()) return take_same_file(*file, respond);
    change.before = nodes_;
    change.after = *after;
    const std::uint64_t id = next_client_++;
    clients_.emplace(id, [this, text, respond](Reply reply) {
        auto* done = std::get_if<CommandReply>(&reply);
        if (done == nullptr) return respond(std::move(reply));
        if (done->under_way) {
            done->remark = text + "\nnot in force yet: " + done->remark +
                           ". It goes on by itself, and custos status says how far it is";
            return respond(std::move(reply));
        }
        done->remark = text;
        when_file_is_written([this, done = *done, respond]() mutable {
            if (!nodes_trouble_.empty()) done.remark += "\nbut " + nodes_trouble_;
            for (const std::string& line : file_warnings()) done.remark += "\nbut " + line;
            respond(std::move(done));
        });
    });
    node_->submit(moment(), id, user, std::move(change));
    pump();
}

// --- status

// With whom it waits for; empty: none.
std::string Daemon::change_under_way() const {
    const auto& next = node_->state().next_nodes;
    if (!next) return "";
    const std::string waits = node_->change_waits();
    return "the nodes are being changed to version " + std::to_string(next->version) + " (" +
           membership::difference(node_->state().nodes, *next) +
           "): until it counts, decisions need a majority of before and of after it" +
           (waits.empty() ? "" : "; " + waits);
}

std::vector<std::string> Daemon::node_warnings(const totem::EngineStatus& engine) const {
    std::vector<std::string> lines;
    if (!nodes_trouble_.empty()) lines.push_back(nodes_trouble_);
    for (std::string& line : file_warnings()) lines.push_back(std::move(line));
    if (!node_) return lines;
    if (std::string line = change_under_way(); !line.empty()) lines.push_back(std::move(line));
    // The last frames of a node that is removed in order come just when it is no longer listed.
    const auto unlisted = engine.rejected[static_cast<std::size_t>(totem::Rejected::node)];
    if (unlisted > 0 && moment().now - engine.unlisted_at < kLately &&
        engine.unlisted_at > nodes_changed_at_ + kFarewell) {
        lines.push_back(
            std::to_string(unlisted) + " frames came from nodes that are not in the nodelist, last from " +
            engine.last_unlisted_source +
            ": a node that was removed while it was off, or that nobody has added (custos node add)");
    }
    const bool alone =
        config_.nodes.size() > 1 && engine.bound &&
        std::none_of(engine.links.begin(), engine.links.end(),
                     [](const totem::LinkStatus& link) { return link.state != totem::LinkState::unknown; });
    if (alone) {
        lines.push_back(
            "no other node has answered since this one started. If they run, they may go by a "
            "nodelist without this node (here: " +
            versions(nodes_.version) + "), or have another key or cluster_name: compare " +
            options_.config_file + " and the key file with those of a member");
    }
    const bool lately = engine.other_roster > 0 && moment().now - engine.other_roster_at < kLately;
    // Before it has learned of the change that added it, a newcomer is out of step for a moment, too.
    const bool member = node_->view().nodes().contains(engine.last_other_roster);
    if (lately && !member && nodes_trouble_.empty()) {
        const membership::NodeEntry* const peer = config_.find(engine.last_other_roster);
        const std::string name = peer == nullptr ? "node " + to_string(engine.last_other_roster) : peer->name;
        lines.push_back(
            nodes_.counted
                ? name + " goes by another nodelist than this cluster (version " +
                      std::to_string(nodes_.version) +
                      "), and is not let in: its status says why; copy the node file of a member to it"
                : name + " goes by another nodelist than this node's file (" + versions(nodes_.version) +
                      "): this node is not let in; copy the node file of a member to it");
    }
    return lines;
}

std::map<base::NodeId, std::string> Daemon::node_names() const {
    std::map<base::NodeId, std::string> names;
    for (const membership::NodeEntry& entry : config_.nodes) names[entry.id] = entry.name;
    return names;
}

void Daemon::put_nodes(RingReply& out) const {
    out.nodes_version = nodes_.version;
    out.nodes_counted = nodes_.counted;
    out.two_node_ended =
        nodes_.two_node_ended && membership::votes_of(nodes_) == 2 && nodes_.nodes.size() == 2;
    if (!node_ || !node_->state().next_nodes) return;
    out.nodes_change = membership::difference(node_->state().nodes, *node_->state().next_nodes);
    if (const std::string waits = node_->change_waits(); !waits.empty()) out.nodes_change += "; " + waits;
}

}  // namespace tools
