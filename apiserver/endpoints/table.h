#pragma once

#include "apiserver/endpoints/endpoint.h"

#include <string>

namespace wherry::apiserver::endpoints {

// How rows carry their objects: the includeObject parameter. Source: metav1.IncludeObjectPolicy.
enum class IncludeObject { kNone, kMetadata, kObject };
Result<IncludeObject> ParseIncludeObject(const Query& query);

// `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":`, in the version that was asked for.
std::string TableHead(std::string_view table_version);
// `"columnDefinitions":[...]`.
void AppendTableColumns(const registry::TablePrinter& printer, std::string& out);
// `{"cells":[...],"object":{...}}`.
void AppendTableRow(const registry::TablePrinter& printer, const google::protobuf::Message& object,
                    WallTime now, IncludeObject include, std::string& out);
// A Table of one object, with or without column definitions.
std::string TableOfOne(const registry::TablePrinter& printer, std::string_view table_version,
                       const google::protobuf::Message& object, WallTime now, IncludeObject include,
                       bool columns);

}  // namespace wherry::apiserver::endpoints
