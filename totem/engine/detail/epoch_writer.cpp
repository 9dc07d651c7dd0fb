#include "totem/engine/detail/epoch_writer.hpp"

#include <poll.h>
#include <pthread.h>

#include <utility>

#include "totem/engine/detail/epoch_file.hpp"

namespace totem::detail {
namespace {
constexpr int kRetryMs = 1000;
}

EpochWriter::EpochWriter(std::string path, const Epoch& stored, Mailbox& answers)
    : path_(std::move(path)),
      answers_(answers),
      stored_(stored),
      ring_seq_(stored.ring_seq),
      incarnation_(stored.incarnation),
      thread_([this] { run(); }) {}

EpochWriter::~EpochWriter() {
    ending_.store(true);
    bell_.ring();
    thread_.join();
}

void EpochWriter::write_ring_seq(std::uint64_t ring_seq) {
    ring_seq_.store(ring_seq);
    bell_.ring();
}

void EpochWriter::write_incarnation(std::uint64_t incarnation) {
    incarnation_.store(incarnation);
    bell_.ring();
}

void EpochWriter::run() {
    ::pthread_setname_np(::pthread_self(), "custos-epoch");
    Epoch written = stored_;
    bool failed = false;
    while (!ending_.load()) {
        pollfd wait{bell_.fd(), POLLIN, 0};
        static_cast<void>(::poll(&wait, 1, failed ? kRetryMs : -1));
        bell_.silence();
        const Epoch wanted{ring_seq_.load(), incarnation_.load()};
        if (wanted == written || ending_.load()) continue;
        const base::Status status = write_epoch_file(path_, wanted);
        failed = !status;
        if (status) {
            written = wanted;
            answers_.push(EpochWritten{written});
        } else {
            answers_.push(EpochNotWritten{status.error().message});
        }
    }
}

}  // namespace totem::detail
