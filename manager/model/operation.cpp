#include "manager/model/operation.hpp"

namespace manager {

std::string ocf_code_text(int code) {
    switch (code) {
        case kOcfOk:
            return "ok";
        case kOcfGeneric:
            return "error";
        case kOcfArgs:
            return "invalid parameter";
        case kOcfUnimplemented:
            return "unimplemented action";
        case kOcfPermission:
            return "insufficient privileges";
        case kOcfNotInstalled:
            return "not installed";
        case kOcfNotConfigured:
            return "not configured";
        case kOcfNotRunning:
            return "not running";
        case kOcfRunningPromoted:
            return "promoted";
        case kOcfFailedPromoted:
            return "promoted but failed";
        case kOcfTimeout:
            return "timed out";
        case kOcfUnknown:
            return "could not be run";
        default:
            return "exit code " + std::to_string(code);
    }
}

}  // namespace manager
