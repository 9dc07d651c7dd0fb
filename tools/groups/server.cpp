#include "tools/groups/server.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "tools/groups/events.hpp"
#include "tools/ipc/listener.hpp"

namespace tools {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kReadAtOnce = 64u << 10;   // bytes
constexpr std::size_t kKeptBuffer = 256u << 10;  // what a connection's buffer shrinks to
constexpr std::size_t kWriteAtOnce = 1u << 20;   // bytes, but one frame of any size
constexpr std::size_t kFramesAtOnce = 32;        // two buffers each: the kernel takes 64 in one call

}  // namespace

class GroupServer::Impl : public std::enable_shared_from_this<Impl> {
  public:
    Impl(asio::io_context& io, std::string path, mode_t mode, membership::Groups& groups,
         const membership::GroupsConfig& config, std::function<void()> changed, AccessPolicy policy,
         GroupPatience patience)
        : io_(io),
          path_(std::move(path)),
          mode_(mode),
          groups_(groups),
          config_(config),
          changed_(std::move(changed)),
          policy_(std::move(policy)),
          patience_(patience) {}

    base::Status start();
    void stop();
    void carry_out(std::vector<membership::GroupEffect> effects);
    void end_all(const std::string& why);
    [[nodiscard]] std::size_t connections() const { return sessions_.size(); }

  private:
    class Session;
    void admit(Listener::Socket socket, Credentials client);
    void ending(const std::shared_ptr<Session>& session);
    [[nodiscard]] std::shared_ptr<Session> find(membership::ClientId id) const;

    asio::io_context& io_;
    std::string path_;
    mode_t mode_;
    membership::Groups& groups_;
    membership::GroupsConfig config_;
    std::function<void()> changed_;
    AccessPolicy policy_;
    GroupPatience patience_;
    std::optional<Listener> listener_;
    std::string closed_for_;  // why nobody is served; empty: all are
    std::set<std::shared_ptr<Session>> sessions_;
    std::map<membership::ClientId, std::shared_ptr<Session>> clients_;  // those that are served
    std::deque<std::weak_ptr<Session>> ending_;
    std::size_t strangers_{0};
    membership::ClientId last_id_{0};
};

// One connection: a stranger, then a client, then ending, unless it ends by itself.
class GroupServer::Impl::Session : public std::enable_shared_from_this<Session> {
  public:
    Session(std::shared_ptr<Impl> server, Listener::Socket socket, Credentials client)
        : server_(std::move(server)),
          socket_(std::move(socket)),
          deadline_(server_->io_),
          who_(std::move(client)) {
        ++server_->strangers_;
    }

    void serve() {
        close_after(server_->patience_.hello);
        read();
    }
    void hand_out(std::shared_ptr<const base::Bytes> head,
                  std::shared_ptr<const membership::GroupEvent> event, std::size_t cost) {
        if (phase_ == Phase::client) out_.push_back({std::move(head), std::move(event), cost});
    }
    void credit(std::uint64_t bytes, std::uint32_t messages) {
        credits_.bytes += bytes;
        credits_.messages += messages;
    }
    // What waits is written, as far as the client reads.
    void write();
    // The client is told why, as soon as it reads, and nothing else.
    void end(const std::string& why);
    void close();
    // Bytes of what waits to be written.
    [[nodiscard]] std::size_t held() const;

  private:
    enum class Phase : std::uint8_t { stranger, client, ending, closed };
    struct Item {
        std::shared_ptr<const base::Bytes> head;
        std::shared_ptr<const membership::GroupEvent> event;  // null: `head` is all
        std::size_t cost{0};
        bool refusal{false};
    };

    void close_after(int seconds) {
        deadline_.expires_after(std::chrono::seconds(seconds));
        deadline_.async_wait([self = shared_from_this()](error_code error) {
            if (!error) self->close();
        });
    }
    void say(const frames::Reply& reply, bool refusal = false) {
        out_.push_back({std::make_shared<const base::Bytes>(frames::encode(reply)), nullptr, 0, refusal});
    }
    void read();
    void take_frames();
    // A frame that was begun is to come to its end; `another`: than the one before.
    void watch_frame(bool another);
    void handle(const frames::Request& request);
    void hello(const frames::Hello& hello);
    void join(const std::string& group);
    void leave(const std::string& group);
    void send(const frames::Send& send);
    // Its connection has ended, by itself or after a goodbye.
    void gone(bool said_goodbye);
    void become(Phase phase);
    // Closes when what waits was written.
    void finish();
    void written(std::size_t items);

    std::shared_ptr<Impl> server_;  // reset when closed
    Listener::Socket socket_;
    asio::steady_timer deadline_;
    Credentials who_;
    Phase phase_{Phase::stranger};
    membership::ClientId id_{0};
    base::Bytes in_;
    std::size_t have_{0};  // bytes of in_ that were read
    bool begun_{false};    // they are a part of a frame, which has its deadline
    std::deque<Item> out_;
    base::Bytes credits_frame_;
    std::size_t in_flight_{0};  // items of out_ that are being written
    bool writing_{false};
    frames::Credits credits_;  // not told yet
    std::size_t refusals_{0};  // in out_
};

void GroupServer::Impl::Session::become(Phase phase) {
    if (phase_ == Phase::stranger) --server_->strangers_;
    if (phase_ == Phase::client) server_->clients_.erase(id_);
    phase_ = phase;
    if (phase_ == Phase::client) server_->clients_[id_] = shared_from_this();
}

void GroupServer::Impl::Session::close() {
    if (phase_ == Phase::closed) return;
    if (phase_ == Phase::client) server_->groups_.disconnect(id_, false);
    become(Phase::closed);
    error_code ignored;
    socket_.close(ignored);
    deadline_.cancel();
    server_->sessions_.erase(shared_from_this());
    server_.reset();
}

void GroupServer::Impl::Session::gone(bool said_goodbye) {
    if (phase_ == Phase::closed) return;
    const std::shared_ptr<Impl> server = server_;
    if (phase_ == Phase::client) server->groups_.disconnect(id_, said_goodbye);
    close();
    server->changed_();
}

void GroupServer::Impl::Session::end(const std::string& why) {
    if (phase_ == Phase::ending || phase_ == Phase::closed) return;
    if (phase_ == Phase::client) server_->groups_.disconnect(id_, false);
    out_.erase(out_.begin() + static_cast<std::ptrdiff_t>(in_flight_), out_.end());
    credits_ = {};
    say(frames::End{why});
    finish();
}

void GroupServer::Impl::Session::finish() {
    become(Phase::ending);
    close_after(server_->patience_.farewell);
    server_->ending(shared_from_this());
    write();
}

// --- what it asks

void GroupServer::Impl::Session::read() {
    const std::size_t length =
        have_ < frames::kHeader ? 0 : frames::length_of({in_.data(), frames::kHeader}) + frames::kHeader;
    // Room is made for what has come, not for what was announced.
    in_.resize(std::max(have_ + kReadAtOnce, std::min(length, 2 * have_)));
    socket_.async_read_some(asio::buffer(in_.data() + have_, in_.size() - have_),
                            [self = shared_from_this()](error_code error, std::size_t size) {
                                if (self->phase_ == Phase::ending || self->phase_ == Phase::closed) return;
                                if (error) return self->gone(false);
                                self->have_ += size;
                                const std::shared_ptr<Impl> server = self->server_;
                                self->take_frames();
                                if (self->phase_ == Phase::client || self->phase_ == Phase::stranger)
                                    self->read();
                                server->changed_();
                            });
}

void GroupServer::Impl::Session::take_frames() {
    std::size_t at = 0;
    while (have_ - at >= frames::kHeader) {
        const std::size_t length = frames::length_of({in_.data() + at, frames::kHeader});
        if (length == 0 || length > frames::kMaxRequest) return end("a frame of a length that none has");
        if (have_ - at - frames::kHeader < length) break;
        const auto request = frames::decode_request({in_.data() + at + frames::kHeader, length});
        if (!request) return end("a request that this custosd does not know; is libcustos newer?");
        handle(*request);
        if (phase_ != Phase::client) return;
        at += frames::kHeader + length;
    }
    std::copy(in_.begin() + static_cast<std::ptrdiff_t>(at), in_.begin() + static_cast<std::ptrdiff_t>(have_),
              in_.begin());
    have_ -= at;
    if (in_.size() > kKeptBuffer && have_ < kKeptBuffer) {
        in_.resize(have_);
        in_.shrink_to_fit();
    }
    if (phase_ == Phase::client) watch_frame(at > 0);
}

void GroupServer::Impl::Session::watch_frame(bool another) {
    const bool watched = std::exchange(begun_, have_ > 0) && !another;
    if (watched) return;
    deadline_.cancel();
    if (!begun_) return;
    deadline_.expires_after(std::chrono::seconds(server_->patience_.frame));
    deadline_.async_wait([self = shared_from_this()](error_code error) {
        // It may have been late already when the next frame began.
        const bool over = self->deadline_.expiry() <= std::chrono::steady_clock::now();
        if (error || !over || !self->begun_ || self->phase_ != Phase::client) return;
        const std::shared_ptr<Impl> server = self->server_;
        self->end("a frame was begun and has not come to its end within " +
                  std::to_string(server->patience_.frame) + " s");
        server->changed_();
    });
}

void GroupServer::Impl::Session::handle(const frames::Request& request) {
    if (phase_ == Phase::stranger) {
        if (const auto* first = std::get_if<frames::Hello>(&request)) return hello(*first);
        if (!std::holds_alternative<frames::List>(request)) return end("the first word is to be hello");
        say(list_of(server_->groups_));
        return finish();
    }
    if (const auto* j = std::get_if<frames::Join>(&request)) return join(j->group);
    if (const auto* l = std::get_if<frames::Leave>(&request)) return leave(l->group);
    if (const auto* s = std::get_if<frames::Send>(&request)) return send(*s);
    if (std::holds_alternative<frames::Goodbye>(request)) {
        server_->groups_.disconnect(id_, true);
        return close();
    }
    end("hello is said once");
}

void GroupServer::Impl::Session::hello(const frames::Hello& hello) {
    id_ = ++server_->last_id_;
    const base::Status connected =
        server_->groups_.connect(id_, static_cast<std::uint32_t>(who_.pid), who_.uid, hello.ring_views);
    if (!connected) return end("not let in: " + connected.error().message);
    deadline_.cancel();
    become(Phase::client);
    const totem::Member& self = server_->config_.self;
    say(frames::Welcome{frames::kVersion,
                        {self.node.value, self.incarnation.value, id_, static_cast<std::uint32_t>(who_.pid)},
                        static_cast<std::uint32_t>(server_->config_.max_groups_of_client)});
    write();
}

void GroupServer::Impl::Session::join(const std::string& group) {
    const base::Status joined = server_->groups_.join(id_, group);
    if (joined) return;
    if (joined.error().code == base::Errc::invalid) return end(joined.error().message);
    if (++refusals_ > server_->config_.send_messages) return end("it does not read why it is refused");
    say(frames::Refused{group, joined.error().message}, true);
    credit(frames::charge(0), 1);
    write();
}

// That it is no member it may not know yet: a join was refused.
void GroupServer::Impl::Session::leave(const std::string& group) {
    const base::Status left = server_->groups_.leave(id_, group);
    if (left) return;
    if (left.error().code == base::Errc::invalid) return end(left.error().message);
    credit(frames::charge(0), 1);
    write();
}

void GroupServer::Impl::Session::send(const frames::Send& send) {
    const base::Status sent = server_->groups_.multicast(
        id_, send.group, send.payload, send.safe ? totem::Guarantee::safe : totem::Guarantee::agreed);
    if (!sent) end(sent.error().message);
}

// --- what it gets

void GroupServer::Impl::Session::write() {
    if (writing_ || phase_ == Phase::closed) return;
    std::vector<asio::const_buffer> buffers;
    std::size_t bytes = 0;
    if (credits_.messages > 0 || credits_.bytes > 0) {
        credits_frame_ = frames::encode(std::exchange(credits_, {}));
        buffers.push_back(asio::buffer(credits_frame_));
    }
    in_flight_ = 0;
    for (const Item& item : out_) {
        if (in_flight_ == kFramesAtOnce - 1 || bytes >= kWriteAtOnce) break;
        buffers.push_back(asio::buffer(*item.head));
        bytes += item.head->size();
        if (item.event) {
            const base::ByteView payload = payload_of(*item.event);
            if (!payload.empty()) buffers.push_back(asio::buffer(payload.data(), payload.size()));
            bytes += payload.size();
        }
        ++in_flight_;
    }
    if (buffers.empty()) {
        if (phase_ == Phase::ending) close();
        return;
    }
    writing_ = true;
    asio::async_write(socket_, buffers, [self = shared_from_this()](error_code error, std::size_t) {
        self->writing_ = false;
        if (self->phase_ == Phase::closed) return;
        if (error) return self->gone(false);
        self->written(std::exchange(self->in_flight_, 0));
    });
}

std::size_t GroupServer::Impl::Session::held() const {
    std::size_t bytes = 0;
    for (const Item& item : out_) {
        bytes += item.head->size();
        if (item.event) bytes += payload_of(*item.event).size();
    }
    return bytes;
}

void GroupServer::Impl::Session::written(std::size_t items) {
    std::size_t taken = 0, cost = 0;
    for (; items > 0; --items) {
        const Item& item = out_.front();
        taken += item.event ? std::size_t{1} : 0;
        cost += item.cost;
        refusals_ -= item.refusal ? std::size_t{1} : 0;
        out_.pop_front();
    }
    if (phase_ == Phase::client && taken > 0) server_->groups_.taken(id_, taken, cost);
    write();
}

// --- the server

base::Status GroupServer::Impl::start() {
    listener_.emplace(io_, path_, mode_, policy_,
                      [weak = weak_from_this()](Listener::Socket socket, Credentials client) {
                          if (const auto self = weak.lock())
                              self->admit(std::move(socket), std::move(client));
                      });
    return listener_->start();
}

void GroupServer::Impl::stop() {
    if (listener_) listener_->stop();
    const auto sessions = sessions_;
    for (const auto& session : sessions) session->close();
}

void GroupServer::Impl::admit(Listener::Socket socket, Credentials client) {
    const base::Status allowed = authorize(client, policy_);
    const auto session = std::make_shared<Session>(shared_from_this(), std::move(socket), std::move(client));
    sessions_.insert(session);
    if (!closed_for_.empty()) return session->end(closed_for_);
    if (!allowed) return session->end(allowed.error().message);
    if (strangers_ > kMaxStrangers) return session->end("too many connections that have not said hello");
    session->serve();
}

void GroupServer::Impl::ending(const std::shared_ptr<Session>& session) {
    std::erase_if(ending_, [](const std::weak_ptr<Session>& s) { return s.expired(); });
    ending_.push_back(session);
    std::size_t bytes = 0;
    for (const std::weak_ptr<Session>& each : ending_) {
        if (const auto other = each.lock()) bytes += other->held();
    }
    while (ending_.size() > kMaxEnding || (ending_.size() > 1 && bytes > kMaxEndingBytes)) {
        if (const auto oldest = ending_.front().lock()) {
            bytes -= oldest->held();
            oldest->close();
        }
        ending_.pop_front();
    }
}

std::shared_ptr<GroupServer::Impl::Session> GroupServer::Impl::find(membership::ClientId id) const {
    const auto found = clients_.find(id);
    return found == clients_.end() ? nullptr : found->second;
}

void GroupServer::Impl::carry_out(std::vector<membership::GroupEffect> effects) {
    std::set<std::shared_ptr<Session>> touched;
    // Who is handed one event is handed it in a row: it is encoded once.
    std::shared_ptr<const membership::GroupEvent> event;
    std::shared_ptr<const base::Bytes> head;
    for (membership::GroupEffect& effect : effects) {
        const membership::ClientId id = std::visit([](const auto& e) { return e.client; }, effect);
        const std::shared_ptr<Session> session = find(id);
        if (session == nullptr) continue;
        if (const auto* handout = std::get_if<membership::Handout>(&effect)) {
            if (handout->event != event) {
                event = handout->event;
                head = std::make_shared<const base::Bytes>(head_of(*event));
            }
            session->hand_out(head, event, handout->cost);
        } else if (const auto* credits = std::get_if<membership::Credits>(&effect)) {
            session->credit(credits->bytes, static_cast<std::uint32_t>(credits->messages));
        } else {
            session->end(std::get<membership::CutOff>(effect).why);
            continue;
        }
        touched.insert(session);
    }
    for (const std::shared_ptr<Session>& session : touched) session->write();
}

void GroupServer::Impl::end_all(const std::string& why) {
    closed_for_ = why;
    const auto sessions = sessions_;
    for (const auto& session : sessions) session->end(why);
}

GroupServer::GroupServer(asio::io_context& io, std::string path, mode_t mode, membership::Groups& groups,
                         const membership::GroupsConfig& config, std::function<void()> changed,
                         AccessPolicy policy, GroupPatience patience)
    : impl_(std::make_shared<Impl>(io, std::move(path), mode, groups, config, std::move(changed),
                                   std::move(policy), patience)) {}
GroupServer::~GroupServer() {
    stop();
}
base::Status GroupServer::start() {
    return impl_->start();
}
void GroupServer::stop() {
    impl_->stop();
}
void GroupServer::carry_out(std::vector<membership::GroupEffect> effects) {
    impl_->carry_out(std::move(effects));
}
void GroupServer::end_all(const std::string& why) {
    impl_->end_all(why);
}
std::size_t GroupServer::connections() const {
    return impl_->connections();
}

}  // namespace tools
