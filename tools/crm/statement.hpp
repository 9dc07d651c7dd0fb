// The statements of the crm configuration language: words -> edits of the configuration, and back to text.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "manager/model/configuration.hpp"
#include "manager/model/edit.hpp"
#include "tools/crm/words.hpp"
#include "totem/base/result.hpp"

namespace tools {

struct StatementContext {
    const manager::Configuration&
        current;  // what the statement builds on: ids of nodes, operations of a resource
    // Completes the name of an agent (agents.hpp).
    std::function<base::Result<manager::AgentName>(const std::string& text)> resolve;
    bool replace{false};  // objects that exist are replaced (load update) instead of refused
};

// Statements that this version knows by name: {"primitive", "location", ...}, and those that it refuses as
// not yet supported.
[[nodiscard]] const std::vector<std::string>& statement_names();
[[nodiscard]] const std::vector<std::string>& unsupported_statement_names();

// words[0] is one of statement_names() in full. Pure syntax: whether ids, references and values make sense is
// decided by manager::apply_edits(). The error is one line that names the object and what was expected.
[[nodiscard]] base::Result<std::vector<manager::Edit>> parse_statement(const Words& words,
                                                                       const StatementContext& context);

// All statements of a text; the errors name `name` and the line. `check` looks at the edits of each
// statement.
[[nodiscard]] base::Result<std::vector<manager::Edit>> parse_script(
    std::string_view text, const std::string& name, const StatementContext& context,
    const std::function<base::Status(const std::vector<manager::Edit>&)>& check);

// True for attributes of an operation itself (interval, timeout, on-fail ...); others are handed to the
// agent.
[[nodiscard]] bool is_operation_attribute(std::string_view name);

struct ShowStyle {
    bool full{false};  // for machines: passwords readable, agents with class and provider
};

// One object as a statement, with a line end; continuation lines begin with a tab. "" when there is no object
// with that id. `id` may also be a section: "property" (or "cib-bootstrap-options"), "rsc_defaults",
// "op_defaults".
[[nodiscard]] std::string show_object(const manager::Configuration& config, std::string_view id,
                                      ShowStyle style);

// All of it: nodes, primitives (in the order in which they are placed), constraints, properties, defaults.
// Feeding the full style back gives the same configuration; the short style does as far as nothing is masked.
[[nodiscard]] std::string show_configuration(const manager::Configuration& config, ShowStyle style);

}  // namespace tools
