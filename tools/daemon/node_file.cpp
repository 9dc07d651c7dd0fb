// The node file as it follows the nodes: rewritten by the runner, with what an administrator has put into it
// meanwhile kept (docs/decisions/0131, 0134), and a copy of it for a core that is restarted (0133).
#include <chrono>
#include <filesystem>
#include <utility>

#include "tools/daemon/daemon.hpp"
#include "totem/base/files.hpp"

namespace tools {

using base::Level;

constexpr std::chrono::seconds kFileRetry{5};

void Daemon::write_node_file() {
    if (writing_file_) {
        write_file_again_ = true;
        return;
    }
    const auto text = base::read_file(options_.config_file);
    const auto next = text ? membership::rewrite_node_file(*text, nodes_, options_.config_file)
                           : base::Result<std::string>(text.error());
    if (!next) return node_file_done(next.error().message);
    if (*next == *text) {
        use_file(*text);
        return node_file_done("");
    }
    // An edit that waits for its `custos reload`, unless it says what has come anyway.
    const auto edited = membership::parse_config(*text, options_.config_file);
    const bool keep = edited && !membership::same_places(membership::node_list(*edited), settled_) &&
                      !membership::same_places(membership::node_list(*edited), nodes_);
    writing_file_ = *next;
    runner_->write_node_file({*next, *text, keep});
}

void Daemon::node_file_written(const agents::NodeFileWritten& written) {
    const std::string text = std::exchange(writing_file_, std::nullopt).value_or("");
    if (written.trouble.empty()) {
        use_file(text);
        log_.line(Level::info, "the node file has the nodes of version " +
                                   std::to_string(file_.totem.config_version) +
                                   "; the former one is kept beside it");
    }
    if (!written.edit.empty()) {
        log_.line(Level::warning, "the nodes have changed while an edit of " + options_.config_file +
                                      " waited for `custos reload`: the edit is kept as " + written.edit);
    }
    if (std::exchange(write_file_again_, false)) return write_node_file();
    node_file_done(written.trouble);
}

// A full or read-only disk is mended by a person; then the file follows by itself.
void Daemon::node_file_done(const std::string& trouble) {
    if (!trouble.empty()) {
        const std::string before = std::exchange(
            file_trouble_, "the node file of this node still has its former nodelist: " + trouble +
                               "; in force is version " + std::to_string(nodes_.version) +
                               ", which this node keeps in its state directory; it is written again every "
                               "few seconds");
        if (file_trouble_ != before) log_.line(Level::warning, file_trouble_);
        file_timer_.expires_after(kFileRetry);
        file_timer_.async_wait([this](const boost::system::error_code& failed) {
            if (!failed && nodes_.counted) write_node_file();
        });
    }
    for (const auto& then : std::exchange(file_then_, {})) then();
}

void Daemon::use_file(const std::string& text) {
    file_trouble_.clear();
    auto file = membership::parse_config(text, options_.config_file);
    if (!file) return;
    broken_file_.clear();
    if (membership::fixed_differences(config_, *file).empty()) config_.settings = file->settings;
    config_.notices = file->notices;
    file_ = *std::move(file);
    settled_ = membership::node_list(file_);
    if (const base::Status kept = keep_copy(node_file_copy(options_), text); !kept)
        log_.line(Level::warning, kept.error().message);
}

void Daemon::when_file_is_written(std::function<void()> then) {
    if (!writing_file_) return then();
    file_then_.push_back(std::move(then));
}

std::vector<std::string> Daemon::file_warnings() const {
    std::vector<std::string> lines;
    if (!broken_file_.empty()) lines.push_back(broken_file_);
    if (!file_trouble_.empty()) lines.push_back(file_trouble_);
    const std::filesystem::path file(options_.config_file);
    const std::string prefix = file.filename().string() + ".edited";
    std::error_code ignored;
    for (std::filesystem::directory_iterator at(file.parent_path(), ignored), end; !ignored && at != end;
         at.increment(ignored)) {
        if (at->path().filename().string().rfind(prefix, 0) != 0) continue;
        lines.push_back("an edit of " + options_.config_file +
                        " was overtaken by a change of the nodes, and is kept as " + at->path().string() +
                        ": put what is still wanted into " + options_.config_file +
                        ", `custos reload`, and remove it");
    }
    return lines;
}

}  // namespace tools
