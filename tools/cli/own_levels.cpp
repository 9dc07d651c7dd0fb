#include "tools/cli/own_levels.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "membership/config/config.hpp"
#include "tools/cli/corosync.hpp"
#include "tools/cli/simulate.hpp"
#include "tools/crm/levels.hpp"
#include "tools/view/members.hpp"
#include "totem/base/bytes.hpp"
#include "totem/base/fd.hpp"
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

// quorum unblock
base::Status quorum_unblock(Shell& shell, const Words& /*words*/) {
    if (!shell.confirm("Are the nodes that are waited for switched off, or cut off from everything that they "
                       "could serve?")) {
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

}  // namespace

std::vector<Level> custos_levels() {
    std::vector<Level> levels = crm_levels();
    levels.front().commands.push_back(
        {"shutdown", "", "", "hands over what runs here and stops the daemon", 0, 0,
         [](Shell& shell, const Words&) { return stop_daemon(shell, {"stop"}); }, true});
    levels.front().commands.push_back(
        {"members", "", "[--json]", "who is a member, who is not, since when and why", 0, 1, members, true});
    levels.front().commands.push_back({"simulate", "", "--cib FILE [--now DATE] [--json]",
                                       "what the scheduler would do with a saved Pacemaker CIB", 0, 5,
                                       simulate, true});
    levels.push_back({"quorum",
                      "",
                      "whether the members may act",
                      {{"status", "", "[--json]", "votes, and how they are counted", 0, 1, quorum_status},
                       {"unblock", "", "", "ends waiting for nodes that do not come (wait_for_all)", 0, 0,
                        quorum_unblock}},
                      true});
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
    levels.push_back({"key",
                      "",
                      "the key that the nodes share",
                      {{"generate", "", "[FILE] [--force]", "makes a new key file", 0, 3, key_generate},
                       {"show", "", "[FILE]", "prints its fingerprint, to compare nodes", 0, 1, key_show}},
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
