// One node of a ring without a manager, for tests/bench/membership:
//
//   bench_engine_latency NODE DIRECTORY COUNT INTERVAL_MS ADDRESS...
//
// ADDRESSes are those of nodes 1, 2, ...; DIRECTORY has the key (authkey) and gets the ring sequence. Prints
// "ready" with the view of all. With COUNT 0 it then waits for the end of its standard input; else it submits
// COUNT messages of 64 bytes, one each INTERVAL_MS, and prints the microseconds from each submit to its own
// agreed delivery, one a line, when all have come.
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

#include "totem/engine/engine.hpp"

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kSize = 64;

struct Options {
    base::NodeId self;
    std::string directory;
    std::size_t count{0};
    std::chrono::microseconds interval{0};
    std::vector<std::string> addresses;
};

// What the engine's thread tells.
class Results {
  public:
    explicit Results(const Options& options) : options_(options) {}

    void take(const std::vector<totem::Event>& events) {
        const std::lock_guard lock(mutex_);
        for (const totem::Event& event : events) {
            if (const auto* regular = std::get_if<totem::Regular>(&event))
                whole_ = whole_ || regular->view.members.size() == options_.addresses.size();
            const auto* delivered = std::get_if<totem::Delivered>(&event);
            if (delivered == nullptr || delivered->sender.node != options_.self) continue;
            Clock::rep sent = 0;
            std::memcpy(&sent, delivered->payload.data(), sizeof sent);
            took_.push_back(Clock::now().time_since_epoch() - Clock::duration(sent));
        }
        changed_.notify_all();
    }
    bool wait_whole() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::seconds(30), [this] { return whole_; });
    }
    void wait_all() {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::seconds(60), [this] { return took_.size() >= options_.count; });
    }
    void print() {
        const std::lock_guard lock(mutex_);
        for (const Clock::duration took : took_)
            std::cout << std::chrono::duration_cast<std::chrono::microseconds>(took).count() << "\n";
    }

  private:
    const Options& options_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool whole_{false};
    std::vector<Clock::duration> took_;
};

totem::EngineConfig engine_config(const Options& options) {
    totem::EngineConfig config;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    config.ring.self = {options.self, {static_cast<std::uint64_t>(now.count())}};
    config.cluster_name = "bench";
    config.epoch_file = options.directory + "/ring-sequence";
    totem::EngineLink link;
    for (std::size_t i = 0; i < options.addresses.size(); ++i) {
        const base::NodeId node{static_cast<std::uint32_t>(i + 1)};
        config.ring.roster.insert(node);
        link.addresses.push_back({node, options.addresses[i]});
    }
    config.links.push_back(std::move(link));
    return config;
}

void send_all(totem::Engine& engine, const Options& options) {
    Clock::time_point due = Clock::now() + std::chrono::milliseconds(200);
    for (std::size_t i = 0; i < options.count; ++i) {
        std::this_thread::sleep_until(due);
        due += options.interval;
        base::Bytes payload(kSize);
        const Clock::rep sent = Clock::now().time_since_epoch().count();
        std::memcpy(payload.data(), &sent, sizeof sent);
        if (!engine.submit(std::move(payload))) std::cerr << "the queue is full\n";
    }
}

int run(const Options& options) {
    auto keys = totem::MasterKeys::load(options.directory + "/authkey");
    if (!keys) {
        std::cerr << keys.error().message << "\n";
        return 1;
    }
    Results results(options);
    auto engine =
        totem::Engine::start(engine_config(options), *keys,
                             {[&results](const std::vector<totem::Event>& events) { results.take(events); },
                              [](base::Level level, const std::string& text) {
                                  if (level != base::Level::debug) std::cerr << text << "\n";
                              }});
    if (!engine) {
        std::cerr << engine.error().message << "\n";
        return 1;
    }
    if (!results.wait_whole()) {
        std::cerr << "no ring of all within 30 s\n";
        return 1;
    }
    std::cout << "ready" << std::endl;
    if (options.count == 0) {
        char ignored = 0;
        while (::read(STDIN_FILENO, &ignored, 1) > 0) {
        }
        return 0;
    }
    send_all(**engine, options);
    results.wait_all();
    results.print();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 6) {
        std::cerr << "usage: bench_engine_latency NODE DIRECTORY COUNT INTERVAL_MS ADDRESS...\n";
        return 2;
    }
    Options options;
    options.self = {static_cast<std::uint32_t>(std::atoi(argv[1]))};
    options.directory = argv[2];
    options.count = static_cast<std::size_t>(std::atoi(argv[3]));
    options.interval = std::chrono::microseconds(static_cast<long>(std::atof(argv[4]) * 1000));
    options.addresses.assign(argv + 5, argv + argc);
    return run(options);
}
