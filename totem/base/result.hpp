// Result<T>: a value or an Error. Errors are values that gain context on their way up; nothing in Custos
// throws across a folder. The names follow std::expected, so that it can take over once the toolchain has it
// (see docs/decisions).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "totem/base/check.hpp"

namespace base {

// What kind of wrong it is; decides what a caller can do, not what the person reads.
enum class Errc {
    invalid,      // the input is wrong: file, command, packet, agent output
    not_found,    // the named thing does not exist
    conflict,     // it exists, but its state forbids this
    unavailable,  // not now: no quorum, no daemon, queue full
    timed_out,
    io,        // the operating system said no
    internal,  // our own mistake, caught before it did harm
};

struct Error {
    Errc code{Errc::internal};
    std::string message;  // for a person: what happened, what it means, what to do next

    // The same error with "context: " put in front.
    [[nodiscard]] Error with(std::string_view context) const {
        return {code, std::string(context) + ": " + message};
    }
};

// An error of kind Errc::invalid.
[[nodiscard]] inline Error invalid(std::string message) {
    return {Errc::invalid, std::move(message)};
}

template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value)
        : data_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
    Result(Error error)
        : data_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

    [[nodiscard]] bool has_value() const { return data_.index() == 0; }
    explicit operator bool() const { return has_value(); }

    [[nodiscard]] T& value() & {
        ASSERT(has_value());
        return *std::get_if<0>(&data_);
    }
    [[nodiscard]] const T& value() const& {
        ASSERT(has_value());
        return *std::get_if<0>(&data_);
    }
    [[nodiscard]] T&& value() && {
        ASSERT(has_value());
        return std::move(*std::get_if<0>(&data_));
    }
    [[nodiscard]] T& operator*() & { return value(); }
    [[nodiscard]] const T& operator*() const& { return value(); }
    [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }
    [[nodiscard]] T* operator->() { return &value(); }
    [[nodiscard]] const T* operator->() const { return &value(); }

    [[nodiscard]] const Error& error() const {
        ASSERT(!has_value());
        return *std::get_if<1>(&data_);
    }

  private:
    std::variant<T, Error> data_;
};

struct Ok {};

// Success without a value: `return base::ok();`
using Status = Result<Ok>;
[[nodiscard]] inline Status ok() {
    return Ok{};
}

}  // namespace base

#define CUSTOS_CONCAT_(a, b) a##b
#define CUSTOS_CONCAT(a, b) CUSTOS_CONCAT_(a, b)

// TRY(auto x, f());  declares x from f()'s value, or returns f()'s error from this function.
#define TRY(declaration, expression) TRY_(declaration, expression, CUSTOS_CONCAT(try_result_, __LINE__))
#define TRY_(declaration, expression, temporary)  \
    auto temporary = (expression);                \
    if (!(temporary)) return (temporary).error(); \
    declaration = *std::move(temporary)

// TRY_OK(f());  returns f()'s error from this function, if it has one.
#define TRY_OK(expression)                                                          \
    do {                                                                            \
        if (auto try_status = (expression); !try_status) return try_status.error(); \
    } while (false)
