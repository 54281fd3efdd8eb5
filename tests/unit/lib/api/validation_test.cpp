#include "lib/api/validation.h"

#include "lib/api/field_error.h"

#include <gtest/gtest.h>

namespace wherry::api {
namespace {

const std::string k63(63, 'a');
const std::string k64(64, 'a');

struct Row {
  Reasons (*check)(std::string_view);
  std::string value;
  size_t reasons;
};

TEST(Validation, Names) {
  const Row rows[] = {
      {IsDNS1123Label, "a", 0},
      {IsDNS1123Label, "a-1", 0},
      {IsDNS1123Label, k63, 0},
      {IsDNS1123Label, k64, 1},
      {IsDNS1123Label, "", 1},
      {IsDNS1123Label, "A", 1},
      {IsDNS1123Label, "-a", 1},
      {IsDNS1123Label, "a-", 1},
      {IsDNS1123Label, "a.b", 1},
      {IsDNS1123Label, "a_b", 1},
      {IsDNS1123Label, k64 + "_", 2},
      {IsDNS1123Subdomain, "a.b-c.d", 0},
      {IsDNS1123Subdomain, "a..b", 1},
      {IsDNS1123Subdomain, ".a", 1},
      {IsDNS1123Subdomain, "a.", 1},
      {IsDNS1123Subdomain, std::string(253, 'a'), 0},
      {IsDNS1123Subdomain, std::string(254, 'a'), 1},
      {IsDNS1035Label, "a1", 0},
      {IsDNS1035Label, "1a", 1},
      {IsQualifiedName, "a", 0},
      {IsQualifiedName, "x.y/A_b.c-D", 0},
      {IsQualifiedName, "/a", 1},
      {IsQualifiedName, "x/", 2},
      {IsQualifiedName, "a/b/c", 1},
      {IsQualifiedName, "X/a", 1},
      {IsQualifiedName, k64, 1},
      {IsQualifiedName, "", 2},
      {IsValidLabelValue, "", 0},
      {IsValidLabelValue, "a_B.c-1", 0},
      {IsValidLabelValue, k64, 1},
      {IsValidLabelValue, "-a", 1},
      {IsValidLabelValue, "a b", 1},
      {IsConfigMapKey, ".a", 0},
      {IsConfigMapKey, "a/b", 1},
      {IsConfigMapKey, ".", 1},
      {IsConfigMapKey, "..", 1},
      {IsConfigMapKey, "..a", 1},
      {IsConfigMapKey, "", 1},
      {IsEnvVarName, "A.b-c_1", 0},
      {IsEnvVarName, "1A", 1},
      {IsEnvVarName, "A=B", 1},
      {IsValidPortName, "http-2", 0},
      {IsValidPortName, "80", 1},
      {IsValidPortName, "a--b", 1},
      {IsValidPortName, "-a", 1},
      {IsValidPortName, "abcdefghijklmnop", 1},
      {IsValidIP, "10.0.0.1", 0},
      {IsValidIP, "::1", 0},
      {IsValidIP, "10.0.0", 1},
      {IsValidIP, "", 1},
      {IsValidCIDR, "10.0.0.0/8", 0},
      {IsValidCIDR, "10.0.0.0/33", 1},
      {IsValidCIDR, "fd00::/64", 0},
      {IsValidCIDR, "10.0.0.0", 1},
      {IsValidPercent, "25%", 0},
      {IsValidPercent, "%", 1},
      {IsHTTPHeaderName, "X-A", 0},
      {IsHTTPHeaderName, "X A", 1},
      {IsWildcardDNS1123Subdomain, "*.a.b", 0},
      {IsWildcardDNS1123Subdomain, "*a", 1},
      {IsValidPathSegmentName, "a:b", 0},
      {IsValidPathSegmentName, "..", 1},
      {IsValidPathSegmentName, "a/%", 2},
      {IsCIdentifier, "_a1", 0},
      {IsCIdentifier, "1a", 1},
  };
  for (const Row& row : rows) EXPECT_EQ(row.check(row.value).size(), row.reasons) << row.value;
}

TEST(Validation, Numbers) {
  EXPECT_TRUE(IsValidPortNum(65535).empty());
  EXPECT_EQ(IsValidPortNum(0), Reasons{"must be between 1 and 65535, inclusive"});
  EXPECT_EQ(IsValidPortNum(65536).size(), 1U);
}

TEST(Validation, GenerateNameMayEndInADash) {
  EXPECT_TRUE(NameIsDNSSubdomain("web-", true).empty());
  EXPECT_FALSE(NameIsDNSSubdomain("web-", false).empty());
}

// Clients show these texts, and tests grep for them.
TEST(Validation, Messages) {
  EXPECT_EQ(
      IsDNS1123Label("A").at(0),
      "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
      "must "
      "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
      "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')");
}

TEST(FieldError, BecomesAStatus) {
  field::ErrorList errors;
  const field::Path spec("spec");
  errors.Required(spec.Child("containers"));
  Error one = errors.ToError("", "Pod", "x");
  EXPECT_EQ(one.reason, Reason::kInvalid);
  EXPECT_EQ(one.message, "Pod \"x\" is invalid: spec.containers: Required value");

  errors.Invalid(spec.Child("ports").Index(2).Child("port"), 0,
                 "must be between 1 and 65535, inclusive");
  errors.NotSupported(spec.Child("type"), "Foo", {"A", "B"});
  errors.TooLong(spec.Child("data").Key("k"), 5);
  errors.Duplicate(spec.Child("env"), "A");
  errors.Forbidden(spec, "may not change");
  errors.TooMany(spec, 7, 5);
  errors.Required(spec.Child("containers"));  // said once in the message
  Error all = errors.ToError("apps", "Deployment", "x");
  EXPECT_EQ(
      all.message,
      "Deployment.apps \"x\" is invalid: [spec.containers: Required value, spec.ports[2].port: "
      "Invalid "
      "value: 0: must be between 1 and 65535, inclusive, spec.type: Unsupported value: \"Foo\": "
      "supported "
      "values: \"A\", \"B\", spec.data[k]: Too long: must have at most 5 bytes, spec.env: "
      "Duplicate value: "
      "\"A\", spec: Forbidden: may not change, spec: Too many: 7: must have at most 5 items]");
  ASSERT_EQ(all.details.causes.size(), 8U);
  EXPECT_EQ(all.details.causes[1].reason, "FieldValueInvalid");
  EXPECT_EQ(all.details.causes[1].field, "spec.ports[2].port");
  EXPECT_EQ(all.details.causes[1].message,
            "Invalid value: 0: must be between 1 and 65535, inclusive");
  EXPECT_EQ(all.details.group, "apps");
}

}  // namespace
}  // namespace wherry::api
