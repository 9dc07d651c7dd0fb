// Any text is a date or none; a date has a place in the calendar, and rules on it have an answer.
#include <cstddef>
#include <cstdint>
#include <string>

#include "manager/cib/rule.hpp"
#include "totem/base/check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const std::size_t cut = text.find('|');
    const std::string tail = cut == std::string::npos ? "" : text.substr(cut + 1);
    if (const auto date = manager::cib::parse_date(text.substr(0, cut))) {
        const manager::cib::Calendar at = manager::cib::calendar(*date);
        ASSERT(at.month >= 1 && at.month <= 12 && at.day >= 1 && at.day <= 31 && at.week >= 1 &&
               at.week <= 53);
        (void)manager::cib::add_parts(*date, {{"months", tail}, {"years", tail}, {"days", tail}});
        manager::cib::DateTest test;
        test.operation = "date_spec";
        test.fields = {{"hours", tail}};
        (void)manager::cib::holds(test, *date);
    }
    ASSERT(manager::cib::compare_versions(text, text) == 0);
    return 0;
}
