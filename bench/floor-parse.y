/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The floor of bench_frontend: what Flex and Bison give when a parser does nothing but build a
 * tree, for the smallest language that has statements, names and attributes. */
%define api.pure full
%locations
%param {void *scanner}
%code requires {
#include "floor-parse.h"
}
%code {
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
int yylex(YYSTYPE *, YYLTYPE *, void *);
int yylex_init(void **);
int yylex_destroy(void *);
void *yy_scan_buffer(char *, size_t, void *);
static void yyerror(YYLTYPE *at, void *scanner, const char *message)
{
  (void)scanner;
  fprintf(stderr, "byte %d: %s\n", at->first_column, message);
}
static FloorStatement *all;
static long n_statements;
static void add(FloorName *a, FloorName *b, FloorAttribute *attributes)
{
  FloorStatement *s = floor_alloc(sizeof *s);
  *s = (FloorStatement){a, b, attributes, all};
  all = s;
  n_statements++;
}
}
%union {
  FloorName *name;
  FloorAttribute *attribute;
}
%token GRAPH EDGE
%token <name> NAME TEXT NUMBER
%type <name> value
%type <attribute> attributes attribute optional
%%
file: GRAPH NAME '{' statements '}';
statements: %empty | statements statement;
statement: NAME optional ';' { add($1, NULL, $2); }
  | NAME EDGE NAME optional ';' { add($1, $3, $4); };
optional: %empty { $$ = NULL; } | '[' attributes ']' { $$ = $2; };
attributes: attribute | attributes ',' attribute { $3->next = $1; $$ = $3; };
attribute: NAME '=' value {
  $$ = floor_alloc(sizeof *$$);
  *$$ = (FloorAttribute){$1, $3, NULL};
};
value: NAME | TEXT | NUMBER;
%%
int
main(int argc, char **argv)
{
  struct stat status;
  int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;
  if (fd < 0 || fstat(fd, &status) != 0)
    return 2;
  size_t size = (size_t)status.st_size, got = 0;
  char *text = calloc(size + 2, 1);
  while (got < size) {
    ssize_t n = read(fd, text + got, size - got);
    if (n <= 0)
      return 2;
    got += (size_t)n;
  }
  void *scanner;
  yylex_init(&scanner);
  yy_scan_buffer(text, size + 2, scanner);
  int failed = yyparse(scanner);
  yylex_destroy(scanner);
  printf("%ld statements\n", n_statements);
  return failed;
}
