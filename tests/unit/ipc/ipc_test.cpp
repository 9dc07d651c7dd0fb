#include <doctest/doctest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <initializer_list>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "tools/ipc/access.hpp"
#include "tools/ipc/client.hpp"
#include "tools/ipc/codec.hpp"
#include "tools/ipc/server.hpp"
#include "totem/base/fd.hpp"

using namespace tools;  // NOLINT(google-build-using-namespace): the test is of this namespace

namespace {

class Folder {
  public:
    Folder() {
        static int count = 0;
        path_ = std::filesystem::temp_directory_path() /
                ("custos-ipc-" + std::to_string(getpid()) + "-" + std::to_string(++count));
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    [[nodiscard]] std::string socket() const { return path_ / "sub" / "control.sock"; }

  private:
    std::filesystem::path path_;
};

// A server on a thread of its own. Everything that touches it runs there.
class Daemon {
  public:
    Daemon(const std::string& path, ControlServer::Handler handler,
           AccessPolicy policy = policy_of_this_process(), mode_t mode = 0660,
           std::chrono::milliseconds patience = ControlServer::kPatience)
        : server_(io_, path, mode, std::move(handler), std::move(policy), patience),
          started_(server_.start()),
          thread_([this] { io_.run(); }) {}
    ~Daemon() {
        on_thread([this] { server_.stop(); });
        open_.reset();
        thread_.join();
    }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    void on_thread(const std::function<void()>& what) {
        std::promise<void> done;
        boost::asio::post(io_, [&] {
            what();
            done.set_value();
        });
        done.get_future().wait();
    }
    [[nodiscard]] std::size_t clients() {
        std::size_t count = 0;
        on_thread([&] { count = server_.clients(); });
        return count;
    }
    [[nodiscard]] const base::Status& started() const { return started_; }

  private:
    boost::asio::io_context io_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> open_{io_.get_executor()};
    ControlServer server_;
    base::Status started_;
    std::thread thread_;
};

base::Fd connect_raw(const std::string& path) {
    base::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return fd;
}

void send_raw(const base::Fd& fd, base::ByteView bytes) {
    REQUIRE(send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

// Waits until the other end closes; true when it does so without a byte.
bool closed_by_peer(const base::Fd& fd) {
    char byte = 0;
    return recv(fd.get(), &byte, 1, 0) <= 0;
}

// Of this process.
std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t size = 0, resident = 0;
    statm >> size >> resident;
    return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// The reply on a raw connection.
base::Result<Reply> read_reply(const base::Fd& fd) {
    base::Bytes header(kFrameHeader);
    if (recv(fd.get(), header.data(), header.size(), MSG_WAITALL) != static_cast<ssize_t>(header.size())) {
        return base::Error{base::Errc::io, "closed"};
    }
    TRY(const std::size_t length, payload_length(header));
    base::Bytes payload(length);
    if (recv(fd.get(), payload.data(), length, MSG_WAITALL) != static_cast<ssize_t>(length)) {
        return base::Error{base::Errc::io, "closed"};
    }
    return decode_reply(payload);
}

base::Bytes framed(const Request& request) {
    return *frame(encode(request));
}

// A handler that keeps what it should answer.
ControlServer::Handler keep(std::vector<ControlServer::Respond>& waiting) {
    return [&waiting](const Credentials&, const Request&, ControlServer::Respond respond) {
        waiting.push_back(std::move(respond));
    };
}

ControlServer::Handler always(const Reply& reply) {
    return [reply](const Credentials&, const Request&, const ControlServer::Respond& respond) {
        respond(reply);
    };
}

constexpr uid_t kNobody = 65534;

// In a child: waits for a byte on `go`, becomes another user, asks the daemon and writes down what it was
// told.
[[noreturn]] void ask_as_nobody(const std::string& path, int go, int said) {
    char byte = 0;
    std::string text = "no start";
    if (read(go, &byte, 1) == 1) {
        const bool other = geteuid() != 0 || (setgid(kNobody) == 0 && setuid(kNobody) == 0);
        const base::Fd fd = connect_raw(path);
        const auto reply = read_reply(fd);
        const auto* refused = reply ? std::get_if<Refused>(&*reply) : nullptr;
        text = !other ? "cannot change the user" : refused != nullptr ? refused->message : "not refused";
    }
    const bool written = write(said, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    _exit(written ? 0 : 1);
}

}  // namespace

TEST_CASE("who may administer the cluster") {
    const AccessPolicy policy{500, {60, 61}};
    struct Case {
        Credentials client;
        bool allowed;
    };
    const Case cases[] = {
        {{0, 0, 1, {}}, true},             // root
        {{0, 1000, 1, {}}, true},          // root with another group
        {{500, 500, 1, {}}, true},         // the daemon's user
        {{1000, 1000, 1, {}}, false},      // anybody
        {{1000, 60, 1, {}}, true},         // primary group
        {{1000, 1000, 1, {4, 61}}, true},  // supplementary group
        {{1000, 1000, 1, {4, 62}}, false},
        {{1000, 0, 1, {}}, false},    // group root is no right
        {{1000, 500, 1, {}}, false},  // nor is the daemon's group
        {Credentials{}, false},
    };
    for (const Case& each : cases) CHECK(static_cast<bool>(authorize(each.client, policy)) == each.allowed);
    CHECK(!authorize({1000, 60, 1, {60}}, {500, {}}));
}

TEST_CASE("a request is answered, and the handler knows who asks") {
    const Folder folder;
    std::optional<Credentials> asked;
    const auto handler = [&](const Credentials& client, const Request& request,
                             const ControlServer::Respond& respond) {
        asked = client;
        respond(CommandReply{std::get<WaitConverged>(request).version, "here"});
    };
    Daemon daemon(folder.socket(), handler);
    REQUIRE(daemon.started());
    struct stat info {};
    REQUIRE(stat(folder.socket().c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0660);
    const auto reply = call(folder.socket(), WaitConverged{5}, base::seconds(10));
    REQUIRE_MESSAGE(reply, (reply ? "" : reply.error().message));
    CHECK(std::get<CommandReply>(*reply).version == 5);
    REQUIRE(asked);
    CHECK(asked->uid == geteuid());
    CHECK(asked->pid == getpid());
}

TEST_CASE("a reply may come later; requests of one client are answered one after the other") {
    const Folder folder;
    std::vector<ControlServer::Respond> waiting;
    Daemon daemon(folder.socket(), keep(waiting));
    const base::Fd fd = connect_raw(folder.socket());
    base::Bytes both = framed(GetStatus{});
    const base::Bytes second = framed(Shutdown{});
    both.insert(both.end(), second.begin(), second.end());
    send_raw(fd, both);
    const auto answer_next = [&](const char* text) {
        for (bool answered = false; !answered;) {
            daemon.on_thread([&] {
                if (waiting.empty()) return;
                CHECK(waiting.size() == 1);
                const auto respond = std::exchange(waiting, {})[0];
                respond(Refused{text});
                answered = true;
            });
        }
    };
    answer_next("one");
    CHECK(std::get<Refused>(*read_reply(fd)).message == "one");
    answer_next("two");
    CHECK(std::get<Refused>(*read_reply(fd)).message == "two");
}

TEST_CASE("the reply to a client that is gone is dropped, and so is a request that nobody answers") {
    const Folder folder;
    std::vector<ControlServer::Respond> waiting;
    Daemon daemon(folder.socket(), keep(waiting));
    {
        const base::Fd fd = connect_raw(folder.socket());
        send_raw(fd, framed(GetStatus{}));
        for (bool arrived = false; !arrived;) daemon.on_thread([&] { arrived = !waiting.empty(); });
        CHECK(daemon.clients() == 1);
    }
    while (daemon.clients() != 0) std::this_thread::yield();
    daemon.on_thread([&] { std::exchange(waiting, {})[0](Refused{"too late"}); });

    const base::Fd fd = connect_raw(folder.socket());
    send_raw(fd, framed(GetStatus{}));
    for (bool dropped = false; !dropped;)
        daemon.on_thread([&] { dropped = !std::exchange(waiting, {}).empty(); });
    const auto reply = read_reply(fd);
    REQUIRE(reply);
    CHECK(std::get<Refused>(*reply).message.find("gave up") != std::string::npos);
}

TEST_CASE("garbage ends the connection, not the daemon") {
    const Folder folder;
    Daemon daemon(folder.socket(), always(ShutdownReply{}));
    {
        const base::Fd fd = connect_raw(folder.socket());
        send_raw(fd, base::Bytes{0xff, 0xff, 0xff, 0xff});
        CHECK(closed_by_peer(fd));
    }
    {
        const base::Fd fd = connect_raw(folder.socket());
        send_raw(fd, *frame(base::Bytes{0xff, 0xff}));
        const auto reply = read_reply(fd);
        REQUIRE(reply);
        CHECK(std::holds_alternative<Refused>(*reply));
        CHECK(closed_by_peer(fd));
    }
    CHECK(call(folder.socket(), GetStatus{}, base::seconds(10)));
}

TEST_CASE("a request that is announced costs nothing before it comes; one in many pieces arrives") {
    const Folder folder;
    std::string name;
    Daemon daemon(folder.socket(),
                  [&](const Credentials&, const Request& request, const ControlServer::Respond& respond) {
                      if (const auto* add = std::get_if<AddNode>(&request)) name = add->name;
                      respond(ShutdownReply{});
                  });
    const std::size_t before = resident_bytes();
    std::vector<base::Fd> clients;
    for (int i = 0; i < 32; ++i) {
        clients.push_back(connect_raw(folder.socket()));
        send_raw(clients.back(), base::Bytes{0, 0, 0, 1, 0x0a});  // 16 MiB, of which one byte comes
    }
    while (daemon.clients() != clients.size()) std::this_thread::yield();
    CHECK(call(folder.socket(), GetStatus{}, base::seconds(10)));  // came later: all before was read
    CHECK(resident_bytes() < before + (std::size_t{64} << 20));
    clients.clear();
    const base::Fd fd = connect_raw(folder.socket());
    const base::Bytes whole = framed(AddNode{std::string(std::size_t{1} << 20, 'x'), {}});
    for (std::size_t at = 0; at < whole.size(); at += 77'777)
        send_raw(fd, base::ByteView(whole).subspan(at, std::min<std::size_t>(77'777, whole.size() - at)));
    REQUIRE(read_reply(fd));
    CHECK(name == std::string(std::size_t{1} << 20, 'x'));
}

TEST_CASE("who begins a request and does not go on loses the connection") {
    const Folder folder;
    Daemon daemon(folder.socket(), always(ShutdownReply{}), policy_of_this_process(), 0660,
                  std::chrono::milliseconds(100));
    const base::Fd silent = connect_raw(folder.socket());
    const base::Fd header = connect_raw(folder.socket());
    send_raw(header, base::Bytes{9, 0});
    const base::Fd body = connect_raw(folder.socket());
    send_raw(body, base::Bytes{9, 0, 0, 0, 0x0a});
    const base::Fd second = connect_raw(folder.socket());
    send_raw(second, framed(GetStatus{}));
    REQUIRE(read_reply(second));
    send_raw(second, base::Bytes{9, 0, 0, 0, 0x0a});
    for (const auto* fd : {&silent, &header, &body, &second}) CHECK(closed_by_peer(*fd));
    CHECK(daemon.clients() == 0);
}

TEST_CASE("a client that nobody let in is told so, and reaches no handler") {
    const Folder folder;
    // root is always let in, so the one who asks is another user: a child, made before there are threads.
    std::array<int, 2> go{}, said{};
    REQUIRE(pipe(go.data()) == 0);
    REQUIRE(pipe(said.data()) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) ask_as_nobody(folder.socket(), go[0], said[1]);
    close(said[1]);
    bool called = false;
    const auto handler = [&](const Credentials&, const Request&, const ControlServer::Respond&) {
        called = true;
    };
    {
        const Daemon daemon(folder.socket(), handler, {geteuid() + 1, {}}, 0666);
        REQUIRE(daemon.started());
        REQUIRE(write(go[1], "x", 1) == 1);
        std::string answer;
        for (char c = 0; read(said[0], &c, 1) == 1;) answer += c;
        CHECK(answer ==
              "user " + std::to_string(geteuid() == 0 ? kNobody : geteuid()) +
                  " may not administer this cluster: use sudo, or join the group haclient and log in again");
    }
    CHECK(!called);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    for (const int fd : {go[0], go[1], said[0]}) close(fd);
}

TEST_CASE("the number of clients is bounded; slow ones keep nobody else out of their place") {
    const Folder folder;
    Daemon daemon(folder.socket(), always(ShutdownReply{}));
    // Root has some places of its own; these tests may run as anybody.
    const std::size_t bound =
        ControlServer::kMaxClients + (::getuid() == 0 ? ControlServer::kRootClients : 0);
    std::vector<base::Fd> idle;
    for (std::size_t i = 0; i < bound; ++i) idle.push_back(connect_raw(folder.socket()));
    while (daemon.clients() != bound) std::this_thread::yield();
    const auto refused = call(folder.socket(), GetStatus{}, base::seconds(10));
    REQUIRE(refused);
    CHECK(std::get<Refused>(*refused).message.find("64 clients") != std::string::npos);
    idle.pop_back();
    while (daemon.clients() == bound) std::this_thread::yield();
    const auto served = call(folder.socket(), GetStatus{}, base::seconds(10));
    REQUIRE(served);
    CHECK(std::holds_alternative<ShutdownReply>(*served));
}

TEST_CASE("a large status passes") {
    const Folder folder;
    StatusReply status;
    status.local.notes.assign(1000, std::string(2000, 'x'));
    Daemon daemon(folder.socket(), always(status));
    const auto reply = call(folder.socket(), GetStatus{}, base::seconds(30));
    REQUIRE(reply);
    CHECK(std::get<StatusReply>(*reply).local.notes == status.local.notes);
}

TEST_CASE("a reply above the bound becomes an error, not a cut connection") {
    const Folder folder;
    Daemon daemon(folder.socket(), always(Refused{std::string(kMaxFrame + 1, 'x')}));
    const auto reply = call(folder.socket(), GetStatus{}, base::seconds(30));
    REQUIRE(reply);
    CHECK(std::get<Refused>(*reply).message.find("too long") != std::string::npos);
}

TEST_CASE("the socket of a dead daemon is replaced, that of a living one and other files are not") {
    const Folder folder;
    const auto silent = [](const Credentials&, const Request&, const ControlServer::Respond&) {};
    {
        const Daemon first(folder.socket(), silent);
        REQUIRE(first.started());
        const Daemon second(folder.socket(), silent);
        REQUIRE(!second.started());
        CHECK(second.started().error().code == base::Errc::conflict);
        CHECK(std::filesystem::exists(folder.socket()));
    }
    CHECK(!std::filesystem::exists(folder.socket()));
    {
        // A daemon that was killed leaves its file.
        const base::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, folder.socket().data(), folder.socket().size());
        REQUIRE(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    CHECK(Daemon(folder.socket(), silent).started());
    std::ofstream(folder.socket()) << "precious";
    CHECK(!Daemon(folder.socket(), silent).started());
    CHECK(std::filesystem::file_size(folder.socket()) == 8);
}

TEST_CASE("without a daemon the client says what to do") {
    const Folder folder;
    const auto reply = call(folder.socket(), GetStatus{}, base::seconds(1));
    REQUIRE(!reply);
    CHECK(reply.error().code == base::Errc::unavailable);
    CHECK(reply.error().message.find("custosd is not running on this node (no socket at") !=
          std::string::npos);
    CHECK(!call("", GetStatus{}, base::seconds(1)));
    CHECK(!call(std::string(200, 'x'), GetStatus{}, base::seconds(1)));
}

TEST_CASE("the client does not wait for ever, and notices when the daemon dies") {
    const Folder folder;
    std::vector<ControlServer::Respond> waiting;
    auto daemon = std::make_unique<Daemon>(folder.socket(), keep(waiting));
    const auto late = call(folder.socket(), GetStatus{}, base::milliseconds(50));
    REQUIRE(!late);
    CHECK(late.error().code == base::Errc::timed_out);
    std::thread ender([&] {
        for (bool arrived = false; !arrived;) daemon->on_thread([&] { arrived = waiting.size() == 2; });
        daemon.reset();
    });
    const auto cut = call(folder.socket(), GetStatus{}, std::nullopt);
    ender.join();
    REQUIRE(!cut);
    CHECK(cut.error().code == base::Errc::unavailable);
}

TEST_CASE("questions have little patience, changes more, and what waits for others any amount") {
    CHECK(patience_for(GetStatus{}) == base::seconds(10));
    CHECK(patience_for(GetRing{}) == base::seconds(10));
    CHECK(patience_for(RunCommand{}) == base::seconds(120));
    for (const Request& request : std::initializer_list<Request>{
             Shutdown{}, WaitConverged{1}, RotateKey{true}, AddNode{}, RemoveNode{}, ReloadNodeFile{}})
        CHECK(!patience_for(request));
}

TEST_CASE("of a daemon that stands still the client says so and what to do, also when its queue is full") {
    const Folder folder;
    std::filesystem::create_directories(std::filesystem::path(folder.socket()).parent_path());
    const base::Fd listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, folder.socket().data(), folder.socket().size());
    REQUIRE(bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(listening.get(), 0) == 0);
    const auto ask = [&](const Request& request) {
        const auto reply = call(folder.socket(), request, base::milliseconds(50));
        REQUIRE(!reply);
        CHECK(reply.error().code == base::Errc::timed_out);
        return reply.error().message;
    };
    const std::string hangs = "custosd does not answer within 50 ms: its core hangs or is overloaded: ";
    {
        const std::string change = ask(RunCommand{});
        CHECK(change.find("the change may still be made") != std::string::npos);
        CHECK(change.find("systemctl restart custos") != std::string::npos);
    }
    // Nobody takes them: sooner or later the queue is full.
    std::vector<base::Fd> queue;
    for (bool full = false; !full;) {
        CHECK(ask(GetStatus{}).substr(0, hangs.size()) == hangs);
        base::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        full = connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0;
        queue.push_back(std::move(fd));
    }
    CHECK(ask(GetRing{}).substr(0, hangs.size()) == hangs);
}
