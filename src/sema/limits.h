/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bounds of an experiment: evaluation ends, and in bounded memory (VN117). */
#pragma once

#define VN_MAX_VMS        (1u << 20)
#define VN_MAX_SEGMENTS   (1u << 20)
#define VN_MAX_TASKS      (1u << 22)
#define VN_MAX_RUNS       (1u << 25) /* tasks, each counted once a target */
#define VN_MAX_ORDERINGS  (1u << 26) /* edges of `after` and `flow` */
#define VN_MAX_TRIPS      (1u << 24) /* turns of all loops */
#define VN_MAX_REPORTS    (1u << 17) /* of mistakes, those of a loop counted each turn */
#define VN_MAX_STEPS      (1u << 28) /* terms evaluated */
#define VN_MAX_BYTES      (G_GUINT64_CONSTANT(2) << 30) /* that one evaluation makes */
#define VN_MAX_ITEMS      (1u << 20) /* of a list */
#define VN_MAX_TRIALS     1000000
#define VN_MAX_MODULES    256
#define VN_MAX_CALL_DEPTH 64         /* functions within functions */
