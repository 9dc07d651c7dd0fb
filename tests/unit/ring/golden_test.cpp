// Golden transcripts: each file in golden/ is a story in blocks of commands, "----", and what came of them.
// GOLDEN_REWRITE=1 writes what comes now; read the difference like code before it is committed.
//
//   nodes N                          a world of N nodes, none started
//   start N... | restart N           first or new processes (restart: crash and start)
//   crash N | leave N | pause N MS   crash, goodbye, not running for a while
//   crash N after TYPE               crashes when it has sent a message of that type next
//   kill N                           crashes, and its guard says so
//   hint N about M                   somebody tells N that nobody listens at M
//   silent N about M                 N's links hear nothing of M any more
//   watching                         from now on, links are watched: who is cut off or dead falls silent
//   refusing                         from now on, machines of crashed nodes say that to whoever sends
//   lifelines                        processes that start from now on have one to each peer
//   partition A,B C,D | heal         who hears whom
//   submit N TEXT [+BYTES]           with so many blanks behind it, to fill datagrams
//   safe N TEXT [+BYTES]             the same, as a safe message
//   lose COUNT TYPE [from N] [to N]  the next COUNT such datagrams don't arrive
//   duplicate COUNT TYPE ...         they arrive twice
//   keep TYPE from N                 keeps a copy of the next such datagram
//   replay [TYPE [to N]]             what was kept arrives, at everybody unless told otherwise
//   watch TYPE... | watch            prints such messages as they are sent; nothing
//   show N PHASE TYPE... | show      prints such messages as they come to node N in that phase; nothing
//   run MS                           lets time pass
//   run united | run down N          until all running nodes are on one ring, until N is down; at most 10 s
//   run PHASE N                      until node N is in that phase
//
// Every pair of phase and type that can occur (tests/sim/ring/impossible.txt) is shown by a story.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "tests/sim/ring/coverage.hpp"
#include "tests/sim/ring/world.hpp"
#include "totem/wire/codec.hpp"

namespace {

using base::milliseconds;
using base::NodeId;
namespace wire = totem::wire;

constexpr auto& kTypes = sim::kTypeNames;

std::string describe(const wire::Message& message) {
    std::ostringstream out;
    if (const auto* t = std::get_if<wire::Token>(&message)) {
        out << "token " << t->token_seq << ", seq " << t->seq.value << ", aru " << t->aru.value;
        for (const base::Seq s : t->retransmit) out << ", wants " << s.value;
        if (t->unrecovered > 0) out << ", " << t->unrecovered << " unrecovered";
    } else if (const auto* d = std::get_if<wire::Data>(&message)) {
        const bool safe = d->guarantee == totem::Guarantee::safe;
        out << (safe ? "safe data " : "data ") << base::to_string(d->ring) << ":" << d->seq.value
            << " of node " << d->originator.value;
        if (d->recovered) {
            out << ", recovered " << base::to_string(d->recovered->ring) << ":" << d->recovered->seq.value
                << " of node " << d->recovered->originator.value;
        }
    } else if (const auto* j = std::get_if<wire::Join>(&message)) {
        out << "join";
        for (const wire::NodeStanding& n : j->nodes)
            out << " " << n.node.value << (n.standing.failed ? "(failed)" : "");
        out << ", ring sequence " << j->ring_seq;
    } else if (const auto* c = std::get_if<wire::CommitToken>(&message)) {
        out << "commit token of ring " << base::to_string(c->ring) << ", hop " << c->hop;
    } else if (const auto* p = std::get_if<wire::Probe>(&message)) {
        constexpr const char* kKinds[] = {"look", "question", "answer"};
        out << "probe: " << kKinds[static_cast<std::size_t>(p->kind)];
    } else {
        out << kTypes[message.index()];
    }
    return out.str();
}

using Pair = std::pair<std::string, std::string>;  // phase, type of message

class Story final : public sim::Observer {
  public:
    // Times are told from here.
    void begin_block() {
        if (world_) began_ = world_->now();
    }

    // Returns what happened, or what is wrong with the command.
    std::string command(const std::string& line) {
        out_.clear();
        std::istringstream words(line);
        std::string verb;
        words >> verb;
        if (verb == "nodes") {
            make(number(words));
        } else if (!world_) {
            return "? no nodes yet\n";
        } else if (!act(verb, words)) {
            return "? " + line + "\n";
        }
        return out_;
    }

    void noted(const sim::Member& who, base::Level level, const std::string& text) override {
        const bool told_by_event = text.rfind("operational: ring", 0) == 0;
        if (level != base::Level::debug && !told_by_event) say(who.node, text);
    }
    void happened(const sim::Member& who, const totem::Event& event) override {
        if (const auto* d = std::get_if<totem::Delivered>(&event)) {
            std::string text(base::as_text(d->payload));
            text.erase(text.find_last_not_of(' ') + 1);
            say(who.node, "delivers \"" + text + "\" of node " + base::to_string(d->sender.node) +
                              (d->transitional ? " in the transitional view" : ""));
        } else if (const auto* t = std::get_if<totem::Transitional>(&event)) {
            say(who.node, "transitional view " + base::to_string(t->view.nodes()) + " of ring " +
                              base::to_string(t->view.ring));
        } else if (const auto* r = std::get_if<totem::Regular>(&event)) {
            say(who.node, "regular view " + base::to_string(r->view.nodes()) + " of ring " +
                              base::to_string(r->view.ring) + " (" + r->cause + ")");
        }
    }
    void sent(const sim::Member& who, const totem::Datagram& datagram) override {
        const auto message = wire::decode(datagram.bytes);
        REQUIRE(message);
        const std::string type = kTypes[message->index()];
        if (watched_.count(type) != 0) {
            say(who.node,
                "sends " + describe(*message) + (datagram.to ? " to " + base::to_string(*datagram.to) : ""));
        }
        if (keep_.erase({type, who.node}) > 0) kept_[type] = {who, datagram.bytes};
        if (fatal_ == std::pair{type, who.node}) {
            fatal_ = {};
            world_->at(world_->now(), [this, node = who.node] { world_->crash(node); });
        }
    }

    void fed(const sim::Member& who, const std::string& phase,
             const std::vector<totem::Opened>& batch) override {
        // Tokens come last in a batch; what phase the others meet, the first may have changed.
        const auto first = std::find_if(batch.begin(), batch.end(), [](const totem::Opened& o) {
            return kTypes[o.bytes[1] - 1] != std::string("token");
        });
        const totem::Opened& opened = first == batch.end() ? batch.front() : *first;
        const Pair met{phase, kTypes[opened.bytes[1] - 1]};
        if (shown_.count({who.node, met}) == 0) return;
        met_.insert(met);
        const auto message = wire::decode(opened.bytes);
        REQUIRE(message);
        say(who.node,
            "in " + phase + " gets " + describe(*message) + " from " + base::to_string(opened.sender.node));
    }
    // The pairs (phase, type) that it was told to show, and that occurred.
    [[nodiscard]] const std::set<Pair>& met() const { return met_; }

  private:
    struct Rule {
        int count;
        std::string type;
        NodeId from, to;  // 0: any
        int copies;
    };

    void make(std::uint32_t nodes) {
        world_ = std::make_unique<sim::World>(1, nodes, totem::RingConfig{}, *this);
        world_->weather.jitter = {0};
        world_->copies = [this](NodeId from, NodeId to, base::ByteView bytes) {
            return copies(from, to, bytes);
        };
    }

    int copies(NodeId from, NodeId to, base::ByteView bytes) {
        const std::string type = kTypes[bytes[1] - 1];
        for (Rule& rule : rules_) {
            if (rule.count == 0 || rule.type != type) continue;
            if (rule.from.value != 0 && rule.from != from) continue;
            if (rule.to.value != 0 && rule.to != to) continue;
            --rule.count;
            return rule.copies;
        }
        return 1;
    }

    static std::uint32_t number(std::istringstream& words) {
        std::uint32_t n = 0;
        words >> n;
        return n;
    }

    bool act(const std::string& verb, std::istringstream& words) {
        if (verb == "run") return run(words);
        if (verb == "lose" || verb == "duplicate") return trouble(verb == "lose" ? 0 : 2, words);
        if (verb == "watch") {
            watched_.clear();
            for (std::string type; words >> type;) watched_.insert(type);
        } else if (verb == "show") {
            return show(words);
        } else if (verb == "start") {
            for (std::uint32_t n = 0; words >> n;) world_->start(NodeId{n});
        } else if (verb == "partition") {
            std::vector<base::NodeSet> groups;
            for (std::string group; words >> group;) {
                groups.emplace_back();
                std::istringstream in(group);
                for (std::string id; std::getline(in, id, ',');) {
                    groups.back().insert(NodeId{static_cast<std::uint32_t>(std::stoul(id))});
                }
            }
            world_->partition(groups);
        } else if (verb == "hint" || verb == "silent") {
            const NodeId node{number(words)};
            std::string about;
            words >> about;
            world_->hint(node, NodeId{number(words)},
                         verb == "hint" ? totem::Hint::port_closed : totem::Hint::silent);
        } else if (verb == "watching") {
            world_->weather.watched = true;
        } else if (verb == "refusing") {
            world_->weather.refused = 1000;
        } else if (verb == "lifelines") {
            world_->weather.lifelines = 1000;
        } else if (verb == "kill") {
            world_->weather.guarded = 1000;
            world_->crash(NodeId{number(words)});
            world_->weather.guarded = 0;
        } else if (verb == "heal") {
            world_->heal();
            rules_.clear();
        } else if (verb == "keep") {
            std::string type, from;
            words >> type >> from;
            keep_.insert({type, NodeId{number(words)}});
        } else if (verb == "replay") {
            return replay(words);
        } else {
            return act_on_node(verb, NodeId{number(words)}, words);
        }
        return true;
    }

    bool act_on_node(const std::string& verb, NodeId node, std::istringstream& words) {
        if (!world_->roster().contains(node)) return false;
        if (verb == "crash") {
            std::string after, type;
            if (words >> after >> type) {
                fatal_ = {type, node};
            } else {
                world_->crash(node);
            }
        } else if (verb == "leave") {
            world_->leave(node);
        } else if (verb == "restart") {
            world_->crash(node);
            world_->start(node);
        } else if (verb == "pause") {
            world_->pause(node, milliseconds(number(words)));
        } else if (verb == "submit" || verb == "safe") {
            const auto guarantee = verb == "safe" ? totem::Guarantee::safe : totem::Guarantee::agreed;
            std::string text;
            std::getline(words >> std::ws, text);
            if (const std::size_t plus = text.find('+'); plus != std::string::npos) {
                const std::size_t padding = std::stoul(text.substr(plus + 1));
                text = text.substr(0, plus - 1) + std::string(padding, ' ');
            }
            static_cast<void>(world_->submit(node, {text.begin(), text.end()}, guarantee));
        } else {
            return false;
        }
        return true;
    }

    bool trouble(int copies, std::istringstream& words) {
        Rule rule{0, {}, {}, {}, copies};
        words >> rule.count >> rule.type;
        for (std::string word; words >> word;) (word == "from" ? rule.from : rule.to) = NodeId{number(words)};
        rules_.push_back(rule);
        return rule.count > 0;
    }

    bool replay(std::istringstream& words) {
        std::string type, to;
        words >> type >> to;
        const NodeId only{number(words)};
        if (!type.empty() && kept_.count(type) == 0) return false;
        for (const auto& [kept, frame] : kept_) {
            if (!type.empty() && kept != type) continue;
            for (const NodeId node : world_->running()) {
                const bool meant = only.value == 0 ? node != frame.first.node : node == only;
                if (meant) world_->inject(frame.first, node, frame.second);
            }
        }
        return true;
    }

    bool show(std::istringstream& words) {
        const NodeId node{number(words)};
        std::string phase;
        words >> phase;
        if (phase.empty()) shown_.clear();
        for (std::string type; words >> type;) shown_.insert({node, {phase, type}});
        return true;
    }

    bool run(std::istringstream& words) {
        std::string what;
        words >> what;
        const auto limit = began_ + base::seconds(10);
        bool done = true;
        if (what == "united") {
            done = world_->run_until([&] { return world_->united(); }, limit);
        } else if (what == "down") {
            const NodeId node{number(words)};
            done = world_->run_until([&] { return !world_->up(node); }, limit);
        } else if (std::find(std::begin(sim::kPhaseNames), std::end(sim::kPhaseNames), what) !=
                   std::end(sim::kPhaseNames)) {
            const NodeId node{number(words)};
            done = world_->run_until([&] { return world_->status(node).phase == what; }, limit);
        } else {
            world_->run_until(world_->now() + milliseconds(std::stol(what)));
        }
        if (!done) out_ += "? nothing came of: run " + what + "\n";
        return true;
    }

    void say(NodeId node, const std::string& text) {
        char time[32];
        std::snprintf(time, sizeof time, "%8.1f  ", static_cast<double>((world_->now() - began_).ns) / 1e6);
        out_ += time + base::to_string(node) + "  " + text + "\n";
    }

    std::unique_ptr<sim::World> world_;
    std::vector<Rule> rules_;
    std::set<std::string> watched_;
    std::set<std::pair<NodeId, Pair>> shown_;
    std::set<Pair> met_;
    std::set<std::pair<std::string, NodeId>> keep_;
    std::pair<std::string, NodeId> fatal_;
    std::map<std::string, std::pair<sim::Member, base::Bytes>> kept_;
    sim::Instant began_;
    std::string out_;
};

// The file as it is if the ring behaves as it does now.
std::string play(const std::filesystem::path& file, Story& story) {
    std::ifstream in(file);
    std::string result, line;
    std::string output;
    bool in_output = false, commanded = false;  // since the last outcome
    const auto outcome = [&] {
        result += "----\n" + std::exchange(output, {});
        commanded = false;
        story.begin_block();
    };
    story.begin_block();
    while (std::getline(in, line)) {
        if (in_output) {
            if (!line.empty()) continue;  // what was expected
            in_output = false;
            result += "\n";
        } else if (line == "----") {
            outcome();
            in_output = true;
        } else {
            if (line.empty() && commanded) outcome();  // none was expected: that is a difference
            result += line + "\n";
            if (line.empty() || line[0] == '#') continue;
            output += story.command(line);
            commanded = true;
        }
    }
    if (commanded) outcome();
    return result;
}

std::string content(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("golden transcripts") {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(RING_GOLDEN)) files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    REQUIRE(files.size() > 5);
    std::set<Pair> met;
    for (const auto& file : files) {
        CAPTURE(file.filename().string());
        Story story;
        const std::string now = play(file, story);
        met.insert(story.met().begin(), story.met().end());
        if (std::getenv("GOLDEN_REWRITE") != nullptr) std::ofstream(file) << now;
        CHECK(now.find("\n? ") == std::string::npos);
        CHECK(now == content(file));
    }
    sim::Coverage shown;
    for (std::size_t phase = 0; phase < std::size(sim::kPhaseNames); ++phase) {
        for (std::size_t type = 0; type < std::size(kTypes); ++type)
            shown.hits[phase][type] = met.count({sim::kPhaseNames[phase], kTypes[type]});
    }
    const sim::Impossible impossible(SIM_RING_IMPOSSIBLE);
    CHECK(impossible.broken(shown) == "");
    for (const std::string& pair : impossible.missing(shown)) {
        CAPTURE(pair);
        CHECK_MESSAGE(false, "no story shows it");
    }
}
