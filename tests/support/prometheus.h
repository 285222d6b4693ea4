/* A strict reader of Prometheus' text format 0.0.4. What it does not like fails the test. */
#ifndef TESTS_SUPPORT_PROMETHEUS_H
#define TESTS_SUPPORT_PROMETHEUS_H

/* A whole snapshot: each family has HELP and TYPE before its samples and stands in one place, no series twice, counters are
 * called _total, histograms add up, and the last line is "# EOF". */
void prometheus_check(const char *text);

/* The value of a series, written as it stands there: "qlane_lane_queued{lane=\"q\"}". */
double prometheus_value(const char *text, const char *series);

#endif
