#pragma once

#include <cstddef>
#include <string_view>

namespace wherry::json {

// The length of the valid UTF-8 sequence at the start of `text`, 0 when there is none. RFC 3629.
size_t Utf8Length(std::string_view text);

}  // namespace wherry::json
