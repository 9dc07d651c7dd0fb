// Monitors of a few nodes on links that lose what the test says, in virtual time.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "totem/monitor/monitor.hpp"

namespace monitor_test {

struct Flight {
    base::Instant at;
    std::uint32_t from{0}, to{0};
    std::size_t link{0}, size{0};
    base::Bytes body;
    bool whole{false}, by_group{false};
};

struct Told {
    base::Instant at;
    std::uint32_t by{0}, about{0};
    bool silent{false};
};

struct World {
    explicit World(std::uint32_t nodes, std::vector<totem::MonitorLink> links = {{0, 1}})
        : count(nodes),
          link_list(std::move(links)),
          monitors(nodes + 1),
          notes(nodes + 1),
          told(nodes + 1) {
        for (std::uint32_t n = 1; n <= nodes; ++n) start(n);
    }
    void start(std::uint32_t n) {
        totem::MonitorConfig config;
        for (std::uint32_t m = 1; m <= count; ++m) {
            if (m != n) config.peers.push_back(base::NodeId{m});
        }
        config.links = link_list;
        incarnations.resize(count + 1);
        incarnations[n] = {++starts};
        config.self = incarnations[n];
        config.rider = n < riders.size() ? riders[n] : nullptr;
        monitors[n] = std::make_unique<totem::Monitor>(config, now);
        for (std::size_t link = 0; link < link_list.size(); ++link)
            monitors[n]->link_opened(now, link, largest, 28);
        collect(n);
    }
    void kill(std::uint32_t n) { monitors[n].reset(); }
    totem::Monitor& at(std::uint32_t n) { return *monitors[n]; }

    void collect(std::uint32_t n) {
        totem::MonitorOutbox out = monitors[n]->drain();
        for (totem::LinkFrame& frame : out.frames) {
            ++sent;
            for (std::uint32_t to = 1; to <= count; ++to) {
                if (to == n || (frame.to && frame.to->value != to)) continue;
                Flight flight{now + delay, n,           to,       frame.link, frame.body.size() + 64,
                              frame.body,  frame.whole, !frame.to};
                if (passes(flight)) flights.push_back(std::move(flight));
            }
        }
        told[n].insert(told[n].end(), out.told.begin(), out.told.end());
        for (auto& note : out.notes) notes[n].push_back(note.text);
        for (const totem::Silence& s : out.silences) silences.push_back({now, n, s.peer.value, s.silent});
    }
    void run(base::Duration time) {
        const base::Instant end = now + time;
        while (true) {
            base::Instant next = end;
            if (!flights.empty()) next = std::min(next, flights.front().at);
            for (const auto& monitor : monitors) {
                if (monitor) next = std::min(next, monitor->next_deadline());
            }
            now = std::max(now, next);
            if (!flights.empty() && flights.front().at <= now) {
                const Flight flight = std::move(flights.front());
                flights.pop_front();
                if (monitors[flight.to]) {
                    CHECK(at(flight.to).receive(now, base::NodeId{flight.from}, incarnations[flight.from],
                                                flight.link, flight.body));
                    collect(flight.to);
                }
                continue;
            }
            bool stepped = false;
            for (std::uint32_t n = 1; n <= count; ++n) {
                if (!monitors[n] || monitors[n]->next_deadline() > now) continue;
                at(n).advance(now);
                REQUIRE(at(n).next_deadline() > now);
                collect(n);
                stepped = true;
            }
            if (!stepped && now >= end) return;
        }
    }
    totem::LinkStatus path(std::uint32_t from, std::uint32_t to, std::size_t link = 0) {
        for (const auto& status : at(from).status()) {
            if (status.peer == base::NodeId{to} && status.number == link_list[link].number) return status;
        }
        FAIL("no such path");
        return {};
    }
    bool noted(std::uint32_t n, const std::string& part) {
        return std::any_of(notes[n].begin(), notes[n].end(),
                           [&](const std::string& text) { return text.find(part) != std::string::npos; });
    }

    std::uint32_t count;
    std::vector<totem::MonitorLink> link_list;
    base::Instant now{1'000'000'000};
    base::Duration delay{base::microseconds(200)};
    std::size_t largest{1472};
    std::vector<totem::Rider*> riders;  // by node; for monitors that are started from now on
    std::function<bool(const Flight&)> passes{[](const Flight&) { return true; }};
    std::vector<std::unique_ptr<totem::Monitor>> monitors;
    std::vector<std::vector<std::string>> notes;
    std::vector<std::vector<base::Heard>> told;  // to each node
    std::vector<base::Incarnation> incarnations;
    std::vector<Told> silences;
    std::uint64_t starts{0}, sent{0};
    std::deque<Flight> flights;
};

}  // namespace monitor_test
