/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Student's quantile: a table where the expansion is poor, the Cornish-Fisher expansion of the
 * normal quantile (Abramowitz and Stegun, 26.7.5) beyond. */
#include "store/statistics.h"

#include <math.h>

static const double t975[] = {
    0,       12.70620, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624,
    2.306004, 2.262157, 2.228139, 2.200985, 2.178813, 2.160369, 2.144787, 2.131450,
    2.119905, 2.109816, 2.100922, 2.093024, 2.085963, 2.079614, 2.073873, 2.068658,
    2.063899, 2.059539, 2.055529, 2.051831, 2.048407, 2.045230, 2.042272};

void
vn_statistics_add(VnStatistics *statistics, double value)
{
  double delta = value - statistics->mean;
  statistics->n++;
  statistics->mean += delta / statistics->n;
  statistics->m2 += delta * (value - statistics->mean);
}

double
vn_statistics_stddev(const VnStatistics *statistics)
{
  return statistics->n < 2 ? 0 : sqrt(statistics->m2 / (statistics->n - 1));
}

double
vn_student_t975(guint degrees)
{
  if (degrees < G_N_ELEMENTS(t975))
    return t975[degrees];
  const double x = 1.959963984540054, n = degrees;
  double x3 = x * x * x, x5 = x3 * x * x, x7 = x5 * x * x;
  return x + (x3 + x) / (4 * n) + (5 * x5 + 16 * x3 + 3 * x) / (96 * n * n) +
         (3 * x7 + 19 * x5 + 17 * x3 - 15 * x) / (384 * n * n * n);
}

double
vn_statistics_interval(const VnStatistics *statistics)
{
  if (statistics->n < 2)
    return 0;
  return vn_student_t975(statistics->n - 1) * vn_statistics_stddev(statistics) /
         sqrt(statistics->n);
}
