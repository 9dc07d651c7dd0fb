#include "manager/model/edit.hpp"

#include <algorithm>
#include <set>

#include "manager/model/options.hpp"
#include "manager/model/validate.hpp"

namespace manager {
namespace {

template <typename T>
auto find_id(std::vector<T>& objects, const std::string& id) {
    return std::find_if(objects.begin(), objects.end(), [&](const T& o) { return o.id == id; });
}

// Applies edits one after the other to its configuration; what needs the whole is looked at by the caller at
// the end.
class Editor {
  public:
    Editor(Configuration config, const std::vector<std::string>& known_nodes)
        : config_(std::move(config)),
          known_nodes_(known_nodes) {}

    base::Status operator()(const PutPrimitive& put) {
        return put_object("primitive", config_.primitives, put);
    }
    base::Status operator()(const PutLocation& put) {
        TRY_OK(put_object("location", config_.locations, put));
        return check_known(object_name("location", put.value.id), put.value.node);
    }
    base::Status operator()(const PutColocation& put) {
        return put_object("colocation", config_.colocations, put);
    }
    base::Status operator()(const PutOrder& put) { return put_object("order", config_.orders, put); }

    base::Status operator()(const PutNode& put) {
        TRY_OK(check(put.value));
        TRY_OK(check_free("node", put.value.name));
        entry(put.value.name) = put.value;
        return base::ok();
    }

    base::Status operator()(const Delete& edit) {
        const std::string kind = config_.kind_of(edit.id);
        if (kind.empty()) {
            // It went along with a resource that an earlier edit of this change deleted.
            if (gone_along_.erase(edit.id) > 0) return base::ok();
            return base::Error{base::Errc::not_found, "delete: \"" + edit.id + "\" does not exist"};
        }
        if (kind == "primitive") {
            config_.primitives.erase(find_id(config_.primitives, edit.id));
            drop_constraints_of(edit.id);
        } else if (kind == "location") {
            config_.locations.erase(find_id(config_.locations, edit.id));
        } else if (kind == "colocation") {
            config_.colocations.erase(find_id(config_.colocations, edit.id));
        } else if (kind == "order") {
            config_.orders.erase(find_id(config_.orders, edit.id));
        } else {
            config_.nodes.erase(std::find_if(config_.nodes.begin(), config_.nodes.end(),
                                             [&](const NodeObject& n) { return n.name == edit.id; }));
        }
        return base::ok();
    }

    base::Status operator()(const SetOption& edit) {
        const auto [object, option, entries] = section(edit);
        if (edit.value.empty()) {
            TRY_OK(check_entry(object, edit.name, edit.value));
            entries->erase(edit.name);
            return base::ok();
        }
        TRY_OK(set(object, option, edit.name, edit.value, *entries));
        // The two spellings of one option are one entry: the last one written counts.
        if (option != nullptr && !option->alias.empty()) {
            entries->erase(std::string(option->name == edit.name ? option->alias : option->name));
        }
        return base::ok();
    }

    base::Status operator()(const SetMeta& edit) {
        const auto at = find_id(config_.primitives, edit.resource);
        if (at == config_.primitives.end()) {
            return base::Error{base::Errc::not_found, "resource \"" + edit.resource + "\" does not exist"};
        }
        const std::string object = object_name("primitive", edit.resource) + ": meta";
        return set(object, find_meta(edit.name), edit.name, edit.value, at->meta);
    }

    base::Status operator()(const SetNodeAttribute& edit) {
        TRY_OK(check_node_name(edit.node));
        const std::string object = object_name("node", edit.node);
        TRY_OK(check_known("node attribute " + edit.name, edit.node));
        TRY_OK(check_free("node", edit.node));
        return set(object, find_node_attribute(edit.name), edit.name, edit.value,
                   entry(edit.node).attributes);
    }

    base::Status operator()(const Erase&) {
        Configuration left;
        left.version = config_.version;
        left.nodes = std::move(config_.nodes);
        config_ = std::move(left);
        return base::ok();
    }

    [[nodiscard]] Configuration take() { return std::move(config_); }

  private:
    template <typename T, typename Put>
    base::Status put_object(std::string_view kind, std::vector<T>& objects, const Put& put) {
        TRY_OK(check(put.value));
        TRY_OK(check_free(kind, put.value.id));
        const auto at = find_id(objects, put.value.id);
        if (at == objects.end()) {
            objects.push_back(put.value);
        } else if (put.replace) {
            *at = put.value;
        } else {
            return base::Error{
                base::Errc::conflict,
                object_name(kind, put.value.id) + ": exists already; take another id, or change that one"};
        }
        return base::ok();
    }

    // Ids are unique across kinds: `delete ID` must mean one thing.
    [[nodiscard]] base::Status check_free(std::string_view kind, const std::string& id) const {
        std::string other = config_.kind_of(id);
        const bool is_node = std::find(known_nodes_.begin(), known_nodes_.end(), id) != known_nodes_.end();
        if (other.empty() && is_node) other = "node";
        if (other.empty() || other == kind) return base::ok();
        return base::Error{base::Errc::conflict,
                           object_name(kind, id) + ": the id is taken by a " + other + "; take another id"};
    }

    [[nodiscard]] base::Status check_known(const std::string& object, const std::string& node) const {
        if (known_nodes_.empty() || config_.node(node) != nullptr) return base::ok();
        if (std::find(known_nodes_.begin(), known_nodes_.end(), node) != known_nodes_.end())
            return base::ok();
        std::string all;
        for (const std::string& name : known_nodes_) all += (all.empty() ? "" : ", ") + name;
        return base::Error{base::Errc::not_found,
                           object + ": \"" + node + "\" is not a cluster node: expected one of " + all};
    }

    struct SectionView {
        std::string object;
        const Option* option;
        Attributes* entries;
    };
    SectionView section(const SetOption& edit) {
        switch (edit.section) {
            case Section::properties:
                return {"property", find_property(edit.name), &config_.properties};
            case Section::rsc_defaults:
                return {"rsc_defaults", find_meta(edit.name), &config_.rsc_defaults};
            case Section::op_defaults:
                break;
        }
        return {"op_defaults", find_operation_attribute(edit.name), &config_.op_defaults};
    }

    static base::Status set(const std::string& object, const Option* option, const std::string& name,
                            const std::string& value, Attributes& entries) {
        TRY_OK(check_entry(object, name, value));
        if (value.empty()) {
            entries.erase(name);
            return base::ok();
        }
        if (option != nullptr) TRY_OK(check_value(*option, object + " " + name, value));
        entries[name] = value;
        return base::ok();
    }

    NodeObject& entry(const std::string& name) {
        auto& nodes = config_.nodes;
        const auto at =
            std::find_if(nodes.begin(), nodes.end(), [&](const NodeObject& n) { return n.name == name; });
        if (at != nodes.end()) return *at;
        return nodes.emplace_back(NodeObject{name, 0, {}});
    }

    template <typename T, typename Mentions>
    void drop(std::vector<T>& constraints, const Mentions& mentions) {
        for (const T& c : constraints) {
            if (mentions(c)) gone_along_.insert(c.id);
        }
        constraints.erase(std::remove_if(constraints.begin(), constraints.end(), mentions),
                          constraints.end());
    }
    void drop_constraints_of(const std::string& id) {
        drop(config_.locations, [&](const Location& l) { return l.resource == id; });
        drop(config_.colocations, [&](const Colocation& c) { return c.resource == id || c.with == id; });
        drop(config_.orders, [&](const Order& o) { return o.first == id || o.then == id; });
    }

    Configuration config_;
    const std::vector<std::string>& known_nodes_;
    std::set<std::string> gone_along_;  // constraints deleted with their resource
};

}  // namespace

base::Result<Configuration> apply_edits(Configuration config, const std::vector<Edit>& edits,
                                        const std::vector<std::string>& known_nodes) {
    Editor editor(std::move(config), known_nodes);
    for (const Edit& edit : edits) TRY_OK(std::visit(editor, edit));
    Configuration result = editor.take();
    TRY_OK(check_together(result));
    return result;
}

}  // namespace manager
