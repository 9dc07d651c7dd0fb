// The core's side of the runner, on the main thread's io_context.
#pragma once

#include <utility>
//
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "agents/runner/codec.hpp"
#include "manager/model/operation.hpp"

namespace agents {

class RunnerClient {
  public:
    struct Handlers {
        std::function<void(const manager::OperationResult&)> result;
        std::function<void(const std::string&)> note;  // a line for the log
        // Once: the runner is gone. What ran is unknown; guard ends this process too, so leave without delay.
        std::function<void(const std::string& why)> lost;
        // The answers to write_key() (why not; empty: it is on disk) and to write_node_file().
        std::function<void(const std::string& trouble)> key_written{};
        std::function<void(const NodeFileWritten&)> node_file_written{};
    };
    // Takes over `fd`, the stream socket whose other end the runner serves. Handlers run on the io_context,
    // never from inside a call, and not after the destructor.
    RunnerClient(boost::asio::io_context& context, int fd, Handlers handlers);
    RunnerClient(const RunnerClient&) = delete;
    RunnerClient& operator=(const RunnerClient&) = delete;
    ~RunnerClient();

    // Exactly one result for an operation that runs once; for a recurring one (interval > 0) one after its
    // first run, then one whenever its code changes. Ids are unique in the life of this client. A stop ends
    // the resource's recurring operations.
    void start(const manager::OperationRequest& request);
    void cancel_recurring(const std::string& resource);
    // Asks for the setting of agents/vip/sysctl.hpp on disk; a failure is a note.
    void persist_nonlocal_bind();
    // Puts a text in place of the key file; answered once by key_written. One at a time.
    void write_key(const std::string& text);
    // Puts a text in place of the node file (node_file.hpp); answered once by node_file_written.
    void write_node_file(const WriteNodeFile& order);

  private:
    class Connection;
    std::shared_ptr<Connection> connection_;
};

}  // namespace agents
