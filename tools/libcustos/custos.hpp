// libcustos for C++20: the C API of custos.h with owning types; nothing but inline code, so that only the C
// symbols are linked. custos.h says what each function does.
#pragma once

#include <custos.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace custos {

using Member = ::custos_member;
using Change = ::custos_change;
using Place = ::custos_place;

inline bool operator==(const Member& a, const Member& b) {
    return a.node == b.node && a.incarnation == b.incarnation && a.client == b.client;
}

enum class Result {
    ok = CUSTOS_OK,
    none = CUSTOS_NONE,
    no_credit = CUSTOS_NO_CREDIT,
    invalid = CUSTOS_INVALID,
    conflict = CUSTOS_CONFLICT,
    denied = CUSTOS_DENIED,
    absent = CUSTOS_ABSENT,
    lost = CUSTOS_LOST,
    no_memory = CUSTOS_NO_MEMORY,
    system = CUSTOS_SYSTEM
};

// Borrowed from the client: holds until the next call with it.
class Event {
  public:
    explicit Event(const custos_event& event) : event_(&event) {}
    [[nodiscard]] bool is_message() const { return event_->kind == CUSTOS_EVENT_MESSAGE; }
    [[nodiscard]] bool is_view() const { return event_->kind == CUSTOS_EVENT_VIEW; }
    [[nodiscard]] bool is_ring() const { return event_->kind == CUSTOS_EVENT_RING; }
    [[nodiscard]] bool is_credit() const { return event_->kind == CUSTOS_EVENT_CREDIT; }
    [[nodiscard]] bool is_refused() const { return event_->kind == CUSTOS_EVENT_REFUSED; }
    [[nodiscard]] bool transitional() const { return event_->transitional != 0; }
    [[nodiscard]] const Place& place() const { return event_->place; }
    [[nodiscard]] std::string_view group() const { return {event_->group, event_->group_size}; }
    [[nodiscard]] const Member& sender() const { return event_->sender; }
    [[nodiscard]] std::string_view payload() const {
        return {static_cast<const char*>(event_->payload), event_->payload_size};
    }
    [[nodiscard]] std::span<const Member> members() const { return {event_->members, event_->member_count}; }
    [[nodiscard]] std::span<const Change> left() const { return {event_->left, event_->left_count}; }
    [[nodiscard]] std::span<const Change> joined() const { return {event_->joined, event_->joined_count}; }
    [[nodiscard]] std::span<const Member> nodes() const { return {event_->nodes, event_->node_count}; }
    [[nodiscard]] const char* text() const { return event_->text == nullptr ? "" : event_->text; }

  private:
    const custos_event* event_;
};

// A connection. Says goodbye when it is destroyed.
class Client {
  public:
    Client() = default;
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    Client(Client&& other) noexcept : client_(std::exchange(other.client_, nullptr)) {}
    Client& operator=(Client&& other) noexcept {
        std::swap(client_, other.client_);
        return *this;
    }
    ~Client() { custos_close(client_); }

    // `socket`: empty: the default. Whatever it was before is closed.
    [[nodiscard]] Result connect(const std::string& socket = {}, unsigned flags = 0) {
        custos_close(std::exchange(client_, nullptr));
        return Result{custos_connect(socket.empty() ? nullptr : socket.c_str(), flags, &client_)};
    }
    [[nodiscard]] int fd() const { return custos_fd(client_); }
    [[nodiscard]] Member self() const { return custos_self(client_); }
    [[nodiscard]] Result join(std::string_view group) {
        return Result{custos_join(client_, group.data(), group.size())};
    }
    [[nodiscard]] Result leave(std::string_view group) {
        return Result{custos_leave(client_, group.data(), group.size())};
    }
    [[nodiscard]] Result send(std::string_view group, std::string_view payload,
                              custos_guarantee guarantee = CUSTOS_AGREED) {
        return Result{
            custos_send(client_, group.data(), group.size(), payload.data(), payload.size(), guarantee)};
    }
    // The next event, if there is one in that time; else `result` says why not.
    [[nodiscard]] std::optional<Event> next(int timeout_ms, Result* result = nullptr) {
        const custos_event* event = nullptr;
        const Result got{custos_next(client_, timeout_ms, &event)};
        if (result != nullptr) *result = got;
        return got == Result::ok ? std::optional<Event>(*event) : std::nullopt;
    }
    [[nodiscard]] std::vector<Member> members(std::string_view group) {
        const Member* members = nullptr;
        std::size_t count = 0;
        if (custos_members(client_, group.data(), group.size(), &members, &count) != CUSTOS_OK) return {};
        return {members, members + count};
    }
    [[nodiscard]] std::string error() const { return custos_error(client_); }
    [[nodiscard]] custos_client* c() const { return client_; }

  private:
    custos_client* client_{nullptr};
};

}  // namespace custos
