/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From files to a checked model: the front door of the compiler.
 *
 * A VnCompiler reads and parses the script and its modules once; vn_compiler_model then evaluates
 * it for one set of parameter values (a sweep asks many times). All mistakes go to the sink; a
 * model comes back only if there was no error.
 */
#pragma once

#include "base/diag.h"
#include "lang/ast.h"
#include "model/model.h"

typedef struct VnCompiler VnCompiler;

typedef struct {
  /* -D name=value: value as text of the language ("50", "10ms"), or plain for strings */
  const char *name, *value;
} VnDefine;

typedef struct {
  const char *const *include_dirs; /* -I, NULL-terminated; may be NULL */
  const char *stdlib_dir;          /* the installed one */
  gboolean paper_rules;            /* --rules=paper */
} VnCompileOptions;

/* Borrow sources and sink for the compiler's life. */
VnCompiler *vn_compiler_new(VnSourceSet *sources, VnDiagSink *sink,
                            const VnCompileOptions *options);
void vn_compiler_free(VnCompiler *compiler);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VnCompiler, vn_compiler_free)

/* Parses the script ("-": standard input) and the modules it uses. FALSE: see the sink; ask for a
 * model all the same, which then is NULL, but says what else is wrong. */
gboolean vn_compiler_load(VnCompiler *compiler, const char *path);
/* The same for a text that is in no file; its modules are looked for from the folder of `name`. */
gboolean vn_compiler_load_text(VnCompiler *compiler, const char *name, const char *text,
                               gsize size);
/* The script's own tree, NULL before load. */
const VnAstFile *vn_compiler_ast(const VnCompiler *compiler);
/* Checks and evaluates. The model is valid until the compiler is freed, or NULL: see the sink.
 * The topology is as the script says it; vn_topology_complete (src/topology) does the rest. */
VnModel *vn_compiler_model(VnCompiler *compiler, const VnDefine *defines, gsize n_defines);
/* When that gave NULL: a model of which only the network counts, if no mistake is about the
 * network, so that vn_topology_complete can report its own in the same run; else NULL. */
VnModel *vn_compiler_network(const VnCompiler *compiler);
