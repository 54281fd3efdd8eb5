#include "lib/api/field_error.h"

#include <gtest/gtest.h>

namespace wherry::api::field {
namespace {

TEST(ErrorList, SaysHowManyErrorsItLeavesOut) {
  ErrorList errors;
  for (size_t i = 0; i < 1200; ++i) errors.Required(Path("a").Index(i));
  ErrorList more;
  for (size_t i = 0; i < 300; ++i) more.Required(Path("b").Index(i));
  errors.Append(std::move(more));
  EXPECT_EQ(errors.size(), 1000U);
  const Error error = errors.ToError("", "Thing", "x");
  ASSERT_EQ(error.details.causes.size(), 1001U);
  EXPECT_EQ(error.details.causes[999].field, "a[999]");
  EXPECT_EQ(error.details.causes[1000].message, "500 more errors are not listed");
  EXPECT_EQ(error.details.causes[1000].field, "");
  EXPECT_TRUE(error.message.starts_with("Thing \"x\" is invalid: [a[0]: Required value, "));
  EXPECT_TRUE(error.message.ends_with("a[999]: Required value, 500 more errors are not listed]"));
}

TEST(ErrorList, ListsAllOfAThousand) {
  ErrorList errors;
  for (size_t i = 0; i < 600; ++i) errors.Required(Path("a").Index(i));
  ErrorList more;
  for (size_t i = 0; i < 400; ++i) more.Required(Path("b").Index(i));
  errors.Append(std::move(more));
  const Error error = errors.ToError("", "Thing", "x");
  ASSERT_EQ(error.details.causes.size(), 1000U);
  EXPECT_EQ(error.details.causes.back().field, "b[399]");
}

}  // namespace
}  // namespace wherry::api::field
