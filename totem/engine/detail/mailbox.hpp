// The way into the engine's thread: values from other threads. Lock-free, because a thread that was put aside
// while it held a lock would stop the ring.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "totem/base/bytes.hpp"
#include "totem/engine/detail/epoch_file.hpp"
#include "totem/engine/engine.hpp"
#include "totem/link/sockets.hpp"

namespace totem::detail {

struct SubmitPayload {
    base::Bytes payload;
    Guarantee guarantee{Guarantee::agreed};
};
struct AskStatus {
    std::shared_ptr<std::promise<EngineStatus>> answer;
};
struct EpochWritten {
    Epoch epoch;
};
struct EpochNotWritten {
    std::string why;
};
struct ChangeKeys {
    MasterKeys keys;
    std::shared_ptr<std::promise<LastWords>> changed;
};
struct ChangeNodes {
    base::NodeSet roster;
    std::vector<LinkConfig> links;  // own address and peers of each
    RosterMark mark;
    base::Bytes offer;
    base::NodeSet moving;
    std::shared_ptr<std::promise<LastWords>> changed;
};
struct RunCall {
    std::function<void(base::Instant)> call;
};
struct Leave {};
struct Stop {};
using Command = std::variant<SubmitPayload, AskStatus, EpochWritten, EpochNotWritten, ChangeKeys, ChangeNodes,
                             RunCall, Leave, Stop>;

// An eventfd: rings until it is silenced.
class Bell {
  public:
    Bell();
    void ring() const;
    void silence() const;
    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    Fd fd_;
};

class Mailbox {
  public:
    Mailbox() = default;
    Mailbox(const Mailbox&) = delete;
    Mailbox& operator=(const Mailbox&) = delete;
    ~Mailbox();

    // From any thread. False: closed, nothing was taken.
    bool push(Command command);

    // The rest is for the one reader. What was pushed, in order (that of each pusher, and across pushers that
    // of the pushes).
    [[nodiscard]] std::vector<Command> take();
    // Takes the last commands; from now on push() says no.
    [[nodiscard]] std::vector<Command> close();
    // Rings when there is something to take.
    [[nodiscard]] const Bell& bell() const { return bell_; }

  private:
    struct Letter {
        Command command;
        Letter* next{nullptr};
    };
    [[nodiscard]] std::vector<Command> unfold(Letter* newest);
    Bell bell_;
    Letter closed_;  // its address in head_ means closed
    std::atomic<Letter*> head_{nullptr};
};

}  // namespace totem::detail
