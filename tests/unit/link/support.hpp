#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "totem/link/link.hpp"

namespace link_test {

using totem::IpAddress;

inline IpAddress ip(const char* text) {
    return *base::parse_ip(text);
}

// Runs handlers until `done`, or until the deadline that only a failure meets.
inline bool run_until(boost::asio::io_context& io, const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
        if (io.stopped()) io.restart();
        if (io.run_one_until(deadline) == 0 && std::chrono::steady_clock::now() >= deadline) return false;
    }
    return true;
}

// A port that was free on 127.0.0.1 a moment ago.
std::uint16_t free_port();

// A node's link that writes down what it gets as "source text".
class Node {
  public:
    Node(boost::asio::io_context& io, std::uint32_t self, const std::map<std::uint32_t, const char*>& nodes,
         std::uint16_t port, const char* group = nullptr)
        : link_(io, config(self, nodes, port, group),
                {[this](std::span<const totem::Received> batch) { take(batch); }, [] {},
                 [this](base::NodeId node) {
                     got_before_refusal = got.size();
                     refused.push_back(node);
                 },
                 [this](std::uint64_t datagrams) { overflowed += datagrams; },
                 [this] { ++lifeline_changes; }}) {}

    static totem::LinkConfig config(std::uint32_t self, const std::map<std::uint32_t, const char*>& nodes,
                                    std::uint16_t port, const char* group) {
        totem::LinkConfig out;
        for (const auto& [id, address] : nodes) {
            if (id == self)
                out.own = ip(address);
            else
                out.peers.push_back({base::NodeId{id}, ip(address)});
        }
        out.port = port;
        if (group != nullptr && std::string(group) == "broadcast") {
            out.broadcast = true;
        } else if (group != nullptr) {
            out.group = ip(group);
        }
        out.same_host = true;
        return out;
    }

    void send(std::optional<std::uint32_t> to, const std::string& text) {
        totem::Outgoing out{std::nullopt, base::as_bytes(text)};
        if (to) out.to = base::NodeId{*to};
        link_.send({&out, 1});
    }
    totem::Link& link() { return link_; }
    std::vector<base::NodeId> refused;
    std::uint64_t overflowed{0};
    std::size_t got_before_refusal{0};  // the last one
    unsigned lifeline_changes{0};
    std::vector<std::string> got;

  private:
    void take(std::span<const totem::Received> batch) {
        for (const auto& d : batch)
            got.push_back(to_string(d.source) + " " + std::string(base::as_text(d.bytes)));
    }
    totem::Link link_;
};

}  // namespace link_test
