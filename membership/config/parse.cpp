// Checked tree -> NodeConfig.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "membership/config/config.hpp"
#include "membership/config/detail/nodelist.hpp"
#include "membership/config/detail/quorum.hpp"
#include "membership/config/detail/settings.hpp"
#include "membership/config/detail/totem.hpp"
#include "membership/config/grammar/check.hpp"

namespace membership {

namespace {

using grammar::error_at;
using grammar::flag_of;
using grammar::line_of;
using grammar::Notices;
using grammar::Section;
using grammar::text_of;

base::Status read_logging(const Section* logging, std::string_view file, LoggingOptions& out) {
    out.to_stderr = flag_of(logging, "to_stderr").value_or(out.to_stderr);
    out.to_syslog = flag_of(logging, "to_syslog").value_or(out.to_syslog);
    const char* key =
        flag_of(logging, "to_logfile") ? "to_logfile" : "to_file";  // to_file: before corosync 1.2
    out.to_file = flag_of(logging, key).value_or(out.to_file);
    out.file = text_of(logging, "logfile").value_or("");
    if (out.to_file && out.file.empty()) {
        return error_at(file, line_of(logging, key),
                        std::string("logging.") + key +
                            ": expected a line \"logfile: /var/log/...\" beside it, found none");
    }
    const auto on = [&](const char* name) {
        const auto value = text_of(logging, name);
        return value && grammar::parse_flag(*value).value_or(true);  // "trace" and "hires" are more than on
    };
    out.debug = on("debug");
    out.timestamp = on("timestamp");
    return base::ok();
}

void note_watchdog(const Section* resources, Notices& notices) {
    const auto device = text_of(resources, "watchdog_device");
    if (!device || device->empty() || *device == "off") return;
    notices.add(line_of(resources, "watchdog_device"), "resources.watchdog_device",
                "is ignored: no watchdog is armed yet, so that nothing resets this node when it hangs", true);
}

}  // namespace

base::Result<NodeConfig> parse_config(std::string_view text, std::string_view file_name,
                                      const BindAddress& bind_address) {
    NodeConfig config;
    config.file = file_name;
    Notices notices(config.file);
    TRY(const Section raw, grammar::parse_tree(text, file_name));
    TRY(const Section tree, grammar::check_tree(raw, file_name, notices));
    TRY(config.nodes, detail::read_nodelist(tree, file_name, bind_address, notices));
    TRY_OK(detail::read_totem(tree.section("totem"), config.nodes, file_name, notices, config.totem));
    TRY_OK(detail::read_quorum(tree.section("quorum"), config.nodes, file_name, notices, config.quorum));
    TRY_OK(read_logging(tree.section("logging"), file_name, config.logging));
    note_watchdog(tree.section("resources"), notices);
    config.notices = notices.take();
    config.settings = detail::list_settings(tree);
    return config;
}

}  // namespace membership
