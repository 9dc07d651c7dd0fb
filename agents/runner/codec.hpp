// Messages between the core and the runner as values and as framed bytes. The generated types stay behind
// codec.cpp.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "manager/model/operation.hpp"
#include "totem/base/bytes.hpp"
#include "totem/base/result.hpp"

namespace agents {

struct CancelRecurring {
    std::string resource;
};
// Write the setting of sysctl.hpp to disk.
struct PersistNonlocalBind {};
// Put this text in place of the key file (key_file.hpp); answered with KeyWritten.
struct WriteKey {
    std::string text;
};
// Put this text in place of the node file (node_file.hpp); answered with NodeFileWritten.
struct WriteNodeFile {
    std::string text;
    std::string from;  // what the file says, as the core has read it
    bool keep{false};  // what it says was never in force, and is kept beside it
};
using ToRunner =
    std::variant<manager::OperationRequest, CancelRecurring, PersistNonlocalBind, WriteKey, WriteNodeFile>;

// A line for the log.
struct RunnerNote {
    std::string text;
};
struct KeyWritten {
    std::string trouble;  // why not; empty: it is on disk
};
struct NodeFileWritten {
    std::string trouble;  // why not; empty: it is on disk
    std::string edit;     // where an edit of the former file is kept; empty: there was none
};
using FromRunner = std::variant<manager::OperationResult, RunnerNote, KeyWritten, NodeFileWritten>;

// With the frame's length in front.
[[nodiscard]] base::Bytes encode_frame(const ToRunner& message);
[[nodiscard]] base::Bytes encode_frame(const FromRunner& message);
// Without it. Total: any input gives a value or an error.
[[nodiscard]] base::Result<ToRunner> decode_to_runner(base::ByteView body);
[[nodiscard]] base::Result<FromRunner> decode_from_runner(base::ByteView body);

// Cuts a stream of bytes into frames.
class FrameBuffer {
  public:
    static constexpr std::size_t kMaxBody = 8 * 1024 * 1024;
    void append(base::ByteView bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
    // The body of the next whole frame; nullopt: more bytes are needed. Error: a length beyond kMaxBody, the
    // stream is lost.
    [[nodiscard]] base::Result<std::optional<base::Bytes>> next();

  private:
    base::Bytes bytes_;
};

}  // namespace agents
