#include "tools/cli/own_levels.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "membership/config/config.hpp"
#include "tools/cli/corosync.hpp"
#include "tools/cli/group_level.hpp"
#include "tools/cli/simulate.hpp"
#include "tools/cli/why.hpp"
#include "tools/crm/levels.hpp"
#include "tools/view/keys.hpp"
#include "tools/view/members.hpp"
#include "totem/base/bytes.hpp"
#include "totem/base/fd.hpp"
#include "totem/base/ip.hpp"
#include "totem/seal/seal.hpp"

namespace tools {
namespace {

constexpr const char* kConfigFile = "/etc/custos/custos.conf";
constexpr const char* kKeyFile = "/etc/custos/authkey";

base::Error io_error(const std::string& what) {
    return {base::Errc::io, what + ": " + std::strerror(errno)};
}
// config check [FILE]: reads and resolves, starts nothing.
base::Status config_check(Shell& shell, const Words& words) {
    const std::string file = words.size() > 1 ? words[1] : kConfigFile;
    TRY(membership::NodeConfig config, membership::load_config(file));
    TRY_OK(membership::resolve_addresses(config, membership::system_resolver));
    shell.out() << membership::describe(config);
    return base::ok();
}

base::Status write_all(int fd, const std::string& text, const std::string& file) {
    base::ByteView left = base::as_bytes(text);
    while (!left.empty()) {
        const ssize_t n = write(fd, left.data(), left.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return io_error("cannot write " + file);
        left = left.subspan(static_cast<std::size_t>(n));
    }
    if (fsync(fd) != 0) return io_error("cannot write " + file);
    return base::ok();
}

// The folder must stand, and a key is never half there: it is written beside its place and then given its
// name.
base::Status write_key(const std::string& file, const std::string& text, bool force) {
    std::error_code trouble;
    const auto folder = std::filesystem::path(file).parent_path();
    if (!folder.empty()) std::filesystem::create_directories(folder, trouble);
    const std::string next = file + ".new";
    unlink(next.c_str());
    {
        const base::Fd fd(open(next.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400));
        if (!fd.valid()) return io_error("cannot write " + next);
        TRY_OK(write_all(fd.get(), text, next));
    }
    // link() refuses a name that exists, rename() replaces it.
    const int rc = force ? rename(next.c_str(), file.c_str()) : link(next.c_str(), file.c_str());
    const int number = errno;
    if (!force) unlink(next.c_str());
    if (rc == 0) return base::ok();
    if (number == EEXIST) {
        return base::Error{
            base::Errc::conflict,
            file +
                " exists already and was left as it is: nodes with different keys do not hear each other; "
                "to replace it, add --force and copy the new one to all nodes"};
    }
    errno = number;
    return io_error("cannot write " + file);
}

// key generate [FILE] [--force]
base::Status key_generate(Shell& shell, const Words& words) {
    std::string file = kKeyFile;
    bool force = false, named = false;
    for (auto word = words.begin() + 1; word != words.end(); ++word) {
        if (*word == "--force") {
            force = true;
        } else if (named || word->empty() || word->front() == '-') {
            return base::invalid("usage: " + shell.options().program + " key generate [FILE] [--force]");
        } else {
            file = *word;
            named = true;
        }
    }
    TRY(const totem::MasterKey key, totem::MasterKey::generate());
    TRY_OK(write_key(file, key.file_text(), force));
    shell.out() << "wrote " << file << " (fingerprint " << key.fingerprint()
                << "): copy it to every node of the cluster, "
                << "readable by root only\n";
    return base::ok();
}

base::Status key_show(Shell& shell, const Words& words) {
    const std::string file = words.size() > 1 ? words[1] : kKeyFile;
    TRY(const totem::MasterKeys keys, totem::MasterKeys::load(file));
    shell.out() << keys.sending().key.fingerprint() << "  " << file << "\n";
    if (keys.other())
        shell.out() << keys.other()->key.fingerprint() << "  " << file << " (accepted as well)\n";
    return base::ok();
}

base::Result<RingReply> ask_ring(Shell& shell) {
    TRY(Reply reply, shell.ask(GetRing{}));
    auto* ring = std::get_if<RingReply>(&reply);
    if (ring == nullptr) return base::invalid("the daemon answered something else: is it of this release?");
    return std::move(*ring);
}

// members [--json], quorum status [--json]
base::Result<bool> json_wanted(const Words& words) {
    if (words.size() == 1) return false;
    if (words[1] == "--json" || words[1] == "json") return true;
    return base::invalid(words[0] + " does not know '" + words[1] + "': it takes --json");
}

base::Status members(Shell& shell, const Words& words) {
    TRY(const bool json, json_wanted(words));
    TRY(const RingReply ring, ask_ring(shell));
    shell.out() << (json ? members_json(ring) : render_members(ring, shell.streams().time_text));
    return base::ok();
}

base::Status quorum_status(Shell& shell, const Words& words) {
    TRY(const bool json, json_wanted(words));
    TRY(const RingReply ring, ask_ring(shell));
    shell.out() << (json ? quorum_json(ring) : render_quorum(ring, shell.streams().time_text));
    return base::ok();
}

// Whether there is somebody to be waited for; else it was said why not.
base::Result<bool> is_waiting(Shell& shell, const RingReply& ring) {
    if (ring.ring_id.empty()) return base::Error{base::Errc::unavailable, "this node is in no ring yet"};
    if (std::find(ring.flags.begin(), ring.flags.end(), "WaitForAll") == ring.flags.end()) {
        return base::Error{base::Errc::conflict,
                           "this cluster waits for nobody: wait_for_all is not set in the node file"};
    }
    if (ring.quorate) shell.info("nobody is waited for: " + ring.quorum_reason);
    return !ring.quorate;
}

// quorum unblock
base::Status quorum_unblock(Shell& shell, const Words& /*words*/) {
    TRY(const RingReply ring, ask_ring(shell));
    TRY(const bool waiting, is_waiting(shell, ring));
    if (!waiting) return base::ok();
    if (!shell.confirm("There is no quorum: " + ring.quorum_reason +
                       ". Are the nodes that are waited for switched off, or cut off from everything that "
                       "they could serve?")) {
        return base::Error{base::Errc::conflict,
                           "they are waited for still: once you vouch that they serve nothing, `" +
                               shell.options().program + " -F quorum unblock` ends it"};
    }
    TRY(const Reply reply, shell.ask(CancelWaitForAll{}));
    const auto* done = std::get_if<CommandReply>(&reply);
    if (done == nullptr) return base::invalid("the daemon answered something else: is it of this release?");
    shell.info("nobody is waited for any more: " + done->remark);
    return base::ok();
}

base::Status key_status(Shell& shell, const Words& words) {
    TRY(const bool json, json_wanted(words));
    TRY(const RingReply ring, ask_ring(shell));
    shell.out() << (json ? keys_json(ring) : render_keys(ring));
    return base::ok();
}

// key rotate [--now]
base::Status key_rotate(Shell& shell, const Words& words) {
    const bool now = words.size() > 1;
    if (now && words[1] != "--now")
        return base::invalid("usage: " + shell.options().program + " key rotate [--now]");
    if (now && !shell.confirm("Nodes that are absent will be shut out until the key file is copied to them. "
                              "Do not wait for them?")) {
        return base::Error{base::Errc::conflict, "nothing was changed: `" + shell.options().program +
                                                     " -F key rotate --now` goes on without asking"};
    }
    TRY(const Reply reply, shell.ask(RotateKey{!now}));
    const auto* done = std::get_if<CommandReply>(&reply);
    if (done == nullptr) return base::invalid("the daemon answered something else: is it of this release?");
    if (done->remark.empty()) {
        shell.info("the key was changed: every member seals with the new one, the old one is gone");
    } else {
        shell.info(done->remark);
    }
    return base::ok();
}

base::Result<CommandReply> change_nodes(Shell& shell, const Request& request) {
    TRY(const Reply reply, shell.ask(request));
    const auto* done = std::get_if<CommandReply>(&reply);
    if (done == nullptr) return base::invalid("the daemon answered something else: is it of this release?");
    return *done;
}

// node add NAME [ADDRESS...]
base::Status node_add(Shell& shell, const Words& words) {
    AddNode add{words[1], {words.begin() + 2, words.end()}};
    if (add.addresses.empty()) add.addresses.push_back(add.name);
    for (std::string& address : add.addresses) {
        if (base::parse_ip(address)) continue;
        const std::vector<std::string> found = membership::system_resolver(address);
        if (found.empty()) {
            return base::Error{base::Errc::not_found,
                               "nothing was changed: no address of \"" + address + "\" is known: write it"};
        }
        address = found.front();
    }
    TRY(const CommandReply done, change_nodes(shell, add));
    shell.out() << done.remark << (done.under_way ? "\nOnce it is in force, on " : "\nOn ") << words[1]
                << ": install custos, copy from a member (as root)\n  " << kConfigFile << "\n  " << kKeyFile
                << "\nthen systemctl enable --now custos\n";
    return base::ok();
}

// node remove NAME [--force]
base::Status node_remove(Shell& shell, const Words& words) {
    const bool force = words.size() > 2 && words[2] == "--force";
    if (words.size() > 2 && !force)
        return base::invalid("usage: " + shell.options().program + " node remove NAME [--force]");
    if (force && !shell.confirm("Is node " + words[1] + " switched off, so that it surely runs nothing?")) {
        return base::Error{base::Errc::conflict,
                           "nothing was changed: --force is your word that " + words[1] +
                               " is switched off, and that is asked for at a terminal. Where nobody can be "
                               "asked, and it is off: " +
                               shell.options().program + " -F node remove " + words[1] + " --force"};
    }
    TRY(const CommandReply done, change_nodes(shell, RemoveNode{words[1], force}));
    shell.out() << done.remark << "\n";
    return base::ok();
}

// reload
base::Status reload(Shell& shell, const Words& /*words*/) {
    TRY(const CommandReply done, change_nodes(shell, ReloadNodeFile{}));
    shell.out() << done.remark << "\n";
    return base::ok();
}

// Where a shell would find a program of that name; empty: nowhere.
std::filesystem::path find_program(const std::string& name) {
    const char* path = std::getenv("PATH");
    std::string folder;
    for (const char c : std::string(path == nullptr ? "/usr/sbin:/usr/bin" : path) + ":") {
        if (c != ':') {
            folder += c;
            continue;
        }
        auto place = std::filesystem::path(std::exchange(folder, "")) / name;
        if (place.is_absolute() && access(place.c_str(), X_OK) == 0) return place;
    }
    return {};
}

// A command that silently talks to another cluster than its caller means is worse than one that is missing.
base::Status no_other_corosync(const std::filesystem::path& self) {
    for (const std::string& name : corosync_names()) {
        std::error_code trouble;
        const auto other = find_program(name);
        if (other.empty() || std::filesystem::equivalent(other, self, trouble)) continue;
        return base::Error{base::Errc::conflict,
                           other.string() +
                               " is corosync's own, so nothing was made: where both names are found, scripts "
                               "may ask the wrong cluster; to make them anyway, add --force"};
    }
    return base::ok();
}

// links install DIR [--corosync] [--force]: the other names of this program, where they are free.
base::Status links_install(Shell& shell, const Words& words) {
    bool corosync = false, force = false;
    for (auto word = words.begin() + 2; word != words.end(); ++word) {
        if (*word == "--corosync") {
            corosync = true;
        } else if (*word == "--force") {
            force = true;
        } else {
            return base::invalid("usage: " + shell.options().program +
                                 " links install DIR [--corosync] [--force]");
        }
    }
    std::error_code trouble;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", trouble);
    if (trouble) return base::Error{base::Errc::io, "cannot find this program's file: " + trouble.message()};
    if (corosync && !force) TRY_OK(no_other_corosync(self));
    std::vector<std::filesystem::path> missing;
    for (const std::string& name : corosync ? corosync_names() : Words{"crm", "crm_mon"}) {
        const auto place = std::filesystem::path(words[1]) / name;
        if (std::filesystem::read_symlink(place, trouble) == self) continue;
        if (std::filesystem::exists(std::filesystem::symlink_status(place, trouble))) {
            return base::Error{base::Errc::conflict, place.string() +
                                                         " exists already, so nothing was made (is " +
                                                         (corosync ? "Corosync" : "Pacemaker") +
                                                         " installed? its commands talk to it)"};
        }
        missing.push_back(place);
    }
    for (const auto& place : missing) {
        std::filesystem::create_symlink(self, place, trouble);
        if (trouble)
            return base::Error{base::Errc::io, "cannot make " + place.string() + ": " + trouble.message()};
        shell.out() << place.string() << " -> " << self.string() << "\n";
    }
    return base::ok();
}

// Questions about what is planned: for the running cluster, or a saved one.
void add_questions(Level& top) {
    top.commands.push_back({"why", "", "RESOURCE [NODE] [--cib FILE [--now DATE]] [--json]",
                            "why it is where it is, and what would change that", 0, 7, why, true});
    top.commands.push_back({"why-not", "", "RESOURCE NODE [--cib FILE [--now DATE]] [--json]",
                            "what keeps it from that node", 0, 7, why_not, true});
    top.commands.push_back({"what-if", "", "--down NODE | --standby NODE [--cib FILE [--now DATE]] [--json]",
                            "what would run where without a node", 0, 7, what_if, true});
}

}  // namespace

std::vector<Level> custos_levels() {
    std::vector<Level> levels = crm_levels();
    levels.front().commands.push_back(
        {"shutdown", "", "", "hands over what runs here and stops the daemon", 0, 0,
         [](Shell& shell, const Words&) { return stop_daemon(shell, {"stop"}); }, true});
    levels.front().commands.push_back(
        {"members", "", "[--json]", "who is a member, who is not, since when and why", 0, 1, members, true});
    levels.front().commands.push_back(
        {"reload", "", "", "takes this node's edited nodelist into the cluster", 0, 0, reload, true});
    for (Level& level : levels) {
        if (level.name != "node") continue;
        level.commands.push_back(
            {"add", "", "NAME [ADDRESS...]", "a new node, an address for each link", 1, 9, node_add, true});
        level.commands.push_back(
            {"remove", "", "NAME [--force]",
             "takes a node out of the cluster (--force: it is silent, and you vouch that it is "
             "off: it asks, or takes your word by -F)",
             1, 2, node_remove, true});
    }
    levels.front().commands.push_back({"simulate", "", "[--cib FILE [--now DATE]] [--json]",
                                       "what is planned now; with FILE for a saved Pacemaker CIB", 0, 5,
                                       simulate, true});
    add_questions(levels.front());
    levels.push_back({"quorum",
                      "",
                      "whether the members may act",
                      {{"status", "", "[--json]", "votes, and how they are counted", 0, 1, quorum_status},
                       {"unblock", "", "", "ends waiting for nodes that do not come (wait_for_all)", 0, 0,
                        quorum_unblock}},
                      true});
    levels.push_back(group_level());
    levels.push_back({"ring",
                      "",
                      "the ring as this node sees it",
                      {{"status", "", "[--json]", "ring, links and membership changes", 0, 1, ring_status}},
                      true});
    levels.push_back({"config",
                      "",
                      "the configuration file of this node",
                      {{"check", "", "[FILE]", "checks it without starting anything", 0, 1, config_check}},
                      true});
    levels.push_back(
        {"key",
         "",
         "the key that the nodes share",
         {{"generate", "", "[FILE] [--force]", "makes a new key file", 0, 3, key_generate},
          {"show", "", "[FILE]", "prints its fingerprint, to compare nodes", 0, 1, key_show},
          {"rotate", "", "[--now]",
           "gives all nodes a new key while they run; --now: waits for no absent node", 0, 1, key_rotate},
          {"status", "", "[--json]", "who has which key, and how far a change is", 0, 1, key_status}},
         true});
    levels.push_back({"links",
                      "",
                      "other names for this command: crm and crm_mon, or corosync's",
                      {{"install", "", "DIR [--corosync] [--force]",
                        "makes them in DIR unless they are taken", 1, 3, links_install}},
                      true});
    return levels;
}

}  // namespace tools
