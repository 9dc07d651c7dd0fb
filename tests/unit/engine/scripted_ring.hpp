// A ring that does what a test says, linked in place of the real one.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "support.hpp"

namespace engine_test {

// What the test and the ring on the engine's thread share.
struct Script {
    std::vector<totem::Outbox>
        outboxes;  // drain() takes the first one after each input, if it has an input to answer
    std::vector<std::string>
        calls;  // what the engine called: "receive 2: text", "submit text", "persisted 5", "leave"
    base::Duration deadline{base::seconds(3600)};  // next_deadline() is so long after the last input
    std::uint64_t advances{0};
    std::uint64_t advances_at_receive{0};  // when the last receive() came
    std::vector<base::Duration> late;      // of each advance() whose deadline had come
    std::size_t datagram_size{0}, receive_buffer{0};
    base::NodeSet lifelines;
    std::size_t queued{0};             // what status() says, besides what submit() adds
    std::function<void()> in_advance;  // called once
};

// The script of all scripted rings of this program; a test clears it.
Box<Script>& script();

}  // namespace engine_test
