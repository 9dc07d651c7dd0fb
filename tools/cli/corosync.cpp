#include "tools/cli/corosync.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "tools/cli/options.hpp"
#include "tools/view/corosync.hpp"

namespace tools {
namespace {

constexpr int kFailed = 1, kNotQuorate = 2;

constexpr const char* kQuorumtoolHelp =
    "usage: corosync-quorumtool [-s | -l] [-p] [-i] [-a] [-H] [-o a|n|i]\n"
    "Shows quorum and members of this Custos cluster in the format of corosync-quorumtool.\n"
    "  -s        quorum and members (also without an option)\n"
    "  -l        members alone\n"
    "  -p        with a column for the quorum device\n"
    "  -i        addresses in place of names\n"
    "  -a        the addresses of all links\n"
    "  -H        node ids in hexadecimal\n"
    "  -o a|n|i  in the order of addresses (here: as i), names or ids\n"
    "  -h, -V    this text; the version\n"
    "Refused, with the way to do it here: -m -v -e -f. See also: custos quorum status\n"
    "Exit codes: 0 quorate (with -l: done), 2 not quorate, 1 failed.\n";
constexpr const char* kCfgtoolHelp =
    "usage: corosync-cfgtool -s [-b] | -n | -a NODEID\n"
    "Shows the links of this Custos node in the format of corosync-cfgtool.\n"
    "  -s         each link, and whether it reaches each node\n"
    "  -b         with -s: a digit for each node (n: this node; 3: reached; 1: not reached)\n"
    "  -n         each node that is reached, and the links to it\n"
    "  -a NODEID  the addresses of a node\n"
    "  -i LINK    is taken and changes nothing\n"
    "  -h         this text\n"
    "Refused, with the way to do it here: -R -L -k -H. See also: custos ring status\n"
    "Exit codes: 0 done, 1 failed.\n";
constexpr const char* kCmapctlHelp =
    "usage: corosync-cmapctl [-b] [-q] [-m icmap|stats] [-g KEY... | PREFIX...]\n"
    "Shows settings and figures of this Custos node under the keys that corosync has for them.\n"
    "  PREFIX...  keys that begin so; without one, all\n"
    "  -g KEY...  these keys\n"
    "  -m MAP     icmap (or default): settings, members, quorum; stats: figures of ring and links\n"
    "  -q         values alone\n"
    "  -b         is taken and changes nothing: no value here is binary\n"
    "  -h         this text\n"
    "Refused, with the way to do it here: -s -d -D -p -C -t -T. See also: custos config check\n"
    "Exit codes: 0 done, 1 failed or no such key.\n";
constexpr const char* kCpgtoolHelp =
    "usage: corosync-cpgtool [-d DELIMITER] [-e] [-n]\n"
    "Shows the process groups of this Custos cluster in the format of corosync-cpgtool.\n"
    "  -d CHARACTER  stands between the fields\n"
    "  -e            names of groups with UTF-8 as it is (control characters are escaped all the same)\n"
    "  -n            names alone\n"
    "  -h            this text\n"
    "Exit codes: 0 done, 1 failed.\n";

std::optional<base::NodeId> node_id(const std::string& text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value == 0) return std::nullopt;
    return base::NodeId{value};
}

// One run of one of the commands.
class Run {
  public:
    Run(std::string name, const Ask& ask, const CorosyncStreams& streams)
        : name_(std::move(name)),
          ask_(ask),
          streams_(streams) {}

    int quorumtool(const std::vector<std::string>& arguments);
    int cfgtool(const std::vector<std::string>& arguments);
    int cmapctl(const std::vector<std::string>& arguments);
    int cpgtool(const std::vector<std::string>& arguments);

  private:
    int fail(const std::string& text) {
        streams_.err << text << "\n";
        return kFailed;
    }
    // One line: that it is not done here, and what does it.
    int refuse(const std::string& option, const std::string& instead) {
        return fail(name_ + ": " + option + " is not done by this command: " + instead);
    }
    int show(const std::string& text, int code = 0) {
        streams_.out << text;
        return streams_.out.flush() ? code : kFailed;
    }

    // The daemon's answer. Nullopt: it was said that there is none, in the original's words, which scripts
    // compare: `absent` when no daemon runs here, `denied` when this user may not ask.
    std::optional<RingReply> ring(const std::string& absent, const std::string& denied, bool formed = true) {
        const auto reply = ask_(GetRing{});
        if (!reply) {
            const bool refused = reply.error().code == base::Errc::conflict;
            fail(refused ? denied : absent);
            if (reply.error().code != base::Errc::unavailable) fail(reply.error().message);
            return std::nullopt;
        }
        const auto* ring = std::get_if<RingReply>(&*reply);
        if (ring == nullptr) {
            fail(absent);
            fail("custosd answered something else than asked: is it of the same release?");
            return std::nullopt;
        }
        if (formed && ring->ring_id.empty()) {
            fail(name_ + ": this node is in no ring yet" +
                 (ring->waiting.empty() ? "" : ": " + ring->waiting));
            return std::nullopt;
        }
        return *ring;
    }

    int get_keys(const std::vector<std::string>& keys, const Cmap& map, bool quiet);
    int list_keys(const std::vector<std::string>& prefixes, const Cmap& map, bool quiet);
    int refuse_key(char action, const std::vector<std::string>& words);

    std::string name_;
    const Ask& ask_;
    const CorosyncStreams& streams_;
};

int Run::quorumtool(const std::vector<std::string>& arguments) {
    const auto parsed = parse_short_options(name_, arguments, "VaHslmfe:v:hin:o:p");
    if (!parsed) {
        fail(parsed.error().message);
        return show(kQuorumtoolHelp, kFailed);
    }
    QuorumtoolStyle style;
    char action = 's';
    for (const auto& [letter, argument] : parsed->options) {
        if (letter == 'h') return show(kQuorumtoolHelp);
        if (letter == 'V') return show("corosync-quorumtool of custos " CUSTOS_VERSION "\n");
        if (letter == 'n' && !node_id(argument))
            return fail("The nodeid was not valid, try a positive number");
        if (letter == 'o') {
            if (argument != "a" && argument != "i" && argument != "n")
                return fail("Invalid ordering option. valid orders are a(address), i(node ID) or n(name)");
            style.by_name = argument == "n";
        }
        style.addresses = style.addresses || letter == 'i';
        style.all_addresses = style.all_addresses || letter == 'a';
        style.device_column = style.device_column || letter == 'p';
        style.hexadecimal = style.hexadecimal || letter == 'H';
        if (std::string_view("slmvef").find(letter) != std::string_view::npos) action = letter;
    }
    if (action == 'm') return refuse("-m", "watch -n1 custos quorum status");
    if (action == 'v')
        return refuse("-v", "votes are quorum_votes in /etc/custos/custos.conf, the same on all nodes");
    if (action == 'e')
        return refuse("-e", "expected_votes is in /etc/custos/custos.conf, the same on all nodes");
    if (action == 'f') return refuse("-f", "there is no quorum device");
    const auto reply = ring("Cannot initialize CMAP service", "Cannot initialize CMAP service");
    if (!reply) return kFailed;
    if (action == 'l') return show(quorumtool_members(*reply, style));
    return show(quorumtool_status(*reply, style, streams_.date()), reply->quorate ? 0 : kNotQuorate);
}

int Run::cfgtool(const std::vector<std::string>& arguments) {
    const auto parsed = parse_short_options(name_, arguments, "i:snbrRLk:a:hH", {{"force", 'F'}});
    if (!parsed) return fail(parsed.error().message);
    char action = 'h';
    bool brief = false;
    base::NodeId node;
    for (const auto& [letter, argument] : parsed->options) {
        if (letter == 'a' || letter == 'k') {
            const auto id = node_id(argument);
            if (!id) return fail("The nodeid was not valid, try a positive number");
            node = *id;
        }
        brief = brief || letter == 'b';
        if (std::string_view("snRLkahH").find(letter) != std::string_view::npos) action = letter;
    }
    if (action == 'h') return show(kCfgtoolHelp);
    if (action == 'R') {
        return refuse("-R",
                      "the node file is read when custosd starts: custos config check, then restart it");
    }
    if (action == 'L') return refuse("-L", "systemctl reload custos");
    if (action == 'k') return refuse("-k", "custos shutdown, on that node");
    if (action == 'H') return refuse("-H", "custos shutdown");
    const std::string failed = "Could not initialize corosync configuration API error ";
    const auto reply = ring(failed + "2", failed + "11");
    if (!reply) return kFailed;
    if (action == 's') return show(cfgtool_status(*reply, brief));
    if (action == 'n') return show(cfgtool_nodes(*reply));
    const auto addresses = cfgtool_addresses(*reply, node);
    if (!addresses) return fail("Could not get node address for nodeid " + to_string(node));
    return show(*addresses);
}

int Run::get_keys(const std::vector<std::string>& keys, const Cmap& map, bool quiet) {
    int code = 0;
    for (const std::string& key : keys) {
        const auto found = map.find(key);
        if (found == map.end()) {
            code = fail("Can't get key " + key + ". Error CS_ERR_NOT_EXIST");
        } else {
            streams_.out << (quiet ? found->second.text + "\n" : cmap_line(key, found->second));
        }
    }
    return show("", code);
}

// An empty prefix lists all. Exit code 1 when nothing at all was found.
int Run::list_keys(const std::vector<std::string>& prefixes, const Cmap& map, bool quiet) {
    bool any = false;
    for (const std::string& prefix : prefixes) {
        for (auto key = map.lower_bound(prefix); key != map.end(); ++key) {
            if (key->first.compare(0, prefix.size(), prefix) != 0) break;
            streams_.out << (quiet ? key->second.text + "\n" : cmap_line(key->first, key->second));
            any = true;
        }
    }
    return show("", any ? 0 : kFailed);
}

int Run::refuse_key(char action, const std::vector<std::string>& words) {
    if (action == 's' && words.size() < 3) return fail("At least 3 parameters are expected for set");
    const std::string option{'-', action};
    if (action == 't' || action == 'T') return refuse(option, "watch -n1 corosync-cmapctl -g " + words[0]);
    const std::string what = action == 's' ? "set" : "delete";
    return fail("Failed to " + what + " key " + words[0] +
                ". Error CS_ERR_ACCESS: " + cmap_instead(words[0]));
}

int Run::cmapctl(const std::vector<std::string>& arguments) {
    const auto parsed = parse_short_options(name_, arguments, "C:hgsdDtTbm:p:q");
    if (!parsed) return fail(parsed.error().message);
    char action = 'l';
    bool quiet = false, statistics = false;
    for (const auto& [letter, argument] : parsed->options) {
        if (letter == 'h') return show(kCmapctlHelp);
        if (letter == 'm') {
            statistics = argument == "stats";
            if (!statistics && argument != "icmap" && argument != "default")
                return fail("invalid map name, must be 'default', 'icmap' or 'stats'");
        }
        if (letter == 'C') return refuse("-C", cmap_instead("stats."));
        if (letter == 'p') return refuse("-p", cmap_instead(""));
        quiet = quiet || letter == 'q';
        if (std::string_view("gsdDtT").find(letter) != std::string_view::npos) action = letter;
    }
    if (action != 'l' && parsed->words.empty()) return fail("Expected key after options");
    if (action != 'l' && action != 'g') return refuse_key(action, parsed->words);
    const std::string failed = "Failed to initialize the cmap API. Error CS_ERR_";
    const auto reply = ring(failed + "LIBRARY", failed + "ACCESS", false);
    if (!reply) return kFailed;
    const Cmap map = statistics ? cmap_statistics(*reply) : cmap_settings(*reply);
    if (action == 'g') return get_keys(parsed->words, map, quiet);
    return list_keys(parsed->words.empty() ? std::vector<std::string>{""} : parsed->words, map, quiet);
}

int Run::cpgtool(const std::vector<std::string>& arguments) {
    const auto parsed = parse_short_options(name_, arguments, "d:ehn");
    if (!parsed) return fail(parsed.error().message);
    CpgtoolStyle style;
    bool names = false;
    for (const auto& [letter, argument] : parsed->options) {
        if (letter == 'h') return show(kCpgtoolHelp);
        if (letter == 'd') style.delimiter = argument.empty() ? '\0' : argument[0];
        style.raw = style.raw || letter == 'e';
        names = names || letter == 'n';
    }
    const std::string failed = "Could not initialize corosync cpg API error ";
    const auto reply = ring(failed + "2", failed + "11");
    if (!reply) return kFailed;
    return show(names ? cpgtool_names(*reply, style) : cpgtool_members(*reply, style));
}

}  // namespace

const std::vector<std::string>& corosync_names() {
    static const std::vector<std::string> names = {"corosync-quorumtool", "corosync-cfgtool",
                                                   "corosync-cmapctl", "corosync-cpgtool"};
    return names;
}

int run_corosync(const std::string& name, const std::vector<std::string>& arguments, const Ask& ask,
                 const CorosyncStreams& streams) {
    Run run(name, ask, streams);
    if (name == "corosync-quorumtool") return run.quorumtool(arguments);
    if (name == "corosync-cfgtool") return run.cfgtool(arguments);
    if (name == "corosync-cmapctl") return run.cmapctl(arguments);
    return run.cpgtool(arguments);
}

}  // namespace tools
