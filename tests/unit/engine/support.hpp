#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "totem/engine/engine.hpp"
#include "totem/link/batch.hpp"
#include "totem/link/sockets.hpp"

namespace engine_test {

constexpr std::chrono::seconds kDeadline{20};  // only a failure meets it

// A directory that goes with its test.
class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = "/tmp/custos-engine-test-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

inline totem::IpAddress ip(const std::string& text) {
    return *base::parse_ip(text);
}

// A UDP socket on a loopback address, for peers that are no engines.
class Wire {
  public:
    Wire(const std::string& address, std::uint16_t port) : fd_(open()) {
        REQUIRE(totem::bind_socket(fd_, ip(address), port));
        const timeval patience{kDeadline.count(), 0};
        REQUIRE(::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
        const int flags = 0;
        REQUIRE(::fcntl(fd_.get(), F_SETFL, flags) == 0);  // blocking
    }
    void send(const std::string& address, std::uint16_t port, base::ByteView bytes) {
        const base::SocketAddress to(ip(address), port);
        REQUIRE(::sendto(fd_.get(), bytes.data(), bytes.size(), 0, to.data(), to.size()) ==
                static_cast<ssize_t>(bytes.size()));
    }
    // The next datagram; empty when none comes.
    base::Bytes receive() {
        base::Bytes bytes(65536);
        const ssize_t n = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
        bytes.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
        return bytes;
    }
    [[nodiscard]] bool quiet() {
        std::uint8_t byte = 0;
        return ::recv(fd_.get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
    }
    [[nodiscard]] std::uint16_t port() const {
        base::SocketAddress local;
        socklen_t size = base::SocketAddress::kRoom;
        REQUIRE(::getsockname(fd_.get(), local.data(), &size) == 0);
        return local.port();
    }

  private:
    static totem::Fd open() {
        auto fd = totem::open_udp();
        REQUIRE(fd);
        return std::move(*fd);
    }
    totem::Fd fd_;
};

// A port that was free on 127.0.0.1 a moment ago.
inline std::uint16_t free_port() {
    return Wire("127.0.0.1", 0).port();
}

inline totem::MasterKey key(std::uint8_t fill = 7) {
    std::array<std::uint8_t, totem::MasterKey::kSize> bytes{};
    bytes.fill(fill);
    return totem::MasterKey(bytes);
}

// Node N of `count`, at 127.0.0.N.
inline totem::EngineConfig config(std::uint32_t self, std::uint32_t count, std::uint16_t port,
                                  const std::string& epoch_file, std::uint64_t incarnation = 100) {
    totem::EngineConfig out;
    out.links.resize(1);
    out.links[0].port = port;
    out.ring.self = {base::NodeId{self}, base::Incarnation{incarnation}};
    for (std::uint32_t n = 1; n <= count; ++n) {
        out.ring.roster.insert(base::NodeId{n});
        out.links[0].addresses.push_back({base::NodeId{n}, "127.0.0." + std::to_string(n)});
    }
    out.cluster_name = "unit";
    out.epoch_file = epoch_file;
    out.realtime = false;
    out.same_host = true;
    return out;
}

// Written by the engine's thread, waited for by the test's.
template <typename T>
class Box {
  public:
    template <typename F>
    void change(F&& f) {
        const std::lock_guard lock(mutex_);
        f(value_);
        changed_.notify_all();
    }
    template <typename P>
    [[nodiscard]] bool wait(P&& condition) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, kDeadline, [&] { return condition(value_); });
    }
    [[nodiscard]] T get() {
        const std::lock_guard lock(mutex_);
        return value_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    T value_{};
};

}  // namespace engine_test
