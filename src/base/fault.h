/*
 * Fault points: places where a test makes the n-th call fail, or the process die.
 *
 * A build with -Dfaults=true compiles them in; otherwise they are constants and cost nothing.
 * Armed through the environment of the process, read once at start (or by a unit test directly):
 *     BRIEFD_FAULT=sqlite:12      the 13th call of the point "sqlite" fails once
 *     BRIEFD_CRASH=step_done:3    the process aborts at the 4th passage of "step_done"
 *     BRIEFD_FAULT_FILE=path      every call of the points named in this file fails, while they stand
 *                                 in it
 *     BRIEFD_CRASH=step_done@u_bad:0  as before, on threads whose fault_subject() begins so
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>

#ifdef BRIEFD_FAULTS
/* True when this call of `point` is to fail. Any thread. */
bool fault_fails(const char *point);
/* Dies here when armed. */
void fault_crash(const char *point);
/* For whom the calling thread works from now on; NULL: nobody. The text is copied. */
void fault_subject(const char *name);
/* Arms one point; NULL disarms. `countdown` calls pass first. */
void fault_arm(const char *point, long countdown);
void fault_arm_crash(const char *point, long countdown);
/* How often the armed point was passed since it was armed. */
long fault_passed(void);
/* Reads the first two variables, given by main. */
void fault_setup(const char *fault, const char *crash);
/* The third; NULL: none. Before other threads start. */
void fault_setup_file(const char *path);
/* Says on stderr how often the armed point was passed, so that a sweep knows when it is through. */
void fault_report(void);
#else
static inline bool fault_fails(const char *point)
{
    (void)point;
    return false;
}
static inline void fault_crash(const char *point)
{
    (void)point;
}
static inline void fault_subject(const char *name)
{
    (void)name;
}
#endif

#endif
