// guard as a process: it starts this same program as core and runner (fake_core.hpp), in a network namespace
// of its own with an interface v0. Needs root, as guard does.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "../ocf/scratch.hpp"
#include "agents/guard/children.hpp"
#include "agents/guard/guard.hpp"
#include "agents/guard/page.hpp"
#include "agents/runner/clock.hpp"
#include "agents/vip/netlink.hpp"
#include "fake_core.hpp"
#include "totem/base/fd.hpp"

namespace {

constexpr int kPatience = 20'000;  // milliseconds

void shell(const std::string& command) {
    REQUIRE_MESSAGE(std::system(command.c_str()) == 0, command);
}

bool readable(int fd) {
    pollfd p{fd, POLLIN, 0};
    return ::poll(&p, 1, kPatience) == 1;
}

// What the kernel tells of addresses.
class AddressChanges {
  public:
    AddressChanges() : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
        sockaddr_nl address{};
        address.nl_family = AF_NETLINK;
        address.nl_groups = RTMGRP_IPV4_IFADDR;
        REQUIRE(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    void wait() const {
        REQUIRE(readable(fd_.get()));
        std::array<char, 4096> change{};
        REQUIRE(::recv(fd_.get(), change.data(), change.size(), 0) > 0);
    }

  private:
    base::Fd fd_;
};

base::Fd listen_at(const std::string& path, int type) {
    base::Fd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof(address.sun_path));
    std::strcpy(address.sun_path, path.c_str());
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(::chmod(path.c_str(), 0777) == 0);
    if (type == SOCK_STREAM) REQUIRE(::listen(fd.get(), 8) == 0);
    return fd;
}

// The addresses of v0, "192.0.2.10/32 ".
std::string addresses() {
    auto netlink = agents::Netlink::open();
    REQUIRE(netlink);
    const auto view = netlink->view(agents::Netlink::Routes::without);
    REQUIRE(view);
    std::string text;
    for (const auto& a : view->addresses)
        text += agents::to_string(a.ip) + "/" + std::to_string(a.prefix) + " ";
    return text;
}

// The end of the line to one fake core.
class CoreLine {
  public:
    explicit CoreLine(int listener) : fd_(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)) {
        const auto words = read();
        pid = std::stoi(words.substr(6));
        hello = words.substr(words.find(' ', 6) + 1);
    }
    // The next line that is no note; "" at the end of the stream.
    std::string read() {
        while (true) {
            const auto end = buffer_.find('\n');
            if (end != std::string::npos) {
                const std::string line = buffer_.substr(0, end);
                buffer_.erase(0, end + 1);
                if (line.rfind("note ", 0) != 0) return line;
                notes += line.substr(5) + "\n";
                continue;
            }
            REQUIRE(readable(fd_.get()));
            std::array<char, 4096> chunk{};
            const ssize_t n = ::read(fd_.get(), chunk.data(), chunk.size());
            if (n <= 0) return "";
            buffer_.append(chunk.data(), static_cast<std::size_t>(n));
        }
    }
    std::string ask(const std::string& line) {
        tell(line);
        return read();
    }
    void tell(const std::string& line) {
        REQUIRE(::send(fd_.get(), (line + "\n").data(), line.size() + 1, MSG_NOSIGNAL) > 0);
    }
    pid_t pid{0};
    std::string hello;  // "UID RESTARTS root|user KEY"
    std::string notes;

  private:
    base::Fd fd_;
    std::string buffer_;
};

class Machine {
  public:
    explicit Machine(agents::GuardOptions options = {}) : options_(std::move(options)) {
        REQUIRE(::chmod(scratch.path().c_str(), 0755) == 0);
        control_ = listen_at((scratch.path() / "control").string(), SOCK_STREAM);
        notify_ = listen_at((scratch.path() / "notify").string(), SOCK_DGRAM);
        options_.core_arguments = {"--control=" + (scratch.path() / "control").string()};
        options_.runtime_directory = (scratch.path() / "run").string();
        options_.state_directory = (scratch.path() / "state").string();
        options_.key_file = (scratch.path() / "key").string();
        options_.policy.kill_grace = base::seconds(10);
        if (options_.user == "custos") options_.user = "no-such-user-here";
        scratch.write("key", "secret", false);
        REQUIRE(::chmod(options_.key_file.c_str(), 0400) == 0);
    }
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    ~Machine() {
        if (guard > 0) {
            ::kill(guard, SIGKILL);
            ::waitpid(guard, nullptr, 0);
        }
    }

    // Starts guard and waits for its core.
    std::unique_ptr<CoreLine> start() {
        guard = ::fork();
        REQUIRE(guard >= 0);
        if (guard == 0) {
            ::setenv("NOTIFY_SOCKET", (scratch.path() / "notify").c_str(), 1);
            options_.log = [this](const std::string& line) {
                std::FILE* file = std::fopen((scratch.path() / "log").c_str(), "a");
                std::fprintf(file, "%s\n", line.c_str());
                std::fclose(file);
            };
            ::_exit(agents::run_guard(options_));
        }
        return next_core();
    }
    std::unique_ptr<CoreLine> next_core() {
        REQUIRE(readable(control_.get()));
        return std::make_unique<CoreLine>(control_.get());
    }
    std::string notified() {
        REQUIRE(readable(notify_.get()));
        std::array<char, 256> text{};
        const ssize_t n = ::recv(notify_.get(), text.data(), text.size(), 0);
        return {text.data(), static_cast<std::size_t>(n)};
    }
    // guard's exit code.
    int wait_exit() {
        int status = -1;
        REQUIRE(::waitpid(guard, &status, 0) == guard);
        guard = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    }
    std::string log() { return scratch.read("log"); }
    std::optional<membership::LeaseView> page() {
        return agents::read_lease_page(scratch.path() / "run/lease");
    }

    Scratch scratch;
    pid_t guard{-1};

  private:
    agents::GuardOptions options_;
    base::Fd control_, notify_;
};

constexpr const char* kVip = "192.0.2.10/32";

}  // namespace

TEST_CASE(
    "an address lives through guard: start, monitor, stop; READY and STOPPING are told; all end in order") {
    Machine machine;
    auto core = machine.start();
    CHECK(core->hello == "0 0 root secret");
    core->tell("ready");
    CHECK(machine.notified() == "READY=1");
    CHECK(core->ask("monitor 1 4 192.0.2.10") == "result 1 7 ");
    CHECK(core->ask("start 2 4 192.0.2.10") == "result 2 0 ");
    CHECK(addresses().find(kVip) != std::string::npos);
    CHECK(core->ask("monitor 3 4 192.0.2.10") == "result 3 0 ");
    CHECK(core->ask("stop 4 4 192.0.2.10") == "result 4 0 ");
    CHECK(addresses().find(kVip) == std::string::npos);
    ::kill(machine.guard, SIGHUP);
    CHECK(core->read() == "hup");
    ::kill(machine.guard, SIGTERM);
    CHECK(machine.notified() == "STOPPING=1");
    CHECK(core->read() == "term");
    CHECK(machine.wait_exit() == agents::kExitDone);
}

TEST_CASE(
    "a core that dies is restarted with a fresh runner; its address stays and is found; leaving removes it") {
    Machine machine;
    auto core = machine.start();
    CHECK(core->ask("start 1 4 192.0.2.10") == "result 1 0 ");
    const pid_t first = core->pid;
    ::kill(first, SIGKILL);
    auto second = machine.next_core();
    CHECK(second->pid != first);
    CHECK(second->hello == "0 1 root secret");
    CHECK(addresses().find(kVip) != std::string::npos);
    CHECK(second->ask("monitor 1 1 192.0.2.10") == "result 1 0 ");
    ::kill(machine.guard, SIGTERM);
    CHECK(second->read() == "term");
    CHECK(machine.wait_exit() == agents::kExitDone);
    CHECK(addresses().find(kVip) == std::string::npos);
    CHECK(machine.log().find("the core died by signal 9 (Killed); addresses stay, it is restarted") !=
          std::string::npos);
    CHECK(machine.log().find("removing 192.0.2.10/32 on v0 (vip)") != std::string::npos);
}

TEST_CASE("the peers hear from guard that the core has ended, and not before") {
    const base::Fd peer(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(peer.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(::getsockname(peer.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    Machine machine;
    auto core = machine.start();
    CHECK(core->ask("farewell " + std::to_string(ntohs(address.sin_port))) == "kept");
    CHECK(core->ask("monitor 1 4 192.0.2.10") == "result 1 7 ");  // guard has read what came before
    std::array<char, 16> said{};
    CHECK(::recv(peer.get(), said.data(), said.size(), MSG_DONTWAIT) < 0);
    ::kill(core->pid, SIGKILL);
    REQUIRE(readable(peer.get()));
    CHECK(::recv(peer.get(), said.data(), said.size(), 0) == 3);
    CHECK(std::string(said.data(), 3) == "bye");
    machine.next_core();
}

TEST_CASE("a core that keeps dying: guard drops the addresses, says so and fails") {
    agents::GuardOptions options;
    options.policy.deaths = 2;
    Machine machine(options);
    auto core = machine.start();
    CHECK(core->ask("start 1 4 192.0.2.10") == "result 1 0 ");
    core->tell("abort");
    machine.next_core()->tell("exit 3");
    CHECK(machine.wait_exit() == agents::kExitFailed);
    CHECK(addresses().find(kVip) == std::string::npos);
    CHECK(machine.log().find("the core exited with code 3") != std::string::npos);
    CHECK(machine.log().find("giving up, this node drops its addresses") != std::string::npos);
}

TEST_CASE("a core that refuses its configuration is not started again") {
    Machine machine;
    auto core = machine.start();
    core->tell("exit 78");
    CHECK(machine.wait_exit() == agents::kExitRefused);
}

TEST_CASE("a core that does not leave is killed at its time limit") {
    agents::GuardOptions options;
    options.policy.stop_timeout = base::milliseconds(300);
    Machine machine(options);
    auto core = machine.start();
    core->tell("hang");
    CHECK(core->ask("start 1 4 192.0.2.10") == "result 1 0 ");
    ::kill(machine.guard, SIGTERM);
    CHECK(core->read() == "term");
    CHECK(machine.wait_exit() == agents::kExitFailed);
    CHECK(addresses().find(kVip) == std::string::npos);
}

TEST_CASE("what an older ring decided is not done; a new core starts from nothing") {
    Machine machine;
    auto core = machine.start();
    CHECK(core->ask("start 1 8 192.0.2.10") == "result 1 0 ");
    CHECK(core->ask("stop 2 4 192.0.2.10") ==
          "result 2 199 decided in ring 4.1, which ring 8.1 has replaced: not done");
    CHECK(addresses().find(kVip) != std::string::npos);
    core->tell("abort");
    auto second = machine.next_core();
    CHECK(second->ask("stop 1 4 192.0.2.10") == "result 1 0 ");
    CHECK(addresses().find(kVip) == std::string::npos);
}

TEST_CASE("a recurring monitor tells the first result and changes, and reasons come through") {
    Machine machine;
    auto core = machine.start();
    CHECK(core->ask("start 1 4 192.0.2.10") == "result 1 0 ");
    CHECK(core->ask("watch 2 192.0.2.10") == "result 2 0 ");
    shell("ip addr del 192.0.2.10/32 dev v0");
    CHECK(core->read() == "result 2 7 ");
    CHECK(core->ask("start 3 4 nonsense") ==
          "result 3 2 parameter ip: expected an IPv4 address such as 192.0.2.10, found 'nonsense'");
}

TEST_CASE("the core runs as its user, with two capabilities, and owns the directories") {
    agents::GuardOptions options;
    options.user = "nobody";
    Machine machine(options);
    auto core = machine.start();
    const auto account = agents::find_account("nobody");
    REQUIRE(account);
    CHECK(core->hello == std::to_string(account->uid) + " 0 user secret");
    const std::string status = "/proc/" + std::to_string(core->pid);
    // CAP_IPC_LOCK and CAP_SYS_NICE, nothing else, and no way to get more.
    for (const char* set : {"CapPrm", "CapEff"})
        shell("grep -qE '^" + std::string(set) + ":.0+804000$' " + status + "/status");
    shell("grep -qE '^NoNewPrivs:.1$' " + status + "/status");
    // Nothing of guard's but the three descriptors of its command line; the rest the core has opened itself.
    shell("[ \"$(readlink " + status + "/fd/5)\" = \"/memfd:custos-key (deleted)\" ]");
    struct stat info {};
    REQUIRE(::stat((machine.scratch.path() / "state").c_str(), &info) == 0);
    CHECK(info.st_uid == account->uid);
    CHECK((info.st_mode & 07777U) == 0700);
    REQUIRE(::stat((machine.scratch.path() / "run").c_str(), &info) == 0);
    CHECK(info.st_uid == account->uid);
    CHECK((info.st_mode & 07777U) == 0755);
    // A restart opens the key anew, from its beginning.
    core->tell("abort");
    CHECK(machine.next_core()->hello == std::to_string(account->uid) + " 1 user secret");
}

TEST_CASE(
    "files of a time when the core was root are handed over, but only from a directory that was root's") {
    const Scratch scratch;
    agents::GuardOptions options;
    options.runtime_directory = (scratch.path() / "run").string();
    options.state_directory = (scratch.path() / "state").string();
    scratch.write("state/sub/journal", "x", false);
    const auto owner = [&](const char* name) {
        struct stat info {};
        REQUIRE(::lstat((scratch.path() / name).c_str(), &info) == 0);
        return info.st_uid;
    };
    REQUIRE(agents::prepare_directories(options, {1234, 1234}));
    CHECK(owner("state/sub/journal") == 1234);
    CHECK(owner("state") == 1234);
    scratch.write("state/planted", "x", false);
    REQUIRE(agents::prepare_directories(options, {1234, 1234}));
    CHECK(owner("state/planted") == 0);
}

TEST_CASE("a key that others may read, that is not root's, or that is missing stops guard with the repair") {
    const Scratch scratch;
    const std::string path = scratch.write("key", "secret", false).string();
    for (const mode_t mode : {0644U, 0440U, 0604U, 0700U}) {
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        const auto key = agents::open_key(path);
        REQUIRE_FALSE(key);
        CHECK(key.error().message.find("chown root: " + path + " && chmod 0400 " + path) !=
              std::string::npos);
    }
    for (const mode_t mode : {0400U, 0600U}) {
        REQUIRE(::chmod(path.c_str(), mode) == 0);
        CHECK(agents::open_key(path));
    }
    REQUIRE(::chown(path.c_str(), 1234, 0) == 0);
    CHECK_FALSE(agents::open_key(path));
    CHECK(agents::open_key(path + ".missing").error().message.find("custos key generate") !=
          std::string::npos);
    CHECK_FALSE(agents::open_key(scratch.path().string()));
    agents::GuardOptions options;
    options.key_file = path;
    options.log = [](const std::string&) {};
    CHECK(agents::run_guard(options) == agents::kExitRefused);
}

TEST_CASE("a core that sends what is no request is killed, and starts anew") {
    Machine machine;
    auto core = machine.start();
    core->tell("garbage");
    CHECK(core->read().empty());
    CHECK(machine.next_core()->hello == "0 1 root secret");
    CHECK(machine.log().find("malformed packet between core and guard: the core is killed") !=
          std::string::npos);
}

TEST_CASE("what is held goes when the lease is out, whatever the core does, and the core is told") {
    Machine machine;
    auto core = machine.start();
    const AddressChanges changes;
    core->tell("lease 4 400");
    CHECK(core->ask("start 1 4 192.0.2.10") == "result 1 0 ");
    const auto page = machine.page();
    REQUIRE(page);
    const base::Duration left = page->until - agents::boottime_now();
    CHECK(left.ns > 0);
    CHECK(left <= base::milliseconds(400));
    CHECK(page->ring.seq == 0);  // of no ring has it been said that the core entered it
    ::kill(core->pid, SIGSTOP);
    while (addresses().find(kVip) != std::string::npos) changes.wait();
    CHECK(agents::boottime_now() >= page->until);
    CHECK(agents::boottime_now() - page->until < base::milliseconds(250));
    CHECK(machine.page()->until == base::Instant{});
    ::kill(core->pid, SIGCONT);
    CHECK(core->read() == "dropped");
    CHECK(machine.log().find("no right to hold any more: removing 192.0.2.10/32 on v0 (vip)") !=
          std::string::npos);
    core->tell("lease 4 60000");
    CHECK(core->ask("start 2 4 192.0.2.10") == "result 2 0 ");
    CHECK(core->ask("stop 3 4 192.0.2.10") == "result 3 0 ");
}

TEST_CASE("a start waits for the lease of its view, and not for ever") {
    Machine machine;
    auto core = machine.start();
    core->tell("lease 4 0");
    CHECK(core->ask("start 1 4 192.0.2.10").find("result 1 199 this node has no lease") == 0);
    CHECK(addresses().find(kVip) == std::string::npos);
    core->tell("start 2 4 192.0.2.10");
    core->tell("lease 4 60000");
    CHECK(core->read() == "result 2 0 ");
    CHECK(addresses().find(kVip) != std::string::npos);
    CHECK(core->ask("stop 3 4 192.0.2.10") == "result 3 0 ");
}

TEST_CASE("guard's own death takes the core along; the address stays for the next guard to adopt") {
    Machine machine;
    auto core = machine.start();
    CHECK(core->ask("start 1 4 192.0.2.10") == "result 1 0 ");
    ::kill(machine.guard, SIGKILL);
    CHECK(machine.wait_exit() == 1000 + SIGKILL);
    CHECK(core->read().empty());
    CHECK(addresses().find(kVip) != std::string::npos);
    auto next = machine.start();
    CHECK(next->ask("monitor 1 4 192.0.2.10") == "result 1 0 ");
    ::kill(machine.guard, SIGTERM);
    CHECK(machine.wait_exit() == agents::kExitDone);
    CHECK(addresses().find(kVip) == std::string::npos);
}

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv, argv + argc);
    if (argc > 1 && arguments[1] == "--role=core") return run_fake_core(arguments);
    if (argc > 1 && arguments[1] == "--role=runner") return run_fake_runner();
    if (::unshare(CLONE_NEWNET) != 0) {
        std::printf("SKIPPED: no network namespace of its own: %s\n", std::strerror(errno));
        return 77;
    }
    if (std::system("ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v0 up && ip "
                    "link set v1 up") != 0) {
        return 1;
    }
    return doctest::Context(argc, argv).run();
}
