// The key file at run time: written by the runner on the node's order, or read anew on the administrator's.
#include <map>
#include <utility>

#include "tools/daemon/daemon.hpp"

namespace tools {

using base::Level;

// guard has copied the key file anew. What can't be read changes nothing.
void Daemon::reload_keys() {
    const auto keys = read_keys(options_.key_fd, config_.totem.key_file);
    if (!keys) {
        log_.line(Level::warning, keys.error().message + "; the keys stay as they were");
        return;
    }
    // What the node is having written comes by keys_written().
    if (*keys == keys_ || writing_keys_ || !use_keys(*keys) || !node_) return;
    node_->keys_replaced(moment(), *keys);
    pump();
}

// False: the ring has stopped.
bool Daemon::use_keys(const totem::MasterKeys& keys) {
    keys_ = keys;
    if (engine_ && !engine_->change_keys(keys_)) return false;
    if (engine_) leave_last_words();
    std::string text = "this node seals with the key " + keys_.sending().key.fingerprint();
    if (keys_.other())
        text += " and opens frames of the key " + keys_.other()->key.fingerprint() + " as well";
    log_.line(Level::info, text);
    return true;
}

void Daemon::write_keys(totem::MasterKeys keys) {
    writing_keys_ = std::move(keys);
    runner_->write_key(writing_keys_->file_text());
}

void Daemon::keys_written(const std::string& trouble) {
    if (!writing_keys_) return;
    const totem::MasterKeys keys = *std::exchange(writing_keys_, std::nullopt);
    const bool again = std::exchange(key_trouble_, trouble) == trouble;
    base::Status done = base::ok();
    if (!trouble.empty()) {
        if (!again) {
            log_.line(Level::warning,
                      "the key file stays as it was: " + trouble + "; it is written again every few seconds");
        }
        done = base::Error{base::Errc::io, trouble};
    } else if (!use_keys(keys)) {
        return;
    }
    node_->keys_written(moment(), done);
    pump();
}

std::vector<std::string> Daemon::key_warnings() const {
    std::vector<std::string> lines;
    const auto now = node_->key_state();
    if (!now) return lines;
    if (!now->trouble.empty()) {
        lines.push_back("the key file of this node could not be written: " + now->trouble +
                        "; the change of the key waits for it, and it is written again every few seconds");
    }
    const std::string change = membership::to_text(*now, node_names());
    if (!change.empty()) lines.push_back("the key is being changed: " + change);
    return lines;
}

void Daemon::put_keys(RingReply& out) const {
    const auto now = node_ ? node_->key_state() : std::nullopt;
    if (!now) return;
    out.key_change = membership::to_text(*now, node_names());
    out.key_trouble = now->trouble;
    for (const auto& [node, word] : now->words) {
        RingKeyHolder holder{node, word.sending.fingerprint, {}};
        if (word.other) holder.accepts = word.other->fingerprint;
        out.key_holders.push_back(std::move(holder));
    }
}

}  // namespace tools
