#include "tools/daemon/start_file.hpp"

#include "totem/base/bytes.hpp"
#include "totem/base/files.hpp"

namespace tools {

namespace {

// Only what is written as an address is looked at: asking a name server would take time that a lease has not.
base::Status check_literal_addresses(membership::NodeConfig config) {
    base::Status resolved =
        membership::resolve_addresses(config, [](const std::string&) { return std::vector<std::string>{}; });
    if (resolved || resolved.error().code == base::Errc::not_found) return base::ok();
    return resolved;
}

base::Result<StartFile> parsed(const std::string& path) {
    auto text = base::read_file(path);
    if (!text) {
        // Its words say more of why.
        TRY(membership::NodeConfig config, membership::load_config(path));
        return text.error();
    }
    TRY(membership::NodeConfig config, membership::parse_config(*text, path, membership::local_bind_address));
    return StartFile{std::move(config), *std::move(text)};
}

}  // namespace

base::Result<StartFile> read_start_file(const std::string& path, const std::string& copy, bool restarted) {
    auto file = parsed(path);
    if (!restarted) return file;
    base::Status usable = file ? check_literal_addresses(file->config) : base::Status(file.error());
    if (usable) return file;
    auto last = parsed(copy);
    if (!last) return usable.error();
    last->trouble = "the node file can't be used any more: " + usable.error().message +
                    ". This node goes on with the text of it that it last read or wrote, which it keeps in " +
                    copy + ": mend " + path +
                    ", then `custos reload`; a restart of custosd is refused until then";
    return last;
}

base::Status keep_copy(const std::string& copy, const std::string& text) {
    return base::replace_file(copy, base::as_bytes(text));
}

}  // namespace tools
