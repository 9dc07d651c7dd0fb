// The crm shell: takes words ("resource stop web"), asks the daemon, says what came of it. One table (levels)
// drives parsing, abbreviations and help.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "manager/model/edit.hpp"
#include "tools/crm/agents.hpp"
#include "tools/crm/words.hpp"
#include "tools/ipc/control.hpp"
#include "totem/base/result.hpp"

namespace tools {

class Shell;

// One command of a level. Names and aliases may be abbreviated as long as that is unique among the level.
// `run` gets the command's full name as the first word, then its arguments.
struct Command {
    using Run = base::Status (*)(Shell& shell, const Words& words);
    std::string_view name;
    std::string_view aliases;       // separated by blanks
    std::string_view usage;         // of its arguments
    std::string_view summary;       // one line
    std::size_t least{0}, most{0};  // number of arguments
    Run run{nullptr};               // null: known to the crm language, not yet supported here
    bool exact{false};              // not to be abbreviated
};
struct Level {
    std::string_view name;  // "" is the top
    std::string_view aliases;
    std::string_view summary;
    std::vector<Command> commands;
    bool exact{false};
};
inline constexpr std::size_t kAny = static_cast<std::size_t>(-1);

// The levels of the crm language; the first one is the top.
[[nodiscard]] const std::vector<Level>& crm_levels();

// Asks the daemon (client.hpp) or a file (offline.hpp).
using Ask = std::function<base::Result<Reply>(const Request& request)>;

struct ShellOptions {
    std::string program{"crm"};  // for messages
    bool wait{false};            // -w: until the change has taken effect
    bool force{false};           // -F: no question, and deletes stop first
    bool terminal{false};        // a person sits at it: questions are asked, otherwise they count as "no"
    bool colour{false};
    std::string group_socket{};  // of the daemon, for process groups; empty: the default one
};

// Where the shell reads and writes. `read_line` prints the prompt and gives one line; nothing at the end of
// input.
struct ShellStreams {
    std::ostream& out;
    std::ostream& err;
    std::function<std::optional<std::string>(const std::string& prompt)> read_line;
    std::function<std::string(base::WallTime when)> time_text;
    std::function<base::WallTime()> now;
};

class Shell {
  public:
    // `levels`: crm_levels(), or those and more; the first one is the top.
    Shell(std::vector<Level> levels, Ask ask, Agents& agents, ShellStreams streams, ShellOptions options);

    // One command line; a change of the configuration is made as one. Returns the exit code: 0 or 1.
    int run(const Words& words);
    // Each line in turn, also after one that failed; `name` opens the messages. Levels entered and not left
    // are left at the end.
    int run_script(std::string_view text, const std::string& name);
    // Reads lines with a prompt until the end of input or quit.
    int interact();

    // --- for the commands
    std::ostream& out() { return streams_.out; }
    Agents& agents() { return agents_; }
    [[nodiscard]] const ShellOptions& options() const { return options_; }
    [[nodiscard]] const ShellStreams& streams() const { return streams_; }
    void info(const std::string& text);
    void warn(const std::string& text);
    // Said once the change of this line is made; not at all when it is refused.
    void info_when_done(const std::string& text) { when_done_.push_back(text); }
    // False without asking when nobody can be asked and -F was not given.
    [[nodiscard]] bool confirm(const std::string& question) const;
    base::Result<Reply> ask(const Request& request);
    base::Result<StatusReply> status();
    // Runs one command in the cluster. The version of the configuration to wait for.
    base::Result<std::uint64_t> submit(manager::Command command);
    // The same and, with -w, waits for it.
    base::Status command(manager::Command command);
    // Makes the edits one change of the configuration. `base_version` as in manager::ChangeConfiguration.
    base::Status change(std::vector<manager::Edit> edits, std::optional<std::uint64_t> base_version = {});
    // The same, and always waits.
    base::Status change_and_wait(std::vector<manager::Edit> edits);
    // Waits until that version has taken effect; Errc::conflict with what could not be done.
    base::Status wait_for(std::uint64_t version);

    // --- the configuration as the statements of this line, or of the configure level so far, left it
    base::Result<const manager::Configuration*> working();
    // What was true when the transaction began.
    base::Result<const StatusReply*> seen();
    // Adds edits to the transaction, if the configuration allows them.
    base::Status edit(std::vector<manager::Edit> edits);
    // Sends what edit() collected as one change; nothing to do when it collected nothing.
    base::Status commit();
    void forget_edits() {
        transaction_.reset();
        when_done_.clear();
    }
    [[nodiscard]] bool has_edits() const { return transaction_ && !transaction_->edits.empty(); }
    // True inside the configure level, where changes wait for commit.
    [[nodiscard]] bool collecting() const { return collecting_; }

    // Help for the top, a level, or a command: words of "help". Errc::invalid: no such topic.
    [[nodiscard]] base::Result<std::string> help(const Words& topic) const;

  private:
    struct Transaction {
        StatusReply start;
        manager::Configuration working;
        std::vector<manager::Edit> edits;
    };
    struct Found {
        const Level* level{nullptr};  // entered when `command` is null
        const Command* command{nullptr};
    };
    base::Status line(const Words& words);
    base::Result<bool> navigate(const Words& words);
    base::Status leave();
    base::Status execute(const Level& level, const Words& words);
    base::Status call(const Level& level, const Command& command, Words words);
    [[nodiscard]] std::string prompt() const;
    [[nodiscard]] base::Result<Found> find(const Level& level, const std::string& word) const;
    [[nodiscard]] std::string usage(const Level& level, const Command& command) const;
    [[nodiscard]] const Level& top() const { return levels_.front(); }
    void report(const base::Error& error, const std::string& where);

    std::vector<Level> levels_;
    Ask ask_;
    Agents& agents_;
    ShellStreams streams_;
    ShellOptions options_;
    const Level* level_;
    std::optional<Transaction> transaction_;
    std::vector<std::string> when_done_;
    bool collecting_{false};
    bool quit_{false};
};

}  // namespace tools
