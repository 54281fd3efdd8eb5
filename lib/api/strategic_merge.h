#pragma once

#include "lib/json/json.h"

namespace wherry::api {

class Schema;

// Kubernetes' strategic merge patch: as RFC 7386, and lists with a merge key are merged item by
// item. Directives: $patch (delete, replace, merge), $retainKeys, $deleteFromPrimitiveList/<field>,
// $setElementOrder/<field>; null deletes. Source: apimachinery pkg/util/strategicpatch and
// design-proposals "preserve order in strategic merge patch".
//
// `schema` is that of the whole document; where it does not name a member (or is a CRD's), plain
// RFC 7386 rules apply. Errors: kBadRequest for a patch that is no object, an unknown directive, a
// list item without its merge key, or types that do not fit together; kRequestEntityTooLarge for a
// patch of more than 10,000 list items, or one that goes through the document's lists over and
// over.
Result<json::Value> StrategicMergePatch(json::Value original, const json::Value& patch,
                                        const Schema& schema);

}  // namespace wherry::api
