#include "tools/crm/shell.hpp"

#include <algorithm>
#include <utility>

namespace tools {
namespace {

base::Error unexpected() {
    return base::invalid("custosd answered something else than asked: is it of the same release?");
}

Words names_of(std::string_view name, std::string_view aliases) {
    Words names{std::string(name)};
    std::string alias;
    for (const char c : std::string(aliases) + " ") {
        if (c != ' ') {
            alias += c;
        } else if (!alias.empty()) {
            names.push_back(std::exchange(alias, ""));
        }
    }
    return names;
}

enum class Match { none, prefix, exact };

// How `word` fits one of the names.
Match match(std::string_view name, std::string_view aliases, bool exact_only, const std::string& word) {
    Match best = Match::none;
    for (const std::string& candidate : names_of(name, aliases)) {
        if (candidate == word) return Match::exact;
        if (!exact_only && !word.empty() && begins_with_any_case(candidate, word)) best = Match::prefix;
        if (equal_any_case(candidate, word)) return Match::exact;
    }
    return best;
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), word) != names.end();
}

std::string padded(std::string text, std::size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text;
}

std::string with_blank(std::string_view before, std::string_view text) {
    return text.empty() ? std::string(before) : std::string(before) + " " + std::string(text);
}

}  // namespace

Shell::Shell(std::vector<Level> levels, Ask ask, Agents& agents, ShellStreams streams, ShellOptions options)
    : levels_(std::move(levels)),
      ask_(std::move(ask)),
      agents_(agents),
      streams_(std::move(streams)),
      options_(std::move(options)),
      level_(&levels_.front()) {}

// --- messages

void Shell::info(const std::string& text) {
    streams_.err << "INFO: " << text << "\n";
}
void Shell::warn(const std::string& text) {
    streams_.err << "WARNING: " << text << "\n";
}

// Each reason of an error on a line of its own.
void Shell::report(const base::Error& error, const std::string& where) {
    std::size_t from = 0;
    while (from <= error.message.size()) {
        const std::size_t to = std::min(error.message.find('\n', from), error.message.size());
        streams_.err << "ERROR: " << where << error.message.substr(from, to - from) << "\n";
        from = to + 1;
    }
    streams_.err.flush();
}

bool Shell::confirm(const std::string& question) const {
    if (options_.force) return true;
    if (!options_.terminal || !streams_.read_line) return false;
    const auto answer = streams_.read_line(question + " (y/n) ");
    return answer && (begins_with_any_case(*answer, "y"));
}

// --- the daemon

base::Result<Reply> Shell::ask(const Request& request) {
    auto reply = ask_(request);
    if (!reply) return reply;
    if (const auto* refused = std::get_if<Refused>(&*reply))
        return base::Error{base::Errc::conflict, refused->message};
    return reply;
}

base::Result<StatusReply> Shell::status() {
    auto reply = ask(GetStatus{});
    if (!reply) return reply.error();
    if (auto* status = std::get_if<StatusReply>(&*reply)) return std::move(*status);
    return unexpected();
}

base::Result<std::uint64_t> Shell::submit(manager::Command command) {
    const auto reply = ask(RunCommand{std::move(command)});
    if (!reply) return reply.error();
    const auto* done = std::get_if<CommandReply>(&*reply);
    if (done == nullptr) return unexpected();
    if (!done->remark.empty()) info(done->remark);
    return done->version;
}

base::Status Shell::command(manager::Command command) {
    TRY(const std::uint64_t version, submit(std::move(command)));
    return options_.wait ? wait_for(version) : base::ok();
}

base::Status Shell::change(std::vector<manager::Edit> edits, std::optional<std::uint64_t> base_version) {
    return command(manager::ChangeConfiguration{std::move(edits), base_version});
}

base::Status Shell::change_and_wait(std::vector<manager::Edit> edits) {
    TRY(const std::uint64_t version, submit(manager::ChangeConfiguration{std::move(edits), {}}));
    return wait_for(version);
}

base::Status Shell::wait_for(std::uint64_t version) {
    streams_.err << "waiting for version " << version << " of the configuration to take effect ..."
                 << std::flush;
    const auto reply = ask(WaitConverged{version});
    const auto* converged = reply ? std::get_if<Converged>(&*reply) : nullptr;
    streams_.err << (converged == nullptr || !converged->problems.empty() ? " failed\n" : " done\n");
    if (!reply) return reply.error();
    if (converged == nullptr) return unexpected();
    if (converged->problems.empty()) return base::ok();
    return base::Error{base::Errc::conflict, joined(converged->problems, "\n")};
}

// --- the transaction

base::Result<const StatusReply*> Shell::seen() {
    if (!transaction_) {
        TRY(StatusReply start, status());
        // A daemon that waits (for its address) answers, but knows no configuration yet.
        if (start.local.phase == kWaiting) {
            return base::Error{base::Errc::unavailable,
                               "this node has not started yet: " + joined(start.local.warnings, "; ")};
        }
        transaction_.emplace();
        transaction_->working = start.configuration;
        transaction_->start = std::move(start);
    }
    return &transaction_->start;
}

base::Result<const manager::Configuration*> Shell::working() {
    TRY_OK(seen());
    return &transaction_->working;
}

base::Status Shell::edit(std::vector<manager::Edit> edits) {
    TRY_OK(seen());
    // Without a daemon (offline.hpp) nobody knows which nodes there will be.
    std::vector<std::string> nodes;
    if (transaction_->start.local.node_id.value != 0) {
        for (const auto& [id, node] : transaction_->start.status.nodes) nodes.push_back(node.name);
    }
    TRY(transaction_->working, manager::apply_edits(transaction_->working, edits, nodes));
    for (auto& edit : edits) transaction_->edits.push_back(std::move(edit));
    return base::ok();
}

base::Status Shell::commit() {
    const auto said = std::exchange(when_done_, {});
    if (has_edits()) {
        auto edits = std::move(transaction_->edits);
        // A single statement says all that it means; what was collected over some time was decided by looking
        // at that version.
        std::optional<std::uint64_t> version;
        if (collecting_) version = transaction_->start.configuration.version;
        forget_edits();
        TRY(const std::uint64_t made, submit(manager::ChangeConfiguration{std::move(edits), version}));
        for (const std::string& text : said) info(text);
        return options_.wait ? wait_for(made) : base::ok();
    }
    forget_edits();
    for (const std::string& text : said) info(text);
    return base::ok();
}

// --- running

base::Result<Shell::Found> Shell::find(const Level& level, const std::string& word) const {
    std::vector<Found> prefixes;
    std::vector<std::string> candidates;
    const auto consider = [&](Match how, Found found, std::string_view name) {
        if (how != Match::prefix) return;
        prefixes.push_back(found);
        candidates.emplace_back(name);
    };
    for (const Command& command : level.commands) {
        const Match how = match(command.name, command.aliases, command.exact, word);
        if (how == Match::exact) return Found{&level, &command};
        consider(how, {&level, &command}, command.name);
    }
    if (level.name.empty()) {
        for (const Level& below : levels_) {
            if (below.name.empty()) continue;
            const Match how = match(below.name, below.aliases, below.exact, word);
            if (how == Match::exact) return Found{&below, nullptr};
            consider(how, {&below, nullptr}, below.name);
        }
    }
    if (prefixes.size() == 1) return prefixes.front();
    const std::string place = with_blank(options_.program, level.name);
    if (!prefixes.empty()) return base::invalid("'" + word + "' is ambiguous: " + alternatives(candidates));
    return base::invalid("'" + word + "' is no command: `" + place + " help` shows what there is");
}

std::string Shell::usage(const Level& level, const Command& command) const {
    return with_blank(with_blank(with_blank(options_.program, level.name), command.name), command.usage);
}

base::Status Shell::call(const Level& level, const Command& command, Words words) {
    const auto asks_help = [](const std::string& word) { return word == "--help" || word == "-h"; };
    if (words.size() == 2 && asks_help(words[1])) {
        streams_.out << "usage: " << usage(level, command) << "\n" << command.summary << "\n";
        return base::ok();
    }
    const std::string name = with_blank(level.name, command.name);
    if (command.run == nullptr) {
        return base::invalid("not yet supported: " + (level.name.empty() ? std::string(command.name) : name));
    }
    const std::size_t args = words.size() - 1;
    if (args < command.least || args > command.most) return base::invalid("usage: " + usage(level, command));
    words[0] = command.name;
    return command.run(*this, words);
}

base::Status Shell::execute(const Level& level, const Words& words) {
    TRY(const Found found, find(level, words[0]));
    if (found.command != nullptr) return call(*found.level, *found.command, words);
    const Words rest(words.begin() + 1, words.end());
    if (rest.empty()) {
        level_ = found.level;
        collecting_ = found.level->name == "configure";
        return base::ok();
    }
    if (is_one_of(rest[0], {"help", "--help", "-h"})) {
        Words topic{std::string(found.level->name)};
        topic.insert(topic.end(), rest.begin() + 1, rest.end());
        TRY(const std::string text, help(topic));
        streams_.out << text;
        return base::ok();
    }
    return execute(*found.level, rest);
}

// Leaving a level commits what was collected in it.
base::Status Shell::leave() {
    base::Status done = collecting_ ? commit() : base::ok();
    forget_edits();
    collecting_ = false;
    level_ = &top();
    return done;
}

// help, ls, cd, up, quit: the same at each level. True when the words were one of these.
base::Result<bool> Shell::navigate(const Words& words) {
    const std::string& word = words[0];
    if (is_one_of(word, {"help", "?", "--help", "-h"})) {
        Words topic(words.begin() + 1, words.end());
        if (level_ != &top()) topic.insert(topic.begin(), std::string(level_->name));
        TRY(const std::string text, help(topic));
        streams_.out << text;
    } else if (word == "ls") {
        for (const Command& command : level_->commands) {
            if (command.run != nullptr) streams_.out << command.name << "\n";
        }
    } else if (is_one_of(word, {"up", "end", "back"}) ||
               (word == "cd" && words.size() == 2 && words[1] == "..")) {
        TRY_OK(leave());
    } else if (word == "cd" && words.size() == 2) {
        TRY_OK(leave());
        TRY_OK(execute(top(), {words[1]}));
    } else if (is_one_of(word, {"quit", "bye", "exit"})) {
        quit_ = true;
        TRY_OK(leave());
    } else {
        return false;
    }
    return true;
}

base::Status Shell::line(const Words& words) {
    TRY(const bool navigated, navigate(words));
    if (navigated) return base::ok();
    base::Status done = execute(*level_, words);
    if (collecting_) return done;
    // Outside the configure level each line is a transaction.
    if (!done) {
        forget_edits();
        return done;
    }
    return commit();
}

int Shell::run(const Words& words) {
    auto done = line(words);
    if (done && level_ != &top()) {
        if (options_.terminal && streams_.read_line) return interact();
        const auto text = help({std::string(level_->name)});
        if (text) streams_.out << *text;
        done = leave();
    }
    if (!done) report(done.error(), "");
    streams_.out.flush();
    return done ? 0 : 1;
}

int Shell::run_script(std::string_view text, const std::string& name) {
    int code = 0;
    const auto lines = split_script(text);
    if (!lines) {
        report(lines.error(), name + ": ");
        return 1;
    }
    for (const Line& one : *lines) {
        if (quit_) break;
        const auto done = line(one.words);
        if (done) continue;
        report(done.error(), name + ":" + std::to_string(one.number) + ": ");
        code = 1;
    }
    if (const auto left = leave(); !left) {
        report(left.error(), name + ": ");
        code = 1;
    }
    streams_.out.flush();
    return code;
}

std::string Shell::prompt() const {
    return options_.program + "(live)" + std::string(level_->name) + "# ";
}

int Shell::interact() {
    int code = 0;
    while (!quit_) {
        const auto text = streams_.read_line(prompt());
        if (!text) break;
        const auto words = split_line(*text);
        const auto done = !words ? base::Status(words.error()) : words->empty() ? base::ok() : line(*words);
        if (!done) report(done.error(), "");
        code = done ? 0 : 1;
        streams_.out.flush();
    }
    if (const auto left = leave(); !left) {
        report(left.error(), "");
        code = 1;
    }
    return code;
}

// --- help

base::Result<std::string> Shell::help(const Words& topic) const {
    const Level* level = &top();
    const Command* command = nullptr;
    for (const std::string& word : topic) {
        if (command != nullptr) return base::invalid("'" + word + "' is no topic of help");
        TRY(const Found found, find(*level, word));
        level = found.level;
        command = found.command;
    }
    if (command != nullptr) {
        return "usage: " + usage(*level, *command) + "\n" + std::string(command->summary) + "\n" +
               (command->run == nullptr ? "not yet supported\n" : "");
    }
    std::string text = level->name.empty()
                           ? "usage: " + options_.program + " [OPTIONS] COMMAND [WORDS...]\n"
                           : std::string(level->name) + ": " + std::string(level->summary) + "\n";
    const auto entry = [&text](const std::string& head, std::string_view summary) {
        constexpr std::size_t kColumn = 34;
        text += "  " + padded(head, kColumn);
        text += head.size() >= kColumn ? "\n  " + std::string(kColumn, ' ') : "";
        text += std::string(summary) + "\n";
    };
    for (const Command& each : level->commands) {
        if (each.run != nullptr) entry(with_blank(each.name, each.usage), each.summary);
    }
    if (level->name.empty()) {
        for (const Level& below : levels_) {
            if (!below.name.empty()) entry(std::string(below.name) + " ...", below.summary);
        }
    }
    return text;
}

}  // namespace tools
