/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mean, standard deviation and confidence interval of a measure over trials. */
#pragma once

#include <glib.h>

typedef struct {
  guint n;
  double mean, m2; /* Welford's running sums */
} VnStatistics;

void vn_statistics_add(VnStatistics *statistics, double value);
/* Of the sample; 0 for fewer than two values. */
double vn_statistics_stddev(const VnStatistics *statistics);
/* Half the width of the 95% confidence interval of the mean, by Student's t; 0 for fewer than
 * two. */
double vn_statistics_interval(const VnStatistics *statistics);
/* The 97.5% quantile of Student's t: exact to 5 digits. */
double vn_student_t975(guint degrees);
