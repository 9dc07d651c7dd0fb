#include "manager/planner/digest.hpp"

#include <array>
#include <memory>

#include <openssl/evp.h>

#include "manager/planner/unpack.hpp"
#include "totem/base/check.hpp"

namespace manager::planner {
namespace {

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\t':
                out += "&#9;";
                break;
            case '\n':
                out += "&#10;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

// Whether `name` is one of the words of `list`, which is written with blanks around each.
bool names(const std::string& list, const std::string& name) {
    return list.find(" " + name + " ") != std::string::npos;
}

cib::Facts facts_on(const Cluster& cluster, const Node& node) {
    cib::Facts facts{.now = cluster.options.now};
    facts.attribute = [&node](const std::string& name) -> std::optional<std::string> {
        const auto found = node.attributes.find(name);
        if (found == node.attributes.end()) return std::nullopt;
        return found->second;
    };
    return facts;
}

Attributes extra_of(const Resource& resource, const std::string& operation, const cib::Facts& facts) {
    for (const auto& spec : resource.object->operations) {
        if (spec.name == operation) return values_of(spec.params, facts);
    }
    return {};
}

// The resource's own, then those of what it is part of.
void add_parameters(Attributes& out, const Resource& resource, const cib::Facts& facts) {
    for (const Resource* at = &resource; at != nullptr; at = at->parent) {
        if (at->object == nullptr) continue;
        for (const auto& [name, value] : values_of(at->object->params, facts)) out.try_emplace(name, value);
    }
}

// Reports are passed on with secrets blanked: then only the rest can be compared.
bool same_but_for_secrets(const cib::HistoryEntry& entry, const Attributes& parameters) {
    if (entry.secure_digest.empty()) return false;
    Attributes open;
    bool blanked = false;
    for (const auto& [name, value] : parameters) {
        if (name.starts_with("pcmk_")) continue;
        if (!names(entry.secure_params, name)) {
            open[name] = value;
        } else if (!value.empty() && value.find_first_not_of('*') == std::string::npos) {
            blanked = true;
        }
    }
    return blanked && entry.secure_digest == parameter_digest(open);
}

// `extra`: what the operation adds to the resource's parameters; an agent cannot reload that.
Change change_of(const cib::HistoryEntry& entry, const Attributes& parameters, const Attributes& extra) {
    if (entry.digest.empty() || entry.digest == parameter_digest(parameters)) return Change::none;
    if (same_but_for_secrets(entry, parameters)) return Change::none;
    if (entry.restart_digest.empty()) return Change::restart;
    Attributes fixed = extra;
    for (const auto& [name, value] : parameters) {
        if (entry.force_restart.empty() || names(entry.force_restart, name)) fixed[name] = value;
    }
    return entry.restart_digest == parameter_digest(fixed) ? Change::reload : Change::restart;
}

}  // namespace

std::string parameter_digest(const Attributes& parameters) {
    std::string text = " <parameters";
    for (const auto& [name, value] : parameters) text += " " + name + "=\"" + escaped(value) + "\"";
    text += "/>\n";
    std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
    unsigned int size = 0;
    // Looking the algorithm up costs more than the sum.
    static const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> md5(EVP_MD_fetch(nullptr, "MD5", nullptr),
                                                                     &EVP_MD_free);
    ASSERT(EVP_Digest(text.data(), text.size(), sum.data(), &size, md5.get(), nullptr) == 1);
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string out;
    for (unsigned int i = 0; i < size; ++i) {
        out += kDigits[sum.at(i) / 16U];
        out += kDigits[sum.at(i) % 16U];
    }
    return out;
}

Change changed_parameters(const Cluster& cluster, const Resource& resource, const Node& node) {
    if (resource.object == nullptr) return Change::none;
    const cib::Facts facts = facts_on(cluster, node);
    Change out = Change::none;
    for (const NodeHistory& history : resource.history) {
        if (history.node != node.index) continue;
        const cib::ResourceHistory& report = *history.report;
        const auto differs = [](const std::string& was, const std::string& is) {
            return !was.empty() && was != is;
        };
        if (differs(report.standard, resource.object->standard) ||
            differs(report.type, resource.object->type) ||
            differs(report.provider, resource.object->provider))
            return Change::restart;
        // Those after the last stop: it was started anew since.
        for (const cib::HistoryEntry* entry : history.entries) {
            if ((entry->operation == "stop" || entry->operation == "start") && entry->rc == 0)
                out = Change::none;
            const bool starts = entry->operation == "start" || entry->operation == "migrate_from" ||
                                entry->operation == "promote" ||
                                (entry->operation == "monitor" && entry->interval_ms == 0);
            if (!starts) continue;
            const Attributes extra = extra_of(resource, entry->operation, facts);
            Attributes parameters = extra;
            add_parameters(parameters, resource, facts);
            out = std::max(out, change_of(*entry, parameters, extra));
        }
    }
    return out;
}

}  // namespace manager::planner
