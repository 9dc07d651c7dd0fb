#include "agents/guard/guard_client.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <optional>

#include "agents/runner/clock.hpp"
#include "agents/runner/operation_queue.hpp"
#include "totem/base/check.hpp"

namespace agents {

namespace asio = boost::asio;

namespace {

// guard works one packet after the other: the limit only bounds what waits in the socket.
constexpr std::size_t kAtOnce = 64;

std::optional<GuardRequestKind> kind_of(const std::string& action) {
    if (action == "start") return GuardRequestKind::start;
    if (action == "stop") return GuardRequestKind::stop;
    if (action == "monitor") return GuardRequestKind::monitor;
    return std::nullopt;
}

}  // namespace

class GuardClient::Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(asio::io_context& context, int fd, Handlers handlers)
        : context_(context),
          descriptor_(context, fd),
          timer_(context),
          handlers_(std::move(handlers)),
          queue_(kAtOnce) {
        descriptor_.non_blocking(true);
    }

    void close() {
        handlers_ = {};
        boost::system::error_code ignored;
        descriptor_.close(ignored);
        timer_.cancel();
    }

    void read() {
        descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                               [self = shared_from_this()](const auto& error) {
                                   if (error) return;  // closed by us
                                   if (self->receive()) self->read();
                               });
    }

    void start(const manager::OperationRequest& request, const base::RingId& ring) {
        newest_ring_ = std::max(newest_ring_, ring);
        if (request.interval.ns == 0) rings_[request.id] = ring;
        queue_.submit(boottime_now(), request);
        step_soon();
    }

    void cancel_recurring(const std::string& resource) {
        queue_.cancel_recurring(boottime_now(), resource);
        step_soon();
    }

    void tell(GuardRequestKind kind, const base::RingId& ring) {
        newest_ring_ = std::max(newest_ring_, ring);
        GuardCommand command;
        command.kind = kind;
        command.ring = ring;
        send(command);
    }

    void renew(const membership::Renewal& renewal) {
        GuardCommand command;
        command.kind = GuardRequestKind::renew;
        command.ring = renewal.ring;
        command.renewal = renewal;
        send(command);
    }

    void say_at_end(const GuardFarewell& farewell) {
        GuardCommand command;
        command.kind = GuardRequestKind::farewell;
        command.farewell = farewell;
        send(command);
    }

  private:
    // Handlers must not run inside the caller's call.
    void step_soon() {
        asio::post(context_, [self = shared_from_this()] { self->step(); });
    }

    void step() {
        queue_.advance(boottime_now());
        for (auto effects = queue_.take_effects(); !effects.empty(); effects = queue_.take_effects()) {
            for (const auto& effect : effects) {
                if (const auto* start = std::get_if<OperationQueue::Start>(&effect)) begin(*start);
                // A packet on its way cannot be killed; guard answers it, or the queue gives up.
                if (const auto* result = std::get_if<manager::OperationResult>(&effect)) report(*result);
            }
            queue_.advance(boottime_now());
        }
        arm();
    }

    void arm() {
        const base::Instant deadline = queue_.next_deadline();
        if (deadline == base::Instant::never()) {
            timer_.cancel();
            return;
        }
        timer_.expires_after(
            std::chrono::nanoseconds(std::max<std::int64_t>(0, (deadline - boottime_now()).ns)));
        timer_.async_wait([self = shared_from_this()](const auto& error) {
            if (!error) self->step();
        });
    }

    void begin(const OperationQueue::Start& start) {
        const auto fail = [&](int code, const std::string& why) {
            queue_.finished(boottime_now(), start.run, {code, why});
        };
        const auto kind = kind_of(start.request.action);
        if (!kind) {
            return fail(manager::kOcfUnimplemented,
                        "the native address agent has no action " + start.request.action);
        }
        auto parsed = parse_address(start.request.params, start.request.meta);
        if (const auto* error = std::get_if<AddressError>(&parsed)) return fail(error->code, error->message);
        auto& address = std::get<ParsedAddress>(parsed);
        if (handlers_.note && *kind == GuardRequestKind::start) {
            for (const auto& note : address.notes) handlers_.note(start.request.resource + ": " + note);
        }
        GuardCommand command;
        command.kind = *kind;
        // A recurring monitor outlives the view that ordered it, and changes nothing.
        const auto ring = rings_.find(start.request.id);
        command.ring = ring == rings_.end() ? newest_ring_ : ring->second;
        if (ring != rings_.end()) rings_.erase(ring);
        command.address = {start.run, static_cast<AddressAction>(*kind), start.request.resource,
                           address.request};
        if (start.request.resource.size() >= sizeof(GuardRequest::resource)) {
            return fail(manager::kOcfArgs, encode(command).error().message);
        }
        send(command);
    }

    void send(const GuardCommand& command) {
        const auto packet = encode(command);
        if (!packet) return;  // begin() has checked
        const bool idle = out_.empty();
        out_.push_back(*packet);
        if (idle) write();
    }

    void write() {
        while (!out_.empty()) {
            const ssize_t n =
                ::send(descriptor_.native_handle(), &out_.front(), sizeof(GuardRequest), MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && errno == EAGAIN) break;
            if (n < 0) return;  // the reader meets the same end and says so
            out_.pop_front();
        }
        if (out_.empty()) return;
        descriptor_.async_wait(asio::posix::stream_descriptor::wait_write,
                               [self = shared_from_this()](const auto& error) {
                                   if (!error) self->write();
                               });
    }

    bool receive() {
        std::array<std::uint8_t, sizeof(GuardReply) + 1> packet{};
        while (descriptor_.is_open()) {
            const ssize_t n = ::recv(descriptor_.native_handle(), packet.data(), packet.size(), MSG_DONTWAIT);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && errno == EAGAIN) break;
            if (n <= 0) return lose(n == 0 ? "guard has closed its end" : std::strerror(errno));
            const auto message = decode_reply(base::ByteView(packet).first(static_cast<std::size_t>(n)));
            if (!message) return lose(message.error().message);
            handle(*message);
        }
        if (descriptor_.is_open()) step();
        return descriptor_.is_open();
    }

    void handle(const GuardMessage& message) {
        const auto handlers = handlers_;  // a handler may destroy the client
        if (const auto* outcome = std::get_if<AddressOutcome>(&message)) {
            queue_.finished(boottime_now(), outcome->id, {outcome->code, outcome->reason});
        } else if (const auto* facts = std::get_if<GuardFacts>(&message)) {
            if (handlers.facts) handlers.facts(*facts);
        } else if (std::holds_alternative<GuardDropped>(message)) {
            if (handlers.dropped) handlers.dropped();
        } else if (handlers.note) {
            handlers.note(std::get<GuardNote>(message).text);
        }
    }

    void report(const manager::OperationResult& result) {
        const auto handlers = handlers_;
        if (handlers.result) handlers.result(result);
    }

    bool lose(const std::string& why) {
        const auto handlers = std::exchange(handlers_, {});
        if (handlers.lost) handlers.lost(why);
        return false;
    }

    asio::io_context& context_;
    asio::posix::stream_descriptor descriptor_;
    asio::steady_timer timer_;
    Handlers handlers_;
    OperationQueue queue_;
    base::RingId newest_ring_;
    std::map<std::uint64_t, base::RingId> rings_;  // of operations that wait in the queue, by id
    std::deque<GuardRequest> out_;
};

GuardClient::GuardClient(asio::io_context& context, int fd, Handlers handlers)
    : connection_(std::make_shared<Connection>(context, fd, std::move(handlers))) {
    connection_->read();
}

GuardClient::~GuardClient() {
    connection_->close();
}

void GuardClient::start(const manager::OperationRequest& request, const base::RingId& ring) {
    connection_->start(request, ring);
}

void GuardClient::cancel_recurring(const std::string& resource) {
    connection_->cancel_recurring(resource);
}

void GuardClient::announce_all(const base::RingId& ring) {
    connection_->tell(GuardRequestKind::announce_all, ring);
}

void GuardClient::farewell(const GuardFarewell& farewell) {
    connection_->say_at_end(farewell);
}

void GuardClient::entered(const base::RingId& ring) {
    connection_->tell(GuardRequestKind::entered, ring);
}

void GuardClient::give_up(const base::RingId& ring) {
    connection_->tell(GuardRequestKind::give_up, ring);
}

void GuardClient::renew(const membership::Renewal& renewal) {
    connection_->renew(renewal);
}

RenewalLine::RenewalLine(int fd) : fd_(::fcntl(fd, F_DUPFD_CLOEXEC, 0)) {
    ASSERT(fd_.valid());
}

void RenewalLine::send(const membership::Renewal& renewal) const {
    GuardCommand command;
    command.kind = GuardRequestKind::renew;
    command.ring = renewal.ring;
    command.renewal = renewal;
    const auto packet = encode(command);
    ASSERT(packet.has_value());
    static_cast<void>(::send(fd_.get(), &*packet, sizeof(GuardRequest), MSG_NOSIGNAL | MSG_DONTWAIT));
}

void GuardClient::ready() {
    connection_->tell(GuardRequestKind::ready, {});
}

}  // namespace agents
