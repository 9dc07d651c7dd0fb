// bench_plan_time FILE [RUNS]: CPU time of this process for a CIB, in milliseconds: one line a run, "XML PLAN
// CHANGE": reading the XML, planning what was read, and planning again when one attribute of one node has
// changed (the change itself and the plan; the XML is not read again).
#include <ctime>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "manager/cib/import.hpp"
#include "manager/planner/plan.hpp"

namespace {

double cpu_ms() {
    timespec at{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return static_cast<double>(at.tv_sec) * 1e3 + static_cast<double>(at.tv_nsec) / 1e6;
}

// Something for the compiler to keep: how many actions the plan has.
std::size_t plan(const manager::cib::Document& document, std::int64_t now) {
    return manager::planner::plan(document, now).actions.size();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::cerr << "usage: bench_plan_time FILE [RUNS]\n";
        return 1;
    }
    std::ifstream file(argv[1], std::ios::binary);
    const std::string xml((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const int runs = argc > 2 ? std::stoi(argv[2]) : 5;
    for (int run = 0; run < runs; ++run) {
        const double start = cpu_ms();
        auto document = manager::cib::import_cib(xml);
        if (!document || document->reports.empty()) {
            std::cerr << argv[1] << ": " << (document ? "no node has reported" : document.error().message)
                      << "\n";
            return 1;
        }
        const double read = cpu_ms();
        const std::size_t before = plan(*document, document->taken);
        const double planned = cpu_ms();
        manager::cib::AttributeSet changed;
        changed.id = "bench";
        changed.pairs = {{"ping", std::to_string(run)}};
        auto& attributes = document->reports.front().attributes;
        attributes.insert(attributes.begin(), changed);
        const std::size_t after = plan(*document, document->taken);
        const double again = cpu_ms();
        if (before == 0 || after == 0) return 1;
        std::cout << read - start << " " << planned - read << " " << again - planned << "\n";
    }
    return std::cout.flush() ? 0 : 1;
}
