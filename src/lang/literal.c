/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers, quantities and addresses: one word of the scanner each, with everything that is glued
 * to it. A word that is no literal is one mistake (VN002, VN009) with a hint, and stands for a
 * value, so that it brings no second complaint. */
#include <string.h>

#include "lang/scan.h"

#define LONGEST_NUMBER 64 /* bytes */
#define MOST_DECIMALS  15

static const VnAst *
build_int(VnLexer *lexer, VnAstKind kind, VnSpan span, gint64 value)
{
  VnAstInt *node = vn_arena_new0(lexer->arena, VnAstInt);
  node->ast = (VnAst){kind, 1, span};
  node->value = value;
  return &node->ast;
}

static int
bad_literal(VnLexer *lexer, VN_YYSTYPE *value, VnSpan span, const char *message, const char *hint)
{
  VnDiag *diag = vn_diag_add(lexer->sink, VN_DIAG_VN002, span, "%s", message);
  if (hint != NULL)
    vn_diag_hint(diag, "%s", hint);
  value->node = build_int(lexer, VN_AST_INT, span, 0);
  return VN_TOKEN_LITERAL;
}

static int
out_of_range(VnLexer *lexer, VN_YYSTYPE *value, VnSpan span, const char *text, const char *why)
{
  vn_diag_add(lexer->sink, VN_DIAG_VN009, span, "`%.60s` %s", text, why);
  value->node = build_int(lexer, VN_AST_INT, span, 0);
  return VN_TOKEN_LITERAL;
}

/* ---- numbers ---- */

int
vn_scan_integer(VnLexer *lexer, VN_YYSTYPE *value, VnSpan span, const char *text, gsize length)
{
  guint64 number = 0;
  for (gsize i = 0; i < length; i++) {
    number = number * 10 + (guint64)(text[i] - '0');
    if (G_UNLIKELY(number > G_MAXINT64 || (i > 18 && number < 10)))
      return out_of_range(lexer, value, span, text, "is more than 9223372036854775807");
  }
  value->node = build_int(lexer, VN_AST_INT, span, (gint64)number);
  return VN_TOKEN_LITERAL;
}

/* A number taken apart. */
typedef struct {
  char digits[LONGEST_NUMBER]; /* without `_`, with the point */
  guint64 whole;
  guint64 fraction, scale; /* fraction / scale; scale is a power of ten */
  gboolean has_point;
  const char *suffix; /* what follows the digits */
} Number;

/* One run of digits with single `_` between them. FALSE on a `_` elsewhere, or on overflow. */
static gboolean
read_digits(const char **text, char **out, guint64 *number, guint *count)
{
  const char *c = *text;
  *number = 0;
  *count = 0;
  for (; g_ascii_isdigit(*c) || (*c == '_' && *count > 0 && g_ascii_isdigit(c[1])); c++) {
    if (*c == '_')
      continue;
    if (*number > (G_MAXINT64 - 9) / 10)
      return FALSE;
    *number = *number * 10 + (guint64)(*c - '0');
    *(*out)++ = *c;
    ++*count;
  }
  *text = c;
  return TRUE;
}

static gboolean
read_number(const char *text, Number *number)
{
  char *out = number->digits;
  guint count;
  if (!read_digits(&text, &out, &number->whole, &count))
    return FALSE;
  number->scale = 1;
  number->has_point = *text == '.' && g_ascii_isdigit(text[1]);
  if (number->has_point) {
    text++;
    *out++ = '.';
    if (!read_digits(&text, &out, &number->fraction, &count) || count > MOST_DECIMALS)
      return FALSE;
    for (; count > 0; count--)
      number->scale *= 10;
  }
  *out = '\0';
  number->suffix = text;
  return TRUE;
}

static const VnAst *
build_float(VnLexer *lexer, VnAstKind kind, VnSpan span, const Number *number)
{
  VnAstFloat *node = vn_arena_new0(lexer->arena, VnAstFloat);
  node->ast = (VnAst){kind, 1, span};
  node->value = g_ascii_strtod(number->digits, NULL);
  return &node->ast;
}

static int
quantity(VnLexer *lexer, VN_YYSTYPE *value, VnSpan span, const char *text, const Number *number,
         VnUnit unit)
{
  unsigned __int128 factor = (unsigned __int128)vn_unit_factor(unit);
  unsigned __int128 part = number->fraction * factor;
  unsigned __int128 total = number->whole * factor + part / number->scale;
  if (total > G_MAXINT64)
    return out_of_range(lexer, value, span, text, "is too large");
  if (part % number->scale != 0) {
    static const char *const smallest[] = {[VN_DIM_DURATION] = "nanoseconds",
                                           [VN_DIM_SIZE] = "bytes",
                                           [VN_DIM_RATE] = "bits a second"};
    g_autofree char *why =
        g_strdup_printf("is no whole number of %s", smallest[vn_unit_dimension(unit)]);
    return out_of_range(lexer, value, span, text, why);
  }
  VnAstQuantity *node = vn_arena_new0(lexer->arena, VnAstQuantity);
  node->ast = (VnAst){VN_AST_QUANTITY, 1, span};
  node->unit = unit;
  node->value = (gint64)total;
  value->node = &node->ast;
  return VN_TOKEN_LITERAL;
}

/* What people write for units in other places. */
static const char *
unit_meant(const char *suffix)
{
  static const char *const table[][2] = {
      {"sec", "s"},     {"secs", "s"},    {"second", "s"},   {"seconds", "s"},  {"msec", "ms"},
      {"usec", "us"},   {"nsec", "ns"},   {"mins", "min"},   {"minute", "min"}, {"minutes", "min"},
      {"hr", "h"},      {"hrs", "h"},     {"hour", "h"},     {"hours", "h"},    {"k", "KiB"},
      {"K", "KiB"},     {"M", "MiB"},     {"G", "GiB"},      {"b", "B"},        {"kB", "KB"},
      {"kb", "KB"},     {"mb", "MB"},     {"gb", "GB"},      {"kbps", "kbit"},  {"mbps", "mbit"},
      {"Mbps", "mbit"}, {"gbps", "gbit"}, {"Gbps", "gbit"},  {"bps", "bit"},    {"Kbit", "kbit"},
      {"Mbit", "mbit"}, {"Gbit", "gbit"}, {"kbits", "kbit"}, {"mbits", "mbit"}, {"gbits", "gbit"},
      {"kib", "KiB"},   {"mib", "MiB"},   {"gib", "GiB"},    {"kiB", "KiB"},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(table); i++)
    if (strcmp(table[i][0], suffix) == 0)
      return table[i][1];
  return NULL;
}

static char *
hint_for_number(const char *text, const Number *number)
{
  const char *suffix = number->suffix;
  gsize length = (gsize)(suffix - text);
  const char *unit = unit_meant(suffix);
  if (strcmp(suffix, "m") == 0)
    return g_strdup_printf("minutes are `%.*smin`, milliseconds `%.*sms`", (int)length, text,
                           (int)length, text);
  if (unit != NULL)
    return g_strdup_printf("write `%.*s%s`", (int)length, text, unit);
  if (strcmp(suffix, "d") == 0 || g_str_has_prefix(suffix, "day"))
    return g_strdup("the longest unit of time is the hour: `24h`");
  if (*suffix == '_')
    return g_strdup("`_` may only stand between two digits, as in `1_000`");
  if ((*suffix == 'x' || *suffix == 'b') && number->whole == 0)
    return g_strdup("numbers are decimal");
  if (*suffix == '.')
    return g_strdup("an IPv4 address has four numbers, as in `10.0.0.1`; a number has one point");
  if ((*suffix == 'e' || *suffix == 'E') && g_ascii_isdigit(suffix[1]))
    return g_strdup("write the number out");
  return g_strdup("units are ns us ms s min h, B KB MB GB KiB MiB GiB, bit kbit mbit gbit, and %");
}

static guint
count_char(const char *text, char c)
{
  guint n = 0;
  for (; *text != '\0'; text++)
    n += *text == c;
  return n;
}

static int
address(VnLexer *lexer, VN_YYSTYPE *value, VnSpan span, const char *text, const char *hint)
{
  VnAddress parsed;
  if (!vn_address_parse(text, &parsed)) {
    g_autofree char *message = g_strdup_printf("`%.60s` is no address", text);
    return bad_literal(lexer, value, span, message, hint);
  }
  VnAstAddress *node = vn_arena_new0(lexer->arena, VnAstAddress);
  node->ast = (VnAst){VN_AST_ADDRESS, 1, span};
  node->value = parsed;
  value->node = &node->ast;
  return VN_TOKEN_LITERAL;
}

#define HINT_IPV4 "each of the four numbers of an IPv4 address is 0 to 255, without leading zeros"

int
vn_scan_number(VnLexer *lexer, VN_YYSTYPE *value, VnSpan span, const char *text, gsize length)
{
  if (strspn(text, "0123456789.") == length && count_char(text, '.') == 3)
    return address(lexer, value, span, text, HINT_IPV4);
  Number number = {0};
  if (length >= LONGEST_NUMBER || !read_number(text, &number))
    return out_of_range(lexer, value, span, text, "has more digits than VNEC keeps");
  if (*number.suffix == '\0' && !number.has_point) {
    value->node = build_int(lexer, VN_AST_INT, span, (gint64)number.whole);
    return VN_TOKEN_LITERAL;
  }
  if (*number.suffix == '\0' || strcmp(number.suffix, "%") == 0) {
    value->node =
        build_float(lexer, *number.suffix == '\0' ? VN_AST_FLOAT : VN_AST_PERCENT, span, &number);
    return VN_TOKEN_LITERAL;
  }
  VnUnit unit = vn_unit_from_text(number.suffix, strlen(number.suffix));
  if (unit != VN_UNIT_NONE)
    return quantity(lexer, value, span, text, &number, unit);
  g_autofree char *hint = hint_for_number(text, &number);
  g_autofree char *message = g_strdup_printf("`%s` is no literal", text);
  return bad_literal(lexer, value, span, message, hint);
}

/* ---- addresses ---- */

int
vn_scan_prefix(VnLexer *lexer, VN_YYSTYPE *value, VnSpan span, const char *text)
{
  VnAstPrefix *node = vn_arena_new0(lexer->arena, VnAstPrefix);
  node->ast = (VnAst){VN_AST_PREFIX, 1, span};
  if (!vn_prefix_parse(text, &node->value)) {
    g_autofree char *message = g_strdup_printf("`%.60s` is no prefix", text);
    const char *slash = strchr(text, '/');
    gboolean ipv6 = strchr(text, ':') != NULL;
    guint64 bits;
    gboolean length_wrong =
        !g_ascii_string_to_unsigned(slash + 1, 10, 0, ipv6 ? 128 : 32, &bits, NULL);
    bad_literal(lexer, value, span, message,
                length_wrong ? (ipv6 ? "the length of an IPv6 prefix is 0 to 128"
                                     : "the length of an IPv4 prefix is 0 to 32")
                : ipv6       ? "an IPv6 prefix is written as in `fd00::/64`"
                             : HINT_IPV4);
    node->value.address.family = ipv6 ? 6 : 4;
  }
  value->node = &node->ast;
  return VN_TOKEN_PREFIX;
}

int
vn_scan_colons(VnLexer *lexer, VN_YYSTYPE *value, VnSpan span, const char *text)
{
  guint64 mac;
  if (strchr(text, '/') != NULL)
    return vn_scan_prefix(lexer, value, span, text);
  if (vn_mac_parse(text, &mac)) {
    value->node = build_int(lexer, VN_AST_MAC, span, (gint64)mac);
    return VN_TOKEN_LITERAL;
  }
  return address(lexer, value, span, text,
                 "an IPv6 address is written as in `fd00::1`, a MAC address as in "
                 "`52:54:00:00:00:01`");
}
