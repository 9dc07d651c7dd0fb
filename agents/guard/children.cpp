#include "agents/guard/children.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "totem/base/fd.hpp"

namespace agents {

namespace {

namespace fs = std::filesystem;
using base::Errc;
using base::Error;
using base::Fd;

struct SocketPair {
    Fd ours, theirs;
};

base::Result<SocketPair> make_socket_pair(int type) {
    std::array<int, 2> fds{};
    if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds.data()) != 0)
        return base::system_error("cannot make a socket pair");
    return SocketPair{Fd(fds[0]), Fd(fds[1])};
}

// A child as it is to be: what fork's other side needs without allocating.
struct Plan {
    std::vector<std::string> arguments;
    std::vector<int> fds;  // become 3, 4, 5 ...
    int death_signal{SIGKILL};
    std::optional<Account> account;  // none: stays root
};

constexpr int kFirstFd = 3;
constexpr int kScratchFd = 64;  // above all numbers that a plan gives

// Each is enough for the ring's real-time thread and locked memory; containers often allow only one of the
// two.
void raise_limits() {
    const rlimit locked{RLIM_INFINITY, RLIM_INFINITY};
    const rlimit realtime{99, 99};
    ::setrlimit(RLIMIT_MEMLOCK, &locked);
    ::setrlimit(RLIMIT_RTPRIO, &realtime);
}

// Keeps real-time scheduling and locked memory, and nothing else, over the change of user and over execve.
bool keep_capabilities() {
    constexpr unsigned kept[] = {CAP_IPC_LOCK, CAP_SYS_NICE};
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> data{};
    for (const unsigned capability : kept) data[0].permitted |= 1U << capability;
    data[0].effective = data[0].inheritable = data[0].permitted;
    if (::syscall(SYS_capset, &header, data.data()) != 0) return false;
    for (const unsigned capability : kept) {
        if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) return false;
    }
    return true;
}

bool become(const Account& account) {
    raise_limits();
    if (account.uid == 0) return true;
    if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || ::setgroups(1, &account.gid) != 0 ||
        ::setresgid(account.gid, account.gid, account.gid) != 0 ||
        ::setresuid(account.uid, account.uid, account.uid) != 0) {
        return false;
    }
    // Not having them is a matter of speed, which the core reports; having others would be one of safety.
    if (!keep_capabilities()) {
        __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
        const std::array<__user_cap_data_struct, 2> none{};
        if (::syscall(SYS_capset, &header, none.data()) != 0) return false;
    }
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

// After fork: only calls that are safe there. The exit code says which step failed.
[[noreturn]] void run_child(const Plan& plan, const char* program, char* const* argv, char* const* envp,
                            pid_t parent) {
    ::setsid();  // a Ctrl-C at the terminal is guard's to handle
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    std::array<int, 8> copies{};
    for (std::size_t i = 0; i < plan.fds.size(); ++i) {
        copies[i] = ::fcntl(plan.fds[i], F_DUPFD_CLOEXEC, kScratchFd);
        if (copies[i] < 0) ::_exit(125);
    }
    for (std::size_t i = 0; i < plan.fds.size(); ++i) {
        if (::dup2(copies[i], kFirstFd + static_cast<int>(i)) < 0) ::_exit(125);
    }
    ::close_range(static_cast<unsigned>(kFirstFd) + static_cast<unsigned>(plan.fds.size()), ~0U, 0);
    if (plan.account && !become(*plan.account)) ::_exit(126);
    // After the change of identity, which clears it.
    ::prctl(PR_SET_PDEATHSIG, plan.death_signal);
    if (::getppid() != parent) ::_exit(0);
    ::execve(program, argv, envp);
    ::_exit(127);
}

// The environment of the children: ours without what concerns the unit's main process alone.
std::vector<std::string> child_environment() {
    std::vector<std::string> list;
    for (char** at = environ; *at != nullptr; ++at) {
        const std::string_view line = *at;
        if (line.rfind("NOTIFY_SOCKET=", 0) != 0 && line.rfind("WATCHDOG_", 0) != 0) list.emplace_back(line);
    }
    return list;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> list;
    for (const auto& text : texts) list.push_back(const_cast<char*>(text.c_str()));
    list.push_back(nullptr);
    return list;
}

base::Result<Child> spawn(const std::string& program, const Plan& plan) {
    const auto environment = child_environment();
    const auto argv = pointers(plan.arguments);
    const auto envp = pointers(environment);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) return base::system_error("cannot fork");
    if (pid == 0) run_child(plan, program.c_str(), argv.data(), envp.data(), parent);
    Child child{pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)))};
    if (!child.pidfd.valid()) {
        const Error error = base::system_error("cannot watch a child");
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return error;
    }
    return child;
}

base::Status prepare_directory(const std::string& path, mode_t mode, Account account,
                               bool hand_over_content) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) return Error{Errc::io, "cannot make " + path + ": " + error.message()};
    const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!fd.valid() || ::fstat(fd.get(), &info) != 0) return base::system_error("cannot open " + path);
    // Never in a directory that the account could have filled with links.
    if (hand_over_content && info.st_uid == 0 && account.uid != 0) {
        for (fs::recursive_directory_iterator at(path, error), end; !error && at != end;
             at.increment(error)) {
            if (::lchown(at->path().c_str(), account.uid, account.gid) != 0) {
                return base::system_error("cannot hand over " + at->path().string());
            }
        }
    }
    if (::fchmod(fd.get(), mode) != 0 || ::fchown(fd.get(), account.uid, account.gid) != 0) {
        return base::system_error("cannot prepare " + path);
    }
    return base::ok();
}

}  // namespace

std::optional<Account> find_account(const std::string& user) {
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(16384);
    if (::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
        return std::nullopt;
    }
    return Account{entry.pw_uid, entry.pw_gid};
}

base::Status prepare_directories(const GuardOptions& options, Account account) {
    TRY_OK(prepare_directory(options.runtime_directory, 0755, account, false));
    return prepare_directory(options.state_directory, 0700, account, true);
}

base::Result<Fd> open_key(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!fd.valid() && errno == ENOENT) {
        return Error{Errc::not_found, "there is no key file " + path +
                                          ": make one with `custos key generate` on one node "
                                          "and copy it to the others"};
    }
    struct stat info {};
    if (!fd.valid() || ::fstat(fd.get(), &info) != 0)
        return base::system_error("cannot open the key file " + path);
    if (!S_ISREG(info.st_mode) || info.st_uid != 0 || (info.st_mode & 0177U) != 0) {
        return Error{Errc::invalid, "the key file " + path +
                                        " must belong to root and be readable by nobody else: "
                                        "chown root: " +
                                        path + " && chmod 0400 " + path};
    }
    return fd;
}

namespace {

// The kernel copies: guard's own memory never holds the key.
base::Status copy_key(const Fd& from, const Fd& to) {
    constexpr std::size_t kMost = 65'536;
    if (::ftruncate(to.get(), 0) != 0 || ::lseek(to.get(), 0, SEEK_SET) != 0)
        return base::system_error("cannot empty the copy of the key");
    off_t at = 0;
    ssize_t n = 0;
    while (static_cast<std::size_t>(at) < kMost && (n = ::sendfile(to.get(), from.get(), &at, kMost)) > 0) {
    }
    if (n < 0) return base::system_error("cannot copy the key");
    ::lseek(to.get(), 0, SEEK_SET);
    return base::ok();
}

base::Result<Fd> copied_key(const std::string& path) {
    TRY(const Fd key, open_key(path));
    Fd copy(::memfd_create("custos-key", MFD_CLOEXEC));
    if (!copy.valid()) return base::system_error("cannot make a copy of the key");
    TRY_OK(copy_key(key, copy));
    return copy;
}

}  // namespace

base::Status renew_key(const GuardOptions& options, const Pair& pair) {
    TRY(const Fd key, open_key(options.key_file));
    return copy_key(key, pair.key);
}

base::Result<Pair> launch_pair(const GuardOptions& options, Account account, bool again) {
    TRY(Fd key, copied_key(options.key_file));
    TRY(SocketPair guard, make_socket_pair(SOCK_SEQPACKET | SOCK_NONBLOCK));
    TRY(SocketPair runner, make_socket_pair(SOCK_STREAM));
    Plan for_core;
    for_core.arguments = {"custosd", "--role=core", "--guard-fd=3", "--runner-fd=4", "--key-fd=5"};
    for_core.arguments.insert(for_core.arguments.end(), options.core_arguments.begin(),
                              options.core_arguments.end());
    if (again) for_core.arguments.emplace_back("--restarted");
    for_core.fds = {guard.theirs.get(), runner.ours.get(), key.get()};
    for_core.account = account;
    Plan for_runner;
    for_runner.arguments = {"custosd", "--role=runner", "--core-fd=3"};
    for_runner.arguments.insert(for_runner.arguments.end(), options.runner_arguments.begin(),
                                options.runner_arguments.end());
    for_runner.fds = {runner.theirs.get()};
    for_runner.death_signal = SIGTERM;
    TRY(Child runner_child, spawn(options.program, for_runner));
    auto core_child = spawn(options.program, for_core);
    if (!core_child) {
        ::kill(runner_child.pid, SIGKILL);
        ::waitpid(runner_child.pid, nullptr, 0);
        return core_child.error();
    }
    return Pair{*std::move(core_child), std::move(runner_child), std::move(guard.ours), std::move(key)};
}

void notify_systemd(const std::string& state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    if (path == nullptr || std::strlen(path) >= sizeof(address.sun_path)) return;
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path);
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // abstract
    const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
    ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
             length);
}

}  // namespace agents
