// Reads a Pacemaker CIB (the XML of `cibadmin --query`: configuration and status) into a Document. Total: any
// input gives a document or an error that names the element. What this reader does not understand (ACLs,
// alerts, bundles, an attribute, a word) is passed over and named in Document::unread. Ids are unique.
#pragma once

#include <string_view>

#include "manager/cib/document.hpp"
#include "totem/base/result.hpp"

namespace manager::cib {

// The largest text that is read; 16 nodes with 1,000 resources make a tenth of it.
inline constexpr std::size_t kMaxDocument = 64U << 20U;

[[nodiscard]] base::Result<Document> import_cib(std::string_view xml);

}  // namespace manager::cib
