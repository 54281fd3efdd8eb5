#include "apiserver/endpoints/table.h"

#include "apiserver/endpoints/reply.h"
#include "lib/api/codec.h"
#include "lib/api/field_error.h"
#include "lib/api/object_meta.h"
#include "lib/json/json.h"
#include "proto/api/meta/v1.pb.h"

#include <google/protobuf/message.h>

namespace wherry::apiserver::endpoints {

Result<IncludeObject> ParseIncludeObject(const Query& query) {
  std::string_view include = query.Get("includeObject");
  if (include.empty() || include == "Metadata") return IncludeObject::kMetadata;
  if (include == "None") return IncludeObject::kNone;
  if (include == "Object") return IncludeObject::kObject;
  return MakeError(Reason::kBadRequest,
                   "unrecognized includeObject value: \"" + std::string(include) + "\"");
}

std::string TableHead(std::string_view table_version) {
  return R"({"kind":"Table","apiVersion":"meta.k8s.io/)" + std::string(table_version) +
         R"(","metadata":)";
}

void AppendTableColumns(const registry::TablePrinter& printer, std::string& out) {
  out += "\"columnDefinitions\":[";
  bool first = true;
  for (const registry::TableColumn& column : printer.Columns()) {
    if (!first) out += ',';
    first = false;
    out += "{\"name\":";
    json::AppendQuoted(out, column.name);
    out += ",\"type\":";
    json::AppendQuoted(out, column.type);
    out += ",\"format\":";
    json::AppendQuoted(out, column.format);
    out += ",\"description\":";
    json::AppendQuoted(out, column.description);
    out += ",\"priority\":" + std::to_string(column.priority) + '}';
  }
  out += ']';
}

void AppendTableRow(const registry::TablePrinter& printer, const google::protobuf::Message& object,
                    WallTime now, IncludeObject include, std::string& out) {
  registry::TableRow row = printer.Row(object, now);
  out += "{\"cells\":[";
  for (size_t i = 0; i < row.cells.size(); ++i) {
    if (i > 0) out += ',';
    out += row.cells[i];
  }
  out += ']';
  if (!row.conditions.empty()) {
    out += ",\"conditions\":[";
    for (size_t i = 0; i < row.conditions.size(); ++i) {
      if (i > 0) out += ',';
      out += row.conditions[i];
    }
    out += ']';
  }
  out += ",\"object\":";
  switch (include) {
    case IncludeObject::kNone:
      out += "null";
      break;
    case IncludeObject::kMetadata:
      out += PartialObjectMetadataJson(object);
      break;
    case IncludeObject::kObject:
      out += api::ToJson(object);
      break;
  }
  out += '}';
}

std::string TableOfOne(const registry::TablePrinter& printer, std::string_view table_version,
                       const google::protobuf::Message& object, WallTime now, IncludeObject include,
                       bool columns) {
  std::string out = TableHead(table_version) + "{";
  const std::string& version = api::MetaOf(object).resourceversion();
  if (!version.empty()) out += "\"resourceVersion\":\"" + version + '"';
  out += "},";
  if (columns) {
    AppendTableColumns(printer, out);
  } else {
    out += "\"columnDefinitions\":null";
  }
  out += ",\"rows\":[";
  AppendTableRow(printer, object, now, include, out);
  out += "]}";
  return out;
}

}  // namespace wherry::apiserver::endpoints
