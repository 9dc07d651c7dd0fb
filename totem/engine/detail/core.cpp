#include "totem/engine/detail/core.hpp"

#include <algorithm>

#include "totem/base/check.hpp"
#include "totem/engine/detail/realtime.hpp"

namespace totem::detail {
namespace {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

constexpr std::size_t kUnbounded = std::size_t{1} << 62;

StackConfig stack_config(const EngineConfig& config, const std::vector<LinkConfig>& links) {
    StackConfig out{config.ring,  config.cluster_name, {},
                    config.rider, config.roster_mark,  config.roster_offer};
    out.ring.max_queued = kUnbounded;  // Engine::submit keeps the bound: what it took is not refused later
    for (std::size_t i = 0; i < links.size(); ++i) {
        const std::string group = links[i].group       ? to_string(*links[i].group)
                                  : links[i].broadcast ? "broadcast"
                                                       : "";
        out.links.push_back({config.links[i].number, config.links[i].priority, group, links[i].peers});
    }
    return out;
}

}  // namespace

Core::Core(EngineConfig config, std::vector<LinkConfig> links, const MasterKeys& keys,
           Engine::Handlers handlers, const Epoch& stored, std::uint64_t seed, int timer, Mailbox& mailbox,
           Backlog& backlog)
    : config_(std::move(config)),
      handlers_(std::move(handlers)),
      mailbox_(mailbox),
      backlog_(backlog),
      timer_(io_, timer),
      mail_(io_),
      stack_(stack_config(config_, links), keys, stored.ring_seq, base::Rng(seed), Sealer::system_random(),
             tracer_, boottime()),
      writer_(config_.epoch_file, stored, mailbox) {
    writer_.write_incarnation(config_.ring.self.incarnation.value);
    for (std::size_t i = 0; i < links.size(); ++i) {
        ways_.emplace_back();
        ways_[i].config = std::move(links[i]);
        ways_[i].link = std::make_unique<Link>(
            io_, ways_[i].config,
            Link::Handlers{[this, i](std::span<const Received> batch) { on_received(i, batch); },
                           [this, i] { on_link_changed(i); }, [this](base::NodeId peer) { on_refused(peer); },
                           [this](std::uint64_t datagrams) { on_overflowed(datagrams); },
                           [this, i] { on_lifelines(i); }});
    }
}

Core::~Core() {
    if (mail_.is_open()) static_cast<void>(mail_.release());  // the mailbox owns its bell
}

void Core::run() {
    if (config_.realtime) ask_privileges();
    mail_.assign(mailbox_.bell().fd());
    wait_for_timer();
    wait_for_mail();
    for (const Way& way : ways_) way.link->start();
    carry_out();
    io_.run();
}

void Core::ask_privileges() {
    const base::Status realtime = ask_realtime();
    const base::Status memory = lock_memory();
    realtime_ = realtime.has_value();
    memory_locked_ = memory.has_value();
    for (const base::Status* status : {&realtime, &memory}) {
        if (!*status) handlers_.note(base::Level::warning, status->error().message);
    }
}

void Core::wait_for_timer() {
    timer_.async_wait(stream_descriptor::wait_read, [this](error_code error) {
        if (error) return;
        on_timer();
        if (timer_.is_open()) wait_for_timer();
    });
}

void Core::wait_for_mail() {
    mail_.async_wait(stream_descriptor::wait_read, [this](error_code error) {
        if (error) return;
        for (Command& command : mailbox_.take()) {
            std::visit([this](auto& c) { on(std::move(c)); }, command);
        }
        if (fed_) carry_out();
        if (!io_.stopped()) wait_for_mail();
    });
}

void Core::on_timer() {
    disarm(timer_.native_handle());
    armed_ = base::Instant::never();
    // What has arrived counts before any timeout does: after a pause, the token may be waiting in the socket.
    for (const Way& way : ways_) way.link->collect();
    stack_.advance(boottime());
    carry_out();
}

void Core::on_received(std::size_t link, std::span<const Received> batch) {
    stack_.receive(boottime(), link, batch);
    carry_out();
}

void Core::on_refused(base::NodeId peer) {
    stack_.refused(boottime(), peer);
    carry_out();
}

void Core::on_overflowed(std::uint64_t datagrams) {
    stack_.overflowed(boottime(), datagrams);
    carry_out();
}

LastWords Core::last_words() {
    LastWords out;
    for (const Way& way : ways_) {
        for (const LinkPeer& peer : way.config.peers)
            out.copies.push_back({way.config.own, peer.address, way.config.port});
    }
    out.frame = stack_.last_words();
    return out;
}

void Core::on_link_changed(std::size_t i) {
    Way& way = ways_[i];
    const Link& link = *way.link;
    const std::string name = ways_.size() > 1 ? "link " + std::to_string(config_.links[i].number) + ": " : "";
    if (!link.trouble().empty()) handlers_.note(base::Level::warning, name + link.trouble());
    const base::Instant now = boottime();
    const bool open = link.bound() && link.interface()->running;
    if (open) {
        stack_.link_opened(now, i, link.interface()->mtu, link.header_bytes());
    } else if (way.open) {
        stack_.link_closed(now, i);
    }
    const bool fresh = open && !way.open;
    way.open = open;
    if (fresh) {
        const EngineLink& of = config_.links[i];
        const std::string all = of.mode == LinkMode::multicast   ? ", multicast group " + of.multicast_group
                                : of.mode == LinkMode::broadcast ? ", broadcast"
                                                                 : "";
        const std::string buffer =
            ", receive buffer " + std::to_string(link.counters().receive_buffer >> 10) + " KiB";
        handlers_.note(base::Level::info, name + "bound to " + to_string(way.config.own) + " UDP port " +
                                              std::to_string(of.port) + all + buffer);
    }
    stack_.set_receive_buffer(counters().receive_buffer);
    if (link.bound()) stack_.start(now);
    tell_lifelines(i);
    tell_links();
    carry_out();
}

void Core::tell_links() {
    const auto open = static_cast<unsigned>(
        std::count_if(ways_.begin(), ways_.end(), [](const Way& way) { return way.open; }));
    if (open == told_links_ || !handlers_.links) return;
    told_links_ = open;
    handlers_.links(open);
}

void Core::on_lifelines(std::size_t link) {
    tell_lifelines(link);
    carry_out();
}

void Core::tell_lifelines(std::size_t link) {
    base::NodeSet held;
    for (const LinkPeer& peer : ways_[link].config.peers) {
        if (ways_[link].link->has_lifeline(peer.node)) held.insert(peer.node);
    }
    stack_.lifelines(boottime(), link, held);
}

void Core::on(SubmitPayload&& command) {
    const std::size_t size = command.payload.size();
    const Submit result = stack_.submit(boottime(), std::move(command.payload), command.guarantee);
    ASSERT(result == Submit::accepted || io_.stopped());  // Engine::submit has checked the bounds
    // Counted in the ring before it is counted out of the mailbox: the bound errs on the safe side.
    backlog_.in_ring.fetch_add(size);
    backlog_.in_mailbox.fetch_sub(size);
    fed_ = true;
}

void Core::on(AskStatus&& command) {  // NOLINT(readability-make-member-function-const): one of a family
    command.answer->set_value(status());
}

void Core::on(EpochWritten&& command) {
    epoch_trouble_.clear();
    const bool outdated = outdated_by_.value != 0 && command.epoch.incarnation == outdated_by_.value;
    if (outdated && handlers_.outdated) {
        handlers_.outdated(
            "the other nodes knew a later start of this node: the clock was set back, and what was stored of "
            "former starts is lost");
    }
    stack_.epoch_persisted(boottime(), command.epoch.ring_seq);
    carry_out();
}

void Core::on(EpochNotWritten&& command) {
    const std::string trouble =
        command.why + "; until that is mended each new ring waits for it in vain (tried again every second)";
    if (trouble != epoch_trouble_) handlers_.note(base::Level::warning, trouble);
    epoch_trouble_ = trouble;
}

void Core::on(ChangeKeys&& command) {
    stack_.change_keys(command.keys);
    command.changed->set_value(last_words());
}

void Core::on(ChangeNodes&& command) {
    StackNodes nodes{command.roster, {}, command.mark, std::move(command.offer), std::move(command.moving)};
    for (std::size_t i = 0; i < ways_.size(); ++i) {
        ways_[i].config.own = command.links[i].own;
        nodes.peers.push_back(std::move(command.links[i].peers));
    }
    config_.ring.roster = command.roster;
    stack_.change_nodes(boottime(), std::move(nodes));
    tell_peers();
    carry_out();
    command.changed->set_value(last_words());
}

// Who is gone is kept as long as the stack has to do with it.
void Core::tell_peers() {
    for (std::size_t i = 0; i < ways_.size(); ++i) {
        ways_[i].config.peers = stack_.peers(i);
        ways_[i].link->readdress(ways_[i].config.own, stack_.peers(i));
    }
}

void Core::on(RunCall&& command) {
    command.call(boottime());
    fed_ = true;  // the rider's deadline may be another one
}

void Core::on(Leave&& /*command*/) {
    stack_.leave(boottime());
    carry_out();
    stop();
}

void Core::on(Stop&& /*command*/) {
    stop();
}

void Core::stop() {
    for (const Way& way : ways_) way.link->close();
    io_.stop();
}

void Core::carry_out() {
    fed_ = false;
    if (clocks_.jumped()) stack_.clock_jumped();
    StackOutbox out = stack_.drain();
    if (out.peers_changed) tell_peers();
    if (out.offered && handlers_.offered) handlers_.offered(*std::move(out.offered));
    if (out.persist_ring_seq) writer_.write_ring_seq(*out.persist_ring_seq);
    if (out.persist_incarnation) {
        outdated_by_ = *out.persist_incarnation;
        writer_.write_incarnation(outdated_by_.value);
    }
    if (out.from_the_past && handlers_.outdated) {
        handlers_.outdated(
            "the other nodes have heard more of this process than it remembers: this machine was put "
            "back to a snapshot, and what happened since is lost to it");
    }
    for (const WantedLifeline& wanted : out.lifelines)
        ways_[wanted.link].link->keep_lifeline(wanted.peer, wanted.start.value);
    for (std::size_t i = 0; i < ways_.size(); ++i) {
        const auto frames = stack_.outgoing(i);
        if (!frames.empty()) ways_[i].link->send(frames);
    }
    if (!out.events.empty()) handlers_.events(std::move(out.events));
    if (backlog_.in_ring.load(std::memory_order_relaxed) > 0) backlog_.in_ring.store(stack_.queued_bytes());
    arm_timer();
}

void Core::arm_timer() {
    const base::Instant at = stack_.next_deadline();
    // A timer that is armed for earlier does: it fires, finds nothing due and is armed anew. Deadlines move
    // with each token, so that saves a system call for most of them; but on an idle ring it costs a wake-up.
    constexpr base::Duration kPostpone = base::milliseconds(20);  // no more than once in this time
    if (armed_ == at) return;
    if (armed_ < at) {
        const base::Instant now = boottime();
        if (now - postponed_ < kPostpone) return;
        postponed_ = now;
    }
    armed_ = at;
    arm(timer_.native_handle(), at);
}

}  // namespace totem::detail
