#include "totem/engine/detail/realtime.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <cerrno>
#include <string>

#include "totem/link/address.hpp"

namespace totem::detail {

base::Status ask_realtime() {
    sched_param parameter{};
    parameter.sched_priority = kRingPriority;
    const int error = ::pthread_setschedparam(::pthread_self(), SCHED_RR | SCHED_RESET_ON_FORK, &parameter);
    if (error == 0) return base::ok();
    return base::Error{base::Errc::unavailable,
                       "no real-time scheduling (" + system_error(error) +
                           "): other load may delay the token; allow CAP_SYS_NICE or LimitRTPRIO=" +
                           std::to_string(kRingPriority)};
}

base::Status lock_memory() {
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    static_cast<void>(::setrlimit(RLIMIT_MEMLOCK, &unlimited));
    rlimit limit{};
    const bool known = ::getrlimit(RLIMIT_MEMLOCK, &limit) == 0;
    std::string why = "RLIMIT_MEMLOCK is limited";
    if (known && limit.rlim_cur == RLIM_INFINITY) {
        if (::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0) return base::ok();
        why = system_error(errno);
    }
    return base::Error{
        base::Errc::unavailable,
        "memory is not locked (" + why + "): swapping may delay the token; set LimitMEMLOCK=infinity"};
}

}  // namespace totem::detail
