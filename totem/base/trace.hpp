// Trace notes: how a core says why it did something. The daemon maps them to log levels; golden tests and the
// simulator print them. A note is a short reasoned line: "gather -> commit: consensus of {1,2} after 48 ms".
#pragma once

#include <string>

namespace base {

enum class Level { debug, info, warning };

class Tracer {
  public:
    Tracer() = default;
    Tracer(const Tracer&) = delete;
    Tracer& operator=(const Tracer&) = delete;
    virtual ~Tracer() = default;
    // info: one line per change that an operator would draw on a timeline; debug: per message.
    virtual void note(Level level, const std::string& text) = 0;
};

// Drops every note.
class SilentTracer final : public Tracer {
  public:
    void note(Level /*level*/, const std::string& /*text*/) override {}
};

}  // namespace base
