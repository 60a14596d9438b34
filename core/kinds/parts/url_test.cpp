// URLs: their parts, and why some are none.
#include "core/kinds/parts/url.hpp"

#include <gtest/gtest.h>

namespace gantry::kinds::url_test {
namespace {

std::string parts(std::string_view text) {
  const auto url = parse_url(text);
  if (!url) return url.error().message();
  return url->scheme + "|" + url->user.value_or("-") + "|" + url->host + "|" + url->query + "|" + url->fragment;
}

TEST(Url, HasParts) {
  EXPECT_EQ(parts("HTTPS://host:8443/a%20b?x=%zz#y%20z"), "https|-|host:8443|x=%zz|y z");
  EXPECT_EQ(parts("https://me:p%40w!@host"), "https|me:p%40w%21|host||");
  EXPECT_EQ(parts("https://@host"), "https||host||");
  EXPECT_EQ(parts("https://[::1]:443/"), "https|-|[::1]:443||");
  EXPECT_EQ(parts("https://[fe80::1%25eth0]"), "https|-|[fe80::1%eth0]||");
  EXPECT_EQ(parts("https://h%C3%A4"), "https|-|h\xc3\xa4||");
  EXPECT_EQ(parts("host/path:x"), "|-|||");
  EXPECT_EQ(parts("mailto:a@b"), "mailto|-|||");
  EXPECT_EQ(parts("//host/a"), "|-|host||");
  EXPECT_EQ(parts("///a"), "|-|||");
  EXPECT_EQ(parts(""), "|-|||");
  EXPECT_EQ(parts("https://host:"), "https|-|host:||");
}

TEST(Url, IsRefusedInWords) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"://", R"(parse "://": missing protocol scheme)"},
      {"a\x01", R"(parse "a\x01": net/url: invalid control character in URL)"},
      {"host:web/x", "host|-|||"},
      {"1host:80/x", R"(parse "1host:80/x": first path segment in URL cannot contain colon)"},
      {"https://host:web/", R"(parse "https://host:web/": invalid port ":web" after host)"},
      {"https://[::1]x", R"(parse "https://[::1]x": invalid port "x" after host)"},
      {"https://[::1", R"(parse "https://[::1": missing ']' in host)"},
      {"https://a b/", R"(parse "https://a b/": invalid character " " in host name)"},
      {"https://a%41/", R"(parse "https://a%41/": invalid URL escape "%41")"},
      {"https://host/%zz", R"(parse "https://host/%zz": invalid URL escape "%zz")"},
      {"https://host/%1", R"(parse "https://host/%1": invalid URL escape "%1")"},
      {"https://m e@host", R"(parse "https://m e@host": net/url: invalid userinfo)"},
      {"https://host/#%", R"(parse "https://host/#%": invalid URL escape "%")"},
      {"https://host:x/#a", R"(parse "https://host:x/": invalid port ":x" after host)"},
  };
  for (const auto& [text, words] : cases) EXPECT_EQ(parts(text), words) << text;
}

}  // namespace
}  // namespace gantry::kinds::url_test
