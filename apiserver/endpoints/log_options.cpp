#include "apiserver/endpoints/log_options.h"

#include "apiserver/request/status.h"
#include "lib/api/field_error.h"
#include "lib/api/time.h"

#include <charconv>
#include <optional>

namespace wherry::apiserver::endpoints {

using api::field::Path;

namespace {

Result<std::optional<int64_t>> Number(const Query& query, std::string_view name) {
  std::string_view text = query.Get(name);
  if (text.empty()) return std::optional<int64_t>();
  int64_t number = 0;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return BadRequestError("strconv.ParseInt: parsing \"" + std::string(text) +
                           "\": invalid syntax");
  }
  return std::optional<int64_t>(number);
}

void AtLeast(int64_t least, std::string_view name, const std::optional<int64_t>& value,
             std::string_view why, api::field::ErrorList& errors) {
  if (value && *value < least) errors.Invalid(Path(name), *value, why);
}

}  // namespace

Result<std::string> LogQuery(const Query& query) {
  TRY(auto tail_lines, Number(query, "tailLines"));
  TRY(auto limit_bytes, Number(query, "limitBytes"));
  TRY(auto since_seconds, Number(query, "sinceSeconds"));
  std::string_view since_time = query.Get("sinceTime");
  if (!since_time.empty()) TRY_STATUS(api::ParseTime(since_time));
  api::field::ErrorList errors;
  AtLeast(0, "tailLines", tail_lines, "must be greater than or equal to 0", errors);
  AtLeast(1, "limitBytes", limit_bytes, "must be greater than 0", errors);
  if (since_seconds && !since_time.empty()) {
    errors.Forbidden(Path(""), "at most one of `sinceTime` or `sinceSeconds` may be specified");
  } else {
    AtLeast(1, "sinceSeconds", since_seconds, "must be greater than 0", errors);
  }
  if (!errors.empty()) return errors.ToError("", "PodLogOptions", "");
  std::string asked;
  for (const char* name : {"follow", "previous", "sinceSeconds", "sinceTime", "timestamps",
                           "tailLines", "limitBytes"}) {
    if (query.Get(name).empty()) continue;
    if (!asked.empty()) asked += '&';
    asked += std::string(name) + "=" + http::PercentEncode(query.Get(name));
  }
  return asked;
}

}  // namespace wherry::apiserver::endpoints
