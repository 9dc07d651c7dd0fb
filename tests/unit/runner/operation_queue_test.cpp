// The queue as a transcript: what is submitted and what ends goes in, what starts, is killed and is reported
// comes out.
#include "agents/runner/operation_queue.hpp"

#include <doctest/doctest.h>

#include <map>

using agents::OperationQueue;
using base::Instant;
using base::milliseconds;
using base::seconds;
using manager::OperationRequest;

namespace {

class Script {
  public:
    explicit Script(std::size_t limit = 4) : queue_(limit) {}

    Script& submit(std::uint64_t id, const std::string& resource, const std::string& action,
                   base::Duration interval = {}, base::Duration timeout = seconds(20)) {
        OperationRequest r;
        r.id = id;
        r.resource = resource;
        r.action = action;
        r.interval = interval;
        r.timeout = timeout;
        queue_.submit(now_, r);
        return *this;
    }
    Script& cancel(const std::string& resource) {
        queue_.cancel_recurring(now_, resource);
        return *this;
    }
    // The run of operation `id` ends.
    Script& end(std::uint64_t id, int code = 0, const std::string& reason = {}) {
        REQUIRE(runs_.count(id) == 1);
        queue_.finished(now_, runs_.at(id), {code, reason});
        return *this;
    }
    // Lets time pass, and tells what happened, "start 1; result 2=7 why; kill 3".
    std::string after(base::Duration d = {}) {
        now_ = now_ + d;
        queue_.advance(now_);
        std::string log;
        for (const auto& effect : queue_.take_effects()) {
            if (!log.empty()) log += "; ";
            if (const auto* start = std::get_if<OperationQueue::Start>(&effect)) {
                runs_[start->request.id] = start->run;
                ids_[start->run] = start->request.id;
                log += "start " + std::to_string(start->request.id);
            } else if (const auto* kill = std::get_if<OperationQueue::Kill>(&effect)) {
                log += "kill " + std::to_string(ids_.at(kill->run));
            } else {
                const auto& r = std::get<manager::OperationResult>(effect);
                log += "result " + std::to_string(r.id) + "=" + std::to_string(r.code);
                if (!r.reason.empty()) log += " " + r.reason;
            }
        }
        return log;
    }
    base::Duration next() { return queue_.next_deadline() - now_; }
    bool sleeps() { return queue_.next_deadline() == Instant::never(); }

  private:
    OperationQueue queue_;
    Instant now_{seconds(100).ns};
    std::map<std::uint64_t, std::uint64_t> runs_, ids_;
};

}  // namespace

TEST_CASE("an operation runs, ends, and is reported once") {
    Script s;
    CHECK(s.submit(1, "a", "start").after() == "start 1");
    CHECK(s.next() == seconds(20));
    CHECK(s.end(1, 5, "no such program").after(seconds(1)) == "result 1=5 no such program");
    CHECK(s.sleeps());
}

TEST_CASE("an id that is known is not run twice") {
    Script s;
    CHECK(s.submit(1, "a", "start").submit(1, "a", "start").after() == "start 1");
    CHECK(s.submit(1, "a", "start").after().empty());
    CHECK(s.end(1).after() == "result 1=0");
}

TEST_CASE("never two operations of one resource; others run beside it") {
    Script s;
    CHECK(s.submit(1, "a", "monitor").submit(2, "a", "start").submit(3, "b", "start").after() ==
          "start 2; start 3");
    CHECK(s.end(2).after() == "result 2=0; start 1");
}

TEST_CASE("operations of a resource that change it keep their order: a stop does not overtake a start") {
    Script s(1);
    CHECK(s.submit(1, "x", "start").after() == "start 1");
    s.submit(2, "a", "start").submit(3, "a", "stop").submit(4, "b", "stop");
    CHECK(s.after() == "start 4");
    CHECK(s.end(1).after() == "result 1=0; start 2");
    CHECK(s.end(4).end(2).after() == "result 4=0; result 2=0; start 3");
}

TEST_CASE("the limit holds; stops have places of their own") {
    Script s(2);
    s.submit(1, "a", "monitor").submit(2, "b", "monitor").submit(3, "c", "monitor").submit(4, "d", "start");
    CHECK(s.after() == "start 4; start 1");
    CHECK(s.submit(5, "e", "stop").submit(6, "f", "stop").submit(7, "g", "stop").after() ==
          "start 5; start 6");
    CHECK(s.end(5).after() == "result 5=0; start 7");
    CHECK(s.end(4).after() == "result 4=0; start 2");
}

TEST_CASE("what waits for a place does not make the queue busy") {
    Script s(1);
    CHECK(s.submit(1, "a", "start").submit(2, "b", "start").after() == "start 1");
    CHECK(s.next() == seconds(20));
}

TEST_CASE(
    "a recurring monitor runs at once, then when its interval has passed since its end; it reports changes "
    "only") {
    Script s;
    CHECK(s.submit(1, "a", "monitor", seconds(10)).after() == "start 1");
    CHECK(s.after(seconds(1)).empty());
    CHECK(s.end(1).after() == "result 1=0");
    CHECK(s.next() == seconds(10));
    CHECK(s.after(milliseconds(9'999)).empty());
    CHECK(s.after(milliseconds(1)) == "start 1");
    CHECK(s.end(1).after().empty());
    CHECK(s.after(seconds(10)) == "start 1");
    CHECK(s.end(1, 7, "gone").after() == "result 1=7 gone");
    CHECK(s.after(seconds(10)) == "start 1");
    CHECK(s.end(1, 7, "still gone").after().empty());
    CHECK(s.after(seconds(10)) == "start 1");
    CHECK(s.end(1).after() == "result 1=0");
}

TEST_CASE(
    "a stop ends the recurring monitors of its resource: the waiting ones silently, the running one by a "
    "kill") {
    Script s;
    s.submit(1, "a", "monitor", seconds(10)).submit(2, "b", "monitor", seconds(10));
    CHECK(s.after() == "start 1; start 2");
    CHECK(s.submit(3, "a", "stop").after() == "kill 1");
    CHECK(s.end(1, 1, "killed").after() == "start 3");
    CHECK(s.end(3).after() == "result 3=0");
    CHECK(s.end(2).after() == "result 2=0");
    CHECK(s.submit(4, "b", "stop").after() == "start 4");
    CHECK(s.end(4).after() == "result 4=0");
    CHECK(s.sleeps());
}

TEST_CASE("cancelling ends recurring operations without results, and leaves the others") {
    Script s;
    CHECK(s.submit(1, "a", "monitor").submit(2, "a", "monitor", seconds(10)).after() == "start 1");
    CHECK(s.cancel("a").after().empty());
    CHECK(s.end(1, 7).after() == "result 1=7");
    CHECK(s.sleeps());
    CHECK(s.submit(3, "a", "monitor", seconds(10)).after() == "start 3");
    CHECK(s.cancel("a").after() == "kill 3");
    CHECK(s.end(3).after(seconds(1)).empty());
    CHECK(s.sleeps());
}

TEST_CASE(
    "a recurring operation replaces the one of the same resource, action and interval, and reports its first "
    "result") {
    Script s;
    CHECK(s.submit(1, "a", "monitor", seconds(10)).submit(2, "a", "monitor", seconds(20)).after() ==
          "start 1");
    CHECK(s.end(1).after() == "result 1=0; start 2");
    CHECK(s.end(2).submit(3, "a", "monitor", seconds(10)).after() == "result 2=0; start 3");
    CHECK(s.submit(4, "a", "monitor", seconds(10)).after().empty());
    CHECK(s.end(3).after() == "start 4");
    CHECK(s.end(4).after() == "result 4=0");
    CHECK(s.after(seconds(10)) == "start 4");
}

TEST_CASE("at its deadline an operation is killed, and that is a timeout whatever its end says") {
    Script s;
    CHECK(s.submit(1, "a", "start", {}, seconds(5)).after() == "start 1");
    CHECK(s.after(seconds(5)) == "kill 1");
    CHECK(s.end(1, 0).after(milliseconds(3)) == "result 1=198 did not end within 5000 ms and was killed");
}

TEST_CASE(
    "a program that cannot be killed is reported, keeps its resource, and everything for that resource is "
    "told") {
    Script s;
    s.submit(1, "a", "start", {}, seconds(5)).submit(2, "a", "monitor");
    CHECK(s.after() == "start 1");
    CHECK(s.after(seconds(5)) == "kill 1");
    const std::string why =
        "start of a was killed and does not end: it waits in the kernel, usually for a disk or a network "
        "file system";
    CHECK(s.after(seconds(2)) == "result 1=198 " + why + "; result 2=198 " + why);
    CHECK(s.submit(3, "a", "stop").submit(4, "b", "stop").after() == "result 3=198 " + why + "; start 4");
    // The disk is back: the process ends, and the resource is free.
    CHECK(s.end(1).end(4).after() == "result 4=0");
    CHECK(s.submit(5, "a", "stop").after() == "start 5");
}

TEST_CASE("a monitor that hangs is reported as a timeout once, and is tried again") {
    Script s;
    s.submit(1, "a", "monitor", seconds(10), seconds(3));
    CHECK(s.after() == "start 1");
    for (int round = 0; round < 2; ++round) {
        CHECK(s.after(seconds(3)) == "kill 1");
        CHECK(s.end(1, 1).after() ==
              (round == 0 ? "result 1=198 did not end within 3000 ms and was killed" : ""));
        CHECK(s.after(seconds(10)) == "start 1");
    }
}
