/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The grammar of VNL.
 *
 * LALR(1) without conflicts; a pure push parser, so that files, the prompt and notebooks share it
 * (src/lang/parser.c drives it). Every action calls one constructor of src/lang/build.h; nothing is
 * checked here. The first token says what is read: START_FILE, START_PROMPT, START_EXPRESSION or
 * START_TYPE.
 *
 * Property words are no tokens of their own: src/lang/word.c turns each into the token of its form
 * (SEGMENT_VALUE, HOST_VALUE …), so a line in properties.def is enough for a new property.
 *
 * Recovery: after an error the driver skips to a safe place, counting braces, and feeds RECOVER.
 * No source text makes RECOVER, so only the driver decides where reading goes on. END stands for
 * the end of the text, because Bison gives up when an error meets its own end token.
 *
 * Lists are VnList, indexes into the parser's pile; see build.h.
 */
%define api.prefix {vn_yy}
%define api.pure full
%define api.push-pull push
%define api.token.prefix {VN_TOKEN_}
%define api.token.raw
%define api.location.type {VnSpan}
%define parse.error custom
%define parse.lac full
%define lr.type lalr
%locations
%expect 0
%param {VnParser *p}

%code requires {
#include "lang/build.h"
}

%code provides {
/* All tokens are below this number. */
#define VN_TOKEN_COUNT_MAX 160
/* How the grammar writes the token: ";", or the name of its class. */
const char *vn_yy_token_name(int token);
/* The tokens that the parser would take next; returns how many. */
int vn_yy_expected(vn_yypstate *state, int tokens[VN_TOKEN_COUNT_MAX]);
}

%code {
#include "lang/parse.h"

#define YYLLOC_DEFAULT(current, rhs, n)                     \
  do {                                                      \
    (current).start = (n) ? YYRHSLOC(rhs, 1).start : YYRHSLOC(rhs, 0).end; \
    (current).end = (n) ? YYRHSLOC(rhs, n).end : YYRHSLOC(rhs, 0).end;     \
  } while (0)
/* One level of brackets holds at most some ten symbols; chains of prefix operators the rest. */
#define YYMAXDEPTH (VN_PARSE_MAX_DEPTH * 20)

static void
vn_yyerror(VnSpan *span, VnParser *p, const char *message)
{
  vn_parser_too_deep(p, *span); /* the only message left: memory exhausted */
}
}

%union {
  const VnSymbol *symbol;
  const VnAst *node;
  VnIdent ident;
  VnList list;
}

%token START_FILE START_PROMPT START_EXPRESSION START_TYPE RECOVER END

%token <symbol> NAME
%token <node> LITERAL PREFIX STRING REGEX TEXT_BEGIN TEXT_MIDDLE TEXT_END
/* words, reserved */
%token <symbol> EXPERIMENT USE PARAM LET RULES SITE IMAGE SEGMENT NETWORK HOST ROUTER GROUP
%token <symbol> FOR IF TASK ACTION FLOW EXPECT MEASURE SEED TRIALS SWEEP
%token <symbol> IN AFTER WHEN ALWAYS AND OR NOT TRUE FALSE AS ELSE SCRIPT PARSE
/* words in their places */
%token <symbol> AT KEY USING ON JOINS FILTER TO EVERY REQUIRES TCP RUN WITH NATIVE READY
%token <symbol> SUCCEEDS BACKGROUND RETURNS PORT
/* properties and clauses, by the form of what follows */
%token <symbol> SEGMENT_VALUE CAPTURE HOST_VALUE HOST_PAIR HOST_COPY HOST_WORD
%token <symbol> TASK_VALUE TASK_WORD RETRY ACTION_VALUE PROVIDES
%token SEMICOLON ";" COMMA "," LPAREN "(" RPAREN ")" LBRACE "{" RBRACE "}" LBRACKET "[" RBRACKET "]"
%token ASSIGN "=" PLUS "+" MINUS "-" STAR "*" SLASH "/" PERCENT_SIGN "%" BAR "|" AMPERSAND "&"
%token COLON ":" DOT "." QUESTION "?" LT "<" GT ">"
%token DOTDOT ".." ARROW "->" EQ "==" NE "!=" LE "<=" GE ">="

%precedence BARE_NAME
%left OR
%left AND
%precedence NOT
%nonassoc "==" NE "<" ">" "<=" ">="
%nonassoc ".."
%left "|"
%left "&"
%precedence IN
%left "+" "-"
%left "*" "/" "%"
%precedence NEGATIVE
%precedence "." "[" "("

%type <symbol> ctx segment_word plain_ctx reserved anyword_symbol
%type <ident> name anyword prefix_name optas optusing
%type <list> decls prompt block else names exprs dotted params params1 fields keys
%type <list> segment_properties host_properties clauses args text_parts steps
%type <list> body parses systems returns
%type <node> decl prompt_item expr string interpolation array dim prefix optat optrange optdefault param field
%type <node> type type_part type_name key segment_property host_property clause arg optstring
%type <node> optfilter line variant variant_head optwith parse

%%

input:
  START_FILE decls END           { vn_build_file(p, $2); }
| START_PROMPT prompt END        { vn_build_file(p, $2); }
| START_EXPRESSION expr END      { vn_build_input(p, $2); }
| START_TYPE type END            { vn_build_input(p, $2); }
;

prompt:
  %empty                         { $$ = vn_list_begin(p); }
| prompt prompt_item             { $$ = vn_list_add(p, $1, $2); }
| prompt error RECOVER           { $$ = $1; yyerrok; }
;
prompt_item:
  decl
| expr ";"                       { $$ = vn_build_task(p, @$, VN_NO_IDENT, NULL, NULL, $1, VN_NO_LIST); }
| expr ":" expr clauses ";"      { $$ = vn_build_task(p, @$, VN_NO_IDENT, NULL, $1, $3, $4); }
;

decls:
  %empty                         { $$ = vn_list_begin(p); }
| decls decl                     { $$ = vn_list_add(p, $1, $2); }
| decls error RECOVER            { $$ = $1; yyerrok; }
;
block: "{" decls "}"             { $$ = $2; } ;

/* ---- words ---- */

name:
  NAME                           { $$ = vn_ident($1, @1); }
| ctx                            { $$ = vn_ident($1, @1); }
;
ctx: segment_word | plain_ctx ;
segment_word: AT | USING | SEGMENT_VALUE | CAPTURE ;
plain_ctx:
  KEY | ON | JOINS | FILTER | TO | EVERY | REQUIRES | TCP | RUN | WITH | NATIVE | READY | SUCCEEDS
| BACKGROUND | RETURNS | PORT | HOST_VALUE | HOST_PAIR | HOST_COPY | HOST_WORD | TASK_VALUE
| TASK_WORD | RETRY | ACTION_VALUE | PROVIDES
;
reserved:
  EXPERIMENT | USE | PARAM | LET | RULES | SITE | IMAGE | SEGMENT | NETWORK | HOST | ROUTER | GROUP
| FOR | IF | TASK | ACTION | FLOW | EXPECT | MEASURE | SEED | TRIALS | SWEEP | IN | AFTER | WHEN
| ALWAYS | AND | OR | NOT | TRUE | FALSE | AS | ELSE | SCRIPT | PARSE
;
anyword_symbol: NAME | ctx | reserved ;
anyword: anyword_symbol          { $$ = vn_ident($1, @1); } ;

/* ---- declarations ---- */

decl:
  EXPERIMENT string ";"          { $$ = vn_build_experiment(p, @$, $2); }
| USE dotted optas ";"           { $$ = vn_build_use(p, @$, NULL, $2, $3); }
| USE STRING optas ";"           { $$ = vn_build_use(p, @$, $2, VN_NO_LIST, $3); }
| PARAM param ";"                { $$ = vn_build_param_decl(p, @$, $2); }
| LET name "=" expr ";"          { $$ = vn_build_let(p, VN_AST_LET, @$, $2, $4); }
| LET name "(" names ")" "=" expr ";" { $$ = vn_build_function(p, @$, $2, $4, $7); }
| RULES name ";"                 { $$ = vn_build_rules(p, @$, $2); }
| SITE name AT expr ";"          { $$ = vn_build_site(p, @$, $2, $4, NULL); }
| SITE name AT expr KEY expr ";" { $$ = vn_build_site(p, @$, $2, $4, $6); }
| IMAGE name "{" keys "}"        { $$ = vn_build_image(p, @$, $2, $4); }
| SEGMENT name array prefix optat optusing segment_properties ";"
                                 { $$ = vn_build_segment(p, @$, $2, $3, $4, $5, $6, $7); }
| NETWORK expr ";"               { $$ = vn_build_single(p, VN_AST_NETWORK, @$, $2); }
| HOST name array ON exprs host_properties ";"
                                 { $$ = vn_build_vm(p, VN_AST_HOST, @$, $2, $3, $5, $6); }
| ROUTER name array JOINS exprs host_properties ";"
                                 { $$ = vn_build_vm(p, VN_AST_ROUTER, @$, $2, $3, $5, $6); }
| GROUP name "=" expr ";"        { $$ = vn_build_let(p, VN_AST_GROUP, @$, $2, $4); }
| FOR name IN expr block         { $$ = vn_build_for(p, @$, $2, $4, $5); }
| IF expr block                  { $$ = vn_build_if(p, @$, $2, $3); }
| IF expr block ELSE else        { $$ = vn_build_if_else(p, @$, $2, $3, $5); }
| TASK name array "=" expr clauses ";"
                                 { $$ = vn_build_task(p, @$, $2, $3, NULL, $5, $6); }
| TASK name array "=" expr ":" expr clauses ";"
                                 { $$ = vn_build_task(p, @$, $2, $3, $5, $7, $8); }
| ACTION name "(" params ")" returns "{" body "}"
                                 { $$ = vn_build_action(p, @$, $2, $4, $6, FALSE, $8); }
| ACTION name "(" params ")" returns BACKGROUND "{" body "}"
                                 { $$ = vn_build_action(p, @$, $2, $4, $6, TRUE, $9); }
| FLOW steps ";"                 { $$ = vn_build_flow(p, @$, $2); }
| EXPECT expr optstring ";"      { $$ = vn_build_expect(p, @$, $2, $3); }
| MEASURE name "=" expr ";"      { $$ = vn_build_let(p, VN_AST_MEASURE, @$, $2, $4); }
| SEED expr ";"                  { $$ = vn_build_single(p, VN_AST_SEED, @$, $2); }
| TRIALS expr ";"                { $$ = vn_build_single(p, VN_AST_TRIALS, @$, $2); }
| SWEEP name IN expr ";"         { $$ = vn_build_let(p, VN_AST_SWEEP, @$, $2, $4); }
;

else:
  block
| IF expr block                  { $$ = vn_list_one(p, vn_build_if(p, @$, $2, $3)); }
| IF expr block ELSE else        { $$ = vn_list_one(p, vn_build_if_else(p, @$, $2, $3, $5)); }
;

optas:
  %empty                         { $$ = VN_NO_IDENT; }
| AS name                        { $$ = $2; }
;
dotted:
  name                           { $$ = vn_list_one(p, vn_build_name(p, $1)); }
| dotted "." name                { $$ = vn_list_add(p, $1, vn_build_name(p, $3)); }
;
names:
  %empty                         { $$ = vn_list_begin(p); }
| name                           { $$ = vn_list_one(p, vn_build_name(p, $1)); }
| names "," name                 { $$ = vn_list_add(p, $1, vn_build_name(p, $3)); }
;
optstring: %empty { $$ = NULL; } | string ;

param: name ":" type optrange optdefault { $$ = vn_build_param(p, @$, $1, $3, $4, $5); } ;
optrange: %empty { $$ = NULL; } | IN expr { $$ = $2; } ;
optdefault: %empty { $$ = NULL; } | "=" expr { $$ = $2; } ;

/* NAME[…] in a declaration: `i in 1..n` binds i, so a bare bound that is a name ends before `in`. */
array: %empty { $$ = NULL; } | "[" dim "]" { $$ = $2; } ;
dim:
  NAME IN expr                   { $$ = vn_build_dim(p, @$, vn_ident($1, @1), $3); }
| ctx IN expr                    { $$ = vn_build_dim(p, @$, vn_ident($1, @1), $3); }
| expr                           { $$ = vn_build_dim(p, @$, VN_NO_IDENT, $1); }
;

/* ---- segments ---- */

prefix:
  %empty                         { $$ = NULL; }
| PREFIX
| prefix_name                    { $$ = vn_build_name(p, $1); }
| prefix_name "[" expr "]"       { $$ = vn_build_index(p, @$, vn_build_name(p, $1), $3); }
| "(" expr ")"                   { $$ = vn_build_paren(p, @$, $2); }
;
prefix_name:
  NAME                           { $$ = vn_ident($1, @1); }
| plain_ctx                      { $$ = vn_ident($1, @1); }
;
optat: %empty { $$ = NULL; } | AT expr { $$ = $2; } ;
optusing: %empty { $$ = VN_NO_IDENT; } | USING name { $$ = $2; } ;
segment_properties:
  %empty                         { $$ = vn_list_begin(p); }
| segment_properties segment_property { $$ = vn_list_add(p, $1, $2); }
;
segment_property:
  SEGMENT_VALUE expr             { $$ = vn_build_property(p, @$, $1, $2, NULL); }
| CAPTURE optstring optfilter    { $$ = vn_build_property(p, @$, $1, $2, $3); }
;
optfilter: %empty { $$ = NULL; } | FILTER expr { $$ = $2; } ;

/* ---- hosts, routers, images ---- */

host_properties:
  %empty                         { $$ = vn_list_begin(p); }
| host_properties host_property  { $$ = vn_list_add(p, $1, $2); }
;
host_property:
  IMAGE expr                     { $$ = vn_build_property(p, @$, $1, $2, NULL); }
| HOST_VALUE expr                { $$ = vn_build_property(p, @$, $1, $2, NULL); }
| HOST_PAIR anyword "=" expr     { $$ = vn_build_pair(p, @$, $1, $2, $4); }
| HOST_COPY expr TO expr         { $$ = vn_build_property(p, @$, $1, $2, $4); }
| HOST_WORD name                 { $$ = vn_build_pair(p, @$, $1, $2, NULL); }
;
keys:
  %empty                         { $$ = vn_list_begin(p); }
| keys key                       { $$ = vn_list_add(p, $1, $2); }
| keys error RECOVER             { $$ = $1; yyerrok; }
;
key:
  anyword expr ";"               { $$ = vn_build_key(p, @$, $1, $2); }
| anyword ";"                    { $$ = vn_build_key(p, @$, $1, NULL); }
;

/* ---- tasks ---- */

clauses:
  %empty                         { $$ = vn_list_begin(p); }
| clauses clause                 { $$ = vn_list_add(p, $1, $2); }
;
clause:
  AFTER exprs                    { $$ = vn_build_clause_list(p, VN_AST_CLAUSE, @$, $1, $2); }
| TASK_VALUE expr                { $$ = vn_build_clause(p, @$, $1, $2, NULL); }
| WHEN expr                      { $$ = vn_build_clause(p, @$, $1, $2, NULL); }
| RETRY expr                     { $$ = vn_build_clause(p, @$, $1, $2, NULL); }
| RETRY expr EVERY expr          { $$ = vn_build_clause(p, @$, $1, $2, $4); }
| ALWAYS                         { $$ = vn_build_clause(p, @$, $1, NULL, NULL); }
| TASK_WORD name                 { $$ = vn_build_clause_word(p, @$, $1, $2); }
;
steps:
  expr "->" expr                { $$ = vn_list_add(p, vn_list_one(p, $1), $3); }
| steps "->" expr               { $$ = vn_list_add(p, $1, $3); }
;

/* ---- actions ---- */

params: %empty { $$ = vn_list_begin(p); } | params1 ;
params1:
  param                          { $$ = vn_list_one(p, $1); }
| params1 "," param              { $$ = vn_list_add(p, $1, $3); }
;
returns:
  %empty                         { $$ = vn_list_begin(p); }
| RETURNS "(" fields ")"         { $$ = $3; }
;
fields:
  field                          { $$ = vn_list_one(p, $1); }
| fields "," field               { $$ = vn_list_add(p, $1, $3); }
;
field: name ":" type             { $$ = vn_build_field(p, @$, $1, $3); } ;

body:
  %empty                         { $$ = vn_list_begin(p); }
| body line                      { $$ = vn_list_add(p, $1, $2); }
| body error RECOVER             { $$ = $1; yyerrok; }
;
line:
  variant
| REQUIRES NAME ON ";"           { $$ = vn_build_requires(p, @$, NULL, vn_ident($2, @2)); }
| REQUIRES TCP expr ON name ";"  { $$ = vn_build_requires(p, @$, $3, $5); }
| PROVIDES TCP expr ";"          { $$ = vn_build_action_line(p, @$, $1, $3); }
| ACTION_VALUE expr ";"          { $$ = vn_build_action_line(p, @$, $1, $2); }
| SUCCEEDS WHEN expr ";"         { $$ = vn_build_action_line(p, @$, $1, $3); }
| FOR systems ";"                { $$ = vn_build_clause_list(p, VN_AST_ACTION_LINE, @$, $1, $2); }
| READY WHEN PORT expr ";"       { $$ = vn_build_ready(p, @$, $4, NULL, VN_NO_IDENT); }
| READY WHEN REGEX ON name ";"   { $$ = vn_build_ready(p, @$, NULL, $3, $5); }
;
variant:
  systems variant_head ";"       { $$ = vn_build_variant(p, @$, $1, $2, VN_NO_LIST); }
| systems variant_head "{" parses "}" { $$ = vn_build_variant(p, @$, $1, $2, $4); }
| variant_head ";"               { $$ = vn_build_variant(p, @$, VN_NO_LIST, $1, VN_NO_LIST); }
| variant_head "{" parses "}"    { $$ = vn_build_variant(p, @$, VN_NO_LIST, $1, $3); }
;
variant_head:
  RUN expr                       { $$ = vn_build_variant_head(p, @$, VN_VARIANT_RUN, $2, NULL); }
| SCRIPT STRING optwith          { $$ = vn_build_variant_head(p, @$, VN_VARIANT_SCRIPT, $2, $3); }
| NATIVE name "(" ")"            { $$ = vn_build_native(p, @$, $2, VN_NO_LIST); }
| NATIVE name "(" args ")"       { $$ = vn_build_native(p, @$, $2, $4); }
;
optwith: %empty { $$ = NULL; } | WITH expr { $$ = $2; } ;
systems:
  NAME                           { $$ = vn_list_one(p, vn_build_name(p, vn_ident($1, @1))); }
| systems "," NAME               { $$ = vn_list_add(p, $1, vn_build_name(p, vn_ident($3, @3))); }
;
parses:
  %empty                         { $$ = vn_list_begin(p); }
| parses parse                   { $$ = vn_list_add(p, $1, $2); }
| parses error RECOVER           { $$ = $1; yyerrok; }
;
parse:
  PARSE REGEX ";"                { $$ = vn_build_parse(p, @$, $2, VN_NO_IDENT); }
| PARSE REGEX IN name ";"        { $$ = vn_build_parse(p, @$, $2, $4); }
;

/* ---- types ---- */

type:
  type_part
| type_part "|" type             { $$ = vn_build_type_union(p, @$, $1, $3); }
;
type_part:
  type_name
| type_name "?"                  { $$ = vn_build_type_optional(p, @$, $1); }
;
type_name:
  name                           { $$ = vn_build_type(p, @$, $1, NULL); }
| name "<" type ">"              { $$ = vn_build_type(p, @$, $1, $3); }
| HOST                           { $$ = vn_build_type(p, @$, vn_ident($1, @1), NULL); }
| ROUTER                         { $$ = vn_build_type(p, @$, vn_ident($1, @1), NULL); }
| SEGMENT                        { $$ = vn_build_type(p, @$, vn_ident($1, @1), NULL); }
| TASK                           { $$ = vn_build_type(p, @$, vn_ident($1, @1), NULL); }
| GROUP                          { $$ = vn_build_type(p, @$, vn_ident($1, @1), NULL); }
| SITE                           { $$ = vn_build_type(p, @$, vn_ident($1, @1), NULL); }
| IMAGE                          { $$ = vn_build_type(p, @$, vn_ident($1, @1), NULL); }
;

/* ---- expressions ---- */

string: STRING | interpolation ;
interpolation:
  TEXT_BEGIN text_parts TEXT_END { $$ = vn_build_interpolation(p, @$, $1, $2, $3); }
;
text_parts:
  expr                           { $$ = vn_list_one(p, $1); }
| text_parts TEXT_MIDDLE expr    { $$ = vn_list_add(p, vn_list_add(p, $1, $2), $3); }
;
exprs:
  expr                           { $$ = vn_list_one(p, $1); }
| exprs "," expr                 { $$ = vn_list_add(p, $1, $3); }
;

/* Names, texts and brackets stand everywhere: their rules take the way with the fewest steps. */
expr:
  NAME            %prec BARE_NAME { $$ = vn_build_name(p, vn_ident($1, @1)); }
| ctx             %prec BARE_NAME { $$ = vn_build_name(p, vn_ident($1, @1)); }
| LITERAL
| PREFIX
| REGEX
| STRING
| interpolation
| TRUE                           { $$ = vn_build_bool(p, @$, TRUE); }
| FALSE                          { $$ = vn_build_bool(p, @$, FALSE); }
| "(" expr ")"                   { $$ = vn_build_paren(p, @$, $2); }
| "[" "]"                        { $$ = vn_build_list(p, VN_AST_LIST, @$, VN_NO_LIST); }
| "[" exprs "]"                  { $$ = vn_build_list(p, VN_AST_LIST, @$, $2); }
| "{" "}"                        { $$ = vn_build_list(p, VN_AST_SET, @$, VN_NO_LIST); }
| "{" exprs "}"                  { $$ = vn_build_list(p, VN_AST_SET, @$, $2); }
| expr "." name                  { $$ = vn_build_member(p, @$, $1, $3); }
| expr "[" expr "]"              { $$ = vn_build_index(p, @$, $1, $3); }
| expr "(" ")"                   { $$ = vn_build_call(p, @$, $1, VN_NO_LIST); }
| expr "(" args ")"              { $$ = vn_build_call(p, @$, $1, $3); }
| "-" expr      %prec NEGATIVE   { $$ = vn_build_unary(p, @$, VN_OP_NEG, $2); }
| NOT expr                       { $$ = vn_build_unary(p, @$, VN_OP_NOT, $2); }
| expr IN name                   { $$ = vn_build_convert(p, @$, $1, $3); }
| expr OR expr                   { $$ = vn_build_binary(p, @$, VN_OP_OR, $1, $3, @2); }
| expr AND expr                  { $$ = vn_build_binary(p, @$, VN_OP_AND, $1, $3, @2); }
| expr "==" expr                   { $$ = vn_build_binary(p, @$, VN_OP_EQ, $1, $3, @2); }
| expr "!=" expr                   { $$ = vn_build_binary(p, @$, VN_OP_NE, $1, $3, @2); }
| expr "<" expr                  { $$ = vn_build_binary(p, @$, VN_OP_LT, $1, $3, @2); }
| expr "<=" expr                   { $$ = vn_build_binary(p, @$, VN_OP_LE, $1, $3, @2); }
| expr ">" expr                  { $$ = vn_build_binary(p, @$, VN_OP_GT, $1, $3, @2); }
| expr ">=" expr                   { $$ = vn_build_binary(p, @$, VN_OP_GE, $1, $3, @2); }
| expr ".." expr               { $$ = vn_build_binary(p, @$, VN_OP_RANGE, $1, $3, @2); }
| expr "|" expr                  { $$ = vn_build_binary(p, @$, VN_OP_UNION, $1, $3, @2); }
| expr "&" expr                  { $$ = vn_build_binary(p, @$, VN_OP_INTERSECT, $1, $3, @2); }
| expr "+" expr                  { $$ = vn_build_binary(p, @$, VN_OP_ADD, $1, $3, @2); }
| expr "-" expr                  { $$ = vn_build_binary(p, @$, VN_OP_SUB, $1, $3, @2); }
| expr "*" expr                  { $$ = vn_build_binary(p, @$, VN_OP_MUL, $1, $3, @2); }
| expr "/" expr                  { $$ = vn_build_binary(p, @$, VN_OP_DIV, $1, $3, @2); }
| expr "%" expr                  { $$ = vn_build_binary(p, @$, VN_OP_MOD, $1, $3, @2); }
;
args:
  arg                            { $$ = vn_list_one(p, $1); }
| args "," arg                   { $$ = vn_list_add(p, $1, $3); }
;
arg:
  expr                           { $$ = vn_build_argument(p, @$, VN_NO_IDENT, $1); }
| name "=" expr                  { $$ = vn_build_argument(p, @$, $1, $3); }
;

%%

G_STATIC_ASSERT(YYNTOKENS < VN_TOKEN_COUNT_MAX);

const char *
vn_yy_token_name(int token)
{
  return yysymbol_name((yysymbol_kind_t)token); /* api.token.raw: the numbers are the same */
}

int
vn_yy_expected(vn_yypstate *state, int tokens[VN_TOKEN_COUNT_MAX])
{
  yysymbol_kind_t kinds[YYNTOKENS];
  int n = yypstate_expected_tokens(state, kinds, YYNTOKENS);
  for (int i = 0; i < n; i++)
    tokens[i] = (int)kinds[i];
  return n;
}

static int
yyreport_syntax_error(const yypcontext_t *context, VnParser *p)
{
  yysymbol_kind_t kinds[YYNTOKENS];
  int tokens[YYNTOKENS];
  int n = 0; /* they cost more than all the rest: only for messages that are kept */
  if (vn_parser_reports(p))
    n = yypcontext_expected_tokens(context, kinds, YYNTOKENS);
  for (int i = 0; i < n; i++)
    tokens[i] = (int)kinds[i];
  vn_parser_syntax_error(p, (int)yypcontext_token(context), *yypcontext_location(context), tokens,
                         n);
  return 0;
}
