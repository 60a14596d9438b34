#include "core/schema/schema_testing.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::schema {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

void expect_fine(std::string_view format, std::initializer_list<std::string> values) {
  for (const std::string& value : values) EXPECT_THAT(check_format(format, value), IsEmpty()) << format << " " << value;
}

void expect_wrong(std::string_view format, std::initializer_list<std::string> values) {
  for (const std::string& value : values) EXPECT_NE(check_format(format, value), "") << format << " '" << value << "'";
}

TEST(Formats, Labels) {
  expect_fine("dns1123-label", {"a", "web-1", "1", std::string(63, 'x')});
  expect_wrong("dns1123-label", {"", "-a", "a-", "A", "a_b", "a b", "ä", std::string(64, 'x')});
  EXPECT_EQ(check_format("dns1123-label", "a.b"), "must not contain dots");
  EXPECT_EQ(check_format("dns1123-label", "Bad"),
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and "
            "end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
            "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')");
  expect_fine("dns1035-label", {"a", "web-1"});
  expect_wrong("dns1035-label", {"", "1a", "a-", "A"});
}

TEST(Formats, Subdomains) {
  expect_fine("dns1123-subdomain", {"a", "a.b", "a-b.c-d.1", std::string(253, 'x')});
  expect_wrong("dns1123-subdomain", {"", ".", "a.", ".a", "a..b", "a.-b", "A.b", "a_b"});
  EXPECT_EQ(check_format("dns1123-subdomain", std::string(254, 'x')), "must be no more than 253 bytes");
}

TEST(Formats, QualifiedNames) {
  expect_fine("qualified-name", {"a", "A.b_c-d", "example.com/a", "a.b/C", std::string(63, 'x')});
  expect_wrong("qualified-name", {"", "-a", "a-", "a b", "a/b/c", "A/b", "/a", "a/", std::string(64, 'x')});
  EXPECT_THAT(check_format("qualified-name", "/a"), HasSubstr("prefix part must be non-empty"));
  EXPECT_THAT(check_format("qualified-name", "A/b"), HasSubstr("prefix part a lowercase RFC 1123 subdomain must"));
  EXPECT_THAT(check_format("qualified-name", "a/b/c"),
              HasSubstr("with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"));
  expect_fine("label-value", {"", "a", "A.b_c-d", "1"});
  expect_wrong("label-value", {"-", "a/b", "a b", ".a", std::string(64, 'x')});
}

TEST(Formats, Ports) {
  expect_fine("port-name", {"http", "a", "8080a", "h-2-c"});
  expect_wrong("port-name", {"", "-a", "a-", "a--b", "123", "A", "much-too-long-name", "a_b"});
  expect_fine("port-number", {"1", "65535"});
  expect_wrong("port-number", {"0", "65536", "99999999999999999999", "a", "-1", ""});
  EXPECT_EQ(check_format("port-number", "0"), "must be between 1 and 65535, inclusive");
}

TEST(Formats, NamesOfVariablesAndKeys) {
  expect_fine("env-name", {"A", "a.b-c", "1A", "a b", "$x"});
  expect_wrong("env-name", {"", "a=b", "\n", "ä"});
  expect_fine("config-key", {"a", "A_b.c-d", ".a", "a.."});
  expect_wrong("config-key", {"", ".", "..", "..a", "a/b", "a b", std::string(254, 'x')});
  expect_fine("path-segment", {"a", "A:b", "a b"});
  expect_wrong("path-segment", {".", "..", "a/b", "a%b"});
}

TEST(Formats, AddressesAndPaths) {
  expect_fine("absolute-path", {"/", "/a/b"});
  expect_wrong("absolute-path", {"", "a", "./a"});
  expect_fine("http-header", {"X-Header", "a1"});
  expect_wrong("http-header", {"", "a b", "a:b", "a_b"});
}

TEST(Formats, AnUnknownFormatTakesAnything) { expect_fine("no-such-format", {"", "anything"}); }

}  // namespace
}  // namespace gantry::schema
