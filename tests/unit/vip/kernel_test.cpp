// The native address agent against a real kernel: two network namespaces made by this process alone, joined
// by a veth pair; "here" is where the agent works, "there" is a neighbour.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "agents/vip/address_agent.hpp"
#include "agents/vip/sysctl.hpp"
#include "totem/base/fd.hpp"

using agents::AddressAction;
using agents::AddressAgent;
using agents::AddressOutcome;
using agents::AddressRequest;
using base::Instant;
using manager::Attributes;

namespace {

base::Fd current_namespace() {
    return base::Fd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
}

void enter(const base::Fd& ns) {
    REQUIRE(::setns(ns.get(), CLONE_NEWNET) == 0);
}

void shell(const std::string& command) {
    REQUIRE_MESSAGE(std::system(command.c_str()) == 0, command);
}

std::string output(const std::string& command) {
    FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string text;
    char chunk[4096];
    for (std::size_t n = 0; (n = std::fread(chunk, 1, sizeof(chunk), pipe)) > 0;) text.append(chunk, n);
    ::pclose(pipe);
    return text;
}

// Each address of this namespace with its IFA_PROTO, which iproute2 6.1 does not show.
std::string marks() {
    auto netlink = agents::Netlink::open();
    REQUIRE(netlink);
    const auto view = netlink->view(agents::Netlink::Routes::without);
    REQUIRE(view);
    std::string text;
    for (const auto& a : view->addresses)
        text += agents::to_string(a.ip) + " " + std::to_string(a.proto) + "\n";
    return text;
}

Instant now() {
    timespec t{};
    ::clock_gettime(CLOCK_BOOTTIME, &t);
    return Instant{std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec};
}

// Two fresh namespaces for each test. here: v0, 192.0.2.1/24; there: v1, 192.0.2.2/24.
class World {
  public:
    World() {
        REQUIRE(::unshare(CLONE_NEWNET) == 0);
        there_ = current_namespace();
        REQUIRE(::unshare(CLONE_NEWNET) == 0);
        here_ = current_namespace();
        shell("ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v1 netns /proc/" +
              std::to_string(::getpid()) + "/fd/" + std::to_string(there_.get()));
        shell("ip addr add 192.0.2.1/24 dev v0 && ip link set v0 up");
        enter(there_);
        shell("ip link set lo up && ip addr add 192.0.2.2/24 dev v1 && ip link set v1 up");
        there_index_ = static_cast<int>(::if_nametoindex("v1"));
        auto ears = agents::ArpSocket::open_listener(there_index_);
        REQUIRE(ears);
        ears_ = std::make_unique<agents::ArpSocket>(*std::move(ears));
        enter(here_);
        auto agent = AddressAgent::open();
        REQUIRE(agent);
        agent_ = std::make_unique<AddressAgent>(*std::move(agent));
    }

    AddressAgent& agent() { return *agent_; }
    agents::ArpSocket& ears() { return *ears_; }

    void there(const std::string& command) {
        enter(there_);
        shell(command);
        enter(here_);
    }
    std::string output_there(const std::string& command) {
        enter(there_);
        std::string text = output(command);
        enter(here_);
        return text;
    }

    // Runs one command to its outcome.
    AddressOutcome run(AddressAction action, const Attributes& params, const Attributes& meta = {}) {
        const auto parsed = agents::parse_address(params, meta);
        REQUIRE(std::holds_alternative<agents::ParsedAddress>(parsed));
        agent_->submit(now(), {++id_, action, "vip", std::get<agents::ParsedAddress>(parsed).request});
        return await();
    }

    AddressOutcome await() {
        const Instant end = now() + base::seconds(10);
        while (now() < end) {
            for (auto& outcome : agent_->take_outcomes()) {
                if (outcome.id == id_) return outcome;
            }
            step(base::seconds(1));
        }
        FAIL("no outcome within 10 s");
        return {};
    }

    // Waits for a descriptor or the agent's next deadline, at most `limit`, and lets the agent work.
    void step(base::Duration limit) {
        agent_->advance(now());
        std::vector<pollfd> fds;
        for (const int fd : agent_->fds()) fds.push_back({fd, POLLIN, 0});
        const base::Duration wait = std::min(limit, agent_->next_deadline() - now());
        ::poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(0, wait.ms())));
        agent_->advance(now());
    }

    // Lets the agent work until the neighbour has heard `count` announcements of the address.
    std::string heard(std::size_t count) {
        std::string log;
        const Instant end = now() + base::seconds(10);
        while (count > 0 && now() < end) {
            step(base::milliseconds(10));
            while (const auto seen = ears_->receive()) {
                if (agents::to_string(seen->sender_ip) != "192.0.2.10") continue;
                log += seen->reply ? "reply " : "request ";
                if (--count == 0) break;
            }
        }
        return log;
    }

  private:
    base::Fd here_, there_;
    int there_index_{0};
    std::unique_ptr<agents::ArpSocket> ears_;
    std::unique_ptr<AddressAgent> agent_;
    std::uint64_t id_{0};
};

const Attributes kVip{{"ip", "192.0.2.10"}, {"cidr_netmask", "32"}};

}  // namespace

TEST_CASE("start, monitor, stop: the address is there, announced, found and gone") {
    World world;
    CHECK(world.run(AddressAction::monitor, kVip).code == manager::kOcfNotRunning);
    const AddressOutcome started = world.run(AddressAction::start, kVip);
    CHECK_MESSAGE(started.code == manager::kOcfOk, started.reason);
    CHECK(output("ip -4 addr show dev v0").find("inet 192.0.2.10/32 scope global v0") != std::string::npos);
    CHECK(marks().find("192.0.2.10 197") != std::string::npos);
    CHECK(world.heard(4) == "request reply request reply ");
    CHECK(world.run(AddressAction::monitor, kVip).code == manager::kOcfOk);
    CHECK(world.run(AddressAction::stop, kVip).code == manager::kOcfOk);
    CHECK(output("ip -4 addr show dev v0").find("192.0.2.10") == std::string::npos);
    CHECK(world.run(AddressAction::monitor, kVip).code == manager::kOcfNotRunning);
    CHECK(world.agent().held().empty());
    CHECK(world.run(AddressAction::stop, kVip).code == manager::kOcfOk);
}

TEST_CASE("an announcement repairs the neighbour's table at once, also when its entry is fresh") {
    World world;
    // A router: it knew the address at another machine, and learnt that a moment ago.
    world.there("ip neigh add 192.0.2.10 lladdr 02:00:00:00:00:77 dev v1 nud reachable");
    REQUIRE(world.run(AddressAction::start, kVip).code == manager::kOcfOk);
    CHECK(world.heard(2) == "request reply ");
    const std::string table = world.output_there("ip neigh show 192.0.2.10");
    CHECK_MESSAGE(table.find("02:00:00:00:00:77") == std::string::npos, table);
}

TEST_CASE("an address that a neighbour answers for is refused, with its hardware address, and not added") {
    World world;
    world.there("ip addr add 192.0.2.10/32 dev v1");
    const std::string shown = world.output_there("ip -o link show v1");
    const AddressOutcome outcome = world.run(AddressAction::start, kVip);
    CHECK(outcome.code == manager::kOcfGeneric);
    CHECK_MESSAGE(outcome.reason.find("192.0.2.10 is in use by ") == 0, outcome.reason);
    CHECK(outcome.reason.find(" on v0: another host answers for it") != std::string::npos);
    const auto at = shown.find("link/ether ") + 11;
    CHECK(outcome.reason.find(shown.substr(at, 17)) != std::string::npos);
    CHECK(output("ip -4 addr show dev v0").find("192.0.2.10") == std::string::npos);
    // The other host lets go: now it works.
    world.there("ip addr del 192.0.2.10/32 dev v1");
    CHECK(world.run(AddressAction::start, kVip, {{"custos-after-stop", "true"}}).code == manager::kOcfOk);
}

TEST_CASE(
    "a start takes about 40 ms, about 20 ms after a proven stop, and no time when the address is there") {
    World world;
    const auto took = [&](const Attributes& meta) {
        const Instant begin = now();
        REQUIRE(world.run(AddressAction::start, kVip, meta).code == manager::kOcfOk);
        return (now() - begin).ms();
    };
    CHECK(took({}) >= 40);
    const auto again = took({});
    CHECK(again < 40);
    REQUIRE(world.run(AddressAction::stop, kVip).code == manager::kOcfOk);
    const auto after_stop = took({{"custos-after-stop", "true"}});
    CHECK(after_stop >= 20);
}

TEST_CASE("the interface and the netmask come from the route, the broadcast address from both") {
    World world;
    REQUIRE(world.run(AddressAction::start, {{"ip", "192.0.2.10"}}).code == manager::kOcfOk);
    CHECK(output("ip -4 addr show dev v0").find("inet 192.0.2.10/24 brd 192.0.2.255") != std::string::npos);
}

TEST_CASE("parameters reach the kernel: label, broadcast, noprefixroute, preferred_lft") {
    World world;
    REQUIRE(world
                .run(AddressAction::start, {{"ip", "198.51.100.10"},
                                            {"cidr_netmask", "24"},
                                            {"nic", "v0"},
                                            {"iflabel", "web"},
                                            {"broadcast", "198.51.100.127"},
                                            {"noprefixroute", "true"},
                                            {"preferred_lft", "0"}})
                .code == manager::kOcfOk);
    const std::string shown = output("ip -4 addr show dev v0");
    CHECK(
        shown.find("inet 198.51.100.10/24 brd 198.51.100.127 scope global deprecated noprefixroute v0:web") !=
        std::string::npos);
    CHECK(output("ip route show 198.51.100.0/24").empty());
}

TEST_CASE("no route and no nic is an error that says what to do; so is an interface that is not there") {
    World world;
    const AddressOutcome lost = world.run(AddressAction::start, {{"ip", "203.0.113.10"}});
    CHECK(lost.code == manager::kOcfGeneric);
    CHECK(lost.reason.find("name one with the parameter nic") != std::string::npos);
    CHECK(world.run(AddressAction::start, {{"ip", "192.0.2.10"}, {"nic", "v7"}}).code ==
          manager::kOcfGeneric);
    CHECK(world.run(AddressAction::stop, {{"ip", "203.0.113.10"}}).code == manager::kOcfOk);
    CHECK(world.run(AddressAction::monitor, {{"ip", "203.0.113.10"}}).code == manager::kOcfNotRunning);
}

TEST_CASE("a link that is down: start raises ours, but without a carrier start and monitor fail") {
    World world;
    shell("ip link set v0 down && ip addr add 192.0.2.1/24 dev v0 2>/dev/null; true");
    const Attributes on_v0{{"ip", "192.0.2.10"}, {"cidr_netmask", "32"}, {"nic", "v0"}};
    REQUIRE(world.run(AddressAction::start, on_v0).code == manager::kOcfOk);
    world.there("ip link set v1 down");
    const AddressOutcome down = world.run(AddressAction::monitor, on_v0);
    CHECK(down.code == manager::kOcfGeneric);
    CHECK(down.reason.find("interface v0 has no carrier") == 0);
    Attributes unchecked = on_v0;
    unchecked["check_link_status"] = "false";
    CHECK(world.run(AddressAction::monitor, unchecked).code == manager::kOcfOk);
    CHECK(world.run(AddressAction::stop, on_v0).code == manager::kOcfOk);
    CHECK(world.run(AddressAction::start, on_v0).code == manager::kOcfGeneric);
}

TEST_CASE("a carrier that comes back is announced anew") {
    World world;
    Attributes once = kVip;
    once["arp_count"] = "1";
    REQUIRE(world.run(AddressAction::start, once).code == manager::kOcfOk);
    CHECK(world.heard(2) == "request reply ");
    world.there("ip link set v1 down");
    while (output("ip link show v0").find("NO-CARRIER") == std::string::npos)
        world.step(base::milliseconds(10));
    world.step(base::milliseconds(10));
    world.there("ip link set v1 up");
    CHECK(world.heard(2) == "request reply ");
}

TEST_CASE("an address that is there already is adopted, by a start and by a monitor, and can be dropped") {
    World world;
    shell("ip addr add 192.0.2.10/32 dev v0");
    CHECK(world.run(AddressAction::monitor, kVip).code == manager::kOcfOk);
    REQUIRE(world.agent().held().size() == 1);
    CHECK(world.agent().held()[0].address == "192.0.2.10/32 on v0");
    CHECK(world.run(AddressAction::start, kVip).code == manager::kOcfOk);
    CHECK(world.agent().drop_all().empty());
    CHECK(output("ip -4 addr show dev v0").find("192.0.2.10") == std::string::npos);
}

TEST_CASE("an address that somebody else put elsewhere is neither taken over nor removed") {
    World world;
    shell("ip link add d0 type veth peer name d1 && ip addr add 192.0.2.10/24 dev d0 && ip link set d0 up");
    for (const AddressAction action : {AddressAction::start, AddressAction::stop, AddressAction::monitor}) {
        const AddressOutcome outcome = world.run(action, kVip);
        CHECK(outcome.code == manager::kOcfGeneric);
        CHECK_MESSAGE(outcome.reason.find("192.0.2.10/24 on d0 was not put there for this resource") == 0,
                      outcome.reason);
    }
    CHECK(output("ip -4 addr show dev d0").find("192.0.2.10/24") != std::string::npos);
}

TEST_CASE("an address of a former definition is a failure to a monitor, and moves by a start") {
    World world;
    REQUIRE(world.run(AddressAction::start, kVip).code == manager::kOcfOk);
    const Attributes wider{{"ip", "192.0.2.10"}, {"cidr_netmask", "24"}};
    const AddressOutcome found = world.run(AddressAction::monitor, wider);
    CHECK(found.code == manager::kOcfGeneric);
    CHECK(found.reason == "192.0.2.10/32 on v0 is of a former definition of this resource");
    CHECK(world.run(AddressAction::start, wider).code == manager::kOcfOk);
    const std::string shown = output("ip -4 addr show dev v0");
    CHECK(shown.find("192.0.2.10/24") != std::string::npos);
    CHECK(shown.find("192.0.2.10/32") == std::string::npos);
    REQUIRE(world.run(AddressAction::stop, kVip).code == manager::kOcfOk);
    CHECK(output("ip -4 addr show dev v0").find("192.0.2.10") == std::string::npos);
}

TEST_CASE("an address that somebody removes is forgotten, not announced") {
    World world;
    REQUIRE(world.run(AddressAction::start, kVip).code == manager::kOcfOk);
    shell("ip addr del 192.0.2.10/32 dev v0");
    const Instant end = now() + base::seconds(10);
    while (!world.agent().held().empty() && now() < end) world.step(base::milliseconds(100));
    CHECK(world.agent().held().empty());
    // A removal of our own that is reported after the next start must not take that one away.
    REQUIRE(world.run(AddressAction::start, kVip).code == manager::kOcfOk);
    REQUIRE(world.run(AddressAction::stop, kVip).code == manager::kOcfOk);
    REQUIRE(world.run(AddressAction::start, kVip).code == manager::kOcfOk);
    world.step(base::milliseconds(1));
    CHECK(world.agent().held().size() == 1);
}

TEST_CASE("removing a primary address leaves the others of its subnet") {
    World world;
    shell(
        "echo 0 > /proc/sys/net/ipv4/conf/v0/promote_secondaries; echo 0 > "
        "/proc/sys/net/ipv4/conf/all/promote_secondaries");
    const Attributes vip{{"ip", "198.51.100.10"}, {"cidr_netmask", "24"}, {"nic", "v0"}};
    REQUIRE(world.run(AddressAction::start, vip).code == manager::kOcfOk);
    shell("ip addr add 198.51.100.11/24 dev v0");
    REQUIRE(world.run(AddressAction::stop, vip).code == manager::kOcfOk);
    CHECK(output("ip -4 addr show dev v0").find("198.51.100.11/24") != std::string::npos);
}

TEST_CASE("a probe already lets services bind to the address that is not here") {
    World world;
    shell("echo 0 > /proc/sys/net/ipv4/ip_nonlocal_bind");
    CHECK(world.run(AddressAction::monitor, kVip).code == manager::kOcfNotRunning);
    CHECK(output("cat /proc/sys/net/ipv4/ip_nonlocal_bind") == "1\n");
}

TEST_CASE(
    "one address, two resources: the second is refused; a stop before the start is through answers both") {
    World world;
    const auto parsed = agents::parse_address(kVip, {});
    const AddressRequest request = std::get<agents::ParsedAddress>(parsed).request;
    world.agent().submit(now(), {100, AddressAction::start, "a", request});
    world.agent().submit(now(), {101, AddressAction::start, "b", request});
    world.agent().submit(now(), {102, AddressAction::stop, "a", request});
    const auto outcomes = world.agent().take_outcomes();
    REQUIRE(outcomes.size() == 3);
    CHECK(outcomes[0].id == 101);
    CHECK(outcomes[0].reason == "192.0.2.10 is held for the resource a already");
    CHECK(outcomes[1].id == 100);
    CHECK(outcomes[1].reason == "stopped before it was up");
    CHECK(outcomes[2].code == manager::kOcfOk);
    REQUIRE(world.run(AddressAction::start, kVip).code == manager::kOcfOk);
    world.agent().submit(now(), {200, AddressAction::monitor, "b", request});
    world.agent().submit(now(), {201, AddressAction::stop, "b", request});
    const auto others = world.agent().take_outcomes();
    REQUIRE(others.size() == 2);
    CHECK(others[0].code == manager::kOcfNotRunning);
    CHECK(others[1].code == manager::kOcfOk);
    CHECK(world.run(AddressAction::monitor, kVip).code == manager::kOcfOk);
}

TEST_CASE("the setting is persisted once, and says so itself") {
    char directory[] = "/tmp/custos-sysctl-XXXXXX";
    REQUIRE(::mkdtemp(directory) != nullptr);
    REQUIRE(agents::persist_nonlocal_bind(directory));
    REQUIRE(agents::persist_nonlocal_bind(directory));
    std::stringstream text;
    text << std::ifstream(std::string(directory) + "/60-custos.conf").rdbuf();
    CHECK(text.str().find("\nnet.ipv4.ip_nonlocal_bind = 1\n") != std::string::npos);
    std::filesystem::remove_all(directory);
    const auto refused = agents::persist_nonlocal_bind(directory);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find("cannot write") == 0);
}

int main(int argc, char** argv) {
    if (::unshare(CLONE_NEWNET) != 0) {
        std::printf("SKIPPED: no network namespace of its own: %s\n", std::strerror(errno));
        return 77;
    }
    return doctest::Context(argc, argv).run();
}
