// How guard makes its children, and what it prepares for them: an edge.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "agents/guard/guard.hpp"
#include "totem/base/fd.hpp"
#include "totem/base/result.hpp"

namespace agents {

// Whom the core runs as.
struct Account {
    uid_t uid{0};
    gid_t gid{0};
};
// nullopt: there is no such user.
[[nodiscard]] std::optional<Account> find_account(const std::string& user);

// Makes both directories with their modes and hands them to the account. What root owned in the state
// directory (from a time without that user) is handed over as well, as long as the directory itself was
// root's.
[[nodiscard]] base::Status prepare_directories(const GuardOptions& options, Account account);

// Opens the key for reading. Error invalid: not root's, or others may read it; says how to repair it.
[[nodiscard]] base::Result<base::Fd> open_key(const std::string& path);

struct Child {
    pid_t pid{-1};
    base::Fd pidfd;  // readable when it has ended
};
struct Pair {
    Child core, runner;
    base::Fd core_socket;  // guard's end, non-blocking
    base::Fd key;          // the core's copy of the key file, in memory, which renew_key() changes
};
// Starts core and runner. Each is killed when guard ends (the runner by SIGTERM: it has operations to kill).
// `again`: they have run since custosd was started; the core is told.
[[nodiscard]] base::Result<Pair> launch_pair(const GuardOptions& options, Account account, bool again);

// Copies the key file anew into the core's copy. The core, which can't open the file, is to be told then. On
// an error of open_key() nothing is changed.
[[nodiscard]] base::Status renew_key(const GuardOptions& options, const Pair& pair);

// sd_notify(3) by hand: does nothing without NOTIFY_SOCKET.
void notify_systemd(const std::string& state);

}  // namespace agents
