// Statements on where and when: location, colocation, order.
#include "tools/crm/grammar/cursor.hpp"

namespace tools::grammar {
namespace {

// "inf:" or "mandatory:" -> score; the word with its colon.
base::Result<manager::Score> score_word(const Cursor& cursor, std::string word) {
    if (word.size() < 2 || word.back() != ':') {
        return cursor.error("'" + word + "' should be a score with a colon, as in inf: or 200:");
    }
    word.pop_back();
    if (equal_any_case(word, "mandatory")) return manager::Score::infinity();
    if (equal_any_case(word, "advisory")) return manager::Score{};
    const auto score = manager::parse_score(word);
    if (!score) return cursor.error("score " + word + ": " + score.error().message);
    return *score;
}

// A resource of a constraint: RSC, or RSC:ROLE where `usual` is the role (or action) that changes nothing.
base::Result<std::string> constraint_member(Cursor& cursor, std::string_view usual) {
    TRY(std::string word, cursor.need("a resource"));
    if (word.find_first_not_of('/') == std::string::npos)
        return cursor.error("the name of a resource is empty");
    if (word[0] == '/') return cursor.unsupported("resources by pattern (" + word + ")");
    if (word.find_first_of("{}()[]") != std::string::npos) return cursor.unsupported("resource sets");
    const auto colon = word.find(':');
    if (colon == std::string::npos) return word;
    if (!equal_any_case(std::string_view(word).substr(colon + 1), usual))
        return cursor.unsupported("role or action " + word);
    return word.substr(0, colon);
}

base::Result<manager::OrderKind> order_kind(const Cursor& cursor, std::string word) {
    word.pop_back();
    if (equal_any_case(word, "mandatory")) return manager::OrderKind::mandatory;
    if (equal_any_case(word, "optional")) return manager::OrderKind::optional;
    if (equal_any_case(word, "serialize")) return manager::OrderKind::serialize;
    const auto score = manager::parse_score(word);
    if (score && *score == manager::Score::infinity()) return manager::OrderKind::mandatory;
    if (score && *score == manager::Score{}) return manager::OrderKind::optional;
    return cursor.error("'" + word + "' is no kind of order: write Mandatory:, Optional: or Serialize:");
}

}  // namespace

base::Result<Edits> parse_location(const Words& words, const StatementContext& context) {
    Cursor cursor(words, "location ID RESOURCE SCORE: NODE");
    manager::Location location;
    TRY(location.id, cursor.need_id());
    TRY(location.resource, constraint_member(cursor, "started"));
    while (!cursor.done() && cursor.peek().find('=') != std::string::npos) {
        const std::string& word = cursor.take();
        const auto role = option_value(word, "role");
        const auto discovery = option_value(word, "resource-discovery");
        const bool usual =
            (role && equal_any_case(*role, "started")) || (discovery && equal_any_case(*discovery, "always"));
        if (!usual) return cursor.unsupported(word);
    }
    if (!cursor.done() && equal_any_case(cursor.peek(), "rule")) return cursor.unsupported("rules");
    TRY(const std::string score, cursor.need("a score"));
    TRY(location.score, score_word(cursor, score));
    TRY(location.node, cursor.need("a node"));
    if (!cursor.done()) return cursor.left_over();
    return Edits{manager::PutLocation{std::move(location), context.replace}};
}

base::Result<Edits> parse_colocation(const Words& words, const StatementContext& context) {
    Cursor cursor(words, "colocation ID SCORE: RESOURCE WITH-RESOURCE");
    manager::Colocation colocation;
    TRY(colocation.id, cursor.need_id());
    TRY(const std::string score, cursor.need("a score"));
    TRY(colocation.score, score_word(cursor, score));
    TRY(colocation.resource, constraint_member(cursor, "started"));
    TRY(colocation.with, constraint_member(cursor, "started"));
    if (!cursor.done()) {
        if (option_value(cursor.peek(), "node-attribute")) return cursor.unsupported(cursor.peek());
        if (cursor.peek().find('=') != std::string::npos) return cursor.left_over();
        return cursor.unsupported("more than two resources");
    }
    return Edits{manager::PutColocation{std::move(colocation), context.replace}};
}

base::Result<Edits> parse_order(const Words& words, const StatementContext& context) {
    Cursor cursor(words, "order ID [Mandatory:|Optional:|Serialize:] FIRST THEN [symmetrical=true|false]");
    manager::Order order;
    TRY(order.id, cursor.need_id());
    if (!cursor.done() && cursor.peek().size() > 1 && cursor.peek().back() == ':') {
        TRY(order.kind, order_kind(cursor, cursor.take()));
    }
    TRY(order.first, constraint_member(cursor, "start"));
    TRY(order.then, constraint_member(cursor, "start"));
    while (!cursor.done()) {
        const auto symmetrical = option_value(cursor.peek(), "symmetrical");
        if (!symmetrical && cursor.peek().find('=') == std::string::npos)
            return cursor.unsupported("more than two resources");
        if (!symmetrical) return cursor.left_over();
        if (!manager::is_true(*symmetrical) && !manager::is_false(*symmetrical)) {
            return cursor.error("symmetrical=" + *symmetrical + " is neither true nor false");
        }
        order.symmetrical = manager::is_true(*symmetrical);
        cursor.take();
    }
    return Edits{manager::PutOrder{std::move(order), context.replace}};
}

}  // namespace tools::grammar
