#include <algorithm>

#include "manager/cib/reader.hpp"

namespace manager::cib {
namespace {

constexpr int kMaxNesting = 4;  // a clone of a group of primitives is 3

Operation read_operation(Reader& reader, const pugi::xml_node& at) {
    Operation out;
    out.id = text(at, "id");
    out.name = text(at, "name");
    for (const auto& attribute : at.attributes()) out.attributes[attribute.name()] = attribute.value();
    out.attributes.erase("id");
    out.attributes.erase("name");
    out.meta = read_sets(reader, at, "meta_attributes");
    out.params = read_sets(reader, at, "instance_attributes");
    return out;
}

std::string interval_of(const Operation& operation) {
    const auto found = operation.attributes.find("interval");
    return found == operation.attributes.end() ? "0" : found->second;
}

// What a template gives to a primitive: the primitive's own sets and operations go before.
void add_content(Reader& reader, const pugi::xml_node& at, Document& document, ResourceObject& out) {
    const auto own = static_cast<std::ptrdiff_t>(out.operations.size());
    append_sets(out.params, read_sets(reader, at, "instance_attributes"));
    append_sets(out.meta, read_sets(reader, at, "meta_attributes"));
    append_sets(out.utilization, read_sets(reader, at, "utilization"));
    for (const auto& child : at.children("operations")) {
        for (const auto& op : reader.resolve(child).children("op")) {
            Operation read = read_operation(reader, reader.resolve(op));
            const auto known =
                std::find_if(out.operations.begin(), out.operations.end(), [&](const Operation& other) {
                    return other.name == read.name && interval_of(other) == interval_of(read);
                });
            if (known == out.operations.end()) {
                out.operations.push_back(std::move(read));
            } else if (known - out.operations.begin() >= own) {
                document.unread.push_back(shown(op) + ": " + shown(at) + " has another " + read.name +
                                          " of this interval");
            }
        }
    }
}

void read_primitive(Reader& reader, const pugi::xml_node& at, Document& document, ResourceObject& out) {
    out.description = text(at, "description");
    add_content(reader, at, document, out);
    pugi::xml_node agent = at;
    if (const std::string name = text(at, "template"); !name.empty()) {
        const auto found = reader.by_id.find(name);
        if (found == reader.by_id.end()) {
            reader.fail(at, "its template \"" + name + "\" does not exist");
            return;
        }
        agent = found->second;
        if (std::string_view(agent.name()) != "template") {
            reader.fail(at, "its template \"" + name + "\" is no template, but " + shown(agent));
            return;
        }
        add_content(reader, agent, document, out);
        document.tags[name].push_back(out.id);
        document.templates.insert(name);
    }
    out.standard = text(agent, "class");
    out.provider = text(agent, "provider");
    out.type = text(agent, "type");
}

// NOLINTNEXTLINE(misc-no-recursion): bounded by kMaxNesting
std::optional<ResourceObject> read_resource(Reader& reader, const pugi::xml_node& at, Document& document,
                                            int depth) {
    const std::string_view name = at.name();
    if (name != "primitive" && name != "group" && name != "clone" && name != "master") return std::nullopt;
    ResourceObject out;
    out.id = text(at, "id");
    if (out.id.empty() || depth > kMaxNesting) {
        reader.fail(at, out.id.empty() ? "a resource needs an id" : "resources are nested too deep");
        return std::nullopt;
    }
    if (name == "primitive") {
        read_primitive(reader, at, document, out);
        return out;
    }
    out.kind = name == "group" ? ResourceKind::group : ResourceKind::clone;
    out.promotable = name == "master";
    out.params = read_sets(reader, at, "instance_attributes");
    out.meta = read_sets(reader, at, "meta_attributes");
    for (const auto& child : at.children()) {
        if (auto member = read_resource(reader, child, document, depth + 1))
            out.children.push_back(std::move(*member));
    }
    if (out.kind == ResourceKind::clone && out.children.size() > 1) {
        document.unread.push_back(shown(at) + ": all but the first of what it copies");
        out.children.resize(1);
    }
    if (out.children.empty()) {
        document.unread.push_back(shown(at) + ": it has no member");
        return std::nullopt;
    }
    return out;
}

}  // namespace

void read_resources(Reader& reader, const pugi::xml_node& at, Document& document) {
    for (const auto& child : at.children()) {
        if (auto resource = read_resource(reader, child, document, 0))
            document.resources.push_back(std::move(*resource));
    }
}

}  // namespace manager::cib
