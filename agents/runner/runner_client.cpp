#include "agents/runner/runner_client.hpp"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include "agents/runner/codec.hpp"

namespace agents {

namespace asio = boost::asio;

class RunnerClient::Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(asio::io_context& context, int fd, Handlers handlers)
        : stream_(context, asio::local::stream_protocol(), fd),
          handlers_(std::move(handlers)) {}

    void close() {
        handlers_ = {};
        boost::system::error_code ignored;
        stream_.close(ignored);
    }

    void read() {
        stream_.async_read_some(asio::buffer(chunk_),
                                [self = shared_from_this()](const auto& error, std::size_t n) {
                                    if (error) return self->lose(error.message());
                                    self->in_.append(base::ByteView(self->chunk_).first(n));
                                    if (self->deliver()) self->read();
                                });
    }

    void send(const ToRunner& message) {
        const base::Bytes frame = encode_frame(message);
        pending_.insert(pending_.end(), frame.begin(), frame.end());
        if (writing_.empty()) write();
    }

  private:
    void write() {
        if (pending_.empty()) return;
        writing_ = std::exchange(pending_, {});
        asio::async_write(stream_, asio::buffer(writing_),
                          [self = shared_from_this()](const auto& error, std::size_t) {
                              self->writing_.clear();
                              // The reader meets the same end and says so.
                              if (!error) self->write();
                          });
    }

    bool deliver() {
        while (true) {
            const auto body = in_.next();
            if (!body) return lose(body.error().message), false;
            if (!body->has_value()) return true;
            const auto message = decode_from_runner(**body);
            if (!message) return lose(message.error().message), false;
            const auto handlers = handlers_;  // a handler may destroy the client
            if (const auto* result = std::get_if<manager::OperationResult>(&*message)) {
                if (handlers.result) handlers.result(*result);
            } else if (const auto* written = std::get_if<KeyWritten>(&*message)) {
                if (handlers.key_written) handlers.key_written(written->trouble);
            } else if (const auto* file = std::get_if<NodeFileWritten>(&*message)) {
                if (handlers.node_file_written) handlers.node_file_written(*file);
            } else if (handlers.note) {
                handlers.note(std::get<RunnerNote>(*message).text);
            }
        }
    }

    void lose(const std::string& why) {
        const auto handlers = std::exchange(handlers_, {});
        if (handlers.lost) handlers.lost(why);
    }

    asio::local::stream_protocol::socket stream_;
    Handlers handlers_;
    std::array<std::uint8_t, 65536> chunk_{};
    FrameBuffer in_;
    base::Bytes writing_, pending_;
};

RunnerClient::RunnerClient(asio::io_context& context, int fd, Handlers handlers)
    : connection_(std::make_shared<Connection>(context, fd, std::move(handlers))) {
    connection_->read();
}

RunnerClient::~RunnerClient() {
    connection_->close();
}

void RunnerClient::start(const manager::OperationRequest& request) {
    connection_->send(request);
}

void RunnerClient::cancel_recurring(const std::string& resource) {
    connection_->send(CancelRecurring{resource});
}

void RunnerClient::write_key(const std::string& text) {
    connection_->send(WriteKey{text});
}

void RunnerClient::write_node_file(const WriteNodeFile& order) {
    connection_->send(order);
}

void RunnerClient::persist_nonlocal_bind() {
    connection_->send(PersistNonlocalBind{});
}

}  // namespace agents
